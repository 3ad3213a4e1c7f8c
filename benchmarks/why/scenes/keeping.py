"""Scenes in which Kueue keeps what nobody uses, does not look again, or does not take what was sent."""

from __future__ import annotations

import time

from allotment.ports.sandboxes import KueueOptions
from benchmarks.why.making import (
    A100,
    GPU,
    KUEUE,
    Raw,
    cluster_queue,
    flavor,
    job,
    job_set,
    local_queue,
    namespace,
    node,
    pod,
    pod_spec,
    subject,
    usual,
)
from benchmarks.why.scenes.states import (
    admitted,
    another_node,
    condition,
    core_ref,
    more_quota,
    queue_ref,
    said,
    wait_for,
    waits_for_quota,
    workload_of,
)
from benchmarks.why.situation import Act, Played, Situation
from benchmarks.why.stage import Stage

TWO_A100 = (node("gpu-a"), node("gpu-b"), node("cpu-a", 0))
TAINT = ("nvidia.com/gpu", "present", "NoSchedule")
TOLERATED = [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
KUEUE_ISSUES = "https://github.com/kubernetes-sigs/kueue/issues"
TAINTED = tuple(node(name, taints=(TAINT,)) for name in ("gpu-a", "gpu-b"))


def driver_without_toleration(stage: Stage) -> Played:
    """The workers tolerate the taint of the GPU flavor, the driver beside them does not: the whole set is refused."""
    taint = dict(zip(("key", "value", "effect"), TAINT, strict=True))
    stage.make(
        namespace("gnn"),
        flavor("a100", A100, nodeTaints=[taint]),
        cluster_queue("gnn", {"a100": usual(16)}),
        local_queue("main", "gnn", "gnn"),
    )
    workers = (2, pod_spec(4, tolerations=TOLERATED))
    mine = job_set("graph-train", "gnn", "main", {"driver": (1, pod_spec(0)), "worker": workers})
    stage.make(mine)
    waits_for_quota(stage, "graph-train", "gnn", "untolerated taint")
    mended = job_set(
        "graph-train", "gnn", "main", {"driver": (1, pod_spec(0, tolerations=TOLERATED)), "worker": workers}
    )
    return Played(
        mine,
        {"pod_set": "driver", "taint": TAINT[0], "flavor": "a100", "cluster_queue": "gnn"},
        (
            Act("add-toleration", "user", "let the driver tolerate nvidia.com/gpu", "resubmit", subject(mine), mended),
            Act(
                "other",
                "platform",
                "take the taint out of the flavor; let it add the toleration to pods",
                "merge-patch",
                {"apiVersion": KUEUE, "kind": "ResourceFlavor", "name": "a100"},
                {"spec": {"nodeTaints": [], "tolerations": TOLERATED}},
            ),
        ),
        (more_quota("gnn", 32),),
    )


def limit_raised_and_not_seen(stage: Stage) -> Played:
    """A limit range was too low for the job and has been raised; the real Kueue leaves the job where it lies."""
    stage.make(
        namespace("audio"),
        limit_range("audio", {GPU: "2"}),
        flavor("a100", A100),
        cluster_queue("audio", {"a100": usual(16)}),
        local_queue("main", "audio", "audio"),
    )
    mine = job("tts", "audio", "main", spec=pod_spec(4))
    stage.make(mine)
    waits_for_quota(stage, "tts", "audio", "LimitRange")
    time.sleep(6)  # the queue's own status, when it is written, wakes what waits there
    bounds = core_ref("LimitRange", "bounds", "audio")
    stage.patch(bounds, {"spec": {"limits": [{"type": "Container", "max": {GPU: "8"}}]}})
    time.sleep(6)
    workload = workload_of(stage, "tts", "audio") or {}
    if condition(workload, "QuotaReserved").get("status") != "False":
        raise AssertionError("Kueue looked again")
    return Played(
        mine,
        {"requested": 4, "free": 16, "cluster_queue": "audio"},
        (
            Act("other", "user", "submit it again, unchanged", "resubmit", subject(mine), mine),
            Act(
                "other",
                "team-owner",
                "delete its Workload: Kueue makes another and looks at it",
                "delete",
                subject(workload),
            ),
        ),
        (
            Act(
                "fix-limits",
                "platform",
                "raise the limit range to 16",
                "merge-patch",
                bounds,
                {"spec": {"limits": [{"type": "Container", "max": {GPU: "16"}}]}},
            ),
        ),
    )


def limit_range(namespace: str, most: Raw) -> Raw:
    return {
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": {"name": "bounds", "namespace": namespace},
        "spec": {"limits": [{"type": "Container", "max": most}]},
    }


def reservation_that_stays(stage: Stage) -> Played:
    """A workload was evicted when its pods were late; it runs nothing, and its quota was never given back."""
    stage.make(
        namespace("nlp"),
        flavor("a100", A100),
        cluster_queue("nlp", {"a100": usual(8)}),
        local_queue("main", "nlp", "nlp"),
        {
            "apiVersion": KUEUE,
            "kind": "Workload",
            "metadata": {"name": "jobset-llm-7b-4c1f2", "namespace": "nlp"},
            "spec": {
                "queueName": "main",
                "active": True,
                "podSets": [{"name": "main", "count": 2, "template": {"spec": pod_spec(4)}}],
            },
        },
    )
    held = {"apiVersion": KUEUE, "kind": "Workload", "namespace": "nlp", "name": "jobset-llm-7b-4c1f2"}
    kept = stage.until(
        "it is admitted",
        lambda: (
            (each := workload_of(stage, held["name"], "nlp"))
            and condition(each, "Admitted").get("status") == "True"
            and each
        ),
    )
    evicted = said("Evicted", "True", "PodsReadyTimeout", "Exceeded the PodsReady timeout nlp/jobset-llm-7b-4c1f2")
    ready = said("PodsReady", "False", "WaitForRecovery", "At least one pod has failed, waiting for recovery")
    stage.patch(held, {"status": {"conditions": [*kept["status"]["conditions"], ready, evicted]}}, subresource="status")
    mine = job("ner", "nlp", "main", spec=pod_spec(4))
    stage.make(mine)
    waits_for_quota(stage, "ner", "nlp")
    if condition(workload_of(stage, held["name"], "nlp"), "QuotaReserved").get("status") != "True":
        raise AssertionError("the quota was given back")
    return Played(
        mine,
        {"requested": 4, "nominal": 8, "held_by": held["name"], "held": 8, "cluster_queue": "nlp"},
        (
            Act("other", "team-owner", f"delete the Workload {held['name']}, which runs nothing", "delete", held),
            more_quota("nlp", 12),
        ),
        (another_node("gpu-c"),),
    )


def group_that_is_over(stage: Stage) -> Played:
    """Both pods of a group have failed; Kueue keeps their quota for replacements that nobody will send."""
    members = [
        pod(
            f"eval-{at}",
            "speech",
            "main",
            spec=pod_spec(4),
            group=("eval", 2),
            annotations={"allotment.dev/fail-after": "1s"},
        )
        for at in range(2)
    ]
    stage.make(
        namespace("speech"),
        flavor("a100", A100),
        cluster_queue("speech", {"a100": usual(8)}),
        local_queue("main", "speech", "speech"),
        *members,
    )
    stage.until(
        "both have failed",
        lambda: [each["status"].get("phase") for each in stage.get("pods", namespace="speech")] == ["Failed"] * 2,
    )
    mine = job("bleu", "speech", "main", spec=pod_spec(8))
    stage.make(mine)
    waits_for_quota(stage, "bleu", "speech")
    time.sleep(3)
    if condition(workload_of(stage, "eval", "speech"), "QuotaReserved").get("status") != "True":
        raise AssertionError("the quota was given back")
    return Played(
        mine,
        {"requested": 8, "nominal": 8, "held_by": "eval", "held": 8, "cluster_queue": "speech"},
        (
            Act(
                "other",
                "user",
                "say that eval-0 will not be replaced: the group is over then",
                "merge-patch",
                core_ref("Pod", "eval-0", "speech"),
                {"metadata": {"annotations": {"kueue.x-k8s.io/retriable-in-group": "false"}}},
            ),
            Act(
                "other",
                "team-owner",
                "delete the group's Workload",
                "delete",
                {"apiVersion": KUEUE, "kind": "Workload", "namespace": "speech", "name": "eval"},
            ),
        ),
        (another_node("gpu-c"),),
    )


def namespace_not_taken(stage: Stage) -> Played:
    """The queue takes namespaces of a label; this one was made without it."""
    stage.make(
        namespace("maps"),
        flavor("a100", A100),
        cluster_queue("geo", {"a100": usual(16)}, namespaceSelector={"matchLabels": {"department": "geo"}}),
        local_queue("main", "maps", "geo"),
    )
    mine = job("tiles", "maps", "main", spec=pod_spec(2))
    stage.make(mine)
    waits_for_quota(stage, "tiles", "maps", "namespace")
    return Played(
        mine,
        {"namespace": "maps", "selector": "department=geo", "cluster_queue": "geo"},
        (
            Act(
                "fix-label",
                "platform",
                "label the namespace department=geo",
                "merge-patch",
                core_ref("Namespace", "maps"),
                {"metadata": {"labels": {"department": "geo"}}},
            ),
            Act(
                "other",
                "platform",
                "let the queue take all namespaces",
                "json-patch",
                queue_ref("geo"),
                [{"op": "replace", "path": "/spec/namespaceSelector", "value": {}}],
            ),
        ),
        (more_quota("geo", 32),),
    )


def group_not_complete(stage: Stage) -> Played:
    """A group of three says that it has four."""
    members = [pod(f"mpi-{at}", "fluid", "main", spec=pod_spec(2), group=("mpi", 4)) for at in range(3)]
    stage.make(
        namespace("fluid"),
        flavor("a100", A100),
        cluster_queue("fluid", {"a100": usual(16)}),
        local_queue("main", "fluid", "fluid"),
        *members,
    )
    time.sleep(4)
    gates = [each["spec"].get("schedulingGates") for each in stage.get("pods", namespace="fluid")]
    if not all(gates) or len(gates) != 3:
        raise AssertionError("the pods are not held back")
    return Played(
        members[0],
        {"group": "mpi", "pods": 3, "expected": 4},
        (
            Act(
                "other",
                "user",
                "make the fourth pod of the group",
                "create",
                None,
                pod("mpi-3", "fluid", "main", spec=pod_spec(2), group=("mpi", 4)),
            ),
        ),
        (more_quota("fluid", 32),),
    )


def share_used_up(stage: Stage) -> Played:
    """Two teams without quota of their own share a pool fairly: each has its half, and one asks for more."""
    stage.make(
        *(namespace(each) for each in ("north", "south")),
        flavor("a100", A100),
        *(
            cluster_queue(each, {"a100": usual(0)}, "pool", preemption={"reclaimWithinCohort": "Any"})
            for each in ("north", "south")
        ),
        cluster_queue("common", {"a100": usual(16)}, "pool"),
        *(local_queue("main", each, each) for each in ("north", "south")),
        job("n-1", "north", "main", spec=pod_spec(8)),
        job("s-1", "south", "main", spec=pod_spec(8)),
    )
    admitted(stage, "n-1", namespace="north")
    admitted(stage, "s-1", namespace="south")
    mine = job("n-2", "north", "main", spec=pod_spec(4))
    stage.make(mine)
    waits_for_quota(stage, "n-2", "north")
    return Played(
        mine,
        {"requested": 4, "cohort": "pool", "cluster_queue": "north", "nominal": 0},
        (
            wait_for("n-1", "north"),
            wait_for("s-1", "south"),
            more_quota("north", 4),
        ),
        (
            Act(
                "raise-borrowing-limit",
                "platform",
                "allow north to borrow 16",
                "json-patch",
                queue_ref("north"),
                [{"op": "add", "path": "/spec/resourceGroups/0/flavors/0/resources/0/borrowingLimit", "value": 16}],
            ),
            another_node("gpu-d"),
        ),
    )


SITUATIONS = (
    Situation(
        "s10",
        "flavor-taint-not-tolerated",
        "quota",
        "misconfigured",
        f"{KUEUE_ISSUES}/5711",
        driver_without_toleration,
        TAINTED,
        extensions=("jobset",),
    ),
    Situation("s11", "stale-verdict", "queue", "broken", f"{KUEUE_ISSUES}/14965", limit_raised_and_not_seen, TWO_A100),
    Situation(
        "s12",
        "ghost-reservation",
        "quota",
        "broken",
        f"{KUEUE_ISSUES}/14811",
        reservation_that_stays,
        TWO_A100,
        written="the evicted Workload, without its JobSet, and its conditions PodsReady and Evicted",
    ),
    Situation("s13", "ghost-reservation", "quota", "broken", f"{KUEUE_ISSUES}/12656", group_that_is_over, TWO_A100),
    Situation(
        "s19",
        "namespace-selector-mismatch",
        "queue",
        "misconfigured",
        f"{KUEUE_ISSUES}/301",
        namespace_not_taken,
        TWO_A100,
    ),
    Situation(
        "s20", "pod-group-incomplete", "queue", "misconfigured", f"{KUEUE_ISSUES}/3683", group_not_complete, TWO_A100
    ),
    Situation(
        "s21",
        "cohort-exhausted",
        "quota",
        "waiting",
        f"{KUEUE_ISSUES}/10872",
        share_used_up,
        (*TWO_A100, node("gpu-c")),
        KueueOptions(fair_sharing=True),
    ),
)

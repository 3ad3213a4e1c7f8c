"""Scenes in which Kueue waits for something beside quota, holds what nobody uses, or does not look again."""

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
from benchmarks.why.scenes.definitions import PROVISIONING_REQUESTS
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
from benchmarks.why.stage import Stage, now

TWO_A100 = (node("gpu-a"), node("gpu-b"), node("cpu-a", 0))
TAINT = ("nvidia.com/gpu", "present", "NoSchedule")
TOLERATED = [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
NO_CHECKS = [{"op": "remove", "path": "/spec/admissionChecksStrategy"}]


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


def _with_check(stage: Stage, name: str, check: Raw, *more: Raw, beside: str = "") -> None:
    checks = [{"name": each} for each in (check["metadata"]["name"], beside) if each]
    stage.make(
        namespace(name),
        flavor("a100", A100),
        *more,
        check,
        cluster_queue(name, {"a100": usual(16)}, admissionChecksStrategy={"admissionChecks": checks}),
        local_queue("main", name, name),
    )


def admission_check(name: str, controller: str, parameters: str = "", of: str = "") -> Raw:
    spec: Raw = {"controllerName": controller}
    if parameters:
        spec["parameters"] = {"apiGroup": "kueue.x-k8s.io", "kind": of, "name": parameters}
    return {"apiVersion": KUEUE, "kind": "AdmissionCheck", "metadata": {"name": name}, "spec": spec}


def provisioning(stage: Stage, name: str, beside: str = "") -> None:
    """A queue whose workloads need machines to be made for them, and another check's word where one is named."""
    check = admission_check("machines", "kueue.x-k8s.io/provisioning-request", "gpus", "ProvisioningRequestConfig")
    config = {
        "apiVersion": KUEUE,
        "kind": "ProvisioningRequestConfig",
        "metadata": {"name": "gpus"},
        "spec": {
            "provisioningClassName": "best-effort-atomic-scale-up.autoscaling.x-k8s.io",
            "managedResources": [GPU],
            "retryStrategy": {"backoffLimitCount": 3, "backoffBaseSeconds": 50, "backoffMaxSeconds": 1800},
        },
    }
    _with_check(stage, name, check, config, beside=beside)


def asked_for(stage: Stage, namespace: str, beside: str = "") -> Raw:
    """The ProvisioningRequest that Kueue made, other than the one of a uid."""

    def made() -> Raw | None:
        found = stage.get("provisioningrequests.autoscaling.x-k8s.io", namespace=namespace)
        return next((each for each in found if each["metadata"]["uid"] != beside), None)

    return dict(stage.until("Kueue asks for machines", made))


def answered(stage: Stage, request: Raw, *conditions: Raw) -> None:
    stage.patch(request, {"status": {"conditions": list(conditions)}}, subresource="status")


ACCEPTED = ("Accepted", "True", "Accepted", "ProvisioningRequest is accepted by the autoscaler")
DONE = ("Provisioned", "True", "Provisioned", "Provisioning request was successfully provisioned")


def machines_are_being_made(stage: Stage) -> Played:
    """The autoscaler has taken the request and makes machines; nothing is to be done."""
    provisioning(stage, "climate")
    mine = job("downscale", "climate", "main", spec=pod_spec(8))
    stage.make(mine)
    request = asked_for(stage, "climate")
    waits = said("Provisioned", "False", "Provisioning", "Waiting for 1 of 1 nodes to be created")
    answered(stage, request, said(*ACCEPTED), waits)
    stage.until("the check is pending", lambda: _check_state(stage, "downscale", "climate") == "Pending")
    time.sleep(2)

    def come(live: Stage) -> None:
        live.make(another_node("gpu-n1").body)
        answered(live, asked_for(live, "climate"), said(*ACCEPTED), said(*DONE))

    return Played(
        mine,
        {"admission_check": "machines", "request": request["metadata"]["name"], "cluster_queue": "climate"},
        (
            Act(
                "wait-for-capacity",
                "user",
                "wait until the machines are there",
                "wait",
                None,
                {"until": "provisioned"},
                come,
            ),
        ),
        (more_quota("climate", 32),),
    )


def _check_state(stage: Stage, name: str, namespace: str) -> str:
    states = (workload_of(stage, name, namespace) or {}).get("status", {}).get("admissionChecks", ())
    return str(states[0].get("state", "")) if states else ""


def machines_cannot_be_had(stage: Stage) -> Played:
    """The cloud had no machines; Kueue gave the quota back and asks again after a while."""
    provisioning(stage, "forecast")
    mine = job("ensemble", "forecast", "main", spec=pod_spec(8))
    stage.make(mine)
    request = asked_for(stage, "forecast")
    failed = said("Failed", "True", "OutOfResources", "out of resources in zone europe-west4-a for a2-highgpu-8g")
    answered(stage, request, said(*ACCEPTED), failed)
    stage.until("it is put back", lambda: put_back(stage, "ensemble", "forecast"))

    def come(live: Stage) -> None:
        live.make(another_node("gpu-n1").body)
        again = asked_for(live, "forecast", request["metadata"]["uid"])
        answered(live, again, said(*ACCEPTED), said(*DONE))

    unchecked = [
        {"op": "json-patch", "target": queue_ref("forecast"), "body": NO_CHECKS},
        {"op": "create", "body": another_node("gpu-n1").body},
        {"op": "resubmit", "target": subject(mine), "body": mine},
    ]
    return Played(
        mine,
        {"admission_check": "machines", "request": request["metadata"]["name"], "cluster_queue": "forecast"},
        (
            Act(
                "wait-for-capacity", "user", "wait until Kueue asks again", "wait", None, {"until": "provisioned"}, come
            ),
            Act(
                "fix-admission-check",
                "platform",
                "take the check out, add a machine, submit again",
                "signal",
                None,
                {"steps": unchecked},
            ),
        ),
        (more_quota("forecast", 32),),
    )


def put_back(stage: Stage, name: str, namespace: str) -> bool:
    """Whether a workload was evicted by a check, has no quota and a time before which it is not tried again."""
    workload = workload_of(stage, name, namespace)
    evicted, reserved = (condition(workload, each).get("status") for each in ("Evicted", "QuotaReserved"))
    return evicted == "True" and reserved == "False" and bool((workload or {})["status"].get("requeueState") or {})


def booked_and_expired(stage: Stage) -> Played:
    """The machines were there and booked; another check took so long that the booking ran out."""
    stage.make(admission_check("spend", "finops.example/spend"))
    active = said("Active", "True", "Active", "The admission check is active")
    spend = {"apiVersion": KUEUE, "kind": "AdmissionCheck", "name": "spend"}
    stage.patch(spend, {"status": {"conditions": [active]}}, subresource="status")
    provisioning(stage, "satellite", "spend")
    mine = job("mosaic", "satellite", "main", spec=pod_spec(8))
    stage.make(mine)
    request = asked_for(stage, "satellite")
    answered(stage, request, said(*ACCEPTED), said(*DONE))
    time.sleep(3)
    expired = said(
        "BookingExpired", "True", "BookingExpired", "Capacity booking for the ProvisioningRequest has expired"
    )
    answered(stage, request, said(*ACCEPTED), said(*DONE), expired)
    stage.until("it is put back", lambda: put_back(stage, "mosaic", "satellite"))

    def come(live: Stage) -> None:
        live.make(another_node("gpu-n1").body)
        again = asked_for(live, "satellite", request["metadata"]["uid"])
        answered(live, again, said(*ACCEPTED), said(*DONE))
        workload = workload_of(live, "mosaic", "satellite") or {}
        states = [
            {**each, "state": "Ready", "message": "within budget"} if each["name"] == "spend" else each
            for each in workload["status"]["admissionChecks"]
        ]
        live.patch(workload, {"status": {"admissionChecks": states}}, subresource="status")

    unchecked = [
        {"op": "json-patch", "target": queue_ref("satellite"), "body": NO_CHECKS},
        {"op": "create", "body": another_node("gpu-n1").body},
        {"op": "resubmit", "target": subject(mine), "body": mine},
    ]
    return Played(
        mine,
        {"admission_check": "machines", "request": request["metadata"]["name"], "cluster_queue": "satellite"},
        (
            Act(
                "wait-for-capacity",
                "user",
                "wait until both checks agree",
                "wait",
                None,
                {"until": "provisioned"},
                come,
            ),
            Act(
                "fix-admission-check",
                "platform",
                "take the checks out, add a machine, submit again",
                "signal",
                None,
                {"steps": unchecked},
            ),
        ),
        (more_quota("satellite", 32),),
    )


def worker_not_reachable(stage: Stage) -> Played:
    """Jobs go to another cluster, whose kubeconfig was never put where it is said to be: the queue is inactive."""
    _with_check(
        stage,
        "dispatch",
        admission_check("elsewhere", "kueue.x-k8s.io/multikueue", "clusters", "MultiKueueConfig"),
        {
            "apiVersion": KUEUE,
            "kind": "MultiKueueConfig",
            "metadata": {"name": "clusters"},
            "spec": {"clusters": ["west"]},
        },
        {
            "apiVersion": KUEUE,
            "kind": "MultiKueueCluster",
            "metadata": {"name": "west"},
            "spec": {"clusterSource": {"kubeConfig": {"location": "west-kubeconfig", "locationType": "Secret"}}},
        },
    )
    mine = job("pretrain-1", "dispatch", "main", spec=pod_spec(8))
    stage.make(mine)

    def inactive() -> bool:
        queue = stage.get("clusterqueues.kueue.x-k8s.io", "dispatch")
        return condition(queue, "Active").get("status") == "False" and bool(
            workload_of(stage, "pretrain-1", "dispatch")
        )

    stage.until("the queue is inactive", inactive)
    time.sleep(4)
    return Played(
        mine,
        {"admission_check": "elsewhere", "cluster": "west", "cluster_queue": "dispatch"},
        (
            Act(
                "fix-admission-check",
                "platform",
                "take the check out of the queue and submit again: the Job says who is to run it",
                "signal",
                None,
                {
                    "steps": [
                        {"op": "json-patch", "target": queue_ref("dispatch"), "body": NO_CHECKS},
                        {"op": "resubmit", "target": subject(mine), "body": mine},
                    ]
                },
            ),
        ),
        (
            more_quota("dispatch", 32),
            Act(
                "reduce-request",
                "user",
                "ask for one GPU",
                "resubmit",
                subject(mine),
                job("pretrain-1", "dispatch", "main", spec=pod_spec(1)),
            ),
        ),
    )


def check_said_no(stage: Stage) -> Played:
    """A check of the platform's own refused the job for good."""
    _with_check(stage, "pricing", admission_check("spend", "finops.example/spend"))
    active = said("Active", "True", "Active", "The admission check is active")
    stage.patch(
        {"apiVersion": KUEUE, "kind": "AdmissionCheck", "name": "spend"},
        {"status": {"conditions": [active]}},
        subresource="status",
    )
    mine = job("elasticity", "pricing", "main", spec=pod_spec(2))
    stage.make(mine)
    stage.until("its check is asked", lambda: _check_state(stage, "elasticity", "pricing") == "Pending")
    refused = {
        "name": "spend",
        "state": "Rejected",
        "message": "cost center 4711 is closed",
        "lastTransitionTime": now(),
    }
    workload = subject(workload_of(stage, "elasticity", "pricing") or {})
    stage.patch(workload, {"status": {"admissionChecks": [refused]}}, subresource="status")
    stage.until(
        "it is deactivated", lambda: (workload_of(stage, "elasticity", "pricing") or {})["spec"].get("active") is False
    )
    time.sleep(3)
    steps = [
        {"op": "json-patch", "target": queue_ref("pricing"), "body": NO_CHECKS},
        {"op": "resubmit", "target": subject(mine), "body": mine},
    ]
    return Played(
        mine,
        {"admission_check": "spend", "state": "Rejected", "cluster_queue": "pricing"},
        (
            Act(
                "fix-admission-check",
                "platform",
                "take the check out of the queue and submit again",
                "signal",
                None,
                {"steps": steps},
            ),
        ),
        (
            more_quota("pricing", 32),
            Act(
                "unsuspend",
                "platform",
                "activate the Workload and change nothing else",
                "merge-patch",
                workload,
                {"spec": {"active": True}},
            ),
        ),
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


KUEUE_ISSUES = "https://github.com/kubernetes-sigs/kueue/issues"
TAINTED = tuple(node(name, taints=(TAINT,)) for name in ("gpu-a", "gpu-b"))
ASKED = "ProvisioningRequest's kind (without its schema) and conditions, which cluster-autoscaler writes"
NO_GPU = (node("cpu-a", 0),)
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
        "s14",
        "provisioning-request-failed",
        "queue",
        "waiting",
        f"{KUEUE_ISSUES}/6323",
        machines_cannot_be_had,
        NO_GPU,
        definitions=PROVISIONING_REQUESTS,
        written=ASKED,
    ),
    Situation(
        "s16",
        "provisioning-booking-expired",
        "queue",
        "waiting",
        "https://github.com/kubernetes-sigs/kueue/pull/2445",
        booked_and_expired,
        NO_GPU,
        definitions=PROVISIONING_REQUESTS,
        written=f"{ASKED}; that the check of the platform's own is active",
    ),
    Situation(
        "s15",
        "provisioning-request-pending",
        "queue",
        "waiting",
        "https://github.com/kubernetes-sigs/kueue/pull/2255",
        machines_are_being_made,
        NO_GPU,
        definitions=PROVISIONING_REQUESTS,
        written=ASKED,
    ),
    Situation(
        "s17",
        "clusterqueue-inactive-admission-check",
        "queue",
        "misconfigured",
        "https://github.com/kubernetes-sigs/kueue/pull/1631",
        worker_not_reachable,
        TWO_A100,
    ),
    Situation(
        "s18",
        "admission-check-rejected-or-retry",
        "queue",
        "misconfigured",
        "https://github.com/kubernetes-sigs/kueue/pull/2363",
        check_said_no,
        TWO_A100,
        written="that the check is active and what it says: its controller is the platform's own",
    ),
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

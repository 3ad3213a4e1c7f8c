"""Scenes in which Kueue decides: quota, order, checks, what it does not try again."""

from __future__ import annotations

from allotment.ports.sandboxes import KueueOptions
from benchmarks.why.making import (
    A100,
    GPU,
    KUEUE,
    Raw,
    cluster_queue,
    flavor,
    job,
    local_queue,
    namespace,
    node,
    pod_spec,
    subject,
    usual,
)
from benchmarks.why.scenes.states import (
    admitted,
    another_node,
    has_no_place,
    queue_ref,
    sent_behind,
    wait_for,
    waits_for_quota,
    workload_of,
)
from benchmarks.why.situation import Act, Played, Situation
from benchmarks.why.stage import Stage

TWO_A100 = (node("gpu-a"), node("gpu-b"), node("cpu-a", 0))
GIVES_UP = KueueOptions(
    extra={
        "waitForPodsReady": {
            "timeout": "6s",
            "requeuingStrategy": {"backoffLimitCount": 1, "backoffBaseSeconds": 1, "backoffMaxSeconds": 2},
        }
    }
)
THREE_A100 = (*TWO_A100, node("gpu-c"))
KUEUE_ISSUES = "https://github.com/kubernetes-sigs/kueue/issues"


def quota_above_hardware(stage: Stage) -> Played:
    """Two nodes of 8 GPUs and a queue that promises 24: the third job is admitted and stays pending."""
    stage.make(
        namespace("vision"),
        flavor("a100", A100),
        cluster_queue("vision", {"a100": usual(24)}),
        local_queue("main", "vision", "vision"),
        job("resnet-1", "vision", "main", spec=pod_spec(8)),
        job("resnet-2", "vision", "main", spec=pod_spec(8)),
    )
    admitted(stage, "resnet-1", "resnet-2", namespace="vision")
    third = job("resnet-3", "vision", "main", spec=pod_spec(8))
    stage.make(third)
    has_no_place(stage, "vision", "resnet-3")
    return Played(
        third,
        {"requested": 8, "free": 0, "nominal": 24, "devices": 16, "cluster_queue": "vision"},
        (
            wait_for("resnet-1", "vision", "wait-for-capacity"),
            wait_for("resnet-2", "vision", "wait-for-capacity"),
            another_node("gpu-c"),
        ),
        (
            Act(
                "raise-quota",
                "platform",
                "raise the nominal quota to 32",
                "json-patch",
                {"apiVersion": KUEUE, "kind": "ClusterQueue", "name": "vision"},
                [{"op": "replace", "path": "/spec/resourceGroups/0/flavors/0/resources/0/nominalQuota", "value": 32}],
            ),
        ),
    )


def strict_head_while_lent(stage: Stage) -> Played:
    """A strict queue of 8 lent half of it; its head wants all 8, may not take them back, and a small job waits."""
    stage.make(
        namespace("serving"),
        namespace("sweeps"),
        flavor("a100", A100),
        priority("high", 100000),
        cluster_queue("serving", {"a100": usual(8)}, "gpus", queueingStrategy="StrictFIFO"),
        cluster_queue("sweeps", {"a100": usual(0)}, "gpus"),
        local_queue("main", "serving", "serving"),
        local_queue("main", "sweeps", "sweeps"),
        job("sweep-1", "sweeps", "main", spec=pod_spec(4)),
    )
    admitted(stage, "sweep-1", namespace="sweeps")
    head = job("eval-all", "serving", "main", spec=pod_spec(8))
    stage.make(head)
    waits_for_quota(stage, "eval-all", "serving")
    small = job("probe", "serving", "main", spec=pod_spec(2))
    sent_behind(stage, small)
    return Played(
        small,
        {"head": "eval-all", "head_requests": 8, "requested": 2, "free": 4, "cluster_queue": "serving"},
        (
            Act(
                "raise-priority",
                "user",
                "use the priority class high",
                "merge-patch",
                subject(small),
                {"metadata": {"labels": rung("high")}},
            ),
            Act("other", "team-owner", "delete the head eval-all", "delete", subject(head)),
            Act(
                "other",
                "platform",
                "let the queue pass over what does not fit",
                "merge-patch",
                queue_ref("serving"),
                {"spec": {"queueingStrategy": "BestEffortFIFO"}},
            ),
        ),
        (
            Act(
                "reduce-request",
                "user",
                "ask for one GPU",
                "resubmit",
                subject(small),
                job("probe", "serving", "main", spec=pod_spec(1)),
            ),
        ),
    )


def victims_within_their_own(stage: Stage) -> Played:
    """A job wants more than its queue's own; what the neighbour uses is the neighbour's own: nothing to reclaim."""
    stage.make(
        namespace("ranking"),
        namespace("speech"),
        flavor("a100", A100),
        *(priority(name, value) for name, value in (("high", 100000), ("low", 1000))),
        cluster_queue("ranking", {"a100": usual(4)}, "gpus", preemption={"reclaimWithinCohort": "Any"}),
        cluster_queue("speech", {"a100": usual(12)}, "gpus"),
        local_queue("main", "ranking", "ranking"),
        local_queue("main", "speech", "speech"),
        job("asr-1", "speech", "main", spec=pod_spec(6), labels=rung("low")),
        job("asr-2", "speech", "main", spec=pod_spec(6), labels=rung("low")),
    )
    admitted(stage, "asr-1", "asr-2", namespace="speech")
    wide = job("rank-wide", "ranking", "main", spec=pod_spec(8), labels=rung("low"))
    stage.make(wide)
    waits_for_quota(stage, "rank-wide", "ranking")
    return Played(
        wide,
        {"requested": 8, "nominal": 4, "cohort": "gpus", "cluster_queue": "ranking"},
        (
            Act(
                "reduce-request",
                "user",
                "ask for 4 GPUs",
                "resubmit",
                subject(wide),
                job("rank-wide", "ranking", "main", spec=pod_spec(4), labels=rung("low")),
            ),
            wait_for("asr-1", "speech"),
            wait_for("asr-2", "speech"),
            Act(
                "raise-quota",
                "platform",
                "raise the nominal quota to 8 and let it be reclaimed",
                "json-patch",
                {"apiVersion": KUEUE, "kind": "ClusterQueue", "name": "ranking"},
                [{"op": "replace", "path": "/spec/resourceGroups/0/flavors/0/resources/0/nominalQuota", "value": 8}],
            ),
        ),
        (
            Act(
                "raise-priority",
                "user",
                "use the rung high",
                "merge-patch",
                subject(wide),
                {"metadata": {"labels": rung("high")}},
            ),
        ),
    )


def priority(name: str, value: int) -> Raw:
    return {"apiVersion": KUEUE, "kind": "WorkloadPriorityClass", "metadata": {"name": name}, "value": value}


def rung(name: str) -> dict[str, str]:
    return {"kueue.x-k8s.io/priority-class": name}


def head_that_never_fits(stage: Stage) -> Played:
    """A strict queue of 8 whose head asks for 12: it can never run, and all behind it wait."""
    stage.make(
        namespace("robotics"),
        flavor("a100", A100),
        priority("high", 100000),
        cluster_queue("robotics", {"a100": usual(8)}, queueingStrategy="StrictFIFO"),
        local_queue("main", "robotics", "robotics"),
    )
    head = job("pretrain", "robotics", "main", pods=3, spec=pod_spec(4))
    stage.make(head)
    waits_for_quota(stage, "pretrain", "robotics")
    small = job("grasp", "robotics", "main", spec=pod_spec(2))
    sent_behind(stage, small)
    return Played(
        small,
        {"head": "pretrain", "head_requests": 12, "nominal": 8, "requested": 2, "cluster_queue": "robotics"},
        (
            Act(
                "raise-priority",
                "user",
                "use the priority class high",
                "merge-patch",
                subject(small),
                {"metadata": {"labels": rung("high")}},
            ),
            Act("other", "team-owner", "delete the head pretrain, which can never run", "delete", subject(head)),
            Act(
                "other",
                "platform",
                "let the queue pass over what does not fit",
                "merge-patch",
                {"apiVersion": KUEUE, "kind": "ClusterQueue", "name": "robotics"},
                {"spec": {"queueingStrategy": "BestEffortFIFO"}},
            ),
        ),
        (
            Act(
                "reduce-request",
                "user",
                "ask for one GPU",
                "resubmit",
                subject(small),
                job("grasp", "robotics", "main", spec=pod_spec(1)),
            ),
        ),
    )


def deactivated_after_timeouts(stage: Stage) -> Played:
    """Pods never come to be ready (a selector that no node has): Kueue evicts, tries again and gives up."""
    stage.make(
        namespace("fraud"),
        flavor("any"),
        cluster_queue("fraud", {"any": usual(16)}),
        local_queue("main", "fraud", "fraud"),
    )
    spec = pod_spec(2, nodeSelector={"zone": "z9"})
    stuck = job("gbm", "fraud", "main", spec=spec)
    stage.make(stuck)

    def given_up() -> bool:
        for each in stage.get("workloads.kueue.x-k8s.io", namespace="fraud"):
            if each["spec"].get("active") is False:
                return any(c["type"] == "Evicted" and c["status"] == "True" for c in each["status"]["conditions"])
        return False

    stage.until("the workload is deactivated", given_up)
    workload = workload_of(stage, "gbm", "fraud") or {}
    return Played(
        stuck,
        {"workload_active": False, "reason": "RequeuingLimitExceeded"},
        (
            Act(
                "fix-selector",
                "user",
                "take the selector zone=z9 out, and submit again",
                "resubmit",
                subject(stuck),
                job("gbm", "fraud", "main", spec=pod_spec(2)),
            ),
        ),
        (
            Act(
                "unsuspend",
                "platform",
                "activate the Workload and change nothing else",
                "merge-patch",
                subject(workload),
                {"spec": {"active": True}},
            ),
            Act(
                "raise-quota",
                "platform",
                "raise the quota to 32",
                "json-patch",
                {"apiVersion": KUEUE, "kind": "ClusterQueue", "name": "fraud"},
                [{"op": "replace", "path": "/spec/resourceGroups/0/flavors/0/resources/0/nominalQuota", "value": 32}],
            ),
        ),
    )


def group_limit_used_by_others(stage: Stage) -> Played:
    """A cohort below another may borrow 4 in all; a sister queue has borrowed them."""
    stage.make(
        namespace("tabular"),
        namespace("graphs"),
        flavor("a100", A100),
        {"apiVersion": KUEUE, "kind": "Cohort", "metadata": {"name": "org"}, "spec": {}},
        {
            "apiVersion": KUEUE,
            "kind": "Cohort",
            "metadata": {"name": "research"},
            "spec": {
                "parentName": "org",
                "resourceGroups": [
                    {
                        "coveredResources": [GPU, "cpu", "memory"],
                        "flavors": [
                            {
                                "name": "a100",
                                "resources": [
                                    {"name": GPU, "nominalQuota": 0, "borrowingLimit": 4},
                                    {"name": "cpu", "nominalQuota": 0},
                                    {"name": "memory", "nominalQuota": 0},
                                ],
                            }
                        ],
                    }
                ],
            },
        },
        cluster_queue("pool", {"a100": usual(8)}, "org"),
        cluster_queue("tabular", {"a100": usual(0)}, "research"),
        cluster_queue("graphs", {"a100": usual(0)}, "research"),
        local_queue("main", "tabular", "tabular"),
        local_queue("main", "graphs", "graphs"),
        job("gnn", "graphs", "main", spec=pod_spec(4)),
    )
    admitted(stage, "gnn", namespace="graphs")
    mine = job("xgb", "tabular", "main", spec=pod_spec(2))
    stage.make(mine)
    waits_for_quota(stage, "xgb", "tabular")
    return Played(
        mine,
        {"requested": 2, "cohort": "research", "limit": 4, "cluster_queue": "tabular"},
        (
            wait_for("gnn", "graphs"),
            Act(
                "raise-borrowing-limit",
                "platform",
                "raise the cohort's borrowing limit to 6",
                "json-patch",
                {"apiVersion": KUEUE, "kind": "Cohort", "name": "research"},
                [{"op": "replace", "path": "/spec/resourceGroups/0/flavors/0/resources/0/borrowingLimit", "value": 6}],
            ),
        ),
        (
            Act(
                "raise-borrowing-limit",
                "platform",
                "allow tabular to borrow 8",
                "json-patch",
                {"apiVersion": KUEUE, "kind": "ClusterQueue", "name": "tabular"},
                [{"op": "add", "path": "/spec/resourceGroups/0/flavors/0/resources/0/borrowingLimit", "value": 8}],
            ),
        ),
    )


SITUATIONS = (
    Situation("s01", "gpu-all-in-use", "scheduler", "waiting", f"{KUEUE_ISSUES}/4782", quota_above_hardware, TWO_A100),
    Situation(
        "s02", "strict-fifo-head-blocks", "queue", "waiting", f"{KUEUE_ISSUES}/4809", strict_head_while_lent, TWO_A100
    ),
    Situation(
        "s03", "cohort-exhausted", "quota", "waiting", f"{KUEUE_ISSUES}/4961", victims_within_their_own, THREE_A100
    ),
    Situation(
        "s04",
        "strict-fifo-head-blocks",
        "queue",
        "misconfigured",
        f"{KUEUE_ISSUES}/8309",
        head_that_never_fits,
        TWO_A100,
    ),
    Situation(
        "s05",
        "workload-deactivated",
        "queue",
        "misconfigured",
        "https://github.com/kubernetes-sigs/kueue/pull/1608",
        deactivated_after_timeouts,
        TWO_A100,
        GIVES_UP,
    ),
    Situation(
        "s06",
        "borrowing-limit",
        "quota",
        "waiting",
        "https://github.com/kubernetes-sigs/kueue/pull/1531",
        group_limit_used_by_others,
        TWO_A100,
    ),
)

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
    quota,
    subject,
    usual,
)
from benchmarks.why.situation import Act, Played, Situation
from benchmarks.why.stage import Stage

TWO_A100 = (node("gpu-a"), node("gpu-b"), node("cpu-a", 0))


def waits_for_quota(stage: Stage, name: str, namespace: str, words: str = "") -> None:
    def looked_at() -> bool:
        for each in stage.get("workloads.kueue.x-k8s.io", namespace=namespace):
            owners = [owner["name"] for owner in each["metadata"].get("ownerReferences", ())]
            for condition in each.get("status", {}).get("conditions", ()):
                if name in owners and condition["type"] == "QuotaReserved" and condition["status"] == "False":
                    return words in condition["message"]
        return False

    stage.until(f"{name} was refused quota: {words}", looked_at)


def admitted(stage: Stage, *names: str, namespace: str) -> None:
    def all_run() -> bool:
        jobs = {each["metadata"]["name"]: each for each in stage.get("jobs.batch", namespace=namespace)}
        return all(jobs.get(name, {}).get("status", {}).get("ready", 0) >= 1 for name in names)

    stage.until(f"{names} run", all_run)


def quota_above_hardware(stage: Stage) -> Played:
    """Two nodes of 8 GPUs, one of them for services; a queue that promises 24: the third job is admitted and stays pending."""
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
    stage.until("its pod is unschedulable", lambda: unschedulable(stage, "vision", "resnet-3"))
    return Played(
        third,
        {"requested": 8, "free": 0, "nominal": 24, "devices": 16, "cluster_queue": "vision"},
        (
            Act("wait-for-capacity", "user", "wait until resnet-1 ends", "wait", subject(third), {"until": "completed"},
                steps=lambda live: live.delete(subject(job("resnet-1", "vision")))),
            Act("add-node", "platform", "add a node of 8 GPUs", "create", None, raw_node("gpu-c")),
        ),
        (
            Act("raise-quota", "platform", "raise the nominal quota to 32", "json-patch",
                {"apiVersion": KUEUE, "kind": "ClusterQueue", "name": "vision"},
                [{"op": "replace", "path": "/spec/resourceGroups/0/flavors/0/resources/0/nominalQuota", "value": 32}]),
        ),
    )  # fmt: skip


def unschedulable(stage: Stage, namespace: str, name: str) -> bool:
    for each in stage.get("pods", namespace=namespace):
        if each["metadata"]["name"].startswith(name):
            for condition in each.get("status", {}).get("conditions", ()):
                if condition["type"] == "PodScheduled" and condition["status"] == "False":
                    return bool(condition.get("reason") == "Unschedulable")
    return False


def raw_node(
    name: str, gpus: int = 8, cpu: str = "96", memory: str = "1024Gi", labels: dict[str, str] | None = None
) -> dict[str, object]:
    amounts = {
        "cpu": cpu,
        "memory": memory,
        "pods": "110",
        "ephemeral-storage": "1Ti",
        **({GPU: str(gpus)} if gpus else {}),
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {"kwok.x-k8s.io/node": "fake"},
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/os": "linux",
                "kubernetes.io/arch": "amd64",
                **(A100 if labels is None else labels),
            },
        },
        "status": {"capacity": amounts, "allocatable": amounts},
    }


def strict_head_keeps_lent_quota(stage: Stage) -> Played:
    """A guaranteed queue of 8 whose strict head wants 8 with 4 in use: what is left of its quota is kept from borrowers."""
    stage.make(
        namespace("serving"),
        namespace("sweeps"),
        flavor("a100", A100),
        cluster_queue("serving", {"a100": usual(8)}, "gpus", queueingStrategy="StrictFIFO"),
        cluster_queue("sweeps", {"a100": usual(quota(0))}, "gpus"),
        local_queue("main", "serving", "serving"),
        local_queue("main", "sweeps", "sweeps"),
        job("warm", "serving", "main", spec=pod_spec(4)),
    )
    admitted(stage, "warm", namespace="serving")
    head = job("eval-all", "serving", "main", spec=pod_spec(8))
    stage.make(head)
    waits_for_quota(stage, "eval-all", "serving")
    small = job("sweep-1", "sweeps", "main", spec=pod_spec(4))
    stage.make(small)
    waits_for_quota(stage, "sweep-1", "sweeps")
    return Played(
        small,
        {"requested": 4, "cohort": "gpus", "cluster_queue": "sweeps", "nominal": 0},
        (
            Act("wait-for-quota", "user", "wait until the head of serving has run", "wait", subject(small), {"until": "completed"},
                steps=lambda live: (live.delete(subject(head)), live.delete(subject(job("warm", "serving"))))),
            Act("raise-quota", "platform", "give sweeps 4 GPUs of its own", "json-patch",
                {"apiVersion": KUEUE, "kind": "ClusterQueue", "name": "sweeps"},
                [{"op": "replace", "path": "/spec/resourceGroups/0/flavors/0/resources/0/nominalQuota", "value": 4}]),
        ),
        (
            Act("raise-borrowing-limit", "platform", "allow sweeps to borrow 8", "json-patch",
                {"apiVersion": KUEUE, "kind": "ClusterQueue", "name": "sweeps"},
                [{"op": "add", "path": "/spec/resourceGroups/0/flavors/0/resources/0/borrowingLimit", "value": 8}]),
        ),
    )  # fmt: skip


def victims_within_their_own(stage: Stage) -> Played:
    """A job of a high rung; the neighbour's jobs are of a low one, but within the neighbour's own quota: nothing to reclaim."""
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
            Act("reduce-request", "user", "ask for 4 GPUs", "resubmit", subject(wide),
                job("rank-wide", "ranking", "main", spec=pod_spec(4), labels=rung("low"))),
            Act("wait-for-quota", "user", "wait until asr-1 ends", "wait", subject(wide), {"until": "completed"},
                steps=lambda live: live.delete(subject(job("asr-1", "speech")))),
            Act("raise-quota", "platform", "raise the nominal quota to 8 and let it be reclaimed", "json-patch",
                {"apiVersion": KUEUE, "kind": "ClusterQueue", "name": "ranking"},
                [{"op": "replace", "path": "/spec/resourceGroups/0/flavors/0/resources/0/nominalQuota", "value": 8}]),
        ),
        (
            Act("raise-priority", "user", "use the rung high", "merge-patch", subject(wide),
                {"metadata": {"labels": rung("high")}}),
        ),
    )  # fmt: skip


def priority(name: str, value: int) -> Raw:
    return {"apiVersion": KUEUE, "kind": "WorkloadPriorityClass", "metadata": {"name": name}, "value": value}


def rung(name: str) -> dict[str, str]:
    return {"kueue.x-k8s.io/priority-class": name}


def head_that_never_fits(stage: Stage) -> Played:
    """A strict queue of 8 whose head asks for 12: it can never run, and all behind it wait."""
    stage.make(
        namespace("robotics"),
        flavor("a100", A100),
        cluster_queue("robotics", {"a100": usual(8)}, queueingStrategy="StrictFIFO"),
        local_queue("main", "robotics", "robotics"),
    )
    head = job("pretrain", "robotics", "main", pods=3, spec=pod_spec(4))
    stage.make(head)
    waits_for_quota(stage, "pretrain", "robotics")
    small = job("grasp", "robotics", "main", spec=pod_spec(2))
    stage.make(small)
    stage.until("its workload is there", lambda: len(stage.get("workloads.kueue.x-k8s.io", namespace="robotics")) == 2)
    return Played(
        small,
        {"head": "pretrain", "head_requests": 12, "nominal": 8, "requested": 2, "cluster_queue": "robotics"},
        (
            Act("finish-dependency", "user", "delete the head pretrain, which can never run", "delete", subject(head)),
            Act("other", "platform", "let the queue pass over what does not fit", "merge-patch",
                {"apiVersion": KUEUE, "kind": "ClusterQueue", "name": "robotics"},
                {"spec": {"queueingStrategy": "BestEffortFIFO"}}),
        ),
        (
            Act("reduce-request", "user", "ask for one GPU", "resubmit", subject(small),
                job("grasp", "robotics", "main", spec=pod_spec(1))),
        ),
    )  # fmt: skip


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
    return Played(
        stuck,
        {"workload_active": False, "reason": "RequeuingLimitExceeded"},
        (
            Act("fix-selector", "user", "take the selector zone=z9 out, and submit again", "resubmit", subject(stuck),
                job("gbm", "fraud", "main", spec=pod_spec(2))),
        ),
        (
            Act("raise-quota", "platform", "raise the quota to 32", "json-patch",
                {"apiVersion": KUEUE, "kind": "ClusterQueue", "name": "fraud"},
                [{"op": "replace", "path": "/spec/resourceGroups/0/flavors/0/resources/0/nominalQuota", "value": 32}]),
        ),
    )  # fmt: skip


def group_limit_used_by_others(stage: Stage) -> Played:
    """A cohort below another may borrow 4 in all; a sister queue has borrowed them."""
    stage.make(
        namespace("tabular"),
        namespace("graphs"),
        flavor("a100", A100),
        {"apiVersion": KUEUE, "kind": "Cohort", "metadata": {"name": "org"}, "spec": {}},
        {"apiVersion": KUEUE, "kind": "Cohort", "metadata": {"name": "research"},
         "spec": {"parentName": "org", "resourceGroups": [{"coveredResources": [GPU, "cpu", "memory"], "flavors": [
             {"name": "a100", "resources": [{"name": GPU, "nominalQuota": 0, "borrowingLimit": 4},
                                            {"name": "cpu", "nominalQuota": 0}, {"name": "memory", "nominalQuota": 0}]}]}]}},
        cluster_queue("pool", {"a100": usual(8)}, "org"),
        cluster_queue("tabular", {"a100": usual(0)}, "research"),
        cluster_queue("graphs", {"a100": usual(0)}, "research"),
        local_queue("main", "tabular", "tabular"),
        local_queue("main", "graphs", "graphs"),
        job("gnn", "graphs", "main", spec=pod_spec(4)),
    )  # fmt: skip
    admitted(stage, "gnn", namespace="graphs")
    mine = job("xgb", "tabular", "main", spec=pod_spec(2))
    stage.make(mine)
    waits_for_quota(stage, "xgb", "tabular")
    return Played(
        mine,
        {"requested": 2, "cohort": "research", "limit": 4, "cluster_queue": "tabular"},
        (
            Act("wait-for-quota", "user", "wait until gnn ends", "wait", subject(mine), {"until": "completed"},
                steps=lambda live: live.delete(subject(job("gnn", "graphs")))),
            Act("raise-borrowing-limit", "platform", "raise the cohort's borrowing limit to 6", "json-patch",
                {"apiVersion": KUEUE, "kind": "Cohort", "name": "research"},
                [{"op": "replace", "path": "/spec/resourceGroups/0/flavors/0/resources/0/borrowingLimit", "value": 6}]),
        ),
        (
            Act("raise-borrowing-limit", "platform", "allow tabular to borrow 8", "json-patch",
                {"apiVersion": KUEUE, "kind": "ClusterQueue", "name": "tabular"},
                [{"op": "add", "path": "/spec/resourceGroups/0/flavors/0/resources/0/borrowingLimit", "value": 8}]),
        ),
    )  # fmt: skip


def two_containers_ask(stage: Stage) -> Played:
    """Each of two containers asks for all 8 GPUs that it wants to share: together more than any node, more than the quota."""
    stage.make(
        namespace("video"),
        flavor("a100", A100),
        cluster_queue("video", {"a100": usual(32)}),
        local_queue("main", "video", "video"),
    )
    spec = pod_spec(8)
    spec["containers"].append({**spec["containers"][0], "name": "decoder"})
    both = job("clips", "video", "main", spec=spec)
    stage.make(both)
    stage.until("its pod is unschedulable", lambda: unschedulable(stage, "video", "clips"))
    one = pod_spec(8)
    one["containers"].append(
        {"name": "decoder", "image": "registry.example/decode:1", "resources": {"requests": {"cpu": "1"}}}
    )
    return Played(
        both,
        {"requested": 16, "largest": 8},
        (
            Act("reduce-request", "user", "ask for the GPUs in one container alone", "resubmit", subject(both),
                job("clips", "video", "main", spec=one)),
        ),
        (
            Act("raise-quota", "platform", "raise the quota to 64", "json-patch",
                {"apiVersion": KUEUE, "kind": "ClusterQueue", "name": "video"},
                [{"op": "replace", "path": "/spec/resourceGroups/0/flavors/0/resources/0/nominalQuota", "value": 64}]),
        ),
    )  # fmt: skip


def node_count_and_cpu(stage: Stage) -> Played:
    """49 CPU with 4 GPUs where a node has 96: two such pods never share a node, and the gang of four needs more nodes than there are."""
    stage.make(
        namespace("planning"),
        flavor("a100", A100),
        cluster_queue("planning", {"a100": usual(16)}),
        local_queue("main", "planning", "planning"),
    )
    gang = job("rl-4", "planning", "main", pods=4, spec=pod_spec(4, cpu="49"))
    stage.make(gang)
    stage.until("a pod is unschedulable", lambda: unschedulable(stage, "planning", "rl-4"))
    return Played(
        gang,
        {"requested_cpu": 49, "gpus_free": 8},
        (
            Act("reduce-request", "user", "ask for 48 CPU a pod", "resubmit", subject(gang),
                job("rl-4", "planning", "main", pods=4, spec=pod_spec(4, cpu="48"))),
        ),
        (
            Act("raise-quota", "platform", "raise the quota to 32", "json-patch",
                {"apiVersion": KUEUE, "kind": "ClusterQueue", "name": "planning"},
                [{"op": "replace", "path": "/spec/resourceGroups/0/flavors/0/resources/0/nominalQuota", "value": 32}]),
        ),
    )  # fmt: skip


def slices_asked_for_wholes(stage: Stage) -> Played:
    """Nodes offer slices of a GPU (MIG, mixed strategy), the queue counts them, the job asks for whole ones."""
    stage.make(
        namespace("search"),
        flavor("mig", {"nvidia.com/mig.config": "all-1g.10gb"}),
        cluster_queue(
            "search", {"mig": {"nvidia.com/mig-1g.10gb": quota(14), "cpu": quota(1000), "memory": quota("8Ti")}}
        ),
        local_queue("main", "search", "search"),
    )
    whole = job("embed", "search", "main", spec=pod_spec(1))
    stage.make(whole)
    waits_for_quota(stage, "embed", "search", "unavailable")
    return Played(
        whole,
        {"resource": GPU, "covered": ["cpu", "memory", "nvidia.com/mig-1g.10gb"], "cluster_queue": "search"},
        (
            Act("reduce-request", "user", "ask for a slice in place of a whole GPU", "resubmit", subject(whole),
                job("embed", "search", "main", spec=pod_spec(1, resource="nvidia.com/mig-1g.10gb"))),
        ),
        (
            Act("raise-quota", "platform", "raise the quota of slices to 28", "json-patch",
                {"apiVersion": KUEUE, "kind": "ClusterQueue", "name": "search"},
                [{"op": "replace", "path": "/spec/resourceGroups/0/flavors/0/resources/0/nominalQuota", "value": 28}]),
        ),
    )  # fmt: skip


SLICED = (
    node("mig-a", 0, labels={"nvidia.com/mig.config": "all-1g.10gb", **A100}, **{"nvidia.com/mig-1g.10gb": "7"}),
    node("mig-b", 0, labels={"nvidia.com/mig.config": "all-1g.10gb", **A100}, **{"nvidia.com/mig-1g.10gb": "7"}),
)
GIVES_UP = KueueOptions(
    extra={
        "waitForPodsReady": {
            "enable": True,
            "timeout": "2s",
            "requeuingStrategy": {"backoffLimitCount": 1, "backoffBaseSeconds": 1, "backoffMaxSeconds": 2},
        }
    }
)
KUEUE_ISSUES = "https://github.com/kubernetes-sigs/kueue/issues"
SITUATIONS = (
    Situation("s01", "gpu-all-in-use", "scheduler", "waiting", f"{KUEUE_ISSUES}/1651", quota_above_hardware, TWO_A100),
    Situation("s02", "cohort-exhausted", "quota", "waiting", f"{KUEUE_ISSUES}/4809", strict_head_keeps_lent_quota, TWO_A100),
    Situation("s03", "cohort-exhausted", "quota", "waiting", f"{KUEUE_ISSUES}/1024", victims_within_their_own, TWO_A100),
    Situation("s04", "strict-fifo-head-blocks", "queue", "misconfigured", f"{KUEUE_ISSUES}/4809", head_that_never_fits, TWO_A100),
    Situation("s05", "workload-deactivated", "queue", "misconfigured", f"{KUEUE_ISSUES}/1608", deactivated_after_timeouts, TWO_A100, GIVES_UP),
    Situation("s06", "borrowing-limit", "quota", "waiting", f"{KUEUE_ISSUES}/1531", group_limit_used_by_others, TWO_A100),
    Situation("s07", "insufficient-gpu", "scheduler", "misconfigured",
              "https://github.com/NVIDIA/k8s-device-plugin/issues/71", two_containers_ask, TWO_A100),
    Situation("s08", "gang-partially-placed", "scheduler", "misconfigured",
              "https://github.com/NVIDIA/k8s-device-plugin/issues/102", node_count_and_cpu, TWO_A100),
    Situation("s09", "wrong-resource-name", "quota", "misconfigured",
              "https://github.com/NVIDIA/k8s-device-plugin/issues/33", slices_asked_for_wholes, SLICED),
)  # fmt: skip

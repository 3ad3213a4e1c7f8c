"""Scenes about jobs of a shape that no node or no queue has."""

from __future__ import annotations

from benchmarks.why.making import (
    A100,
    GPU,
    KUEUE,
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
from benchmarks.why.scenes.states import (
    has_no_place,
    waits_for_quota,
)
from benchmarks.why.situation import Act, Played, Situation
from benchmarks.why.stage import Stage

TWO_A100 = (node("gpu-a"), node("gpu-b"), node("cpu-a", 0))
SLICED = (
    node("mig-a", 0, labels={"nvidia.com/mig.config": "all-1g.10gb", **A100}, **{"nvidia.com/mig-1g.10gb": "7"}),
    node("mig-b", 0, labels={"nvidia.com/mig.config": "all-1g.10gb", **A100}, **{"nvidia.com/mig-1g.10gb": "7"}),
)
KUEUE_ISSUES = "https://github.com/kubernetes-sigs/kueue/issues"
DEVICE_PLUGIN = "https://github.com/NVIDIA/k8s-device-plugin/issues"


def two_containers_ask(stage: Stage) -> Played:
    """Each of two containers asks for all 8 GPUs that it wants to share: together more than any node has."""
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
    has_no_place(stage, "video", "clips")
    one = pod_spec(8)
    one["containers"].append(
        {"name": "decoder", "image": "registry.example/decode:1", "resources": {"requests": {"cpu": "1"}}}
    )
    return Played(
        both,
        {"requested": 16, "largest": 8},
        (
            Act(
                "reduce-request",
                "user",
                "ask for the GPUs in one container alone",
                "resubmit",
                subject(both),
                job("clips", "video", "main", spec=one),
            ),
        ),
        (
            Act(
                "raise-quota",
                "platform",
                "raise the quota to 64",
                "json-patch",
                {"apiVersion": KUEUE, "kind": "ClusterQueue", "name": "video"},
                [{"op": "replace", "path": "/spec/resourceGroups/0/flavors/0/resources/0/nominalQuota", "value": 64}],
            ),
        ),
    )


def node_count_and_cpu(stage: Stage) -> Played:
    """49 CPU with 4 GPUs where a node has 96: two such pods never share one, and four need four nodes."""
    stage.make(
        namespace("planning"),
        flavor("a100", A100),
        cluster_queue("planning", {"a100": usual(16)}),
        local_queue("main", "planning", "planning"),
    )
    gang = job("rl-4", "planning", "main", pods=4, spec=pod_spec(4, cpu="49"))
    stage.make(gang)
    has_no_place(stage, "planning", "rl-4")
    return Played(
        gang,
        {"requested_cpu": 49, "gpus_free": 8},
        (
            Act(
                "reduce-request",
                "user",
                "ask for 48 CPU a pod",
                "resubmit",
                subject(gang),
                job("rl-4", "planning", "main", pods=4, spec=pod_spec(4, cpu="48")),
            ),
        ),
        (
            Act(
                "raise-quota",
                "platform",
                "raise the quota to 32",
                "json-patch",
                {"apiVersion": KUEUE, "kind": "ClusterQueue", "name": "planning"},
                [{"op": "replace", "path": "/spec/resourceGroups/0/flavors/0/resources/0/nominalQuota", "value": 32}],
            ),
        ),
    )


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
            Act(
                "reduce-request",
                "user",
                "ask for a slice in place of a whole GPU",
                "resubmit",
                subject(whole),
                job("embed", "search", "main", spec=pod_spec(1, resource="nvidia.com/mig-1g.10gb")),
            ),
        ),
        (
            Act(
                "raise-quota",
                "platform",
                "raise the quota of slices to 28",
                "json-patch",
                {"apiVersion": KUEUE, "kind": "ClusterQueue", "name": "search"},
                [{"op": "replace", "path": "/spec/resourceGroups/0/flavors/0/resources/0/nominalQuota", "value": 28}],
            ),
        ),
    )


SITUATIONS = (
    Situation(
        "s07", "insufficient-gpu", "scheduler", "misconfigured", f"{DEVICE_PLUGIN}/71", two_containers_ask, TWO_A100
    ),
    Situation(
        "s08",
        "gang-partially-placed",
        "scheduler",
        "misconfigured",
        f"{KUEUE_ISSUES}/1476",
        node_count_and_cpu,
        TWO_A100,
    ),
    Situation(
        "s09",
        "wrong-resource-name",
        "quota",
        "misconfigured",
        "https://github.com/NVIDIA/gpu-operator/issues/442",
        slices_asked_for_wholes,
        SLICED,
    ),
)

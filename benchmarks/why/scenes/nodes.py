"""Scenes in which a node is not as it should be, or held by others."""

from __future__ import annotations

from typing import Any

from benchmarks.why.making import (
    A100,
    GPU,
    Raw,
    cluster_queue,
    deployment,
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
    core_ref,
    has_no_place,
    more_quota,
    wait_for,
)
from benchmarks.why.situation import Act, Played, Situation
from benchmarks.why.stage import Stage

TWO_A100 = (node("gpu-a"), node("gpu-b"), node("cpu-a", 0))
KUBERNETES_ISSUES = "https://github.com/kubernetes/kubernetes/issues"
KUEUE_ISSUES = "https://github.com/kubernetes-sigs/kueue/issues"
TAINTED = tuple(node(name, taints=((GPU, "present", "NoSchedule"),)) for name in ("gpu-a", "gpu-b"))


def cordoned(stage: Stage) -> Played:
    """A node was cordoned for maintenance and nobody took that back."""
    _queue(stage, "lidar")
    stage.make(job("fuse-1", "lidar", "main", spec=pod_spec(8)))
    admitted(stage, "fuse-1", namespace="lidar")
    free = "gpu-b" if stage.get("pods", namespace="lidar")[0]["spec"]["nodeName"] == "gpu-a" else "gpu-a"
    stage.patch(core_ref("Node", free), {"spec": {"unschedulable": True}})
    mine = job("fuse-2", "lidar", "main", spec=pod_spec(4))
    stage.make(mine)
    has_no_place(stage, "lidar", "fuse-2", "unschedulable")
    return Played(
        mine,
        {"requested": 4, "node": free, "free_there": 8},
        (
            Act(
                "uncordon",
                "platform",
                f"uncordon {free}",
                "merge-patch",
                core_ref("Node", free),
                {"spec": {"unschedulable": None}},
            ),
            wait_for("fuse-1", "lidar", "wait-for-capacity"),
        ),
        (more_quota("lidar", 32),),
    )


def _queue(stage: Stage, name: str, gpus: int = 16, labels: Any = None) -> None:
    stage.make(
        namespace(name),
        flavor("a100", A100 if labels is None else labels),
        cluster_queue(name, {"a100": usual(gpus)}),
        local_queue("main", name, name),
    )


def tolerates_another_value(stage: Stage) -> Played:
    """The nodes' taint has the value present; the pod tolerates the value true."""
    tolerated = [{"key": GPU, "operator": "Equal", "value": "true", "effect": "NoSchedule"}]
    mine = job("caption", "media", spec=pod_spec(2, tolerations=tolerated))
    stage.make(namespace("media"), mine)
    has_no_place(stage, "media", "caption", "taint")
    right = [{"key": GPU, "operator": "Exists", "effect": "NoSchedule"}]
    return Played(
        mine,
        {"taint": f"{GPU}=present:NoSchedule", "tolerated_value": "true"},
        (
            Act(
                "add-toleration",
                "user",
                f"tolerate {GPU} whatever its value",
                "resubmit",
                subject(mine),
                job("caption", "media", spec=pod_spec(2, tolerations=right)),
            ),
            Act(
                "other",
                "platform",
                "take the taint off gpu-a",
                "merge-patch",
                core_ref("Node", "gpu-a"),
                {"spec": {"taints": []}},
            ),
        ),
        (
            Act(
                "fix-selector",
                "user",
                "select the nodes' GPU product",
                "resubmit",
                subject(mine),
                job("caption", "media", spec=pod_spec(2, tolerations=tolerated, nodeSelector=A100)),
            ),
        ),
    )


def label_gone_after_upgrade(stage: Stage) -> Played:
    """The pool was made anew at an upgrade and came back without the label that the team's jobs select."""
    mine = job("fold", "protein", spec=pod_spec(2, nodeSelector={"pool": "gpu-large"}))
    stage.make(namespace("protein"), mine)
    has_no_place(stage, "protein", "fold", "affinity/selector")
    return Played(
        mine,
        {"selector": "pool=gpu-large", "nodes_that_match": 0},
        (
            Act(
                "fix-selector",
                "user",
                "take the selector out",
                "resubmit",
                subject(mine),
                job("fold", "protein", spec=pod_spec(2)),
            ),
            Act(
                "fix-label",
                "platform",
                "label gpu-a pool=gpu-large",
                "merge-patch",
                core_ref("Node", "gpu-a"),
                {"metadata": {"labels": {"pool": "gpu-large"}}},
            ),
        ),
        (another_node("gpu-c"),),
    )


def product_label_fell_off(stage: Stage) -> Played:
    """Feature discovery does not run on one node: it has GPUs, and not the label of its product."""
    _queue(stage, "drones")
    stage.make(job("track-1", "drones", "main", spec=pod_spec(8)))
    admitted(stage, "track-1", namespace="drones")
    mine = job("track-2", "drones", "main", spec=pod_spec(8))
    stage.make(mine)
    has_no_place(stage, "drones", "track-2")
    return Played(
        mine,
        {"requested": 8, "node": "gpu-b", "free_there": 8, "label": "nvidia.com/gpu.product", "flavor": "a100"},
        (
            Act(
                "fix-label",
                "platform",
                "put the product label back on gpu-b",
                "merge-patch",
                core_ref("Node", "gpu-b"),
                {"metadata": {"labels": dict(A100)}},
            ),
            wait_for("track-1", "drones", "wait-for-capacity"),
            another_node("gpu-c"),
        ),
        (more_quota("drones", 32),),
    )


def held_outside_of_queues(stage: Stage) -> Played:
    """Half of the GPUs are held by servers that go through no queue; the queue's quota counts them as its own."""
    _queue(stage, "vision")
    labs: Raw = {**deployment("lab", "vision", 2, pod_spec(4)), "kind": "StatefulSet"}
    labs["spec"]["serviceName"] = "lab"
    stage.make(labs)
    stage.until("both run", lambda: stage.get("statefulsets.apps", "lab", "vision")["status"].get("readyReplicas") == 2)
    stage.make(job("pose-1", "vision", "main", spec=pod_spec(4)), job("pose-2", "vision", "main", spec=pod_spec(4)))
    admitted(stage, "pose-1", "pose-2", namespace="vision")
    mine = job("pose-3", "vision", "main", spec=pod_spec(4))
    stage.make(mine)
    has_no_place(stage, "vision", "pose-3", GPU)
    return Played(
        mine,
        {"requested": 4, "free": 0, "outside_of_queues": 8, "holder": "StatefulSet vision/lab"},
        (
            wait_for("pose-1", "vision", "wait-for-capacity"),
            wait_for("pose-2", "vision", "wait-for-capacity"),
            Act(
                "other", "team-owner", "scale lab down to one", "merge-patch", subject(labs), {"spec": {"replicas": 1}}
            ),
            another_node("gpu-c"),
        ),
        (more_quota("vision", 32),),
    )


SITUATIONS = (
    Situation(
        "s26",
        "node-cordoned",
        "node",
        "broken",
        "https://github.com/NVIDIA/gpu-operator/issues/2820",
        cordoned,
        TWO_A100,
    ),
    Situation(
        "s28",
        "gpu-taint-not-tolerated",
        "scheduler",
        "misconfigured",
        "https://github.com/NVIDIA/k8s-device-plugin/issues/1934",
        tolerates_another_value,
        TAINTED,
    ),
    Situation(
        "s29",
        "node-selector-typo",
        "scheduler",
        "misconfigured",
        f"{KUBERNETES_ISSUES}/29218",
        label_gone_after_upgrade,
        TWO_A100,
    ),
    Situation(
        "s30",
        "gpu-product-label-missing",
        "node",
        "broken",
        "https://github.com/NVIDIA/k8s-device-plugin/issues/733",
        product_label_fell_off,
        (node("gpu-a"), node("gpu-b", labels={"pool": "a100"}), node("cpu-a", 0)),
    ),
    Situation(
        "s31", "gpu-all-in-use", "scheduler", "waiting", f"{KUEUE_ISSUES}/10116", held_outside_of_queues, TWO_A100
    ),
)

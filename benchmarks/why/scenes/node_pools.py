"""Scenes of an autoscaler: a real Karpenter has NodePools, and makes no node for what waits."""

from __future__ import annotations

from typing import Any

from benchmarks.why.karpenter import VERSION, Machine, node_class, node_pool
from benchmarks.why.making import A100, GPU, Raw, job, namespace, node, pod_spec, subject
from benchmarks.why.scenes.states import admitted, condition, event_says, has_no_place
from benchmarks.why.situation import Act, Played, Situation
from benchmarks.why.stage import Stage

KARPENTER_ISSUES = "https://github.com/aws/karpenter-provider-aws/issues"
SYSTEM = (node("cpu-a", 0),)
MACHINES = (
    Machine("p4.half", 4, labels=tuple(A100.items())),
    Machine("m5.4xl", cpu="16", memory="64Gi", price=1.0),
)
NO_MORE = "all available instance types exceed limits for nodepool (NodePool=accelerated)"


def pools(stage: Stage, limit: int = 8, **more: Any) -> None:
    """One with GPUs and one without, both ready."""
    stage.make(
        node_class(),
        node_pool("accelerated", ("p4.half",), limits={GPU: str(limit)}, **more),
        node_pool("general", ("m5.4xl",), limits={"cpu": "160"}),
    )
    wanted = (stage.get("nodepools.karpenter.sh", each) for each in ("accelerated", "general"))
    for each in list(wanted):
        name = each["metadata"]["name"]
        stage.until(f"{name} is ready", lambda name=name: pool_says(stage, name, "Ready") == "True")


def pool_says(stage: Stage, name: str, kind: str) -> str:
    return str(condition(stage.get("nodepools.karpenter.sh", name), kind).get("status", ""))


def pool(name: str = "accelerated") -> Raw:
    return {"apiVersion": VERSION, "kind": "NodePool", "name": name}


def more_of(name: str, resource: str, amount: str) -> Act:
    body = {"spec": {"limits": {resource: amount}}}
    what = f"raise the limit of NodePool {name} to {amount} {resource}"
    return Act("raise-autoscaler-max", "platform", what, "merge-patch", pool(name), body)


def second_of_two(stage: Stage) -> Played:
    """The first GPU job got its node; the pool may have no second one."""
    stage.make(namespace("speech"), job("whisper-1", "speech", spec=pod_spec(4)))
    pools(stage, 4)
    admitted(stage, "whisper-1", namespace="speech")
    mine = job("whisper-2", "speech", spec=pod_spec(4))
    stage.make(mine)
    event_says(stage, "speech", NO_MORE)
    has_no_place(stage, "speech", "whisper-2", GPU)
    smaller = {**mine, "spec": {**mine["spec"], "template": {**mine["spec"]["template"], "spec": pod_spec(2)}}}
    return Played(
        mine,
        {"node_group": "accelerated", "resource": GPU, "size": 4, "max_size": 4},
        (
            Act(
                "wait-for-capacity",
                "user",
                "wait until whisper-1 ends",
                "wait",
                subject(job("whisper-1", "speech")),
                steps=lambda live: live.delete(subject(job("whisper-1", "speech"))),
            ),
            more_of("accelerated", GPU, "8"),
        ),
        (
            Act("reduce-request", "user", "ask for 2 GPUs in place of 4", "resubmit", subject(mine), smaller),
            more_of("general", "cpu", "320"),
        ),
    )


def nothing_in_stock(stage: Stage) -> Played:
    """The cloud has no such machine; the event of the pod tells only of the other pool."""
    stage.cloud.sell_out(("p4.half", "z1"))
    pools(stage)
    mine = job("fold", "protein", spec=pod_spec(4))
    stage.make(namespace("protein"), mine)
    event_says(stage, "default", "insufficient capacity, InsufficientInstanceCapacity: no p4.half in z1")
    event_says(stage, "protein", "no instance type has enough resources")
    event_says(stage, "default", "NodePool requirements filtered out all compatible available instance types")
    return Played(
        mine,
        {"node_group": "accelerated"},
        (
            Act(
                "wait-for-capacity",
                "user",
                "wait until the cloud has such a machine again",
                "wait",
                pool(),
                steps=lambda live: live.cloud.sell_out(),
            ),
        ),
        (
            more_of("accelerated", GPU, "16"),
            Act(
                "add-toleration",
                "user",
                "tolerate nvidia.com/gpu",
                "resubmit",
                subject(mine),
                job("fold", "protein", spec=pod_spec(4, tolerations=[{"key": GPU, "operator": "Exists"}])),
            ),
        ),
    )


def label_of_no_pool(stage: Stage) -> Played:
    """The pod selects a label that nodes got by hand in the old cluster; no NodePool gives it."""
    pools(stage, labels={"tier": "accelerated"})
    mine = job("index", "search", spec=pod_spec(4, nodeSelector={"workload": "training"}))
    stage.make(namespace("search"), mine)
    event_says(stage, "search", 'label "workload" does not have known values')
    has_no_place(stage, "search", "index", "node affinity/selector")
    return Played(
        mine,
        {"selector_key": "workload", "selector_value": "training"},
        (
            Act(
                "fix-selector",
                "user",
                "drop workload=training from the node selector",
                "resubmit",
                subject(mine),
                job("index", "search", spec=pod_spec(4)),
            ),
            Act(
                "add-node",
                "platform",
                "a NodePool whose nodes have workload=training",
                "merge-patch",
                pool(),
                {"spec": {"template": {"metadata": {"labels": {"workload": "training"}}}}},
            ),
        ),
        (
            more_of("accelerated", GPU, "16"),
            Act(
                "add-toleration",
                "user",
                "tolerate nvidia.com/gpu",
                "resubmit",
                subject(mine),
                job(
                    "index",
                    "search",
                    spec=pod_spec(
                        4, nodeSelector={"workload": "training"}, tolerations=[{"key": GPU, "operator": "Exists"}]
                    ),
                ),
            ),
        ),
    )


def class_is_gone(stage: Stage) -> Played:
    """The node class of the pools was deleted: Karpenter passes the pools over, and says so in its log alone."""
    pools(stage)
    mine = job("render", "studio", spec=pod_spec(4))
    the_class = {"apiVersion": node_class()["apiVersion"], "kind": "KWOKNodeClass", "name": "machines"}
    stage.delete(the_class)
    for name in ("accelerated", "general"):
        stage.until(f"{name} is not ready", lambda name=name: pool_says(stage, name, "Ready") == "False")
    stage.make(namespace("studio"), mine)
    has_no_place(stage, "studio", "render", GPU)
    return Played(
        mine,
        {"node_group": "accelerated", "condition": "NodeClassReady", "reason": "NodeClassNotFound"},
        (
            Act(
                "other",
                "platform",
                "make the node class of NodePool accelerated again",
                "signal",
                pool(),
                steps=lambda live: live.make(node_class()),
            ),
        ),
        (more_of("accelerated", GPU, "16"),),
    )


def _situation(name: str, cause: str, verdict: str, issue: int, play: Any) -> Situation:
    return Situation(name, cause, "autoscaler", verdict, f"{KARPENTER_ISSUES}/{issue}", play, SYSTEM, machines=MACHINES)


SITUATIONS = (
    _situation("s42", "autoscaler-at-max", "waiting", 8068, second_of_two),
    _situation("s43", "autoscaler-out-of-stock", "waiting", 5527, nothing_in_stock),
    _situation("s44", "autoscaler-no-group-matches", "misconfigured", 7535, label_of_no_pool),
    _situation("s45", "autoscaler-pool-not-ready", "broken", 7736, class_is_gone),
)

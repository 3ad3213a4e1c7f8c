"""What Karpenter 1.8 writes, and what `why` makes of it: words, node claims and NodePools as a real one left them."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from allotment.diagnose.explaining import explain
from allotment.diagnose.rules.scheduler.karpenter_words import PoolBar, refusals_in
from allotment.model.explanation import CauseVerdict, Confidence, StartsWhen
from tests.unit.diagnose.building import GPU, NOW, Raw, case_of, node, running, waiting
from tests.unit.diagnose.test_heard import narrow

PRODUCT = "nvidia.com/gpu.product"
TYPE = "node.kubernetes.io/instance-type"
AWHILE = "2026-11-01T11:59:00Z"
NO_CPU_POOL = (
    "no instance type has enough resources, requirements=karpenter.kwok.sh/kwoknodeclass In [machines], "
    "karpenter.sh/nodepool In [cpu], node.kubernetes.io/instance-type In [cpu16], "
    'resources={"cpu":"4","memory":"16Gi","nvidia.com/gpu":"4","pods":"1"}'
)
AT_LIMIT = "all available instance types exceed limits for nodepool (NodePool=gpu)"
TOO_SMALL = NO_CPU_POOL.replace("In [cpu]", "In [gpu]").replace("cpu16", "a100x4")
UNKNOWN_LABEL = 'incompatible requirements, label "workload" does not have known values'
ICE = "NodeClaim gpu-mnb4g event: insufficient capacity, InsufficientInstanceCapacity: no a100x4 in z1 at present"
VCPUS = (
    "NodeClaim gpu-mnb4g event: insufficient capacity, with fleet error(s), VcpuLimitExceeded: You have requested more"
)
TAINTED = [{"key": GPU, "value": "present", "effect": "NoSchedule"}]
OF_POOL = {"karpenter.sh/nodepool": "gpu", TYPE: "a100x4", PRODUCT: "A100"}


def pool(
    name: str, types: tuple[str, ...], limit: int = 0, used: int = 0, *, ready: str = "True", **template: Any
) -> Raw:
    """A NodePool; `limit` and `used` are GPUs."""
    conditions = [{"type": "Ready", "status": ready, "reason": "Ready"}]
    if ready != "True":
        said = {"reason": "NodeClassNotFound", "message": "NodeClass not found on cluster"}
        conditions = [{"type": "Ready", "status": ready}, {"type": "NodeClassReady", "status": ready, **said}]
    requirements = [{"key": TYPE, "operator": "In", "values": list(types)}]
    labels = template.pop("labels", {})
    return {
        "apiVersion": "karpenter.sh/v1",
        "kind": "NodePool",
        "metadata": {"name": name},
        "spec": {
            "limits": {GPU: str(limit)} if limit else {},
            "template": {"metadata": {"labels": labels}, "spec": {"requirements": requirements, **template}},
        },
        "status": {"resources": {GPU: str(used)} if used else {}, "conditions": conditions},
    }


def claim(name: str, of: str = "gpu", *, joined: str = "Unknown", at: str = AWHILE) -> Raw:
    """A node claim that was launched, as Karpenter leaves it until its node has joined."""
    missing = {"reason": "ResourceNotRegistered", "message": f'Resource "{GPU}" was requested but not registered'}
    if joined != "True":
        missing = {"reason": "AwaitingReconciliation", "message": "object is awaiting reconciliation"}
    conditions = [
        {"type": "Initialized", "status": "Unknown", **missing},
        {"type": "Registered", "status": joined, "reason": "NodeNotFound", "lastTransitionTime": at,
         "message": "Node not registered with cluster"},
        {"type": "Launched", "status": "True", "reason": "Launched"},
    ]  # fmt: skip
    meta = {"name": name, "labels": {"karpenter.sh/nodepool": of}, "creationTimestamp": at}
    status = {"conditions": conditions, "capacity": {GPU: "4"}, "nodeName": "g1" if joined == "True" else ""}
    return {"apiVersion": "karpenter.sh/v1", "kind": "NodeClaim", "metadata": meta, "status": status}


def said(message: str, pod: str = "train-0", reason: str = "FailedScheduling", at: str = NOW) -> Raw:
    """An event of Karpenter's about a pod; of a claim where the pod is none of ours."""
    about = {"kind": "Pod", "namespace": "team-a", "name": pod, "uid": pod}
    if reason == "InsufficientCapacityError":
        about = {"kind": "NodeClaim", "name": pod}
    start = "Failed to schedule pod, " if reason == "FailedScheduling" else ""
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{pod}.{len(message)}", "namespace": about.get("namespace", "default")},
        "involvedObject": about,
        "reason": reason,
        "message": start + message,
        "source": {"component": "karpenter"},
        "lastTimestamp": at,
    }


def refused(claim_of: str, message: str, at: str = AWHILE) -> Raw:
    """The cloud's no to a claim."""
    return said(message, claim_of, "InsufficientCapacityError", at)


def meant_for(claim_of: str, at: str = NOW) -> Raw:
    """Karpenter's word that a pod is to run on a claim."""
    return said(f"Pod should schedule on: nodeclaim/{claim_of}", reason="Nominated", at=at)


def _nodes(objects: list[Raw]) -> set[str]:
    return {each["metadata"]["name"] for each in objects if each["kind"] == "Node"}


CPU = node("cpu-a", None)
CPU_POOL, GPU_POOL = pool("cpu", ("cpu16",)), pool("gpu", ("a100x4",), 8)
FULL = [
    CPU, CPU_POOL, pool("gpu", ("a100x4",), 8, 8), node("g1", 4, labels=OF_POOL), node("g2", 4, labels=OF_POOL),
    *running("x", "g1", gpus=4), *running("y", "g2", gpus=4),
]  # fmt: skip
BARE = [CPU, CPU_POOL, GPU_POOL]

SITUATIONS: dict[str, tuple[list[Raw], str, CauseVerdict, Confidence]] = {
    "a node is on its way to a fleet without GPUs": (
        [*BARE, claim("gpu-a"), *waiting(gpus=4), meant_for("gpu-a")],
        "autoscaler-scaling-up", CauseVerdict.WAITING, Confidence.SURE,
    ),
    "a node that has just joined shows no GPU yet": (
        [*BARE, node("g1", None, labels=OF_POOL, ready="False"), claim("gpu-a", joined="True"), *waiting(gpus=4),
         meant_for("gpu-a")],
        "autoscaler-scaling-up", CauseVerdict.WAITING, Confidence.SURE,
    ),
    "a node joined half an hour ago and shows no GPU still": (
        [*BARE, node("g1", None, labels=OF_POOL), claim("gpu-a", joined="True", at="2026-11-01T11:30:00Z"),
         *waiting(gpus=4), meant_for("gpu-a")],
        "device-plugin-missing", CauseVerdict.BROKEN, Confidence.SURE,
    ),
    "the limit is reached": (
        [*FULL, *waiting(gpus=4), said(f"{AT_LIMIT}; {NO_CPU_POOL}")],
        "autoscaler-at-max", CauseVerdict.WAITING, Confidence.SURE,
    ),
    "the limit is reached, and the pod was meant for a node that another took": (
        [*FULL, *waiting(gpus=4), meant_for("gpu-a", AWHILE), said(f"{AT_LIMIT}; {NO_CPU_POOL}")],
        "autoscaler-at-max", CauseVerdict.WAITING, Confidence.SURE,
    ),
    "the limit is said first, and no machine would do": (
        [*FULL, *waiting(gpus=16), said(f"{AT_LIMIT}; {NO_CPU_POOL}")],
        "insufficient-gpu", CauseVerdict.MISCONFIGURED, Confidence.LIKELY,
    ),
    "the limit is said first, and there may be larger machines": (
        [CPU, pool("gpu", ("a100x4", "a100x8"), 8, 8), *FULL[3:], *waiting(gpus=8), said(AT_LIMIT)],
        "autoscaler-at-max", CauseVerdict.WAITING, Confidence.LIKELY,
    ),
    "the limit is below the first node": (
        [CPU, CPU_POOL, pool("gpu", ("a100x4",), 2), *waiting(gpus=4), said(f"{AT_LIMIT}; {NO_CPU_POOL}")],
        "autoscaler-at-max", CauseVerdict.WAITING, Confidence.LIKELY,
    ),
    "sold out: the pool is not even mentioned": (
        [*BARE, *waiting(gpus=4), refused("gpu-mnb4g", ICE), meant_for("gpu-mnb4g", AWHILE), said(NO_CPU_POOL)],
        "autoscaler-out-of-stock", CauseVerdict.WAITING, Confidence.SURE,
    ),
    "the cloud's quota": (
        [*BARE, *waiting(gpus=4), refused("gpu-mnb4g", VCPUS), said(NO_CPU_POOL)],
        "autoscaler-cloud-quota", CauseVerdict.MISCONFIGURED, Confidence.SURE,
    ),
    "a label that no pool gives": (
        [*BARE, *waiting(gpus=4, nodeSelector={"workload": "training"}), said(f"{UNKNOWN_LABEL}; {UNKNOWN_LABEL}")],
        "autoscaler-no-group-matches", CauseVerdict.MISCONFIGURED, Confidence.LIKELY,
    ),
    "more than any machine, and no GPU node is there": (
        [*BARE, *waiting(gpus=16), said(f"{NO_CPU_POOL}; {TOO_SMALL}")],
        "autoscaler-no-group-matches", CauseVerdict.MISCONFIGURED, Confidence.LIKELY,
    ),
    "more than any machine of the pool that is selected": (
        [CPU, pool("gpu", ("a100x4",), 8, labels={"tier": "gold"}), *waiting(gpus=16, nodeSelector={"tier": "gold"}),
         said(TOO_SMALL)],
        "autoscaler-no-group-matches", CauseVerdict.MISCONFIGURED, Confidence.LIKELY,
    ),
    "a device that nobody has": (
        [*BARE, *waiting(gpus=0, asks={"nvidia.com/gpus": "1"}), said(f"{NO_CPU_POOL}; {TOO_SMALL}")],
        "extended-resource-unknown", CauseVerdict.MISCONFIGURED, Confidence.LIKELY,
    ),
    "a taint of nodes to be": (
        [CPU, CPU_POOL, pool("gpu", ("a100x4",), 8, taints=TAINTED), *waiting(gpus=4),
         said(f"{NO_CPU_POOL}; did not tolerate taint (taint=nvidia.com/gpu=present:NoSchedule)")],
        "gpu-taint-not-tolerated", CauseVerdict.MISCONFIGURED, Confidence.LIKELY,
    ),
    "a node class that is gone": (
        [CPU, pool("gpu", ("a100x4",), 8, ready="False"), *waiting(gpus=4)],
        "autoscaler-pool-not-ready", CauseVerdict.BROKEN, Confidence.SURE,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SITUATIONS)
def test_what_karpenter_leaves_behind_is_told_by_its_cause(name: str) -> None:
    objects, cause, verdict, confidence = SITUATIONS[name]
    found = explain(case_of(objects), with_remedies=False)
    assert (found.cause, found.verdict, found.confidence) == (cause, verdict, confidence), found.summary


@pytest.mark.parametrize("name", [name for name, made in SITUATIONS.items() if not _nodes(made[0]) - {"cpu-a"}])
def test_a_fleet_of_no_nodes_at_all_is_told_of_alike(name: str) -> None:
    """Karpenter may run elsewhere, and make a whole fleet from nothing."""
    objects, cause, *_ = SITUATIONS[name]
    found = explain(case_of([each for each in objects if each["kind"] != "Node"]), with_remedies=False)
    assert found.cause == cause, found.summary


HEARD = {
    "a node is on its way to a fleet without GPUs": "autoscaler-scaling-up",
    "the limit is reached": "autoscaler-at-max",
    "a label that no pool gives": "autoscaler-no-group-matches",
    "a taint of nodes to be": "gpu-taint-not-tolerated",
}


@pytest.mark.parametrize("name", HEARD)
def test_a_member_who_sees_her_namespace_alone_is_told_what_karpenter_says_there(name: str) -> None:
    """Not that no node is as large, which is what kube-scheduler says meanwhile."""
    hopeless = "0/1 nodes are available: 1 Insufficient nvidia.com/gpu. preemption: 1 Preemption is not helpful."
    own = [each for each in deepcopy(SITUATIONS[name][0]) if each["metadata"].get("namespace") == "team-a"]
    for each in own:
        if each["kind"] == "Pod":
            said_by_scheduler = {"type": "PodScheduled", "status": "False", "message": hopeless}
            each["status"] = {"phase": "Pending", "conditions": [said_by_scheduler]}
    found = explain(narrow(own), with_remedies=False)
    assert (found.cause, found.confidence) == (HEARD[name], Confidence.LIKELY), found.summary


STALE: dict[str, tuple[list[Raw], str]] = {
    "the limit was raised since": (
        [CPU, CPU_POOL, pool("gpu", ("a100x4",), 16, 8), *FULL[3:], *waiting(gpus=4), said(AT_LIMIT)],
        "autoscaler-at-max",
    ),
    "the cloud said yes since": (
        [*BARE, claim("gpu-b", at=NOW), *waiting(gpus=4), refused("gpu-mnb4g", ICE), said(NO_CPU_POOL, at=AWHILE)],
        "autoscaler-out-of-stock",
    ),
    "the cloud said no half an hour ago": (
        [*BARE, *waiting(gpus=4), refused("gpu-mnb4g", ICE, "2026-11-01T11:30:00Z")],
        "autoscaler-out-of-stock",
    ),
    "somebody wrote in her own namespace that the cloud said no": (
        [*BARE, *waiting(gpus=4), refused("gpu-mnb4g", ICE) | {"metadata": {"name": "e", "namespace": "team-a"}}],
        "autoscaler-out-of-stock",
    ),
    "the cloud said no to another pool": (
        [*BARE, *waiting(gpus=4), refused("gpu-spot-mnb4g", ICE)],
        "autoscaler-out-of-stock",
    ),
    "a machine that was launched never joined": (
        [*FULL, claim("gpu-a", at="2026-11-01T11:20:00Z"), *waiting(gpus=4), meant_for("gpu-a")],
        "autoscaler-scaling-up",
    ),
    "another pod of the subject is refused": (
        [*FULL, claim("gpu-a"), *waiting(pods=2, gpus=4), meant_for("gpu-a"), said(AT_LIMIT, "train-1")],
        "autoscaler-scaling-up",
    ),
    "a pool that is ready may make one": (
        [CPU, GPU_POOL, pool("more", ("a100x4",), ready="False"), *waiting(gpus=4)],
        "autoscaler-pool-not-ready",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", STALE)
def test_what_no_longer_holds_is_not_told(name: str) -> None:
    objects, cause = STALE[name]
    assert explain(case_of(objects), with_remedies=False).cause != cause


def test_the_limit_is_raised_by_whole_nodes_and_every_limit_that_binds() -> None:
    """A pod of one GPU needs a node of four; two pods of four need two nodes; CPU binds as well as GPUs."""
    narrow = pool("gpu", ("a100x4",), 8, 8)
    narrow["spec"]["limits"]["cpu"] = "70"
    narrow["status"]["resources"]["cpu"] = "64"
    fleet = [CPU, CPU_POOL, narrow, *FULL[3:]]
    for pods, gpus, wanted in ((1, 1, {GPU: "12", "cpu": "96"}), (2, 4, {GPU: "16", "cpu": "128"})):
        words = [said(AT_LIMIT, f"train-{number}") for number in range(pods)]
        found = explain(case_of([*fleet, *waiting(pods=pods, gpus=gpus), *words]))
        raised = [each for each in found.remedies if each.kind == "raise-autoscaler-max"]
        assert raised[0].tried.starts is StartsWhen.NOW
        assert raised[0].patch is not None
        assert raised[0].patch.body == {"spec": {"limits": wanted}}
        assert raised[0].command.startswith("kubectl patch nodepool.karpenter.sh/gpu ")


def test_a_toleration_lets_karpenter_make_the_node() -> None:
    found = explain(case_of(SITUATIONS["a taint of nodes to be"][0]))
    assert [(str(each.kind), each.tried.starts) for each in found.remedies] == [("add-toleration", StartsWhen.LATER)]


WORDS = {
    AT_LIMIT: (PoolBar.LIMIT, "gpu", ""),
    "did not tolerate taint (taint=nvidia.com/gpu=present:NoSchedule)": (PoolBar.TAINT, "", ""),
    NO_CPU_POOL: (PoolBar.SIZE, "cpu", ""),
    UNKNOWN_LABEL: (PoolBar.LABEL, "", "workload"),
    "incompatible requirements, key zone, zone In [a] not in zone In [b]": (PoolBar.LABEL, "", "zone"),
    "no instance type which met the scheduling requirements and had enough resources, had a required offering, "
    "requirements=karpenter.sh/nodepool In [gpu], resources={}": (PoolBar.STOCK, "gpu", ""),
    "no instance type which had enough resources and the required offering met the scheduling requirements, "
    "requirements=karpenter.sh/nodepool In [gpu]": (PoolBar.LABEL, "gpu", ""),
    "no instance type which met the scheduling requirements and the required offering had the required resources, "
    "requirements=karpenter.sh/nodepool In [gpu]": (PoolBar.SIZE, "gpu", ""),
    "no instance type met the scheduling requirements or had enough resources or had a required offering, "
    "requirements=karpenter.sh/nodepool In [gpu]": (PoolBar.LABEL, "gpu", ""),
    "nodepool requirements filtered out all available instance types": (PoolBar.STOCK, "", ""),
    # Before 1.5 the pool stood in front.
    'incompatible with nodepool "gpu", daemonset overhead={"pods":"7"}, no instance type satisfied '
    'resources {"cpu":"1"} and requirements app In [x] (no instance type has enough resources)': (
        PoolBar.SIZE,
        "gpu",
        "",
    ),
    "words of tomorrow": None,
}


@pytest.mark.parametrize("text", WORDS)
def test_each_refusal_is_told_apart(text: str) -> None:
    found = [(each.bar, each.pool, each.label) for each in refusals_in(f"{text}; {AT_LIMIT}")]
    wanted = WORDS[text]
    assert found == [*([] if wanted is None else [wanted]), WORDS[AT_LIMIT]]


def test_a_pool_that_gives_the_label_is_offered_in_place_of_the_one_asked_for() -> None:
    tiers = [CPU, pool("gpu", ("a100x4",), 8, labels={"tier": "gold"})]
    asked = waiting(gpus=4, nodeSelector={"tier": "silver"})
    found = explain(case_of([*tiers, *asked], "job/train"))
    assert (found.cause, found.remedies[0].summary) == (
        "autoscaler-no-group-matches", "nodeSelector tier: silver → gold"
    )  # fmt: skip

"""Deployments: what a rollout that waits for itself looks like, and remedies that would begin one."""

from __future__ import annotations

from typing import Any

import pytest

from allotment.diagnose.explaining import explain
from allotment.diagnose.rollouts import RollingPace, held_back
from allotment.model.explanation import CauseVerdict, RemedyKind, StartsWhen
from tests.unit.diagnose.building import EARLIER, GPU, TEAM, Raw, case_of, node, owned_by, pod, pod_spec, running
from tests.unit.diagnose.queues import QUEUE, cluster_queue, condition, platform, quota, thing

READY = {"phase": "Running", "startTime": EARLIER, "conditions": [{"type": "Ready", "status": "True"}]}


def replicas(kind: str, name: str, count: int, owner: Raw | None = None, *, status: Raw, **spec: Any) -> Raw:
    """A Deployment or one of its ReplicaSets."""
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {
            "name": name,
            "namespace": TEAM,
            "uid": f"{kind}-{name}",
            "creationTimestamp": EARLIER,
            "ownerReferences": [owned_by(owner)] if owner is not None else [],
        },
        "spec": {"replicas": count, "template": {"spec": pod_spec(**spec) | {"restartPolicy": "Always"}}},
        "status": status,
    }


def deployment(old: int, new: int, wait: int, *, was: int, now: int, settled: Raw, of_new: bool = True) -> list[Raw]:
    """A Deployment with ready pods of two templates, that ask for `was` and `now` GPUs, and others that wait."""
    top = replicas("Deployment", "web", max(old + new + wait, 1), status=settled, gpus=now)
    top["spec"]["replicas"] = 3
    first = replicas("ReplicaSet", "web-a", old, top, status={"replicas": old}, gpus=was)
    second = replicas("ReplicaSet", "web-b", new + wait, top, status={"replicas": new + wait}, gpus=now)
    waits_of, gpus = (second, now) if of_new else (first, was)
    return [
        top,
        first,
        second,
        *(pod(f"a-{at}", "n", owner=first, gpus=was, status=READY) for at in range(old)),
        *(pod(f"b-{at}", "n", owner=second, gpus=now, status=READY) for at in range(new)),
        *(pod(f"w-{at}", owner=waits_of, gpus=gpus) for at in range(wait)),
    ]


DONE = {"replicas": 3, "readyReplicas": 3, "updatedReplicas": 3}
STUCK = {"replicas": 4, "readyReplicas": 3, "updatedReplicas": 3, "unavailableReplicas": 1}


def test_a_rollout_whose_last_new_pod_waits_is_not_called_done() -> None:
    stuck = explain(case_of([node("n", 6), *deployment(1, 2, 1, was=4, now=1, settled=STUCK)], "deployment/web"))
    assert (stuck.cause, stuck.verdict) == ("rollout-blocks-itself", CauseVerdict.MISCONFIGURED)
    done = explain(case_of([node("n", 6), *deployment(0, 3, 0, was=4, now=1, settled=DONE)], "deployment/web"))
    assert (done.cause, done.summary) == ("none", "all 3 replicas run")
    top, *parts = deployment(0, 1, 0, was=4, now=1, settled={"replicas": 1, "readyReplicas": 1, "updatedReplicas": 1})
    top["spec"]["replicas"] = 1
    assert explain(case_of([node("n", 6), top, *parts], "deployment/web")).summary == "its replica runs"


def test_a_replica_set_whose_pods_are_ready_runs() -> None:
    alone = replicas("ReplicaSet", "web", 2, status={"replicas": 2, "readyReplicas": 2}, gpus=1)
    pods = [pod(f"p-{at}", "n", owner=alone, status=READY) for at in range(2)]
    assert explain(case_of([node("n"), alone, *pods], "replicaset/web")).cause == "none"


def test_a_change_whose_rollout_would_wait_for_the_old_pods_is_offered_with_leave_for_one_to_go() -> None:
    partly = {"replicas": 3, "readyReplicas": 1, "updatedReplicas": 3, "unavailableReplicas": 2}
    objects = [node("n", 6), *deployment(1, 0, 2, was=4, now=4, settled=partly, of_new=False)]
    found = explain(case_of(objects, "deployment/web"))
    assert found.cause == "gpu-all-in-use"
    less = next(each for each in found.remedies if each.kind is RemedyKind.REDUCE_REQUEST)
    assert less.summary == (
        f"ask for less: 4 {GPU} → 1 {GPU}, and let one old pod go first (maxUnavailable 1, maxSurge 0)"
    )
    assert less.tried.starts is StartsWhen.NOW
    assert less.patch is not None
    assert less.patch.body["spec"]["strategy"] == {"rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}


def test_a_change_whose_new_pods_have_room_beside_the_old_needs_no_leave() -> None:
    partly = {"replicas": 3, "readyReplicas": 1, "updatedReplicas": 3, "unavailableReplicas": 2}
    others = running("x", "n", gpus=1)
    objects = [node("n", 8), *others, *deployment(1, 0, 2, was=4, now=4, settled=partly, of_new=False)]
    found = explain(case_of(objects, "deployment/web"))
    less = next(each for each in found.remedies if each.kind is RemedyKind.REDUCE_REQUEST)
    assert less.summary == f"ask for less: 4 {GPU} → 1 {GPU}"
    assert "strategy" not in (less.patch.body["spec"] if less.patch is not None else {"strategy": None})


def team_quota(hard: int) -> Raw:
    bounds = {f"requests.{GPU}": str(hard)}
    meta = {"name": "team", "namespace": TEAM, "uid": "team"}
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": meta, "spec": {"hard": bounds}}


def in_queue(objects: list[Raw]) -> list[Raw]:
    """The same with every pod in the queue `q`: what runs holds its quota."""
    given = {"clusterQueue": "cq", "podSetAssignments": [{"name": "main", "count": 1, "flavors": {GPU: "f"}}]}
    held = {"admission": given, "conditions": [condition("QuotaReserved"), condition("Admitted")]}
    found = []
    for each in filter(lambda each: each["kind"] == "Pod", objects):
        runs = bool(each["spec"].get("nodeName"))
        each["metadata"]["labels"] = {QUEUE: "q"}
        each["spec"]["schedulingGates"] = [] if runs else [{"name": "kueue.x-k8s.io/admission"}]
        sets = [{"name": "main", "count": 1, "template": {"spec": pod_spec()}}]
        meta = {"creationTimestamp": EARLIER, "ownerReferences": [owned_by(each)]}
        status = held if runs else {}
        named = f"pod-{each['metadata']['name']}"
        found.append(thing("Workload", named, TEAM, queueName="q", podSets=sets, metadata=meta, status=status))
    objects[0]["metadata"]["labels"] = {QUEUE: "q"}
    return [*objects, *found, *platform(cluster_queue("cq", quota("f", 3)))]


APART = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
    {"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": "kubernetes.io/hostname"}
]}}  # fmt: skip


def apart() -> list[Raw]:
    """One replica that keeps away from its like, and its successor."""
    top, first, second, old, new = deployment(1, 0, 1, was=1, now=1, settled=STUCK)
    top["spec"]["replicas"] = 1
    second["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "2"}
    for each in (old, new, *(one["spec"]["template"] for one in (top, first, second))):
        each.setdefault("metadata", {})["labels"] = {"app": "web"}
        each["spec"]["affinity"] = APART
    return [top, first, second, old, new]


def between(old: int, new: int, wait: int) -> list[Raw]:
    """Old pods ask for two GPUs, new ones for one."""
    return deployment(old, new, wait, was=2, now=1, settled=STUCK)


HELD: dict[str, tuple[list[Raw], str]] = {
    "quota of the namespace": ([node("n"), *between(2, 1, 0), team_quota(5)], f"team has no requests.{GPU}"),
    "quota of its queue": ([node("n"), *in_queue(between(3, 0, 1))], "the ClusterQueue cq has no quota"),
    "a node to itself": ([node("n"), *apart()], "no node has room"),
}  # fmt: skip


@pytest.mark.parametrize(("objects", "lacks"), HELD.values(), ids=HELD)
def test_whatever_the_old_pods_hold_is_told_as_theirs(objects: list[Raw], lacks: str) -> None:
    found = explain(case_of(objects, "deployment/web"))
    assert (found.cause, found.verdict) == ("rollout-blocks-itself", CauseVerdict.MISCONFIGURED)
    assert f"{lacks} for one more" in found.summary
    first = found.remedies[0]
    assert first.tried.starts is StartsWhen.NOW
    assert first.patch is not None
    assert first.patch.body == {"spec": {"strategy": {"rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}}}}


def test_a_change_is_tried_with_what_the_old_pods_use_of_a_quota() -> None:
    """Two of three run with two GPUs each; with one GPU each a new one fits beside them, and no second."""
    top, first, _, *pods = deployment(2, 0, 0, was=2, now=2, settled=STUCK)
    found = explain(case_of([node("n"), top, first, *pods, team_quota(5)], "deployment/web"))
    assert (found.cause, found.verdict) == ("resourcequota-exceeded", CauseVerdict.MISCONFIGURED)
    less = next(each for each in found.remedies if each.kind is RemedyKind.REDUCE_REQUEST)
    assert less.summary == f"ask for 1 {GPU} each, and let one old pod go first (maxUnavailable 1, maxSurge 0)"


PACES: dict[str, tuple[RollingPace, int, int, int, int]] = {
    "room for one more": (RollingPace(3, 1, 0, 1), 3, 4, 1, 0),
    "room for none more": (RollingPace(3, 1, 0, 1), 3, 3, 1, 3),
    "one may be away": (RollingPace(3, 0, 1, 0), 3, 3, 1, 0),
    "an old one is twice as large": (RollingPace(3, 1, 0, 1), 1, 4, 2, 1),
    "all old ones may be away": (RollingPace(4, 0, 4, 0), 4, 4, 1, 0),
    "new ones never fit": (RollingPace(2, 1, 1, 1), 2, 1, 1, 1),
}


@pytest.mark.parametrize(("pace", "old", "room", "size", "stay"), PACES.values(), ids=PACES)
def test_how_far_a_rollout_comes(pace: RollingPace, old: int, room: int, size: int, stay: int) -> None:
    """`room` is for pods of size one; old ones are of `size`."""
    names = [f"old-{at}" for at in range(old)]
    assert len(held_back(pace, names, lambda most, gone: max(0, min(most, room - size * (old - len(gone)))))) == stay

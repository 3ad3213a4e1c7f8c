"""What an emptied fleet refuses too never starts; what only waits for others may."""

from __future__ import annotations

import pytest

from allotment.diagnose.explaining import explain
from allotment.model.explanation import CauseVerdict, PatchOp, RemedyKind
from allotment.operations.ask.explaining import why_all
from tests.unit.diagnose.building import Raw, case_of, node, pod, pod_spec, running, waiting
from tests.unit.diagnose.queues import cluster_queue, holding, platform, queued, quota, reserved, thing

NODES = [
    {**each, "metadata": {**each["metadata"], "labels": {"pool": pool}}}
    for each, pool in ((node("a", 8), "a"), (node("b", 4), "b"))
]
FLAVORS = {name: {"nodeLabels": {"pool": name}} for name in ("a", "b")}
TWO = platform(cluster_queue("cq", quota("b", 16), quota("a", 8)), flavors=FLAVORS)
OF_A = platform(cluster_queue("cq", quota("a", 64)), flavors=FLAVORS)
FULL = [*NODES, *TWO, *holding("other", "cq", flavor="a", gpus=8), *holding("more", "cq", flavor="b", gpus=16)]
BUSY = [node("a", 8), *running("other", "a", gpus=8)]
_REPLICATED = {"name": "a", "replicas": 1, "template": {"spec": {"parallelism": 3, "template": {"spec": pod_spec(4)}}}}
JOB_SET = {
    "apiVersion": "jobset.x-k8s.io/v1alpha2",
    "kind": "JobSet",
    "metadata": {"name": "train", "namespace": "team-a", "uid": "train"},
    "spec": {"replicatedJobs": [_REPLICATED]},
}
GANG = [JOB_SET, *(pod(f"train-{at}", owner=JOB_SET, gpus=4) for at in range(3))]
TAINTED = node("t", 8, taints=("dedicated=x:NoSchedule",))
TO_OTHERS = {
    "affinity": {
        "podAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [
                {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "cache"}}}
            ]
        }
    }
}

TABLE: dict[str, tuple[list[Raw], bool]] = {
    "waits for nodes": ([*BUSY, *waiting(gpus=8)], False),
    "larger than any node": ([*BUSY, *waiting(gpus=9)], True),
    "its pods fit one by one and not together": ([*BUSY, *GANG], True),
    "its pods fit in the quota and not together on the nodes": (
        [*NODES[:1], *OF_A, *holding("other", "cq", flavor="a", gpus=64), *queued(pods=3, gpus=4)],
        True,
    ),
    "an autoscaler was asked for machines": (
        [
            *BUSY,
            {**thing("ProvisioningRequest", "p", "team-a"), "apiVersion": "autoscaling.x-k8s.io/v1"},
            *waiting(pods=3, gpus=4),
        ],
        False,
    ),
    "a taint": ([TAINTED, *waiting(gpus=1)], True),
    "a cordoned node is opened some day": ([node("a", 8, unschedulable=True), *waiting(gpus=1)], False),
    "goes where others are": ([*BUSY, *waiting(gpus=8, **TO_OTHERS)], False),
    "waits for quota": ([*FULL, *queued(gpus=4)], False),
    "asks for more than the quota": ([*FULL, *queued(gpus=17)], True),
    "Kueue puts it where no node holds it": ([*FULL, *queued(gpus=5)], True),
    "a selector leads it to where one does": ([*FULL, *queued(gpus=5, nodeSelector={"pool": "a"})], False),
    "an autoscaler may bring nodes": (
        [*BUSY, thing("NodePool", "x") | {"apiVersion": "karpenter.sh/v1"}, *waiting(gpus=9)],
        False,
    ),
}


@pytest.mark.parametrize(("objects", "never"), TABLE.values(), ids=TABLE)
def test_never_is_what_an_emptied_fleet_refuses(objects: list[Raw], never: bool) -> None:
    found = explain(case_of(objects, "jobset/train" if JOB_SET in objects else "job/train"))
    assert found.cause not in {"none", "unknown"}
    assert (found.start is not None and found.start.never) is never
    # One verdict: what never starts does not wait.
    assert not never or found.verdict is CauseVerdict.MISCONFIGURED
    assert not never or not any(each.patch is not None and each.patch.op is PatchOp.WAIT for each in found.remedies)


@pytest.mark.parametrize("objects", [objects for objects, _ in TABLE.values()], ids=TABLE)
def test_a_list_and_a_cause_alone_say_the_same_as_a_whole_answer(objects: list[Raw]) -> None:
    subject = "jobset/train" if JOB_SET in objects else "job/train"
    whole, alone = (explain(case_of(objects, subject), with_remedies=each) for each in (True, False))
    listed = why_all(case_of(objects, subject).snapshot, "team-a").waiting
    (same,) = (each.explanation for each in listed if each.subject == whole.subject)
    assert [(each.cause, each.verdict) for each in (alone, same)] == [(whole.cause, whole.verdict)] * 2


AGENT = {
    "apiVersion": "apps/v1",
    "kind": "DaemonSet",
    "metadata": {"name": "agent", "namespace": "system", "uid": "agent"},
    "spec": {"template": {"spec": {"containers": [{"name": "main"}]}}},
}
IN_USE = [NODES[0], *OF_A, *holding("other", "cq", flavor="a", gpus=64)]
BEYOND: dict[str, tuple[list[Raw], str]] = {
    "more than a node has": ([*IN_USE, *queued(gpus=16)], "insufficient-gpu"),
    "as much as a node has": ([*IN_USE, *queued(gpus=8)], "quota-nominal"),
    "a pod of every node holds one": (
        [*IN_USE, AGENT, pod("agent-a", "a", owner=AGENT, namespace="system"), *queued(gpus=8)],
        "insufficient-gpu",
    ),
    "less than what is left beside it": (
        [*IN_USE, AGENT, pod("agent-a", "a", owner=AGENT, namespace="system"), *queued(gpus=7)],
        "quota-nominal",
    ),
    "another flavor would do some day": ([*FULL, *queued(gpus=5)], "quota-nominal"),
    "no flavor would": ([*FULL, *queued(gpus=4, cpu="33")], "request-above-every-node"),
    "without a queue": (
        [node("a", 8), AGENT, pod("agent-a", "a", owner=AGENT, namespace="system"), *waiting(gpus=8)],
        "insufficient-gpu",
    ),
}


@pytest.mark.parametrize(("objects", "cause"), BEYOND.values(), ids=BEYOND)
def test_what_no_node_can_ever_hold_is_the_cause_of_queued_work_too(objects: list[Raw], cause: str) -> None:
    found = explain(case_of(objects))
    assert found.cause == cause
    if cause != "quota-nominal":
        assert found.start is not None
        assert found.start.never
        assert all(remedy.kind is not RemedyKind.WAIT_FOR_QUOTA for remedy in found.remedies)


def test_a_gang_that_fits_only_pod_by_pod_is_told_so_in_one_verdict() -> None:
    queued_gang = [*NODES[:1], *OF_A, *holding("other", "cq", flavor="a", gpus=64), *queued(pods=3, gpus=4)]
    for objects, subject in ((queued_gang, "job/train"), ([*BUSY, *GANG], "jobset/train")):
        found = explain(case_of(objects, subject))
        assert (found.cause, found.verdict) == ("gang-partially-placed", CauseVerdict.MISCONFIGURED)
        assert found.summary.endswith("and would not be if nothing else ran there")
        assert found.start is not None
        assert found.start.never
        assert found.cause not in {each.cause for each in found.contributing}


def test_replicas_that_do_not_all_fit_together_keep_their_cause_and_do_not_wait() -> None:
    above = {
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "spec": {"replicas": 3, "template": {"spec": pod_spec(4)}},
        "metadata": {"name": "web", "namespace": "team-a", "uid": "web"}, "status": {"replicas": 3, "readyReplicas": 2},
    }  # fmt: skip
    pods = [pod(f"web-{at}", "a" if at < 2 else "", owner=above, gpus=4) for at in range(3)]
    found = explain(case_of([node("a", 8), above, *pods], "replicaset/web"))
    assert (found.cause, found.verdict) == ("gpu-all-in-use", CauseVerdict.MISCONFIGURED)
    assert found.summary.endswith(
        "; even with nobody else there its 3 pods do not find room together on the nodes that it would get"
    )
    assert found.start is not None
    assert found.start.never
    assert [each.cause for each in found.contributing].count("gpu-all-in-use") == 0


AMD = "amd.com/gpu"
TWO_GROUPS = thing(
    "ClusterQueue",
    "cq",
    namespaceSelector={},
    resourceGroups=[
        {
            "coveredResources": ["cpu", "memory"],
            "flavors": [
                {"name": "a", "resources": [{"name": each, "nominalQuota": "99Gi"} for each in ("cpu", "memory")]}
            ],
        },
        {"coveredResources": [AMD], "flavors": [{"name": "b", "resources": [{"name": AMD, "nominalQuota": "8"}]}]},
    ],
)


@pytest.mark.parametrize("has_them", ["a", "b"])
def test_of_two_flavors_that_want_one_label_either_may_win(has_them: str) -> None:
    nodes = [
        node(each, None, labels={"pool": each}, amounts={AMD: "8"} if each == has_them else {}) for each in ("a", "b")
    ]
    holder = queued("other", gpus=0, asks={AMD: "8"}, status=reserved(flavors={"cpu": "a", "memory": "a", AMD: "b"}))
    found = explain(
        case_of([*nodes, *platform(TWO_GROUPS, flavors=FLAVORS), *holder, *queued(gpus=0, asks={AMD: "4"})])
    )
    assert found.verdict is CauseVerdict.WAITING
    assert found.start is None

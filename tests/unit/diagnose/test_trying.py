"""A remedy is tried to its end: what is left is asked whether it ever starts, where, and with all its pods."""

from __future__ import annotations

from typing import Any

import pytest

from allotment.diagnose.explaining import explain
from allotment.model.explanation import CauseVerdict, Doer, RemedyKind, StartsWhen
from tests.unit.diagnose.building import GPU, TEAM, Raw, case_of, node, pod, running, waiting
from tests.unit.diagnose.queues import cluster_queue, holding, platform, queued, quota, reserved, thing

MIG = "nvidia.com/mig-1g.10gb"
FLAVOR = {"f": {"nodeLabels": {"pool": "f"}}}
APART = {
    "affinity": {
        "podAntiAffinity": {
            "requiredDuringSchedulingIgnoredDuringExecution": [
                {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "web"}}}
            ]
        }
    }
}


def of_flavor(name: str, gpus: int = 8, **further: Any) -> Raw:
    """A node of the flavor."""
    return node(name, gpus, labels={"pool": "f"}, **further)


def of_queue(*queues: Raw) -> list[Raw]:
    """A platform of the one flavor."""
    return platform(*(queues or (cluster_queue("cq", quota("f", 4)),)), flavors=FLAVOR)


def promised(quota: int, devices: int) -> str:
    return f" (flavor f is promised {quota} of {devices} then: allot books)"


RAISED: dict[str, tuple[list[Raw], list[Raw], tuple[RemedyKind, str]]] = {
    "no further than is needed where that is there": (
        [of_flavor("n"), of_flavor("b")],
        queued(gpus=6),
        (RemedyKind.RAISE_QUOTA, f"raise the nominal quota of the ClusterQueue cq in flavor f: {GPU} 4 → 10"),
    ),
    "as far as lets it start some day where no more is there": (
        [of_flavor("n")],
        queued(gpus=6),
        (RemedyKind.RAISE_QUOTA, f"raise the nominal quota of the ClusterQueue cq in flavor f: {GPU} 4 → 6"),
    ),
    "as far as it starts on nodes that are there, whatever else is promised of them": (
        [of_flavor("n"), *platform(cluster_queue("idle", quota("f", 40)), flavors={})],
        queued(gpus=4),
        (
            RemedyKind.RAISE_QUOTA,
            f"raise the nominal quota of the ClusterQueue cq in flavor f: {GPU} 4 → 8{promised(48, 8)}",
        ),
    ),
    "with nodes for what it lacks itself, whatever else is promised of them": (
        [of_flavor("n"), of_flavor("b", ready="False"), *platform(cluster_queue("idle", quota("f", 40)), flavors={})],
        queued(pods=2, gpus=8),
        (
            RemedyKind.ADD_NODE,
            f"add one node like n, and raise the nominal quota of the ClusterQueue cq in flavor f: {GPU} 4 → 16"
            + promised(56, 16),
        ),
    ),
    "with more nodes where not even that is there": (
        [of_flavor("n"), of_flavor("b", ready="False")],
        queued(pods=2, gpus=8),
        (
            RemedyKind.ADD_NODE,
            f"add one node like n, and raise the nominal quota of the ClusterQueue cq in flavor f: {GPU} 4 → 16",
        ),
    ),
    "whoever is before it": (
        [of_flavor("n"), of_flavor("b")],
        [*queued("first", gpus=4, at="2026-11-01T10:00:00Z"), *queued(pods=4, gpus=8)],
        (
            RemedyKind.ADD_NODE,
            f"add 2 nodes like n, and raise the nominal quota of the ClusterQueue cq in flavor f: {GPU} 4 → 32",
        ),
    ),
}


@pytest.mark.parametrize(("nodes", "work", "said"), RAISED.values(), ids=RAISED)
def test_quota_is_raised_no_further_than_the_hardware(
    nodes: list[Raw], work: list[Raw], said: tuple[RemedyKind, str]
) -> None:
    found = explain(case_of([*nodes, *of_queue(), *holding("other", "cq", flavor="f", gpus=4), *work]))
    raised = [each for each in found.remedies if each.kind in {RemedyKind.RAISE_QUOTA, RemedyKind.ADD_NODE}]
    assert [(each.kind, each.summary) for each in raised] == [said]
    assert all(each.tried.starts in {StartsWhen.NOW, StartsWhen.LATER} for each in raised)


def test_work_that_finds_no_nodes_even_alone_does_not_start_later() -> None:
    """CPU is no device: its quota is raised, and of its pods not all find room on the nodes, whoever is before it."""
    nodes, queue = [of_flavor("n")], cluster_queue("cq", quota("f", 8, cpu="16"))
    busy = [*nodes, *of_queue(queue), *holding("other", "cq", flavor="f", gpus=0, cpu="16")]
    for before in ([], queued("first", gpus=0, cpu="16", at="2026-11-01T10:00:00Z")):
        found = explain(case_of([*busy, *before, *queued(pods=4, gpus=0, cpu="10")]))
        told = [(each.kind, each.tried.starts, each.summary) for each in found.remedies]
        assert found.verdict is CauseVerdict.MISCONFIGURED
        assert told == [(RemedyKind.REDUCE_REQUEST, StartsWhen.LATER, "ask for less for each pod: 10 → 4 cpu")]


def test_quota_of_a_device_is_not_given_where_no_node_of_the_flavor_has_it() -> None:
    elsewhere = node("m", None, amounts={MIG: "7"})
    found = explain(case_of([of_flavor("a"), elsewhere, *of_queue(), *queued(gpus=0, asks={MIG: "1"})]))
    assert found.cause == "resource-not-covered"
    assert all(each.kind is not RemedyKind.RAISE_QUOTA or each.tried.starts is StartsWhen.NO for each in found.remedies)


def test_a_device_that_no_node_of_the_flavor_has_is_the_cause_once_there_is_quota() -> None:
    elsewhere = node("m", None, amounts={MIG: "7"})
    status = reserved(flavors={"cpu": "f", "memory": "f", MIG: "f"})
    found = explain(case_of([of_flavor("a"), elsewhere, *of_queue(), *queued(gpus=0, asks={MIG: "1"}, status=status)]))
    assert (found.cause, found.verdict) == ("insufficient-gpu", CauseVerdict.MISCONFIGURED)
    assert found.summary.endswith("no node that it may use, such as a, has any")


def test_as_many_nodes_are_added_as_pods_that_keep_apart_need() -> None:
    above = {
        "apiVersion": "apps/v1", "kind": "ReplicaSet", "spec": {"replicas": 3},
        "metadata": {"name": "web", "namespace": "team-a", "uid": "web"}, "status": {"replicas": 3},
    }  # fmt: skip
    pods = waiting("web", 3, labels={"app": "web"}, **APART)[1:]
    for each in pods:
        each["metadata"]["ownerReferences"][0] |= {"kind": "ReplicaSet", "apiVersion": "apps/v1", "uid": "web"}
    above["spec"]["template"] = {"metadata": {"labels": {"app": "web"}}, "spec": pods[0]["spec"]}
    found = explain(case_of([node("a"), *running("other", "a", gpus=8), above, *pods], "replicaset/web"))
    (added,) = (each for each in found.remedies if each.kind is RemedyKind.ADD_NODE)
    assert added.summary == "add 3 nodes like a"
    assert added.tried.starts is StartsWhen.NOW


def test_another_queue_of_the_same_quota_helps_where_only_its_own_is_held() -> None:
    held = thing("LocalQueue", "held", "team-a", clusterQueue="cq", stopPolicy="Hold")
    found = explain(case_of([of_flavor("a"), *of_queue(), held, *queued(gpus=1, queue="held")]))
    assert (found.cause, found.remedies[0].summary) == ("localqueue-held", "set the queue label to q")
    assert found.remedies[0].tried.starts is StartsWhen.NOW


def test_what_is_optional_is_dropped_where_it_leads_to_what_never_starts() -> None:
    """A queue without GPUs is no way out of one that is held."""
    plain = cluster_queue("cpus", quota("f", 0))
    (group,) = plain["spec"]["resourceGroups"]
    group["coveredResources"].remove(GPU)
    group["flavors"][0]["resources"].pop()
    own = cluster_queue("cq", quota("f", 8), stopPolicy="Hold")
    other = thing("LocalQueue", "cpu", "team-a", clusterQueue="cpus")
    found = explain(case_of([of_flavor("a"), *of_queue(own, plain), other, *queued(gpus=1)]))
    assert found.cause == "queue-held"
    assert RemedyKind.FIX_QUEUE_NAME not in {each.kind for each in found.remedies}


def in_vain(name: str, gpus: int) -> list[Raw]:
    """A Job that holds quota, and whose pod no node takes: it asks for a label that no node has."""
    objects = holding(name, "cq", flavor="f", gpus=gpus, ran=False, nodeSelector={"disk": "none"})
    return [*objects, pod(f"{name}-0", owner=objects[0], gpus=gpus, nodeSelector={"disk": "none", "pool": "f"})]


def test_who_holds_quota_in_vain_is_the_cause_where_that_quota_would_do() -> None:
    found = explain(case_of([of_flavor("a"), *of_queue(), *in_vain("stuck", 4), *queued(gpus=2)]))
    assert (found.cause, found.verdict) == ("ghost-reservation", CauseVerdict.MISCONFIGURED)
    first = found.remedies[0]
    assert (first.who, first.tried.starts) == (Doer.TEAM_OWNER, StartsWhen.NOW)
    assert first.command == "kubectl delete job.batch/stuck -n team-a"
    assert RemedyKind.WAIT_FOR_QUOTA not in {each.kind for each in found.remedies}


def test_who_never_runs_is_not_waited_for() -> None:
    running = holding("busy", "cq", flavor="f", gpus=2)
    found = explain(case_of([of_flavor("n"), *of_queue(), *in_vain("stuck", 2), *running, *queued(gpus=4)]))
    assert (found.cause, found.verdict) == ("quota-nominal", CauseVerdict.WAITING)
    first = found.remedies[0]
    assert first.summary.startswith("delete stuck: it holds quota and can never run")
    assert f"; and wait until busy ends (2 {GPU})" in first.summary
    assert (first.tried.starts, first.command) == (StartsWhen.LATER, "kubectl delete job.batch/stuck -n team-a")


def test_quota_of_a_device_is_given_to_the_flavor_that_has_it() -> None:
    both = [of_flavor("a"), node("m", None, labels={"pool": "m"}, amounts={MIG: "7"})]
    flavors = {**FLAVOR, "m": {"nodeLabels": {"pool": "m"}}}
    queue = platform(cluster_queue("cq", quota("f", 4), quota("m", 0)), flavors=flavors)
    first = explain(case_of([*both, *queue, *queued(gpus=0, asks={MIG: "1"})])).remedies[-1]
    assert first.summary == f"give the ClusterQueue cq quota of 1 {MIG} in flavor m"
    assert first.tried.starts is StartsWhen.NOW
    values = [each["value"] for each in first.patch.body if "flavors" in each["path"]] if first.patch else []
    assert values == [{"name": MIG, "nominalQuota": "0"}, {"name": MIG, "nominalQuota": "1"}]


@pytest.mark.parametrize(("gpus", "starts"), [(4, StartsWhen.NOW), (5, None)])
def test_work_whose_class_is_made_is_queued_then(gpus: int, starts: StartsWhen | None) -> None:
    """Kueue makes no Workload that names a class which is not there: it is not free to run once the class is."""
    (above, _) = queued(gpus=gpus, labels={"kueue.x-k8s.io/priority-class": "super"})
    found = explain(case_of([of_flavor("a"), *of_queue(), above]))
    made = [each for each in found.remedies if each.summary.startswith("create the WorkloadPriorityClass super")]
    assert [each.tried.starts for each in made] == ([] if starts is None else [starts])


def test_what_can_never_be_admitted_is_not_held_up_by_who_is_before_it() -> None:
    queue = cluster_queue("cq", quota("f", 4), queueingStrategy="StrictFIFO")
    head = queued("head", gpus=8, at="2026-11-01T10:00:00Z")
    asks = {"gpus": 0, "asks": {MIG: "1"}}
    found = explain(
        case_of([of_flavor("a"), node("m", None, amounts={MIG: "7"}), *of_queue(queue), *head, *queued(**asks)])
    )
    assert found.cause == "resource-not-covered"
    small = explain(case_of([of_flavor("a"), *of_queue(queue), *head, *queued(gpus=2)]))
    assert small.cause == "strict-fifo-head-blocks"


def test_what_kueue_s_twin_refuses_for_want_of_nodes_in_a_topology_does_not_start_then() -> None:
    """Its quota would do, and fewer pods; no rule is about what a topology has no room for beside other pods."""
    levels = thing("Topology", "t", levels=[{"nodeLabel": "kubernetes.io/hostname"}])
    queue = cluster_queue("cq", quota("f", 4))
    flavors = {"f": {"topologyName": "t", "nodeLabels": {"pool": "f"}}}
    work = queued(pods=8)
    work[0]["metadata"]["annotations"] = {"kueue.x-k8s.io/job-min-parallelism": "6"}
    work[1]["spec"]["podSets"][0]["minCount"] = 6
    found = explain(case_of([levels, of_flavor("n"), *platform(queue, flavors=flavors), *running("x", "n", 4), *work]))
    (raised,) = (each for each in found.remedies if each.kind is RemedyKind.RAISE_QUOTA)
    assert raised.tried.starts is StartsWhen.LATER
    assert "its pods wait for nodes then" in raised.summary


@pytest.mark.parametrize("at", [0, 5])
def test_whom_a_higher_class_turns_out_is_named_and_makes_room_on_the_nodes(at: int) -> None:
    """Their pods are there as long as nobody has taken the class; behind it stands what ends nobody's work."""
    high = {"apiVersion": "kueue.x-k8s.io/v1beta2", "kind": "WorkloadPriorityClass", "metadata": {"name": "high"}}
    queue = cluster_queue("cq", quota("f", 16), preemption={"withinClusterQueue": "LowerPriority"})
    there = [of_flavor("a"), of_flavor("b"), *of_queue(queue), {**high, "value": 100}]
    held = [each for name in ("ha", "hb") for each in holding(name, "cq", gpus=8, priority=at, ran=False)]
    pods = [each for name, on in (("ha", "a"), ("hb", "b")) for each in running(name, on, gpus=8, namespace=TEAM)[1:]]
    for each, (above, _) in zip(pods, (held[:2], held[2:]), strict=True):
        each["metadata"]["ownerReferences"][0] |= {"uid": above["metadata"]["uid"], "name": above["metadata"]["name"]}
    found = explain(case_of([*there, *held, *pods, *queued(gpus=8, priority=at)]))
    (raised,) = (each for each in found.remedies if each.kind is RemedyKind.RAISE_PRIORITY)
    assert (raised.tried.starts, raised.tried.displaces) == (StartsWhen.NOW, ("ha",))
    assert found.remedies[-1] is raised, "who can do it comes after what it costs"


def test_whom_it_turns_out_is_named_where_it_does_not_start_at_once_either() -> None:
    high = {"apiVersion": "kueue.x-k8s.io/v1beta2", "kind": "WorkloadPriorityClass", "metadata": {"name": "high"}}
    queue = cluster_queue("cq", quota("f", 8), preemption={"withinClusterQueue": "LowerPriority"})
    there = [of_flavor("a"), *running("plain", "a", gpus=8), *of_queue(queue), {**high, "value": 100}]
    found = explain(case_of([*there, *holding("ha", "cq", gpus=8), *queued(gpus=8)]))
    (raised,) = (each for each in found.remedies if each.kind is RemedyKind.RAISE_PRIORITY)
    assert (raised.tried.starts, raised.tried.displaces) == (StartsWhen.LATER, ("ha",))

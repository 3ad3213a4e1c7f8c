"""Who holds devices: a table of holders, with what each is said to be."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from allotment.accounting.capacity import PER_DEVICE
from allotment.accounting.holdings import DeviceHold, HoldMark, device_holds, job_holds
from allotment.accounting.ledger import CauseOfTime
from allotment.accounting.moment import CountingRules, portions
from allotment.cli.commands.ask.who_view import who_text
from allotment.model.observed.base import Condition, ObjectMeta, OwnerReference, Reference, Selector
from allotment.model.observed.index import Index
from allotment.model.observed.namespaced import (
    AdmissionBinding,
    AdmissionBindingSpec,
    AdmissionPolicy,
    MatchResources,
)
from allotment.model.observed.nodes import (
    AllocatedDevice,
    AllocatedDevices,
    Allocation,
    Device,
    DeviceClass,
    DeviceClassSpec,
    ResourceClaim,
    ResourceClaimStatus,
    ResourceSlice,
    ResourceSliceSpec,
    SlicePool,
)
from allotment.model.observed.pods import ContainerState, ContainerStatus, Pod, Terminated
from allotment.model.observed.queueing import AdmissionOf, ClusterQueue, LocalQueue, PodSetAssigned, Workload
from allotment.model.observed.snapshot import DeviceUse, Gap
from allotment.model.observed.work import DaemonSet, Job, JobSpec, JobStatus
from allotment.observe.kinds import BY_KIND
from allotment.observe.reading import read_object
from allotment.operations.ask.devices import who_holds
from tests.unit.accounting.scenes import GPU, at, by_cause, moment_of, node, pod, workload

NOW = 1_800_000_000_000
HOUR = 3_600_000
JOB = ("Job", "train")
QUEUES: dict[str, Any] = {"cluster_queues": (ClusterQueue(metadata=ObjectMeta(name="cq")),)}


def job(*, ended: str = "", limit: int | None = None, by: str = "") -> Job:
    conditions = (Condition(type=ended, status="True"),) if ended else ()
    marks = {"allotment.dev/submitted-by": by} if by else {}
    return Job(
        metadata=ObjectMeta(name="train", namespace="team", uid="train", annotations=marks),
        spec=JobSpec(active_deadline_seconds=limit),
        status=JobStatus(start_time=at(NOW - HOUR), conditions=conditions),
    )


def signing(*actions: str, selector: Selector | None = None) -> dict[str, Any]:
    """The policy that keeps the submitter's mark true, and its binding."""
    name = "submitter-kept.allotment.dev"
    spec = AdmissionBindingSpec(
        policy_name=name,
        validation_actions=actions or ("Deny",),
        match_resources=MatchResources(namespace_selector=selector or Selector()),
    )
    return {
        "admission_policies": (AdmissionPolicy(metadata=ObjectMeta(name=name)),),
        "admission_bindings": (AdmissionBinding(metadata=ObjectMeta(name=name), spec=spec),),
    }


def holds(*pods: Pod, on: str = "n1", use: tuple[DeviceUse, ...] = (), **objects: Any) -> tuple[DeviceHold, ...]:
    nodes = [node("n1", {GPU: "8"}, labels={"nvidia.com/gpu.product": "A100"})]
    return device_holds(Index(moment_of(NOW, nodes=nodes, pods=pods, use=use, **objects).sources[0]), NOW)


def replaced(name: str, of_job: str) -> Workload:
    """An earlier slice of an elastic job."""
    found = workload(name, "gpu", 2, admitted=True, job=of_job)
    over = Condition(type="Finished", status="True", reason="WorkloadSliceReplaced")
    return msgspec.structs.replace(
        found, status=msgspec.structs.replace(found.status, conditions=(*found.status.conditions, over))
    )


HELD = ("QuotaReserved", "Admitted")
MISSPELT = {"accumulatedPastExexcutionTimeSeconds": 5400}
"""As `v1beta1` has it."""


def ended(name: str) -> ContainerStatus:
    return ContainerStatus(name=name, state=ContainerState(terminated=Terminated(exit_code=0)))


MARKED: dict[str, tuple[Pod, dict[str, Any], set[HoldMark]]] = {
    "in a queue": (
        pod("p", "n1", {GPU: "4"}, owner=JOB),
        {"jobs": (job(),), "workloads": (workload("w", "gpu", 4, admitted=True, job="train"),), **QUEUES},
        set(),
    ),
    "more than its job was let in for": (
        pod("p", "n1", {GPU: "6"}, owner=JOB),
        {"jobs": (job(),), "workloads": (workload("w", "gpu", 4, admitted=True, job="train"),), **QUEUES},
        {HoldMark.OUTSIDE_QUEUE},
    ),
    "its job waits": (
        pod("p", "n1", {GPU: "4"}, owner=JOB),
        {"jobs": (job(),), "workloads": (workload("w", "gpu", 4, admitted=False, job="train"),), **QUEUES},
        {HoldMark.OUTSIDE_QUEUE},
    ),
    "outside any queue": (
        pod("p", "n1", {GPU: "4"}, owner=JOB),
        {"jobs": (job(),), **QUEUES},
        {HoldMark.OUTSIDE_QUEUE},
    ),
    "outside of queues whose ClusterQueues may not be read": (
        pod("p", "n1", {GPU: "4"}, owner=JOB),
        {"jobs": (job(),), "local_queues": (LocalQueue(metadata=ObjectMeta(name="main", namespace="team")),)},
        {HoldMark.OUTSIDE_QUEUE},
    ),
    "whether in a queue or not was not seen": (
        pod("p", "n1", {GPU: "4"}, owner=JOB),
        {"jobs": (job(),), "gaps": (Gap(what="workloads", reason="forbidden"),), **QUEUES},
        set(),
    ),
    "without Kueue nothing is outside": (pod("p", "n1", {GPU: "4"}, owner=JOB), {"jobs": (job(),)}, set()),
    "a DaemonSet": (
        pod("p", "n1", {GPU: "1"}, owner=("DaemonSet", "agent")),
        {"daemon_sets": (DaemonSet(metadata=ObjectMeta(name="agent", namespace="team", uid="agent")),), **QUEUES},
        {HoldMark.DAEMON_SET},
    ),
    "a job that is over still holds": (
        pod("p", "n1", {GPU: "4"}, owner=JOB),
        {"jobs": (job(ended="Complete"),)},
        {HoldMark.JOB_OVER},
    ),
    "a job that was scaled up: what stood for its earlier size is finished": (
        pod("p", "n1", {GPU: "4"}, owner=JOB),
        {
            "jobs": (job(),),
            "workloads": (workload("a", "gpu", 4, admitted=True, job="train"), replaced("b", "train")),
            **QUEUES,
        },
        set(),
    ),
    "its processes have ended": (pod("p", "n1", {GPU: "4"}, statuses=(ended("main"),)), {}, {HoldMark.PROCESS_GONE}),
    "its node is gone": (pod("p", "gone", {GPU: "4"}), {}, {HoldMark.NODE_GONE}),
}


@pytest.mark.parametrize(("held", "objects", "marks"), MARKED.values(), ids=MARKED.keys())
def test_marks(held: Pod, objects: dict[str, Any], marks: set[HoldMark]) -> None:
    (found,) = holds(held, **objects)
    assert found.marks == marks
    assert found.parts == found.units * PER_DEVICE


def test_of_pods_that_name_an_admitted_owner_only_as_many_are_counted_in_its_queue_as_were_let_in() -> None:
    """Whoever makes a pod names its owner; the one that is being deleted has been replaced."""
    pods = [pod(name, "n1", {GPU: "2"}, owner=JOB) for name in ("a", "b", "leaving", "thief")]
    pods[2] = msgspec.structs.replace(
        pods[2], metadata=msgspec.structs.replace(pods[2].metadata, deletion_timestamp=at(NOW))
    )
    admitted = workload("w", "gpu", 4, admitted=True, job="train")
    found = holds(*pods, jobs=(job(),), workloads=(admitted,), **QUEUES)
    assert {each.pod: each.owner.queue for each in found} == {
        "team/a": "cq", "team/b": "cq", "team/leaving": "cq", "team/thief": "",
    }  # fmt: skip


def test_a_pod_of_a_kind_that_may_not_be_read_is_counted_in_the_workload_of_the_same_owner() -> None:
    admitted = workload("w", "gpu", 4, admitted=True, job="train")
    (found,) = holds(pod("p", "n1", {GPU: "2"}, owner=JOB), workloads=(admitted,), **QUEUES)
    assert (found.owner.queue, found.marks) == ("cq", set())
    elsewhere = pod("p", "n1", {GPU: "2"}, owner=JOB)
    elsewhere = msgspec.structs.replace(
        elsewhere, metadata=msgspec.structs.replace(elsewhere.metadata, namespace="other")
    )
    (foreign,) = holds(elsewhere, workloads=(admitted,), **QUEUES)
    assert foreign.owner.queue == ""


def test_a_resource_that_the_queue_leaves_out_of_account_is_no_reason() -> None:
    admitted = workload("w", "gpu", 4, admitted=True, job="train")
    uncounted = AdmissionOf(cluster_queue="cq", pod_set_assignments=(PodSetAssigned(),))
    left_out = msgspec.structs.replace(admitted, status=msgspec.structs.replace(admitted.status, admission=uncounted))
    (found,) = holds(pod("p", "n1", {GPU: "4"}, owner=JOB), jobs=(job(),), workloads=(left_out,), **QUEUES)
    assert found.marks == set()


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_has_ended_holds_nothing(phase: str) -> None:
    assert holds(pod("p", "n1", {GPU: "4"}, phase=phase)) == ()


def test_person_end_and_idleness_are_what_objects_and_metrics_say() -> None:
    busy = DeviceUse(node="n1", device="0", pod="team/p", busy=0.9, over=3600)
    idle = DeviceUse(node="n1", device="1", pod="team/p", busy=0.0, over=3600, idle_since=at(NOW - HOUR // 2))
    (found,) = holds(
        pod("p", "n1", {GPU: "2"}, owner=JOB),
        use=(busy, idle),
        jobs=(job(limit=7200, by="ana@example.com"),),
        **signing(),
    )
    assert (found.owner.person, found.owner.team, found.owner.top) == ("ana@example.com", "nlp", "Job/train")
    assert (found.ends, found.measured, found.idle, found.idle_since) == (NOW + HOUR, 2, 1, NOW - HOUR // 2)
    (bare,) = holds(pod("p", "n1", {GPU: "2"}))
    assert (bare.owner.person, bare.ends, bare.measured, bare.idle_since) == ("", None, 0, None)


@pytest.mark.parametrize(
    ("name", "objects", "person"),
    [
        ("ana@example.com", signing(), "ana@example.com"),
        ("system:serviceaccount:team:ci", signing(), "system:serviceaccount:team:ci"),
        ("ana@example.com", {}, ""),
        ("ana@example.com", {"admission_policies": signing()["admission_policies"]}, ""),
        ("ana@example.com", {"admission_bindings": signing()["admission_bindings"]}, ""),
        ("ana@example.com", signing("Audit"), ""),
        ("ana@example.com", signing(selector=Selector(match_labels={"elsewhere": "yes"})), ""),
        ("=HYPERLINK(1) `rm`", signing(), ""),
    ],
)
def test_a_submitter_s_mark_is_believed_only_where_our_policy_keeps_it(
    name: str, objects: dict[str, Any], person: str
) -> None:
    (found,) = holds(pod("p", "n1", {GPU: "2"}, owner=JOB), jobs=(job(by=name),), **objects)
    assert found.owner.person == person


@pytest.mark.parametrize(
    ("written", "left"), [({}, 7200), ({"accumulatedPastExecutionTimeSeconds": 5400}, 1800), (MISSPELT, 1800)]
)
def test_what_it_ran_before_it_was_evicted_counts_for_its_end(written: dict[str, int], left: int) -> None:
    since = at(NOW - HOUR // 4)
    conditions = [{"type": each, "status": "True", "lastTransitionTime": since} for each in HELD]
    given = {"name": "main", "count": 1, "flavors": {GPU: "gpu"}, "resourceUsage": {GPU: "2"}}
    admission = {"clusterQueue": "cq", "podSetAssignments": [given]}
    raw = {
        "apiVersion": "kueue.x-k8s.io/v1beta1",
        "kind": "Workload",
        "metadata": {"name": "w", "namespace": "team", "labels": {"kueue.x-k8s.io/job-uid": "train"}},
        "spec": {"maximumExecutionTimeSeconds": 7200, "podSets": [{"name": "main", "count": 1}]},
        "status": {"conditions": conditions, "admission": admission, **written},
    }
    found = read_object(BY_KIND["kueue.x-k8s.io", "Workload"], raw).value
    (hold,) = holds(pod("p", "n1", {GPU: "2"}, owner=JOB), jobs=(job(),), workloads=(found,))
    assert hold.ends == NOW - HOUR // 4 + 1000 * left


def test_a_limit_beyond_all_calendars_is_no_end() -> None:
    for limit in (1 << 62, -(1 << 62)):
        (found,) = holds(pod("p", "n1", {GPU: "2"}, owner=JOB), jobs=(job(limit=limit),))
        assert found.ends is None


def test_devices_of_a_shared_claim_are_told_once() -> None:
    got = tuple(AllocatedDevice(driver="gpu.nvidia.com", device=name) for name in ("a", "b"))
    users = tuple(Reference(name=name) for name in ("q", "p"))
    claim = ResourceClaim(
        metadata=ObjectMeta(name="c", namespace="team"),
        status=ResourceClaimStatus(allocation=Allocation(AllocatedDevices(got)), reserved_for=users),
    )
    found = holds(pod("p", "n1", {}), pod("q", "n1", {}), resource_claims=(claim,))
    assert [(each.pod, each.resource, each.units) for each in found] == [("team/p", "gpu.nvidia.com", 2)]


def claim(name: str, *devices: AllocatedDevice, users: Iterable[Reference]) -> ResourceClaim:
    given = Allocation(devices=AllocatedDevices(results=devices))
    return ResourceClaim(
        metadata=ObjectMeta(name=name, namespace="team"),
        status=ResourceClaimStatus(allocation=given, reserved_for=tuple(users)),
    )


def gpu(name: str, driver: str = "gpu.nvidia.com", **more: bool) -> AllocatedDevice:
    return AllocatedDevice(driver=driver, pool="n1", device=name, **more)


MIG = {"type": "mig", "profile": "1g.5gb"}
P, Q = Reference(name="p"), Reference(name="q")
CLAIMS: dict[str, tuple[list[ResourceClaim], list[Pod], list[tuple[str, str, int]]]] = {
    "the first of its users has no node yet": (
        [claim("c", gpu("0"), users=(P, Q))],
        [pod("p", "", {}), pod("q", "n1", {})],
        [("team/q", "gpu.nvidia.com", 1)],
    ),
    "its user is an earlier pod of that name": (
        [claim("c", gpu("0"), users=(Reference(name="p", uid="earlier"),))],
        [pod("p", "n1", {})],
        [],
    ),
    "an administrator looks on": (
        [claim("a", gpu("0", admin_access=True), users=(P,)), claim("c", gpu("0"), users=(Q,))],
        [pod("p", "n1", {}), pod("q", "n1", {})],
        [("team/q", "gpu.nvidia.com", 1)],
    ),
    "a device by two claims": (
        [claim("a", gpu("0"), users=(P,)), claim("b", gpu("0"), users=(Q,))],
        [pod("p", "n1", {}), pod("q", "n1", {})],
        [("team/p", "gpu.nvidia.com", 1)],
    ),
    "network cards are no accelerators": (
        [claim("c", gpu("0"), gpu("eth1", "dra.net"), users=(P,))],
        [pod("p", "n1", {})],
        [("team/p", "gpu.nvidia.com", 1)],
    ),
    "a claim for what the pod asks for by name": (
        [claim("c", gpu("0"), gpu("1"), users=(P,))],
        [pod("p", "n1", {"amd.com/gpu": "2"})],
        [("team/p", "gpu.nvidia.com", 2)],
    ),
}


@pytest.mark.parametrize(("claims", "pods", "told"), CLAIMS.values(), ids=CLAIMS.keys())
def test_devices_of_claims_are_told_once(
    claims: list[ResourceClaim], pods: list[Pod], told: list[tuple[str, str, int]]
) -> None:
    by_name = DeviceClass(spec=DeviceClassSpec(extended_resource_name="amd.com/gpu"))
    found = holds(*pods, resource_claims=tuple(claims), device_classes=(by_name,))
    assert [(each.pod, each.resource, each.units) for each in found] == told


def test_slices_of_a_driver_are_told_as_what_they_are_listed_as() -> None:
    """Of a device that is cut already each is one; of one that is cut by a claim the first has the device."""
    kinds = {"cut-mig-19": "none", "cut-mig-9": "none", "gpu-0": "", "gpu-0-mig-19": "G0", "gpu-0-mig-9": "G0"}
    devices = tuple(
        Device(name=name, attributes={key: {"string": each} for key, each in marks.items()})
        for name, above in kinds.items()
        for marks in [MIG | {"parentUUID": above} if above else {"type": "gpu", "uuid": "G0"}]
    )
    spec = ResourceSliceSpec(driver="gpu.nvidia.com", node_name="n1", pool=SlicePool(name="n1"), devices=devices)
    claims = [claim(name, gpu(name), users=(Reference(name=name),)) for name in kinds if name != "gpu-0"]
    pods = [pod(name, "n1", {}) for name in kinds if name != "gpu-0"]
    found = holds(*pods, resource_claims=tuple(claims), resource_slices=(ResourceSlice(spec=spec),))
    assert [(each.pod, each.resource, each.units) for each in found] == [
        ("team/cut-mig-19", "gpu.nvidia.com/mig-1g.5gb", 1),
        ("team/cut-mig-9", "gpu.nvidia.com/mig-1g.5gb", 1),
        ("team/gpu-0-mig-19", "gpu.nvidia.com", 1),
    ]


def test_a_device_s_use_counts_for_one_of_a_pod_s_kinds() -> None:
    idle = DeviceUse(node="n1", device="0", pod="team/p", busy=0.0, over=7200)
    found = holds(pod("p", "n1", {GPU: "1", "nvidia.com/mig-1g.5gb": "1"}), use=(idle,))
    assert sum(each.measured for each in found) == sum(each.idle for each in found) == 1


def test_who_and_waste_call_the_same_devices_idle() -> None:
    """Where the exporter names nobody, the one pod that has all devices of a node has those that are measured."""
    use = tuple(DeviceUse(node="n1", device=str(at), busy=0.0, over=7200) for at in range(8))
    told = []
    for pods in ([pod("p", "n1", {GPU: "8"})], [pod("p", "n1", {GPU: "7"})]):
        found = moment_of(NOW, nodes=[node("n1", {GPU: "8"})], pods=pods, use=use)
        idle = by_cause(portions(Index(found.sources[0]), NOW, CountingRules())).get(CauseOfTime.IDLE_HELD, 0)
        told.append((sum(each.idle_parts or 0 for each in who_holds(found).holds), idle))

    assert told == [(8 * PER_DEVICE, 8 * PER_DEVICE), (0, 0)]


def test_a_job_s_pods_are_one_row_that_ends_with_the_last() -> None:
    later = pod("q", "n1", {GPU: "3"}, owner=JOB, active_deadline_seconds=None)
    (row,) = job_holds(holds(pod("p", "n1", {GPU: "2"}, owner=JOB), later, jobs=(job(limit=7200),)))
    assert (row.pods, row.units, row.parts, row.nodes, row.ends) == (2, 5, 5 * PER_DEVICE, ("n1",), NOW + HOUR)
    assert row.idle_parts is None


def test_of_a_job_only_the_pods_that_are_odd_count_as_such() -> None:
    pods = [pod("p", "n1", {GPU: "2"}, owner=JOB), pod("q", "gone", {GPU: "1"}, owner=JOB)]
    found = who_holds(moment_of(NOW, nodes=[node("n1", {GPU: "8"})], pods=pods, jobs=(job(),)))
    text = who_text(found, found.holds, None, headers=False)

    assert "3 devices held; without metrics nobody knows which are idle; 1 on nodes that are gone" in text
    assert "its node is gone (1)" in text


def test_what_nobody_measured_is_not_passed_over() -> None:
    pods = [pod("p", "n1", {GPU: "2"}), pod("q", "n1", {GPU: "3"})]
    use = (DeviceUse(node="n1", device="0", pod="team/p", busy=0.0, over=7200),)
    found = who_holds(moment_of(NOW, nodes=[node("n1", {GPU: "8"})], pods=pods, use=use))

    assert "5 devices held, 1 of them idle, and of 3 nobody knows" in who_text(found, found.holds, None, headers=False)


def test_what_may_not_be_named_is_one_row_without_names() -> None:
    hidden = [
        Pod(
            metadata=ObjectMeta(name=name, namespace="allotment-hidden", labels={"allotment.dev/hidden": "true"}),
            spec=pod(name, "n1", {GPU: "1"}).spec,
            status=pod(name, "n1", {GPU: "1"}).status,
        )
        for name in ("pod-1", "pod-2")
    ]
    (row,) = job_holds(holds(*hidden, **QUEUES))
    assert (row.owner.top, row.owner.person, row.units, row.marks) == ("", "", 2, frozenset())


def test_a_stranger_in_the_chain_is_no_owner() -> None:
    lost = pod("p", "n1", {GPU: "1"}, owner=("Job", "not-seen"))
    assert lost.metadata.owner_references == (
        OwnerReference(kind="Job", name="not-seen", uid="not-seen", controller=True),
    )
    (found,) = holds(lost)
    assert found.owner.top == "Pod/p"

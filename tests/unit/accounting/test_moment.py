"""Which cause a device has at a moment: the precedence of the ledger, row by row."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from allotment.accounting.belonging import kind_of_work
from allotment.accounting.capacity import PER_DEVICE, node_devices
from allotment.accounting.idleness import IdleRule, IdleRules
from allotment.accounting.ledger import CauseOfTime
from allotment.accounting.moment import CountingRules, portions
from allotment.model.observed.base import Condition, ObjectMeta
from allotment.model.observed.index import Index
from allotment.model.observed.nodes import Device, ResourceSlice, ResourceSliceSpec, SlicePool
from allotment.model.observed.pods import ContainerState, ContainerStatus, Pod, PodSpec, Running, Toleration, Waiting
from allotment.model.observed.queueing import (
    LocalQueue,
    LocalQueueSpec,
    ReclaimablePods,
    Workload,
    WorkloadPodSet,
    WorkloadSpec,
)
from allotment.model.observed.snapshot import DeviceUse, Gap, Snapshot
from allotment.model.observed.work import Job, JobSpec, Owner
from allotment.observe.kinds import BY_KIND
from allotment.observe.reading import read_object
from allotment.scheduling.snapshot import placement_shapes
from tests.unit.accounting.scenes import GPU, at, by_cause, moment_of, node, pod, workload
from tests.unit.accounting.test_books import queue

NOW = 100 * 3_600_000
EIGHT = {GPU: "8", "cpu": "64"}
PULLING = (ContainerStatus(name="main", state=ContainerState(waiting=Waiting(reason="ImagePullBackOff"))),)
RUNNING = ContainerState(running=Running(started_at=at(0)))


def job(name: str, *, suspend: bool = False) -> Job:
    return Job(metadata=ObjectMeta(name=name, namespace="team", uid=name), spec=JobSpec(suspend=suspend))


def measured(busy: float, over: int = 60, idle_since: str = "") -> list[DeviceUse]:
    return [DeviceUse(node="n", device="0", pod="team/p", busy=busy, over=over, idle_since=idle_since)]


def scene(**more: Any) -> Snapshot:
    return moment_of(NOW, **{"nodes": [node("n", EIGHT)], **more})


def grown(name: str, of: str, found: Workload) -> Workload:
    """A slice of an elastic job that takes the place of an earlier one."""
    marks = {"kueue.x-k8s.io/workload-slice-replacement-for": of}
    meta = msgspec.structs.replace(found.metadata, name=name, annotations=marks)
    return msgspec.structs.replace(found, metadata=meta)


def half_over(found: Workload) -> Workload:
    """Of two pods one is over, and its quota free again."""
    status = msgspec.structs.replace(found.status, reclaimable_pods=(ReclaimablePods(name="main", count=1),))
    return msgspec.structs.replace(found, spec=WorkloadSpec(pod_sets=(WorkloadPodSet(count=2),)), status=status)


def looked_at(found: Pod) -> Pod:
    """A scheduler has found no node for it."""
    said = Condition(type="PodScheduled", status="False", reason="Unschedulable")
    return msgspec.structs.replace(found, status=msgspec.structs.replace(found.status, conditions=(said,)))


REFUSED = "couldn't assign flavors to pod set main: insufficient unused quota for nvidia.com/gpu in flavor gpu, 3 more"
HOLDS = [pod("p", "n", {GPU: "8"})]

LOCAL = LocalQueue(metadata=ObjectMeta(name="main", namespace="team"), spec=LocalQueueSpec(cluster_queue="cq"))

CASES = {
    "nothing there": (scene(), {"unallocated": 8}),
    "held, nobody measured": (scene(pods=HOLDS), {"unmeasured": 8}),
    "one of eight measured": (scene(pods=HOLDS, use=measured(0.9)), {"productive": 1, "unmeasured": 7}),
    "low for a minute is no idleness": (scene(pods=HOLDS, use=measured(0.0)), {"productive": 1, "unmeasured": 7}),
    "low over half an hour": (scene(pods=HOLDS, use=measured(0.19, over=1800)), {"idle-held": 1, "unmeasured": 7}),
    "idle since an hour": (
        scene(pods=HOLDS, use=measured(0.0, idle_since=at(NOW - 3_600_000))),
        {"idle-held": 1, "unmeasured": 7},
    ),
    "its image is pulled": (scene(pods=[pod("p", "n", {GPU: "8"}, statuses=PULLING)]), {"starting": 8}),
    "bound, no container yet": (scene(pods=[pod("p", "n", {GPU: "8"}, phase="Pending")]), {"starting": 8}),
    "init containers run": (
        scene(pods=[pod("p", "n", {GPU: "8"}, phase="Pending", init=(ContainerStatus(name="fetch", state=RUNNING),))]),
        {"staging": 8},
    ),
    "its job is suspended": (
        scene(pods=[pod("p", "n", {GPU: "8"}, owner=("Job", "j"))], jobs=(job("j", suspend=True),)),
        {"suspended-held": 8},
    ),
    "its job runs": (scene(pods=[pod("p", "n", {GPU: "8"}, owner=("Job", "j"))], jobs=(job("j"),)), {"unmeasured": 8}),
    "a finished pod holds nothing": (
        scene(pods=[pod("p", "n", {GPU: "8"}, phase="Succeeded")]),
        {"unallocated": 8},
    ),
    "not Ready comes before all": (
        scene(nodes=[node("n", EIGHT, ready=False, cordoned=True)], pods=[pod("p", "n", {GPU: "4"})]),
        {"unhealthy": 8},
    ),
    "two are broken": (
        scene(nodes=[node("n", EIGHT, {GPU: "6"})], pods=[pod("p", "n", {GPU: "4"})]),
        {"unhealthy": 2, "unmeasured": 4, "unallocated": 2},
    ),
    "its device plug-in is gone": (
        scene(nodes=[node("n", {"cpu": "64"}, labels={"nvidia.com/gpu.count": "8"})]),
        {"unhealthy": 8},
    ),
    "cordoned, half held": (
        scene(nodes=[node("n", EIGHT, cordoned=True)], pods=[pod("p", "n", {GPU: "4"})]),
        {"unmeasured": 4, "cordoned": 4},
    ),
    "admitted, no pods": (
        scene(workloads=[workload("w", "gpu", 6, admitted=True)]),
        {"reserved-unused": 6, "unallocated": 2},
    ),
    "admitted, its pods are there": (
        scene(
            workloads=[workload("w", "gpu", 6, admitted=True, job="j")],
            pods=[pod("p", "n", {GPU: "6"}, owner=("Job", "j"))],
            jobs=(job("j"),),
        ),
        {"unmeasured": 6, "unallocated": 2},
    ),
    "admitted, its pod finds no node": (
        scene(
            nodes=[node("n", EIGHT), node("m", EIGHT)],
            workloads=[workload("w", "gpu", 6, admitted=True, job="j")],
            pods=[
                pod("p", "n", {GPU: "4"}),
                pod("q", "m", {GPU: "4"}),
                pod("x", "", {GPU: "6"}, phase="Pending", owner=("Job", "j")),
            ],
            jobs=(job("j"),),
        ),
        {"unmeasured": 8, "fragmented": 8},
    ),
    "admitted, its pod may go to no node, and quota refuses others": (
        scene(
            workloads=[
                workload("w", "gpu", 6, admitted=True, job="j"),
                workload("x", "gpu", 8, admitted=False, refused=REFUSED),
            ],
            pods=[
                pod("x", "", {GPU: "6"}, phase="Pending", owner=("Job", "j"), node_selector={"pool": "other"}),
            ],
            jobs=(job("j"),),
        ),
        {"reserved-unused": 6, "quota-blocked": 2},
    ),
    "admitted, and in fragments too small for others alone": (
        scene(
            workloads=[workload("w", "gpu", 4, admitted=True, job="j")],
            pods=[
                pod("p", "n", {GPU: "5"}),
                pod("x", "", {GPU: "4"}, phase="Pending", owner=("Job", "j")),
                pod("y", "", {GPU: "1", "cpu": "65"}, phase="Pending"),
            ],
            jobs=(job("j"),),
        ),
        {"unmeasured": 5, "reserved-unused": 3},
    ),
    "reserved comes before quota": (
        scene(
            workloads=[
                workload("w", "gpu", 6, admitted=True),
                workload("x", "gpu", 6, admitted=False, refused=REFUSED),
            ]
        ),
        {"reserved-unused": 6, "quota-blocked": 2},
    ),
    "quota refused three": (
        scene(workloads=[workload("w", "gpu", 3, admitted=False, refused=REFUSED)]),
        {"quota-blocked": 3, "unallocated": 5},
    ),
    "work that grows is refused what it asks for beyond what it holds": (
        scene(
            workloads=[
                workload("old", "gpu", 2, admitted=True, job="j"),
                grown("new", "old", workload("new", "gpu", 5, admitted=False, refused=REFUSED, job="j")),
            ],
            pods=[pod("p", "n", {GPU: "2"}, owner=("Job", "j"))],
            jobs=(job("j"),),
        ),
        {"unmeasured": 2, "quota-blocked": 3, "unallocated": 3},
    ),
    "pods that are over are not waited for": (
        scene(
            workloads=[half_over(workload("w", "gpu", 6, admitted=True, job="j"))],
            pods=[
                pod("p", "n", {GPU: "3"}, owner=("Job", "j")),
                pod("q", "n", {GPU: "3"}, owner=("Job", "j"), phase="Succeeded"),
            ],
            jobs=(job("j"),),
        ),
        {"unmeasured": 3, "unallocated": 5},
    ),
    "a refusal that has gone stale": (
        scene(
            workloads=[workload("w", "gpu", 3, admitted=False, refused=REFUSED)],
            cluster_queues=(queue("cq", "4"),),
            local_queues=(LOCAL,),
        ),
        {"unallocated": 8},
    ),
    "a refusal that still holds": (
        scene(
            workloads=[workload("w", "gpu", 5, admitted=False, refused=REFUSED)],
            cluster_queues=(queue("cq", "4"),),
            local_queues=(LOCAL,),
        ),
        {"quota-blocked": 5, "unallocated": 3},
    ),
    "refused in another flavor": (
        scene(workloads=[workload("w", "gpu", 3, admitted=False, refused=REFUSED.replace("gpu,", "h100,"))]),
        {"unallocated": 8},
    ),
    "a pod of six fits nowhere": (
        scene(
            nodes=[node("n", EIGHT), node("m", EIGHT)],
            pods=[pod("p", "n", {GPU: "4"}), pod("q", "m", {GPU: "4"}), pod("x", "", {GPU: "6"}, phase="Pending")],
        ),
        {"unmeasured": 8, "fragmented": 8},
    ),
    "a pod of six that no scheduler looks at": (
        scene(
            nodes=[node("n", EIGHT), node("m", EIGHT)],
            pods=[
                pod("p", "n", {GPU: "4"}),
                pod("q", "m", {GPU: "4"}),
                pod("x", "", {GPU: "6"}, phase="Pending", scheduler_name="nobody"),
            ],
        ),
        {"unmeasured": 8, "unallocated": 8},
    ),
    "a pod of six that a scheduler of its own has looked at": (
        scene(
            nodes=[node("n", EIGHT), node("m", EIGHT)],
            pods=[
                pod("p", "n", {GPU: "4"}),
                pod("q", "m", {GPU: "4"}),
                looked_at(pod("x", "", {GPU: "6"}, phase="Pending", scheduler_name="volcano")),
            ],
        ),
        {"unmeasured": 8, "fragmented": 8},
    ),
    "a smaller one would fit there": (
        scene(
            nodes=[node("n", EIGHT), node("m", EIGHT)],
            pods=[
                pod("p", "n", {GPU: "4"}),
                pod("q", "m", {GPU: "4"}),
                pod("x", "", {GPU: "6"}, phase="Pending"),
                pod("y", "", {GPU: "1"}, phase="Pending"),
            ],
        ),
        {"unmeasured": 8, "unallocated": 8},
    ),
    "too much CPU is asked with them": (
        scene(pods=[pod("x", "", {GPU: "2", "cpu": "65"}, phase="Pending")]),
        {"fragmented": 8},
    ),
    "a node that the pod does not want is not fragmented": (
        scene(pods=[pod("x", "", {GPU: "9"}, phase="Pending", node_selector={"pool": "other"})]),
        {"unallocated": 8},
    ),
    "a pod that asks for more than there can be": (
        scene(pods=[pod("p", "n", {GPU: "4E"})], nodes=[node("n", {GPU: "8"})]),
        {"unmeasured": 8},
    ),
    "amounts that are none": (
        scene(pods=[pod("p", "n", {GPU: "many"}), pod("q", "n", {GPU: "-3"})]),
        {"unallocated": 8},
    ),
    "pods that nobody could read": (
        scene(gaps=(Gap(what="pods", reason="forbidden"),)),
        {"unobserved": 8},
    ),
}


def test_what_a_pod_tolerates_is_read_once_and_not_for_every_node(monkeypatch: pytest.MonkeyPatch) -> None:
    of: list[PodSpec] = []
    tolerations = placement_shapes.tolerations

    def read(spec: PodSpec) -> Any:
        of.append(spec)
        return tolerations(spec)

    monkeypatch.setattr(placement_shapes, "tolerations", read)
    nodes = [node(f"n{number}", EIGHT) for number in range(20)]
    pods = [
        pod(f"p{number}", "", {GPU: "9"}, phase="Pending", tolerations=(Toleration(key=f"k{number}"),))
        for number in range(20)
    ]
    (source,) = scene(nodes=nodes, pods=pods).sources
    assert by_cause(portions(Index(source), NOW, CountingRules())) == {CauseOfTime.FRAGMENTED: 160 * PER_DEVICE}
    assert 0 < len(of) <= 2 * len(pods)


@pytest.mark.parametrize(("snapshot", "causes"), CASES.values(), ids=CASES)
def test_each_device_has_the_first_cause_that_applies(snapshot: Snapshot, causes: dict[str, int]) -> None:
    (source,) = snapshot.sources
    found = by_cause(portions(Index(source), NOW, CountingRules()))

    assert {cause.value: parts / PER_DEVICE for cause, parts in found.items()} == causes


def test_every_cause_has_a_row() -> None:
    assert {cause for _, causes in CASES.values() for cause in causes} == {each.value for each in CauseOfTime}


def test_idle_is_settable_by_kind_of_work_and_the_owner_is_told() -> None:
    notebook = Owner(kind="Notebook", metadata=ObjectMeta(name="nb", namespace="team", uid="nb"))
    snapshot = scene(
        pods=[pod("p", "n", {GPU: "8"}, owner=("Notebook", "nb"))],
        owners=(notebook,),
        use=measured(0.3, over=600),
    )
    index = Index(snapshot.sources[0])
    rules = CountingRules(IdleRules({"notebook": IdleRule(0.5, 10)}), teams={"nlp": "Language"})
    found = [each for each in portions(index, NOW, rules) if each.charge.cause is CauseOfTime.IDLE_HELD]

    assert kind_of_work(index, snapshot.sources[0].objects.pods[0]) == "notebook"
    ((charge, parts),) = ((each.charge, each.parts) for each in found)
    assert (parts, charge.owner.team, charge.owner.top) == (PER_DEVICE, "Language", "Notebook/nb")


@pytest.mark.parametrize(
    ("capacity", "labels", "devices", "unit"),
    [
        pytest.param({GPU: "8"}, {}, 8, PER_DEVICE, id="whole"),
        pytest.param({GPU: "7"}, {"nvidia.com/gpu.count": "8"}, 8, PER_DEVICE, id="one fell off"),
        pytest.param({"nvidia.com/mig-1g.5gb": "7"}, {}, 1, 142_857, id="seven slices are one"),
        pytest.param(
            {"nvidia.com/mig-1g.10gb": "8"},
            {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB", "nvidia.com/gpu.count": "2"},
            2,
            250_000,
            id="bound by memory",
        ),
        pytest.param(
            {GPU: "14"}, {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb"}, 2, 142_857, id="MIG single"
        ),
        pytest.param(
            {GPU: "32"},
            {
                "nvidia.com/gpu.count": "8",
                "nvidia.com/gpu.replicas": "4",
                "nvidia.com/gpu.product": "Tesla-T4-SHARED",
            },
            8,
            250_000,
            id="time-slicing",
        ),
        pytest.param({GPU: "80"}, {"nvidia.com/gpu.count": "8"}, 8, 100_000, id="shares of which no label tells"),
    ],
)
def test_slices_and_shares_sum_to_the_devices(
    capacity: dict[str, str], labels: dict[str, str], devices: int, unit: int
) -> None:
    (part,) = node_devices(node("n", capacity, labels=labels))

    assert (part.parts, part.first(1)) == (devices * PER_DEVICE, unit)
    assert part.first(part.units) == part.parts


MIG = "nvidia.com/mig-"
GKE = {"cloud.google.com/gke-accelerator": "nvidia-tesla-a100"}
A100 = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB"}


@pytest.mark.parametrize(
    ("capacity", "labels", "devices"),
    [
        pytest.param({f"{MIG}4g.20gb": "1", f"{MIG}3g.20gb": "1"}, A100, 1, id="a large and a small half"),
        pytest.param(
            {f"{MIG}1g.5gb": "16", f"{MIG}2g.10gb": "8", f"{MIG}3g.20gb": "8"},
            {**A100, "nvidia.com/gpu.count": "8"},
            8,
            id="all balanced, as the vendor's own layout has it",
        ),
        pytest.param({f"{MIG}3g.20gb": "2", f"{MIG}1g.5gb": "1"}, A100, 2, id="memory has eight slices, not nine"),
        pytest.param(
            {f"{MIG}1g.35gb": "4"},
            {"nvidia.com/gpu.product": "NVIDIA-H200", "nvidia.com/gpu.memory": "143771"},
            1,
            id="memory by its label",
        ),
        pytest.param({f"{MIG}1g.5gb.shared": "28"}, {f"{MIG}1g.5gb.replicas": "4"}, 1, id="shared slices"),
        pytest.param(
            {GPU: "28"},
            {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb-SHARED", "nvidia.com/gpu.replicas": "4"},
            1,
            id="shared slices that are called devices",
        ),
        pytest.param({GPU: "14"}, {**GKE, "cloud.google.com/gke-gpu-partition-size": "1g.5gb"}, 2, id="slices on GKE"),
        pytest.param(
            {GPU: "56"},
            {
                **GKE,
                "cloud.google.com/gke-gpu-partition-size": "1g.5gb",
                "cloud.google.com/gke-gpu-sharing-strategy": "time-sharing",
                "cloud.google.com/gke-max-shared-clients-per-gpu": "4",
            },
            2,
            id="shared slices on GKE",
        ),
        pytest.param(
            {GPU: "8"}, {**GKE, "cloud.google.com/gke-max-shared-clients-per-gpu": "4"}, 2, id="shares on GKE"
        ),
        pytest.param(
            {GPU: "0", f"{GPU}.shared": "32"},
            {"nvidia.com/gpu.count": "8", "nvidia.com/gpu.replicas": "4"},
            8,
            id="renamed, and the old name left with none",
        ),
        pytest.param(
            {GPU: "4", f"{GPU}.shared": "16"},
            {"nvidia.com/gpu.count": "8", "nvidia.com/gpu.replicas": "4"},
            8,
            id="half of them shared",
        ),
    ],
)
def test_no_device_of_a_node_is_there_twice(capacity: dict[str, str], labels: dict[str, str], devices: int) -> None:
    assert sum(each.parts for each in node_devices(node("n", capacity, labels=labels))) == devices * PER_DEVICE


def test_of_devices_that_are_cut_each_into_one_size_every_size_has_its_own() -> None:
    sizes = {f"{MIG}1g.5gb": "7", f"{MIG}3g.20gb": "4"}
    found = node_devices(node("n", sizes, labels={**A100, "nvidia.com/gpu.count": "3"}))

    assert {each.resource: each.parts for each in found} == {
        f"{MIG}1g.5gb": PER_DEVICE,
        f"{MIG}3g.20gb": 2 * PER_DEVICE,
    }


@pytest.mark.parametrize("capacity", [{}, {GPU: "0"}])
def test_devices_of_a_driver_are_not_broken_because_no_plug_in_offers_them(capacity: dict[str, str]) -> None:
    """The labels of the vendor's discovery are there with either."""
    names = (Device(name="gpu-0"), Device(name="gpu-1"))
    slices = tuple(
        ResourceSlice(spec=ResourceSliceSpec(driver="gpu.nvidia.com", pool=SlicePool(name=pool), devices=names))
        for pool in ("a", "b")
    )
    (part,) = node_devices(node("n", capacity, labels={**A100, "nvidia.com/gpu.count": "4"}), slices)

    assert (part.resource, part.units, part.offered) == ("gpu.nvidia.com", 4, 4)


def listed(name: str, type_: str, **marks: str) -> Device:
    return Device(name=name, attributes={key: {"string": mark} for key, mark in {"type": type_, **marks}.items()})


@pytest.mark.parametrize(
    ("devices", "parts"),
    [
        pytest.param(
            [
                *(listed(f"gpu-0-mig-19-{at}", "mig", parentUUID="G0", profile="1g.5gb") for at in range(2)),
                listed("gpu-0-mig-9-4", "mig", parentUUID="G0", profile="3g.20gb"),
                listed("gpu-1", "gpu", uuid="G1"),
            ],
            {"gpu.nvidia.com": 1_000_000, "gpu.nvidia.com/mig-1g.5gb": 363_636, "gpu.nvidia.com/mig-3g.20gb": 636_364},
            id="one that is cut, and a whole one",
        ),
        pytest.param(
            [
                listed("gpu-0", "gpu", uuid="G0"),
                listed("gpu-0-mig-19-0", "mig", parentUUID="G0", profile="1g.5gb"),
                listed("gpu-0-mig-9-4", "mig", profile="3g.20gb"),
            ],
            {"gpu.nvidia.com": 1_000_000},
            id="one that can be cut",
        ),
        pytest.param(
            [listed("gpu-0", "gpu", uuid="G0"), listed("gpu-vfio-0", "vfio", uuid="G0")],
            {"gpu.nvidia.com": 1_000_000},
            id="one that can be passed through",
        ),
    ],
)
def test_what_a_driver_lists_sums_to_its_devices(devices: list[Device], parts: dict[str, int]) -> None:
    one = ResourceSlice(spec=ResourceSliceSpec(driver="gpu.nvidia.com", node_name="n", devices=tuple(devices)))
    found = node_devices(node("n", {}, labels=A100), (one,))

    assert {each.resource: each.parts for each in found} == parts


def test_of_either_version_the_same_is_listed() -> None:
    """`v1beta1` says what a device is one step deeper."""
    listed_as = {"attributes": {"type": {"string": "mig"}, "profile": {"string": "1g.5gb"}}}
    found = []
    for version, device in (("v1", listed_as), ("v1beta1", {"basic": listed_as})):
        spec = {"driver": "gpu.nvidia.com", "nodeName": "n", "devices": [{"name": "gpu-0-mig-19", **device}]}
        raw = {"apiVersion": f"resource.k8s.io/{version}", "kind": "ResourceSlice", "metadata": {"name": "s"}}
        found.append(read_object(BY_KIND["resource.k8s.io", "ResourceSlice"], {**raw, "spec": spec}).value.spec)

    assert found[0] == found[1]
    assert found[0].devices[0].attributes == listed_as["attributes"]

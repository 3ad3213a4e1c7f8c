"""Devices by accelerator, how many more fit, and what is out first."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allotment.accounting.capacity import PER_DEVICE
from allotment.accounting.fleet_devices import AcceleratorRoom, accelerator_rooms, fleet_fragments
from allotment.accounting.holdings import device_holds
from allotment.accounting.ledger import NOBODY, CauseOfTime
from allotment.accounting.moment import CountingRules, portions
from allotment.accounting.saturation import AcceleratorSaturation, saturation
from allotment.model.observed.base import ObjectMeta
from allotment.model.observed.index import Index
from allotment.model.observed.nodes import Device, Node, ResourceSlice, ResourceSliceSpec
from allotment.model.observed.pods import Pod, SchedulingGate
from allotment.model.observed.queueing import (
    ClusterQueue,
    ClusterQueueSpec,
    FlavorQuota,
    FlavorUsage,
    QueueStatus,
    QuotaOf,
    ResourceGroupOf,
    UsageOf,
)
from allotment.model.observed.snapshot import Gap
from allotment.operations.ask.devices import count_gpus, saturated, who_holds
from allotment.scheduling.snapshot.placement import placement_view
from tests.by_day import by_day
from tests.unit.accounting.scenes import GPU, moment_of, node, pod, workload
from tests.unit.accounting.test_closing import snapshots

NOW = 1_800_000_000_000
SIZE = {"cpu": "64", "memory": "512Gi", "pods": "110"}
A100 = {"nvidia.com/gpu.product": "A100"}


def gpus(name: str, count: int = 8, offered: int | None = None, **more: Any) -> Node:
    whole = {**SIZE, GPU: str(count)}
    return node(name, whole, {**SIZE, GPU: str(count if offered is None else offered)}, labels=A100, **more)


def ask(name: str, on: str, count: int, cpu: str = "8") -> Pod:
    return pod(name, on, {GPU: str(count), "cpu": cpu})


def room(nodes: list[Node], pods: list[Pod]) -> AcceleratorRoom:
    view = placement_view(Index(moment_of(NOW, nodes=nodes, pods=pods).sources[0]))
    (found,) = accelerator_rooms(view, device_holds(view.index, NOW))
    return found


def full(nodes: list[Node], pods: list[Pod], **more: Any) -> AcceleratorSaturation:
    (found,) = saturation(placement_view(Index(moment_of(NOW, nodes=nodes, pods=pods, **more).sources[0])))
    return found


COUNTED: dict[str, tuple[list[Node], list[Pod], tuple[int, int, int, int, int], dict[int, int]]] = {
    "nodes": ([gpus("a"), gpus("b")], [ask("p", "a", 4)], (16, 16, 16, 4, 12), {1: 12, 2: 6, 4: 3, 8: 1}),
    "one is broken": ([gpus("a", 8, 7)], [], (8, 7, 7, 0, 7), {1: 7, 2: 3, 4: 1, 8: 0}),
    "not Ready": ([gpus("a", ready=False)], [ask("p", "a", 4)], (8, 0, 0, 4, 0), {1: 0, 2: 0, 4: 0, 8: 0}),
    "cordoned": ([gpus("a", cordoned=True)], [], (8, 8, 0, 0, 0), {1: 0, 2: 0, 4: 0, 8: 0}),
    "the CPUs are gone": ([gpus("a")], [ask("p", "a", 4, "48")], (8, 8, 8, 4, 4), {1: 1, 2: 0, 4: 0, 8: 0}),
    "spread over nodes": (
        [gpus("a"), gpus("b")],
        [ask("p", "a", 6), ask("q", "b", 6)],
        (16, 16, 16, 12, 4),
        {1: 4, 2: 2, 4: 0, 8: 0},
    ),
}


@pytest.mark.parametrize(("nodes", "pods", "numbers", "fits"), COUNTED.values(), ids=COUNTED.keys())
def test_counted(
    nodes: list[Node], pods: list[Pod], numbers: tuple[int, int, int, int, int], fits: dict[int, int]
) -> None:
    found = room(nodes, pods)
    told = (found.total, found.healthy, found.schedulable, found.used, found.free)
    assert told == tuple(number * PER_DEVICE for number in numbers)
    assert found.fits == fits


def test_slices_are_told_as_what_they_are_of_a_device() -> None:
    sliced = node("a", {**SIZE, "nvidia.com/mig-1g.5gb": "7"}, labels=A100)
    found = room([sliced], [pod("p", "a", {"nvidia.com/mig-1g.5gb": "3"})])
    assert (found.total, found.used, found.free) == (PER_DEVICE, PER_DEVICE * 3 // 7, PER_DEVICE - PER_DEVICE * 3 // 7)
    assert found.fits == {1: 4, 2: 2, 4: 1, 8: 0}
    assert found.fragmented == 0
    full_cpu = [pod("p", "a", {"nvidia.com/mig-1g.5gb": "3", "cpu": "1"}), pod("q", "a", {"cpu": "63"})]
    assert room([sliced], full_cpu).fragmented == found.free
    strands = full([sliced], full_cpu)
    assert (strands.stranded, strands.stranded_parts) == (4, 4 * (PER_DEVICE // 7))


def test_fragmented_is_what_the_mean_pod_could_not_use() -> None:
    # Half of the pods ask for 6: of no use to them are the 2 left on each node, all of use to those that ask for 2.
    nodes, pods = [gpus("a"), gpus("b")], [ask("p", "a", 6), ask("q", "b", 6), ask("r", "", 2), ask("s", "", 2)]
    assert room(nodes, pods).fragmented == 2 * PER_DEVICE
    assert room(nodes, []).fragmented is None
    # What is free on a cordoned node is free for nobody.
    nodes.append(gpus("c", cordoned=True))
    assert fleet_fragments(placement_view(Index(moment_of(NOW, nodes=nodes, pods=pods).sources[0]))) == 2 * PER_DEVICE


_FREE = {CauseOfTime.RESERVED_UNUSED, CauseOfTime.QUOTA_BLOCKED, CauseOfTime.FRAGMENTED, CauseOfTime.UNALLOCATED}


@given(st.data())
@settings(max_examples=by_day(60), deadline=None)
def test_gpus_and_waste_say_the_same_of_any_cluster(data: st.DataObject) -> None:
    """To less than a millionth for each slice."""
    (source,) = data.draw(snapshots(NOW).filter(lambda each: not each.sources[0].gaps)).sources
    index = Index(source)
    rooms = accelerator_rooms(placement_view(index), device_holds(index, NOW))
    found = portions(index, NOW, CountingRules())
    free = sum(each.parts for each in found if each.charge.cause in _FREE)
    held = sum(each.parts for each in found if each.charge.owner != NOBODY and each.charge.cause not in _FREE)

    assert sum(each.total for each in rooms) == sum(each.parts for each in found)
    assert abs(sum(each.free for each in rooms) - free) <= len(found)
    assert abs(sum(each.used for each in rooms) - held) <= len(found)
    assert all(0 <= each.free <= each.schedulable <= each.healthy <= each.total for each in rooms)
    assert all(0 <= (each.fragmented or 0) <= each.free for each in rooms)


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param({"scheduling_gates": (SchedulingGate(name="x"),)}, id="gated"),
        pytest.param({"scheduler_name": "mine"}, id="of another scheduler"),
        pytest.param({}, id="waiting"),
    ],
)
def test_pods_that_hold_nothing_do_not_say_what_is_usual(spec: dict[str, Any]) -> None:
    nodes, runs = [gpus("a"), gpus("b")], ask("p", "a", 1)
    greedy = [pod(f"g{number}", "", {GPU: "1", "cpu": "60"}, phase="Pending", **spec) for number in range(20)]
    assert room(nodes, [runs, *greedy]).fits == room(nodes, [runs]).fits
    held_up = full(nodes, [runs, *greedy])
    assert held_up.first == full(nodes, [runs]).first
    # Where nobody runs, those that wait are all that is known, and no namespace outvotes the others.
    modest = [msgspec.structs.replace(each, metadata=ObjectMeta(name=name, namespace=name, uid=name)) for name, each in
              (("x", ask("x", "", 1)), ("y", ask("y", "", 1)))]  # fmt: skip
    assert room(nodes, [*greedy, *modest]).fits == room(nodes, modest).fits


@pytest.mark.parametrize(
    ("where", "count", "more"),
    [
        pytest.param("gone", 1, 1, id="a node that is gone"),
        pytest.param("plain", 2, 2, id="a node that tells no devices"),
        pytest.param("a", 10, 2, id="more than the node has"),
        pytest.param("a", 8, 0, id="what it has"),
    ],
)
def test_what_is_held_is_used_or_told_to_be_beyond_what_there_is(where: str, count: int, more: int) -> None:
    snapshot = moment_of(NOW, nodes=[gpus("a"), node("plain", SIZE)], pods=[ask("p", where, count)])
    held, found = sum(each.parts for each in who_holds(snapshot).holds), count_gpus(snapshot)
    (used,) = (each.used for each in found.rooms)
    told = [note for note in found.notes if note.endswith("see `allot who`")]

    assert held - used == more * PER_DEVICE
    assert [note.partition(" ")[0] for note in told] == ([str(more)] if more else [])


def test_saturation_says_of_which_devices_it_knows_nothing() -> None:
    lost = node("lost", SIZE, labels={**A100, "nvidia.com/gpu.count": "8"})
    one = ResourceSlice(
        spec=ResourceSliceSpec(driver="gpu.amd.com", node_name="dra", devices=(Device(name="0"), Device(name="1")))
    )
    found = saturated(moment_of(NOW, nodes=[lost, node("dra", SIZE)], resource_slices=(one,)))

    assert (found.accelerators, found.notes) == (
        (),
        (
            "devices of gpu.amd.com are handed out by claims: what is out first there is not known",
            "devices of nvidia.com/gpu are offered by no node now: what is out first there is not known",
        ),
    )


def queue(nominal: str, reserved: str) -> ClusterQueue:
    quota = FlavorQuota(name="gpu", resources=(QuotaOf(name=GPU, nominal_quota=nominal),))
    return ClusterQueue(
        metadata=ObjectMeta(name="cq"),
        spec=ClusterQueueSpec(resource_groups=(ResourceGroupOf(covered_resources=(GPU,), flavors=(quota,)),)),
        status=QueueStatus(
            flavors_reservation=(FlavorUsage(name="gpu", resources=(UsageOf(name=GPU, total=reserved),)),)
        ),
    )


FIRST: dict[str, tuple[list[Node], list[Pod], dict[str, Any], tuple[str | None, int, int]]] = {
    "the devices": ([gpus("a")], [ask("p", "a", 6)], {}, (GPU, 2, 0)),
    "the CPUs beside them": ([gpus("a")], [ask("p", "a", 4, "48")], {}, ("cpu", 1, 3)),
    "CPUs left where no device is free help nobody": (
        [gpus("a"), gpus("b")],
        [ask("p", "a", 8, "40"), ask("q", "b", 4, "60")],
        {},
        ("cpu", 0, 4),
    ),
    "the quota": (
        [gpus("a")],
        [ask("p", "a", 4)],
        # What the queue's status says lags behind what its workloads hold.
        {"cluster_queues": (queue("5", "0"),), "workloads": (workload("w", "gpu", 4, admitted=True),)},
        (f"quota {GPU}", 1, 3),
    ),
    "the quota, as the queue says where workloads may not be read": (
        [gpus("a")],
        [ask("p", "a", 4)],
        {"cluster_queues": (queue("5", "4"),), "gaps": (Gap(what="workloads", reason="forbidden"),)},
        (f"quota {GPU}", 1, 3),
    ),
    "no node takes pods": ([gpus("a", cordoned=True)], [], {}, (None, 0, 0)),
}


def test_what_no_node_tells_and_nobody_asks_for_is_not_full() -> None:
    shares = {each.name: each.share for each in full([gpus("a")], [ask("p", "a", 2)]).things}
    assert (shares["cpu"], shares["ephemeral-storage"]) == (8 / 64, None)


@pytest.mark.parametrize(("nodes", "pods", "more", "told"), FIRST.values(), ids=FIRST.keys())
def test_what_is_out_first(
    nodes: list[Node], pods: list[Pod], more: dict[str, Any], told: tuple[str | None, int, int]
) -> None:
    found = full(nodes, pods, **more)
    assert (found.first.name if found.first else None, found.starts, found.stranded) == told

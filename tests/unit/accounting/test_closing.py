"""The ledger closes: on random histories every part of every device has one cause, and the sums are exact."""

from __future__ import annotations

from fractions import Fraction

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allotment.accounting.capacity import PER_DEVICE, devices_by_node, largest_remainder
from allotment.accounting.ledger import MS_PER_HOUR, CauseOfTime, grouped
from allotment.accounting.moment import CountingRules, portions
from allotment.accounting.prices import DevicePrices
from allotment.accounting.series import LONGEST_STEP, SeriesLedger
from allotment.model.observed.index import Index
from allotment.model.observed.nodes import Node
from allotment.model.observed.snapshot import DeviceUse, Gap, Snapshot, Source
from tests.by_day import by_day
from tests.unit.accounting.scenes import at, moment_of, node, pod, workload

LAYOUTS = st.sampled_from(
    (
        ({"nvidia.com/gpu": "8"}, {"nvidia.com/gpu.count": "8"}),
        (
            {"nvidia.com/gpu": "2", "nvidia.com/mig-1g.5gb": "5", "nvidia.com/mig-3g.20gb": "1"},
            {"nvidia.com/gpu.count": "4"},
        ),
        ({"nvidia.com/gpu": "9"}, {"nvidia.com/gpu.replicas": "3", "nvidia.com/gpu.product": "Tesla-T4-SHARED"}),
        ({"nvidia.com/gpu": "14"}, {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB-MIG-1g.5gb"}),
        ({"amd.com/gpu": "4"}, {}),
        ({"cpu": "64"}, {}),
    )
)


@st.composite
def nodes(draw: st.DrawFn) -> Node:
    capacity, labels = draw(LAYOUTS)
    lost = draw(st.integers(0, 2))
    allocatable = {key: str(max(0, int(value) - lost)) for key, value in capacity.items()}
    return node(
        f"n{draw(st.integers(0, 3))}",
        capacity,
        allocatable,
        labels=labels,
        ready=draw(st.booleans()),
        cordoned=draw(st.booleans()),
    )


@st.composite
def snapshots(draw: st.DrawFn, t: int) -> Snapshot:
    machines = {each.name: each for each in draw(st.lists(nodes(), max_size=4))}
    pods, use = [], []
    for count in range(draw(st.integers(0, 6))):
        where = draw(st.sampled_from(["", *machines]))
        resource = draw(st.sampled_from(("nvidia.com/gpu", "nvidia.com/mig-1g.5gb", "amd.com/gpu")))
        pods.append(
            pod(
                f"p{count}",
                where,
                {resource: str(draw(st.integers(1, 9)))},
                phase=draw(st.sampled_from(("Running", "Pending", "Succeeded"))),
            )
        )
        if draw(st.booleans()):
            use.append(DeviceUse(node=where, device="0", pod=f"team/p{count}", busy=draw(st.floats(0, 1)), over=60))
    work = [workload("w", "gpu", draw(st.integers(0, 12)), admitted=draw(st.booleans()))]
    gaps = (Gap(what="pods", reason="forbidden"),) if draw(st.integers(0, 9)) == 0 else ()
    return moment_of(t, nodes=machines.values(), pods=pods, workloads=work, use=use, gaps=gaps)


class Priced(DevicePrices):
    def of(self, source: str, node: Node) -> int | None:
        return None if node.name == "n0" else 2_000_003


@given(st.data())
@settings(max_examples=by_day(60), deadline=None)
def test_a_random_history_sums_to_its_devices_times_its_time(data: st.DataObject) -> None:
    steps = data.draw(st.lists(st.integers(1, 2 * LONGEST_STEP), min_size=1, max_size=6))
    times = [sum(steps[:count]) for count in range(len(steps) + 1)]
    series = SeriesLedger(CountingRules(prices=Priced()))
    capacity = 0
    last = None
    for t in times:
        snapshot = data.draw(snapshots(t))
        if last is not None:
            before, devices = last
            capacity += devices * (t - before)
        (source,) = snapshot.sources
        found = portions(Index(source), t, CountingRules())
        parts = sum(part.parts for each in devices_by_node(Index(source)).values() for part in each)
        assert sum(each.parts for each in found) == parts
        assert all(each.parts >= 0 for each in found)
        last = t, parts // PER_DEVICE
        series.add(snapshot)
    ledger = series.close()

    assert ledger.capacity_ms == capacity
    assert sum(each.gpu_ms for each in ledger.entries) == capacity
    assert all(each.gpu_ms >= 0 for each in ledger.entries)
    assert sum(each.gpu_ms for each in grouped(ledger, lambda entry: entry.charge.cause)) == capacity
    priced = sum(each.gpu_ms for each in ledger.entries if each.charge.price is not None)
    assert (ledger.cost or 0) == priced * 2_000_003 // MS_PER_HOUR


@given(st.integers(0, 10**9), st.dictionaries(st.integers(), st.fractions(0, 50), min_size=1, max_size=12))
def test_the_largest_remainder_sums_exactly_and_is_never_a_whole_unit_off(
    total: int, weights: dict[int, Fraction]
) -> None:
    shares = largest_remainder(total, weights)

    assert sum(shares.values()) == total
    whole = sum(weights.values())
    if whole:
        assert all(abs(share - total * weights[key] / whole) < 1 for key, share in shares.items())


def use_course(*busy: float) -> list[Snapshot]:
    """One held device, measured every minute."""
    return [
        moment_of(
            60_000 * minute,
            nodes=[node("n", {"nvidia.com/gpu": "1"})],
            pods=[pod("p", "n", {"nvidia.com/gpu": "1"})],
            use=[DeviceUse(node="n", device="0", pod="team/p", busy=share, over=60)],
        )
        for minute, share in enumerate(busy)
    ]


@pytest.mark.parametrize(
    ("busy", "idle_minutes", "productive_minutes"),
    [
        pytest.param((*[0.1] * 30, 0.9, 0.9), 30, 1, id="thirty low minutes were idle, all of them"),
        pytest.param((*[0.1] * 29, 0.9, 0.9), 0, 30, id="twenty-nine were not"),
        pytest.param((*[0.1] * 20, 0.5, *[0.1] * 20, 0.9), 0, 41, id="two short stretches are none"),
        pytest.param((*[0.2] * 40,), 0, 39, id="at the threshold is not below it"),
    ],
)
def test_idle_is_a_whole_stretch_or_nothing(
    busy: tuple[float, ...], idle_minutes: int, productive_minutes: int
) -> None:
    series = SeriesLedger(CountingRules())
    for each in use_course(*busy):
        series.add(each)
    found = {group.name: group.gpu_ms / 60_000 for group in grouped(series.close(), lambda each: each.charge.cause)}

    assert found.get(CauseOfTime.IDLE_HELD, 0) == idle_minutes
    assert found.get(CauseOfTime.PRODUCTIVE, 0) == productive_minutes


def test_a_stretch_that_began_before_the_time_asked_about_is_as_long_as_it_is() -> None:
    series = SeriesLedger(CountingRules(), since=25 * 60_000)
    for each in use_course(*[0.1] * 32, 0.9, 0.9):
        series.add(each)
    found = {group.name: group.gpu_ms / 60_000 for group in grouped(series.close(), lambda each: each.charge.cause)}

    assert found == {CauseOfTime.IDLE_HELD: 7, CauseOfTime.PRODUCTIVE: 1}


def test_nodes_that_could_not_be_read_are_unobserved_not_gone() -> None:
    eight = {"nvidia.com/gpu": "8"}
    unread = (Gap(what="nodes", reason="failed"),)
    series = SeriesLedger(CountingRules())
    series.add(moment_of(0, nodes=[node("a", eight), node("b", eight)]))
    series.add(moment_of(60_000, nodes=[node("a", eight)], gaps=unread))
    series.add(moment_of(120_000, gaps=unread))
    series.add(moment_of(180_000, nodes=[node("a", eight)]))
    series.add(moment_of(240_000))
    found = {group.name: group.gpu_ms / 60_000 for group in grouped(series.close(), lambda each: each.charge.cause)}

    assert found == {CauseOfTime.UNALLOCATED: 16 + 8 + 8, CauseOfTime.UNOBSERVED: 8 + 16}


def test_a_gap_is_unobserved_and_ends_a_stretch() -> None:
    course = use_course(*[0.1] * 40)
    late = [
        msgspec.structs.replace(
            each,
            sources=tuple(
                msgspec.structs.replace(source, observed_at=at(60_000 * (minute + 60))) for source in each.sources
            ),
        )
        for minute, each in enumerate(course[:20])
    ]
    series = SeriesLedger(CountingRules())
    for each in (*course[:20], *late):
        series.add(each)
    found = {group.name: group.gpu_ms / 60_000 for group in grouped(series.close(), lambda each: each.charge.cause)}

    assert found == {CauseOfTime.PRODUCTIVE: 38, CauseOfTime.UNOBSERVED: 41}


def test_a_source_that_went_silent_is_unobserved_to_the_end() -> None:
    first = moment_of(0, nodes=[node("n", {"nvidia.com/gpu": "2"})])
    (source,) = first.sources
    other = msgspec.structs.replace(source, name="other", observed_at=at(10 * LONGEST_STEP))
    series = SeriesLedger(CountingRules())
    series.add(first)
    series.add(msgspec.structs.replace(first, sources=(other,)))
    (entry,) = series.close().entries

    assert (entry.charge.cause, entry.gpu_ms) == (CauseOfTime.UNOBSERVED, 2 * 10 * LONGEST_STEP)
    assert isinstance(source, Source)

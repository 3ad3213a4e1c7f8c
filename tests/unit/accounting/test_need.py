"""The need that a team has shown: exact sums, shares of time, and nothing that depends on how time is cut."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allotment.accounting.capacity import PER_DEVICE
from allotment.accounting.ledger import CauseOfTime
from allotment.accounting.need import DAY_MS, HELD, DeviceSpan, NeedCount, part_ms
from allotment.model.requests.request import DemonstratedNeed
from tests.by_day import by_day

SECOND = 1000


def need(
    spans: Sequence[DeviceSpan], since: int, until: int, *, idle: Sequence[DeviceSpan] | None = None, granted: int = 0
) -> DemonstratedNeed:
    count = NeedCount()
    count.hold_spans(spans, since, until)
    if idle is not None:
        count.idle(part_ms(idle, since, until))
    found = count.close(granted)
    assert found is not None
    return found


def span(since: int, until: int, devices: int = 1) -> DeviceSpan:
    """Times in seconds."""
    return DeviceSpan(since * SECOND, until * SECOND, devices * PER_DEVICE)


@pytest.mark.parametrize(
    ("spans", "used", "half", "most"),
    [
        ([], 0, 0, 0),
        ([span(0, 100, 8)], 800, 8, 8),
        ([span(0, 50, 8)], 400, 8, 8),
        ([span(0, 49, 8)], 392, 0, 8),
        ([span(0, 5, 8), span(5, 100, 2)], 230, 2, 8),
        ([span(0, 4, 8), span(4, 100, 2)], 224, 2, 2),
        ([span(0, 60, 2), span(40, 100, 3)], 300, 3, 5),
        ([span(-50, 20, 4), span(90, 300, 4)], 120, 0, 4),
    ],
    ids=["nothing", "always", "just half", "not quite half", "a twentieth", "less", "together", "beyond both ends"],
)
def test_what_was_held_and_for_how_much_of_the_time(spans: list[DeviceSpan], used: int, half: int, most: int) -> None:
    found = need(spans, 0, 100 * SECOND, granted=4)
    assert (found.used, found.half, found.most, found.granted, found.days) == (used, half, most, 400, 1)


def test_parts_of_devices_sum_to_devices() -> None:
    """Seven slices of a device, which are not quite sevenths."""
    slices = [DeviceSpan(0, 10 * SECOND, PER_DEVICE // 7 + (each == 0)) for each in range(7)]
    found = need(slices, 0, 10 * SECOND)
    assert (found.used, found.half, found.most) == (10, 1, 1)


def test_a_time_of_which_nothing_is_known_is_no_need() -> None:
    assert NeedCount().close(8) is None
    count = NeedCount()
    count.wait(5 * PER_DEVICE * SECOND)
    assert count.close(8) is None


@pytest.mark.parametrize(("days", "told"), [(0.2, 1), (1, 1), (1.5, 2), (30, 30), (31, 30)])
def test_days_that_are_known(days: float, told: int) -> None:
    assert need([], 0, int(days * DAY_MS)).days == told


def test_nobody_measured_is_not_nothing_idle() -> None:
    spans = [span(0, 10)]
    assert need(spans, 0, 10 * SECOND).idle is None
    assert need(spans, 0, 10 * SECOND, idle=[]).idle == 0
    assert need(spans, 0, 10 * SECOND, idle=[span(2, 7)]).idle == 5
    assert need(spans, 0, 10 * SECOND, idle=[span(0, 10, 2)]).idle == 10


def test_who_holds_what_others_wait_for_is_no_cause_of_holding() -> None:
    """Every cause is judged: a new one has to be put on one side."""
    free = {"cordoned", "reserved-unused", "quota-blocked", "fragmented", "unallocated", "unobserved"}
    assert {cause.value for cause in CauseOfTime} == {cause.value for cause in HELD} | free


SECONDS = st.integers(0, 3 * DAY_MS // SECOND)


@st.composite
def lines(draw: st.DrawFn) -> list[list[DeviceSpan]]:
    """By device, stretches that do not overlap, each in whole seconds."""
    found = []
    for _ in range(draw(st.integers(1, 6))):
        cuts = sorted(draw(st.sets(SECONDS, max_size=8)))
        found.append([span(cuts[at], cuts[at + 1]) for at in range(0, len(cuts) - 1, 2)])
    return found


@given(lines(), st.sets(SECONDS, min_size=2, max_size=5))
@settings(max_examples=by_day(200), deadline=None)
def test_sums_do_not_depend_on_how_time_is_cut_and_are_never_more_than_there_is(
    devices: list[list[DeviceSpan]], cuts: set[int]
) -> None:
    times = [each * SECOND for each in sorted(cuts)]
    spans = [each for line in devices for each in line]
    whole = need(spans, times[0], times[-1], idle=spans[::2], granted=3)
    parts = [need(spans, one, other, idle=spans[::2], granted=3) for one, other in pairwise(times)]

    assert whole.used == sum(each.used for each in parts)
    assert whole.idle == sum(each.idle or 0 for each in parts)
    assert whole.granted == sum(each.granted for each in parts)
    assert 0 <= (whole.idle or 0) <= whole.used <= len(devices) * (times[-1] - times[0]) // SECOND
    assert 0 <= whole.half <= whole.most <= len(devices)


@given(lines())
@settings(max_examples=by_day(100), deadline=None)
def test_shares_of_time_are_those_of_each_second(devices: list[list[DeviceSpan]]) -> None:
    spans = [each for line in devices for each in line]
    marks = sorted({0, 3 * DAY_MS, *(at for each in spans for at in (each.since, each.until))})
    found = need(spans, 0, 3 * DAY_MS)
    for share, told in ((2, found.half), (20, found.most)):
        held = {
            number: sum(
                other - one
                for one, other in pairwise(marks)
                if sum(each.since <= one < each.until for each in spans) >= number
            )
            for number in range(len(devices) + 1)
        }
        assert told == max(number for number, ms in held.items() if ms * share >= 3 * DAY_MS)

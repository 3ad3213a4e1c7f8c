"""What looks at devices say of an attempt: every second is busy, idle or unmeasured, and idleness is judged by rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.model.jobs.use import IdleMark, percent_at
from allotment.model.policy import IdleAction, IdlePolicy, IdleWork
from allotment.operations.run.measured_use import EVERY, LONGEST, DeviceLook, closed_at, use_from, with_looks

RULE = IdlePolicy("idle-20s", frozenset(IdleWork), 20, 20, IdleAction.STOP)
PERCENTS = st.one_of(st.none(), st.integers(0, 100))


@given(
    looks=st.lists(st.tuples(st.integers(-2_000, 60_000), st.lists(PERCENTS, max_size=3)), max_size=30),
    devices=st.integers(0, 3),
    tail=st.integers(-1_000, 40_000),
)
def test_the_states_of_all_devices_sum_to_the_length_of_the_attempt(
    looks: Sequence[tuple[int, Sequence[int | None]]], devices: int, tail: int
) -> None:
    use, now = use_from(1_000_000, devices), 1_000_000
    for passed, percents in looks:
        now += passed  # a clock may be turned back
        use = with_looks(use, [DeviceLook(each) for each in percents[:devices]], now, RULE)
        if use.mark is not None:
            assert 0 <= use.mark.busy_ms <= use.mark.held_ms
        assert 0 <= use.idle_after_ms <= use.idle_ms <= use.measured_ms
    use = closed_at(use, now + tail)
    assert use.measured_ms + use.unmeasured_ms == devices * (use.until - use.since)
    assert use.unmeasured_ms >= 0


def watched(*percents: int | None, devices: int = 1, rule: IdlePolicy | None = RULE, every: int = EVERY):  # type: ignore[no-untyped-def]
    use = use_from(0, devices)
    for number, percent in enumerate(percents):
        use = with_looks(use, [DeviceLook(percent, 7)] * devices, (number + 1) * every, rule)
    return use


@pytest.mark.parametrize(
    ("percents", "devices", "mark"),
    [
        ([0] * 3, 1, None),
        ([0] * 4, 1, IdleMark("idle-20s", "stop", 20_000, 0)),
        ([19] * 6, 2, IdleMark("idle-20s", "stop", 20_000, 20_000)),
        ([20] * 9, 1, None),
        ([0, 0, 50, 0, 0, 0], 1, None),
        ([0, 0, None, 0, 0, 0], 1, None),  # what nobody saw was not idle
        ([90, 0, 0, 0, 0, 0, 100], 1, IdleMark("idle-20s", "stop", 25_000, 10_000, 5_000)),
    ],
)
def test_a_rule_marks_what_is_idle_without_a_break_for_as_long_as_it_says(
    percents: list[int | None], devices: int, mark: IdleMark | None
) -> None:
    assert watched(*percents, devices=devices).mark == mark
    assert watched(*percents, devices=devices, rule=None).mark is None


def test_one_busy_device_of_two_keeps_a_job_from_being_idle() -> None:
    use = use_from(0, 2)
    for number in range(1, 9):
        use = with_looks(use, [DeviceLook(0), DeviceLook(80)], number * EVERY, RULE)
    assert (use.idle_ms, use.idle_after_ms, use.mark) == (8 * EVERY, 0, None)
    assert [percent_at(use.by_percent, each) for each in (500, 950, 1000)] == [0, 80, 80]


def test_a_late_look_stands_for_no_more_than_it_may_and_breaks_the_streak() -> None:
    use = watched(0, 0)
    late = with_looks(use, [DeviceLook(0)], use.until + 10 * LONGEST, RULE)
    assert late.unmeasured_ms == 9 * LONGEST
    assert late.idle_after_ms == LONGEST
    assert watched(0, 0, 60).memory == 7
    assert replace(late, mark=None).measured_ms == 2 * EVERY + LONGEST

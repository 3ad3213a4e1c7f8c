"""When runs of a schedule begin, and which of its times are left out."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.errors import InputError
from allotment.model.jobs.job import JobSchedule
from allotment.operations.run.scheduling import MOST_COUNTED, decide_schedule, times_of

HOURLY = JobSchedule("0 * * * *", "Etc/UTC", 600)
BERLIN = JobSchedule("30 2 * * *", "Europe/Berlin", 600)


def at(text: str) -> int:
    """Milliseconds since the epoch."""
    return int(dt.datetime.fromisoformat(f"{text}+00:00").timestamp() * 1000)


@pytest.mark.parametrize(
    ("passed", "now", "busy", "run", "left_out"),
    [
        ("2026-03-01 10:00", "2026-03-01 10:59", False, None, 0),
        ("2026-03-01 10:00", "2026-03-01 11:00", False, "2026-03-01 11:00", 0),
        ("2026-03-01 10:00", "2026-03-01 11:10", False, "2026-03-01 11:00", 0),
        ("2026-03-01 10:00", "2026-03-01 11:11", False, None, 1),
        # The server was down: what is still in time runs, the rest is left out.
        ("2026-03-01 10:00", "2026-03-01 14:05", False, "2026-03-01 14:00", 3),
        ("2026-03-01 10:00", "2026-03-01 14:35", False, None, 4),
        # A run is under way: nothing is decided until it is over.
        ("2026-03-01 10:00", "2026-03-01 11:05", True, None, 0),
        # Decided about already.
        ("2026-03-01 11:00", "2026-03-01 11:00", False, None, 0),
    ],
)
def test_whether_a_run_begins(passed: str, now: str, busy: bool, run: str | None, left_out: int) -> None:
    found = decide_schedule(HOURLY, at(passed), at(now), busy=busy)
    assert found.run == (None if run is None else at(run))
    assert (0 if found.left_out is None else found.left_out.times) == left_out
    decided = run is not None or left_out > 0
    assert found.passed == (at(now) // 3_600_000 * 3_600_000 if decided else at(passed))
    assert decide_schedule(HOURLY, found.passed, at(now), busy=False).run is None or not decided, "each time once"


def test_a_time_that_the_clock_skips_is_none_and_one_that_comes_twice_is_one() -> None:
    spring = times_of(BERLIN).between(at("2026-03-28 00:00"), at("2026-03-30 23:00"))
    assert [times_of(BERLIN).shown(each) for each in spring] == [
        "2026-03-28 02:30 Europe/Berlin",
        "2026-03-30 02:30 Europe/Berlin",
    ]
    autumn = list(times_of(BERLIN).between(at("2026-10-24 12:00"), at("2026-10-25 12:00")))
    assert autumn == [at("2026-10-25 00:30")]
    late = decide_schedule(BERLIN, autumn[0], at("2026-10-25 01:30"), busy=False)
    assert (late.run, late.left_out) == (None, None), "02:30 comes again, and has been"


def test_where_the_clock_was_set_back_times_come_again() -> None:
    found = decide_schedule(HOURLY, at("2026-03-01 15:00"), at("2026-03-01 09:30"), busy=False)
    assert (found.run, found.passed, found.next) == (None, at("2026-03-01 09:30"), at("2026-03-01 10:00"))
    assert decide_schedule(HOURLY, found.passed, at("2026-03-01 10:00"), busy=False).run == at("2026-03-01 10:00")


def test_after_years_it_is_counted_no_further_than_of_use() -> None:
    minutely = JobSchedule("* * * * *", "Etc/UTC", 30)
    found = decide_schedule(minutely, at("2020-01-01 00:00"), at("2026-03-01 10:00"), busy=False)
    assert found.run == at("2026-03-01 10:00")
    assert found.left_out is not None
    assert (found.left_out.times, found.left_out.said) == (MOST_COUNTED, f"{MOST_COUNTED} or more")
    assert found.left_out.last == at("2026-03-01 09:59")


@pytest.mark.parametrize("moment", [-(10**18), 10**18])
def test_no_row_and_no_clock_is_too_far_to_be_decided_about(moment: int) -> None:
    for passed, now in ((moment, at("2026-03-01 10:30")), (0, moment), (moment, moment)):
        found = decide_schedule(BERLIN, passed, now, busy=False)
        assert found.passed <= now
        assert times_of(BERLIN).shown(found.passed)


@pytest.mark.parametrize("wrong", [JobSchedule("x", "Etc/UTC", 60), JobSchedule("0 * * * *", "../etc/passwd", 60)])
def test_what_is_no_schedule_is_told(wrong: JobSchedule) -> None:
    with pytest.raises(InputError):
        decide_schedule(wrong, 0, at("2026-03-01 10:00"), busy=False)


START = at("2026-03-28 20:00")
MINUTE = 60_000


@given(
    cron=st.sampled_from(["*/7 * * * *", "0 * * * *", "30 2 * * *", "15,45 1-3 * * 0"]),
    deadline=st.sampled_from([60, 600, 7200]),
    looks=st.lists(st.tuples(st.integers(0, 240), st.booleans(), st.booleans()), min_size=1, max_size=40),
)
def test_each_time_runs_at_most_once_and_none_is_passed_over_in_silence(
    cron: str, deadline: int, looks: list[tuple[int, bool, bool]]
) -> None:
    """Looks at any time; what was decided may be lost, and is decided again."""
    schedule = JobSchedule(cron, "Europe/Berlin", deadline)
    now, passed, ran, counted = START, START, set[int](), 0
    for minutes, busy, dies in looks:
        now += minutes * MINUTE
        found = decide_schedule(schedule, passed, now, busy=busy)
        assert found.passed >= passed
        assert found.next is None or found.next > now
        if found.run is not None:
            assert now - deadline * 1000 <= found.run <= now
            assert not busy
        if dies:
            continue  # before anything was kept
        if found.run is not None:
            assert found.run not in ran
            ran.add(found.run)
        counted += 0 if found.left_out is None else found.left_out.times
        passed = found.passed
    times = set(times_of(schedule).between(START, passed))
    assert ran <= times
    assert len(times) == len(ran) + counted, "each time ran, or was said to be left out"

"""What a change makes of a stored job, where the contract of stores does not say it already."""

from __future__ import annotations

import pytest

from allotment.model.jobs.run import JobHistory, JobState
from allotment.ports.store import DAY_MS, KEPT_DAYS, kept_since
from allotment.ports.stored_jobs import (
    MOST_WAITS,
    StaleWriteError,
    StoredChange,
    StoredWait,
    changed,
    first_kept,
    row_of,
)
from tests.unit.adapters.store.jobs import HOUR, NOW, moved, submitted


def test_a_clock_that_goes_back_never_puts_a_move_before_the_last() -> None:
    queued = changed(submitted("j1"), moved(submitted("j1"), JobState.QUEUED, at=NOW - HOUR))
    running = changed(queued, moved(queued, JobState.RUNNING, at=NOW + HOUR))
    failed = changed(running, moved(running, JobState.FAILED, at=NOW))

    assert [each.at for each in failed.history.moves] == [NOW, NOW, NOW + HOUR, NOW + HOUR]
    assert (failed.submitted, failed.started, failed.ended) == (NOW, NOW + HOUR, NOW + HOUR)


def test_each_change_is_decided_on_the_one_before() -> None:
    queued = changed(submitted("j1"), moved(submitted("j1"), JobState.QUEUED))
    assert queued.version == 1
    with pytest.raises(StaleWriteError, match="changed meanwhile"):
        changed(queued, moved(submitted("j1"), JobState.RUNNING))


def test_a_job_without_a_first_move_is_none() -> None:
    with pytest.raises(ValueError, match="first move"):
        first_kept(submitted("j1").__class__("j1", submitted("j1").job, "ada", "local", JobHistory()))


def test_reasons_to_wait_are_bounded_and_a_known_one_is_renewed_nevertheless() -> None:
    many = tuple(StoredWait(NOW + each, "quota-full", "", "full") for each in range(MOST_WAITS + 5))
    full = changed(submitted("j1"), StoredChange("j1", 0, waits=many))
    over = StoredWait(NOW, "quota-full", "", "full", until=NOW + 1)
    ended = changed(full, StoredChange("j1", 1, waits=(over,)))

    assert (len(full.waits), full.waits[0], ended.waits[0]) == (MOST_WAITS, many[0], over)


def test_a_row_says_what_a_job_asks_for_and_where_it_stands() -> None:
    row = row_of(submitted("j1", devices=0))
    assert (row.devices, row.accelerator, row.state, row.started, row.ended) == (0, "", JobState.SUBMITTED, None, None)
    assert row.said == "came"


def test_jobs_are_kept_for_thirty_days_after_their_end() -> None:
    assert KEPT_DAYS >= 30
    assert kept_since(NOW) == NOW - 30 * DAY_MS

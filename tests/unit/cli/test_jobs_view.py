"""Text of a job reaches a terminal without what would move its cursor, whichever field it stands in."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest

from allotment.cli.commands.run.family_view import family_lines, family_report_lines
from allotment.cli.commands.run.jobs_view import described, jobs_listing, receipt_text, receipts_listing, report_text
from allotment.model.jobs.family import FamilyStanding
from allotment.model.jobs.job import JobSchedule, Program, Sweep, SweptParameter
from allotment.model.jobs.run import JobState, Move, MoveCause, RunningPlace
from allotment.operations.run.reporting import BestTrial, FamilyReport, report_of
from allotment.ports.job_service import JobReceipt
from allotment.ports.stored_jobs import JobAttempt, JobEvent, row_of
from tests.unit.adapters.store.jobs import NOW, submitted

ESCAPE = "\x1b[2J"
STORED = submitted("j1")
GRID = Sweep((SweptParameter("lr", ("1", "2")),), trials=2, seed=0, at_once=1)


def hostile(value: Any) -> Any:
    """The same value, every text of it with an escape sequence, as if no struct refused it."""
    for each in fields(value):
        text = getattr(value, each.name)
        if type(text) is str:
            object.__setattr__(value, each.name, f"{text}{ESCAPE}")
    return value


def test_no_text_of_a_job_moves_the_cursor() -> None:
    job = hostile(replace(STORED.job, program=Program(("python", ESCAPE))))
    object.__setattr__(job.needs.accelerators, "classes", ("a100", ESCAPE))
    stored = replace(STORED, job=job, owner=ESCAPE, backend=f"local{ESCAPE}", native=ESCAPE)
    told = [described(stored, NOW), receipt_text(JobReceipt(stored, (ESCAPE,)), "allot")]
    row = replace(row_of(stored), accelerator=f"a100{ESCAPE}")
    for listing in (jobs_listing([row], NOW, other_teams=True), receipts_listing([JobReceipt(stored, ())], NOW)):
        told += [str(column.of(listing.rows[0])) for column in listing.columns]
    sweep = replace(stored, standing=FamilyStanding(ESCAPE, 1), parent=ESCAPE)
    trial = replace(row_of(stored), said=ESCAPE)
    told += [described(sweep, NOW, [trial]), *family_lines(sweep, [trial], NOW, "allot")]
    schedule = JobSchedule(ESCAPE, ESCAPE, 60)
    run = replace(sweep, job=replace(STORED.job, schedule=schedule), events=(JobEvent(NOW, "left-out", ESCAPE),))
    told += [described(run, NOW, [trial])]
    best = BestTrial(ESCAPE, 0.5, 0, (ESCAPE,))
    told += family_report_lines(FamilyReport({JobState.FAILED: 1}, best), sweep)
    assert len(told) > 20
    assert not [each for each in told if ESCAPE in each]


def test_trials_and_runs_have_the_words_of_ps() -> None:
    trial = replace(row_of(STORED), said="insufficient unused quota for cpu in flavor machine, 250m more needed")
    sweep = replace(STORED, standing=FamilyStanding("1 trial", 1), job=replace(STORED.job, sweep=GRID))
    run = replace(STORED, job=replace(STORED.job, schedule=JobSchedule("0 4 * * *", "Etc/UTC", 60)))
    for family in (sweep, run):
        assert [line for line in family_lines(family, [trial], NOW, "allot") if line.endswith("  0.25 CPU short")]


def test_of_what_was_left_out_the_newest_are_named_and_the_others_counted() -> None:
    schedule = JobSchedule("0 4 * * *", "Etc/UTC", 60)
    told = ["5 runs from a to b were left out", *("the run of c was left out",) * 24]
    events = tuple(JobEvent(NOW + number, "left-out", said) for number, said in enumerate(told))
    job = replace(STORED, job=replace(STORED.job, schedule=schedule), events=events)
    for times, before in ((29, ["  9 before these"]), (20, [])):
        lines = list(family_lines(replace(job, standing=FamilyStanding(left_out=times)), [], NOW, "allot"))
        assert lines[0] == f"left out ({times} times)"
        assert [line for line in lines if "before these" in line] == before
        assert len(lines) == 21 + len(before)


def test_devices_of_an_attempt_are_counted_where_nobody_tells_which_they_are() -> None:
    stored = submitted("j2")

    def told(*devices: str, started: int | None = NOW) -> str:
        attempt = JobAttempt(1, started, NOW, (RunningPlace(0, "n1", devices=devices),))
        lines = described(replace(stored, attempts=(attempt,)), NOW).splitlines()
        return lines[lines.index("attempts") + 2].removesuffix("over").strip().rpartition("   ")[2]

    wish = stored.job.needs.accelerators
    assert wish is not None
    assert told() == f"{stored.job.devices} {' or '.join(wish.classes)}"
    assert told("GPU-7") == "GPU-7"
    assert told(started=None) == "none"


def test_what_starts_holds_its_devices_and_has_waited_since_it_was_submitted() -> None:
    stored = replace(submitted("j2"), attempts=(JobAttempt(1),))
    for state in (JobState.QUEUED, JobState.STARTING):
        stored = replace(stored, history=stored.history.become(Move(NOW, state, MoveCause.ADMITTED, 1)))
    lines = described(stored, NOW).splitlines()
    held = f"{stored.job.devices} a100 or h100"
    assert lines[lines.index("attempts") + 2].split() == ["1", "not", "yet", *held.split(), "starts"]
    told = report_text(report_of(stored, stored.submitted + 60_000), "USD")
    assert "  has waited 1 min so far, 1 attempt\n" in f"{told}\n"
    queued = replace(stored, history=submitted("j2").history)
    assert described(queued, NOW).splitlines()[lines.index("attempts") + 2].split()[-1] == "waits"


@pytest.mark.parametrize(
    ("backend", "started", "says"),
    [("local", NOW, "local (j2-1-0)"), ("local", None, "local"), ("hpc", None, "hpc (j2-1-0)")],
)
def test_a_name_on_this_machine_is_told_once_something_bears_it(backend: str, started: int | None, says: str) -> None:
    stored = replace(submitted("j2"), backend=backend, native="j2-1-0", attempts=(JobAttempt(1, started, NOW),))
    lines = described(stored, NOW).splitlines()
    assert [line.split(maxsplit=1)[1] for line in lines if line.startswith("  backend")] == [says]
    assert ("never" in lines[lines.index("attempts") + 2]) is (started is None)


def test_a_sweep_has_the_devices_of_all_trials_that_run_at_the_same_time() -> None:
    stored = submitted("j2")
    sweep = Sweep((SweptParameter("lr", ("1", "2", "3", "4", "5")),), trials=5, seed=0, at_once=4)
    assert row_of(replace(stored, job=replace(stored.job, sweep=sweep))).devices == 4 * stored.job.devices

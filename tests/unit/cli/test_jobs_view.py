"""Text of a job reaches a terminal without what would move its cursor, whichever field it stands in."""

from __future__ import annotations

import re
from dataclasses import fields, replace
from typing import Any

import pytest

from allotment.cli.commands.run.family_view import family_lines, family_report_lines
from allotment.cli.commands.run.jobs_view import (
    described,
    foreseen_text,
    jobs_listing,
    no_members,
    receipt_text,
    receipts_listing,
    silence_told,
    silent_backends,
)
from allotment.cli.commands.run.report_view import report_text
from allotment.model.jobs.family import FamilyStanding
from allotment.model.jobs.job import AcceleratorWish, JobSchedule, Program, RetryPolicy, Sweep, SweptParameter
from allotment.model.jobs.run import GivenClass, JobHistory, JobState, Move, MoveCause, RunningPlace
from allotment.model.jobs.use import UseSummary
from allotment.model.moments import written
from allotment.operations.run.reporting import BestTrial, FamilyReport, family_report_of, report_of
from allotment.operations.run.trials_there import trials_there
from allotment.ports.backends import BackendOffer, ForeseenStart
from allotment.ports.job_service import FamilySummary, ForeseenJob, JobReceipt, ServedBackend, ServerStatus
from allotment.ports.stored_jobs import JobAttempt, JobEvent, row_of
from allotment.reports.documents.jobs import stored_job_document
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


def test_jobs_of_a_back_end_that_does_not_answer_say_so() -> None:
    away = ServedBackend("hpc", BackendOffer("slurm", ()), "Slurm is away", NOW)
    there = ServedBackend("local", BackendOffer("local", ()))
    silent = silent_backends(ServerStatus("1", 7, 0, "acme", "", ("cv",), (away, there)))
    rows = [
        replace(row_of(STORED), id=name, backend=backend, state=state, said=said)
        for name, backend, state, said in (
            ("a", "hpc", JobState.SUBMITTED, ""), ("b", "hpc", JobState.QUEUED, "next run 18:30"),
            ("c", "hpc", JobState.FAILED, "exit code 1"), ("d", "local", JobState.RUNNING, ""),
        )
    ]  # fmt: skip
    listing = jobs_listing(rows, NOW + 192_000, other_teams=True, silent=silent)
    (reason,) = (each for each in listing.columns if each.title == "REASON")
    unheard = "nothing was heard of hpc for 3 min 12 s"
    assert [reason.of(each) for each in rows] == [unheard, f"{unheard}; next run 18:30", "exit code 1", None]
    assert [bool(listing.document(each)["unheardSince"]) for each in rows] == [True, True, False, False]
    told = silence_told(silent["hpc"], NOW + 192_000)
    assert told == f"{unheard}, since {written(NOW)}: Slurm is away"
    assert f"  unheard    {told}" in described(STORED, NOW, unheard=told).splitlines()


def test_what_bounds_a_job_is_described_with_when_it_ends_at_the_latest() -> None:
    program = replace(STORED.job.program, image="registry.example.com/a:1")
    job = replace(STORED.job, run_time=3600, retries=RetryPolicy(2), program=program, sweep=None)
    history = JobHistory((*STORED.history.moves, Move(NOW, JobState.RUNNING, MoveCause.STARTED, 1)))
    runs = replace(STORED, job=job, history=history, attempts=(JobAttempt(1, NOW),))
    lines = described(runs, NOW, cost="8.00 USD").splitlines()
    assert f"  maxRunTime 1 h, so that it ends at {written(NOW + 3_600_000)} at the latest" in lines
    assert "  retries    2 after failures of its own, only where it has not begun" in lines
    assert "  image      registry.example.com/a:1" in lines
    assert "  cost       8.00 USD" in lines
    told = stored_job_document(runs)
    assert (told["maxRunTimeSeconds"], told["retries"]) == (3600, {"limit": 2, "safe": False})


def test_trials_and_runs_have_the_words_of_ps() -> None:
    trial = replace(row_of(STORED), said="insufficient unused quota for cpu in flavor machine, 250m more needed")
    sweep = replace(STORED, standing=FamilyStanding("1 trial", 1), job=replace(STORED.job, sweep=GRID))
    run = replace(STORED, job=replace(STORED.job, schedule=JobSchedule("0 4 * * *", "Etc/UTC", 60)))
    for family in (sweep, run):
        assert [line for line in family_lines(family, [trial], NOW, "allot") if line.endswith("  0.25 CPU short")]


@pytest.mark.parametrize(
    ("state", "started", "ended", "ran"),
    [
        (JobState.RUNNING, -5000, None, 5),
        (JobState.SUCCEEDED, -9000, -7000, 2),
        (JobState.STOPPED, None, -7000, None),
        (JobState.QUEUED, None, None, None),
        (JobState.QUEUED, -5000, None, None),
        (JobState.STARTING, -5000, None, None),
    ],
)
def test_how_long_a_job_has_run_counts_from_its_start_wherever_it_is_told(
    state: JobState, started: int | None, ended: int | None, ran: int | None
) -> None:
    at = (None if each is None else NOW + each for each in (started, ended))
    row = replace(row_of(STORED), state=state, started=next(at), ended=next(at))
    column = next(each for each in jobs_listing([row], NOW, other_teams=True).columns if each.title == "RAN")
    assert column.of(row) == ran
    sweep = replace(STORED, job=replace(STORED.job, sweep=GRID))
    said = "\n".join(family_lines(sweep, [row], NOW, "allot"))
    assert (f" {ran} s" in said) is (ran is not None), said


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


def test_the_next_time_of_a_schedule_that_a_cluster_keeps_is_told() -> None:
    job = replace(STORED, job=replace(STORED.job, schedule=JobSchedule("0 4 * * *", "Etc/UTC", 60)))
    (line,) = [each for each in described(job, NOW).splitlines() if each.startswith("  schedule")]
    assert "0 4 * * * Etc/UTC, at most 1 min late; next run 20" in line
    assert " 04:00 Etc/UTC" in line
    kept = replace(job, standing=FamilyStanding("next run at 4"))
    assert described(kept, NOW).count("next run") == 1


def test_trials_that_are_no_jobs_of_their_own_are_told_with_arguments_and_ends() -> None:
    grid = Sweep((SweptParameter("lr", ("1", "2", "3", "4")),), trials=4, seed=0, at_once=2)
    wanted = submitted("j2").job
    sweep = replace(submitted("j2"), job=replace(wanted, sweep=grid), attempts=(
        JobAttempt(1, NOW, NOW, (RunningPlace(0, "n1", over=JobState.FAILED, code=3), RunningPlace(1, "n2"))),
        JobAttempt(2, NOW, None, (RunningPlace(0, "n3"), RunningPlace(2, "n2", over=JobState.SUCCEEDED, code=0))),
    ))  # fmt: skip
    assert [(each.state, each.node, each.code) for each in trials_there(sweep)] == [
        ("running", "n3", None), ("running", "n2", None), ("succeeded", "n2", 0), ("waiting", "", None),
    ]  # fmt: skip
    over = replace(sweep, history=sweep.history.become(Move(NOW, JobState.STOPPED, MoveCause.BY_HAND)))
    assert [each.state for each in trials_there(over)] == ["ended", "ended", "succeeded", "not run"]
    lines = described(sweep, NOW).splitlines()
    table = lines[lines.index("trials") + 1 :][:5]
    assert table[3].split() == ["2", "succeeded", "n2", "0", "--lr=3"]
    assert stored_job_document(sweep)["trials"][2] == {
        "number": 2, "state": "succeeded", "node": "n2", "exitCode": 0, "arguments": ("--lr=3",),
    }  # fmt: skip
    assert "trials" not in stored_job_document(submitted("j3"))
    assert no_members("allot", sweep).endswith("as one: `allot describe j2` tells of its trials")


def test_devices_of_an_attempt_are_counted_where_nobody_tells_which_they_are() -> None:
    sweep = submitted("j2")
    stored = replace(sweep, job=replace(sweep.job, sweep=None))

    def told(*devices: str, started: int | None = NOW, **more: object) -> str:
        place = RunningPlace(0, "n1", devices=devices, **more)  # type: ignore[arg-type]
        attempt = JobAttempt(1, started, NOW, (place,))
        lines = described(replace(stored, attempts=(attempt,)), NOW).splitlines()
        return lines[lines.index("attempts") + 2].removesuffix("over").strip().rpartition("   ")[2]

    wish = stored.job.needs.accelerators
    assert wish is not None
    assert told() == f"{stored.job.devices} {' or '.join(wish.classes)}"
    assert told("GPU-7") == "GPU-7"
    assert told(given=GivenClass("h100"), held=5) == "5 h100"
    assert told(started=None) == "none"
    stored = sweep
    assert told() == f"{2 * stored.job.devices} {' or '.join(wish.classes)}", "those of both trials at once"


def test_what_starts_holds_its_devices_and_has_waited_since_it_was_submitted() -> None:
    stored = replace(submitted("j2"), attempts=(JobAttempt(1),))
    stored = replace(stored, job=replace(stored.job, sweep=None))
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


def test_what_one_trial_asks_for_is_told_from_what_all_have_used() -> None:
    sweep = replace(submitted("j2"), standing=FamilyStanding(), job=replace(STORED.job, sweep=GRID, run_time=600))
    summary = FamilySummary({JobState.SUCCEEDED: 4}, UseSummary(12_213))
    alone, together = report_of(sweep, NOW), family_report_of(sweep, summary, NOW)
    told = [re.sub(r"\x1b\[[0-9;]*m", "", report_text(each, "USD")) for each in (alone, together)]
    heads = [re.split("  +", each.splitlines()[2].strip()) for each in told]
    assert heads == [["ASKED FOR ONE", "USED BY ALL"]] * 2
    one = report_text(report_of(replace(sweep, job=replace(sweep.job, sweep=None)), NOW), "USD")
    assert "ASKED FOR ONE" not in one
    assert "time 600 s at most 12.213 s" in " ".join(told[1].split())


def test_one_accelerator_is_one() -> None:
    job = replace(STORED.job, needs=replace(STORED.job.needs, accelerators=AcceleratorWish(1, ("a100",))), replicas=1)
    assert "USD an hour for 1 accelerator\n" in foreseen_text(ForeseenJob(job, ForeseenStart(True), 3_000_000), "USD")


def test_a_sweep_has_the_devices_of_all_trials_that_run_at_the_same_time() -> None:
    stored = submitted("j2")
    sweep = Sweep((SweptParameter("lr", ("1", "2", "3", "4", "5")),), trials=5, seed=0, at_once=4)
    assert row_of(replace(stored, job=replace(stored.job, sweep=sweep))).devices == 4 * stored.job.devices

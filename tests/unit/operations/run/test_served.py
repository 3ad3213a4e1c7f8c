"""Jobs that the server keeps itself, from what the store has to the answer of `why`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from allotment.diagnose.causes import BY_ID
from allotment.diagnose.rules.server.table import CAUSES
from allotment.diagnose.subjects import find_case
from allotment.errors import NotFoundError
from allotment.model import labels
from allotment.model.jobs.family import FamilyStanding
from allotment.model.jobs.job import DependencyState, JobDependency, JobSchedule, Sweep, SweptParameter
from allotment.model.jobs.run import JobHistory, JobState, Move, MoveCause
from allotment.model.moments import written
from allotment.model.observed.base import ObjectMeta
from allotment.model.observed.snapshot import Objects, Snapshot, Source
from allotment.model.observed.work import Job as Work
from allotment.model.slurm.seen import SlurmJob
from allotment.observe.view import seen_by
from allotment.operations.ask.explaining import why, why_all
from allotment.operations.run.served import ServedJobs, with_served
from allotment.ports.stored_jobs import JobEvent, StoredJob, StoredWait
from tests.unit.adapters.store.jobs import submitted
from tests.unit.diagnose import test_slurm as slurm
from tests.unit.operations.run.machine import Machine, job

NOON = 1_800_014_400_000
"""2027-01-15 12:00 UTC."""
MINUTE = 60_000
SWEEP = Sweep((SweptParameter("lr", ("1", "2", "3", "4", "5")),), 5, 0, 3)
HOURLY = JobSchedule("0 * * * *", "Etc/UTC", 600)
STAGING, HELD, RUNNING = (
    (JobState.STAGING,),
    (JobState.HELD,),
    (JobState.QUEUED, JobState.STARTING, JobState.RUNNING),
)
FAILED = (*RUNNING, JobState.FAILED)


def stored(id_: str, states: Sequence[JobState], said: str = "", *, at: int = NOON - MINUTE, **own: Any) -> StoredJob:
    """A job called as its id says before a dash, in a state."""
    wanted = {name: own.pop(name) for name in ("sweep", "schedule", "after") if name in own}
    first = submitted(id_, at)
    moves = [Move(at, state, MoveCause.TAKEN, 1, said) for state in states]
    job = replace(first.job, name=id_.partition("-")[0], **{"sweep": None, **wanted})
    return replace(first, job=job, history=JobHistory((*first.history.moves, *moves)), **own)


def trial(number: int, states: Sequence[JobState], **own: Any) -> StoredJob:
    return stored(f"s1-t{number}", states, parent="s1", number=number, **own)


def run_at(minutes: int, states: Sequence[JobState], said: str = "", **own: Any) -> StoredJob:
    return stored(f"n1-r{minutes}", states, said, parent="n1", number=NOON + minutes * MINUTE, **own)


def kept(*jobs: StoredJob, now: int = NOON) -> Snapshot:
    by_id = {each.id: each for each in jobs}
    bare = Snapshot(taken_at=written(now), sources=(Source(name="local", kind="machine"),))
    newest = lambda of: [each for each in jobs if each.parent == of]  # noqa: E731 (as short as that)
    asked = ServedJobs(by_id, lambda job: job.sweep is not None or job.schedule is not None, newest, now)
    return with_served(bare, asked)


def search(passed: int, *trials: StoredJob) -> tuple[StoredJob, ...]:
    return (stored("s1", RUNNING, sweep=SWEEP, standing=FamilyStanding("", passed)), *trials)


def nightly(passed: int, *runs: StoredJob, events: tuple[str, ...] = (), left_out: int = 0) -> tuple[StoredJob, ...]:
    told = tuple(JobEvent(NOON, "left-out", each) for each in events)
    standing = FamilyStanding("", NOON + passed * MINUTE, left_out=left_out)
    return (stored("n1", (JobState.QUEUED,), schedule=HOURLY, standing=standing, events=told), *runs)


AFTER = (JobDependency("prep", DependencyState.SUCCEEDED),)
WAITS = (StoredWait(NOON, "", "", "the data of others are fetched first"),)
TABLE: list[tuple[str, tuple[StoredJob, ...], str, str, str, list[str]]] = [
    ("data that are fetched", (stored("j1", STAGING),), "j1", "job-data-fetched", "are being fetched since", []),
    (
        "a place to fetch", (stored("j1", STAGING, waits=WAITS),), "j1", "job-data-place",
        "the data of others are fetched first", [],
    ),
    (
        "a dependency, and what keeps that",
        (stored("j1", HELD, after=AFTER), stored("prep", STAGING)), "j1", "job-dependency",
        "prep (prep), which is staging, has to succeed first", ["job-data-fetched"],
    ),
    ("a failure", (stored("j1", FAILED, "the secret hub/token cannot be used"),), "j1", "job-ended-badly",
     "it failed: the secret hub/token cannot be used", []),
    ("not handed over", (stored("j1", ()),), "j1", "job-not-handed-over", "local does not have it yet", []),
    (
        "a sweep whose trial waits, and whose others come later",
        search(4, trial(0, FAILED), trial(1, RUNNING), trial(3, STAGING), trial(2, STAGING, waits=WAITS)), "s1",
        "job-data-place",
        "of 5 trials 1 runs, 2 wait, 1 is over, 1 is not made yet; the first that waits, s1-s1-t2: its data are not",
        ["sweep-at-once"],
    ),
    (
        "a sweep that atOnce holds back", search(3, *(trial(each, RUNNING) for each in range(3))), "s1",
        "sweep-at-once", "of 5 trials 3 run, 2 are not made yet; 2 trials come later: atOnce lets 3 be", [],
    ),
    (
        "a sweep that is all made", search(5, trial(4, RUNNING)), "s1", "none", "of 5 trials 1 runs, 4 are over", [],
    ),
    (
        "between two times", nightly(0, run_at(0, FAILED, "exit code 3"), events=("it was busy",), left_out=1), "n1",
        "schedule-not-due",
        ("its next run is due at 2027-01-15 13:00 Etc/UTC (0 * * * *); the last run that is over, n1-r0 of 2027-01-15 "
        "12:00 Etc/UTC, failed (exit code 3); 1 time left out: it was busy"), [],
    ),
    (
        "a run is under way when the next time comes", nightly(-60, run_at(-60, RUNNING)), "n1", "schedule-no-overlap",
        ("n1-r-60, the run of 2027-01-15 11:00 Etc/UTC, is under way; the run of 2027-01-15 12:00 Etc/UTC waits for "
        "its end, until 2027-01-15T12:10:00Z at the latest"), [],
    ),
    (
        "times that came in vain", nightly(-180, run_at(-180, STAGING)), "n1", "schedule-no-overlap",
        "2 times came meanwhile and will have no run", ["job-data-fetched"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(
    ("jobs", "asked", "cause", "said", "also"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE]
)
def test_what_the_server_keeps_is_answered_for(
    jobs: tuple[StoredJob, ...], asked: str, cause: str, said: str, also: list[str]
) -> None:
    answer = why(kept(*jobs), asked).explanation
    assert (answer.cause, [each.cause for each in answer.contributing]) == (cause, also)
    assert said in answer.summary
    assert answer.code == ("" if cause == "none" else BY_ID[cause].code)


def test_every_cause_of_the_server_has_a_row() -> None:
    assert {each.id for each in CAUSES} == {row[3] for row in TABLE} - {"none"}


def test_a_name_means_the_living_one_and_an_id_any() -> None:
    old, new = stored("j-1", FAILED, "first", at=NOON - 9), stored("j-2", STAGING)
    snapshot = kept(old, new)
    assert why(snapshot, "j").explanation.cause == "job-data-fetched"
    assert why(snapshot, "j-1").explanation.cause == "job-ended-badly"
    assert why(kept(old, stored("j-3", FAILED, "second", at=NOON)), "job/j").explanation.summary == "it failed: second"
    with pytest.raises(NotFoundError):
        why(snapshot, "j", "another-team")


def test_of_living_jobs_of_one_name_the_newest_is_meant_by_its_kind_too() -> None:
    first, sweep = stored("j-1", STAGING, at=NOON - 9), stored("j-2", RUNNING, at=NOON - 8, sweep=SWEEP)
    snapshot = kept(sweep, first, stored("j-3", FAILED, at=NOON - 7))
    asked = ("j", "job/j", "sweep/j", "j-1")
    assert [find_case(snapshot, each).subject.metadata.uid for each in asked] == ["j-2", "j-2", "j-2", "j-1"]


def test_of_jobs_of_one_second_the_one_is_meant_that_the_store_means() -> None:
    """By milliseconds, then by id, whether the back end has them or only the server."""
    zz, aa, ab = (stored(f"j-{name}", STAGING, at=NOON + at) for name, at in (("zz", 1), ("aa", 2), ("ab", 2)))
    assert find_case(kept(zz, aa), "j").subject.metadata.uid == "j-aa"
    assert find_case(kept(ab, zz, aa), "j").subject.metadata.uid == "j-ab"
    over = [stored(each.id, FAILED, each.id, at=each.submitted) for each in (aa, ab, zz)]
    assert why(kept(*over), "j").explanation.summary == "it failed: j-ab"
    machine = Machine(taken=8)
    machine.submit(job("long"))
    machine.clock.sleep(0.01)
    newest = machine.submit(job("long"))
    machine.run()
    jobs = {each.id: each for each in machine.store.unfinished()}
    shown = with_served(machine.backend.snapshot(jobs)(), ServedJobs(jobs, lambda _: False, lambda _: (), NOON))
    assert find_case(shown, "train").subject.metadata.labels[labels.JOB] == newest == "j10"
    assert not seen_by(shown, "cv", frozenset({"cv"})).sources[0].submitted
    assert set(seen_by(shown, "nlp", frozenset({"nlp"})).sources[0].submitted) == {"nlp/j9", "nlp/j10"}


def test_a_list_has_what_waits_and_not_what_is_over_goes_on_or_is_told_by_its_trials() -> None:
    jobs = (
        *search(4, trial(1, RUNNING), trial(2, STAGING)),
        *nightly(0),
        stored("old-1", FAILED),
        stored("j1", HELD, after=(JobDependency("s1", DependencyState.ENDED),)),
    )
    told = [(each.subject.name, each.explanation.cause) for each in why_all(kept(*jobs)).waiting]
    assert sorted(told) == [("j1", "job-dependency"), ("s1-s1-t2", "job-data-fetched")]


ARRAY = replace(
    stored("k1", RUNNING), native="12", job=replace(submitted("k1").job, name="search", sweep=replace(SWEEP, at_once=2))
)
ON_CPU = slurm.running(17, "cpu0", array_id=12, array_tasks="1", user="root")
DONE = replace(ON_CPU, job_id=16, array_tasks="0", states=("COMPLETED",))
PENDING = slurm.job(12, "JobArrayTaskLimit", array_id=12, array_tasks="3-4%1", user="root")
SHORT = slurm.job(14, "Resources", array_id=12, array_tasks="2", user="root", requested=slurm.tres(8))
ON_SLURM: list[tuple[str, tuple[SlurmJob, ...], str, str]] = [
    (
        "the first that waits, by its number", (PENDING, SHORT, DONE, ON_CPU), "slurm-no-such-node",
        "of 5 trials 1 runs, 3 wait, 1 is over; the first that waits, search-12_2: ",
    ),
    (
        "held back by the throttle", (ON_CPU, PENDING), "slurm-array-limit",
        "of 5 trials 1 runs, 2 wait, 2 are over; the first that waits, search-12: 1 task of its array 12 runs",
    ),
    (
        "none waits", (ON_CPU, replace(ON_CPU, job_id=18, array_tasks="2")), "none",
        "of 5 trials 2 run, 3 are over",
    ),
    (
        "all wait, as one record", (PENDING,), "slurm-array-limit",
        "of 5 trials ",
    ),
    (
        "the last one runs", (ON_CPU,), "none",
        "of 5 trials 1 runs, 4 are over",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("there", "cause", "said"), [row[1:] for row in ON_SLURM], ids=[row[0] for row in ON_SLURM])
def test_a_sweep_that_a_slurm_runs_is_answered_for_as_a_whole(
    there: tuple[SlurmJob, ...], cause: str, said: str
) -> None:
    jobs = {"k1": ARRAY}
    asked = ServedJobs(jobs, lambda job: job.schedule is not None, lambda _: (), NOON)
    snapshot = with_served(slurm.snapshot(*there, ours=jobs), asked)
    for name in ("search", "k1", "sweep/search", "job/search"):
        answer = why(snapshot, name).explanation
        assert (answer.cause, answer.subject.kind) == (cause, "Sweep")
        assert said in answer.summary
        assert answer.facts["trials"] == 5
    waits = {each.subject.name for each in why_all(snapshot).waiting}
    assert "search" not in waits


def test_a_sweep_of_which_its_slurm_shows_nothing_is_not_made_up() -> None:
    asked = ServedJobs({"k1": ARRAY}, lambda _: False, lambda _: (), NOON)
    with pytest.raises(NotFoundError):
        why(with_served(slurm.snapshot(ours={"k1": ARRAY}), asked), "search")


def test_of_a_cluster_what_is_not_shown_and_what_is_over_is_told_as_the_server_knows_it() -> None:
    """What lives and is shown is told of by its objects; a team's namespace need not have the team's name."""
    jobs = [stored("shown", RUNNING), stored("done", (*RUNNING, JobState.SUCCEEDED), "exit code 0")]
    jobs += [stored("new", (JobState.QUEUED,)), stored("held", HELD, "it waits until new has succeeded")]
    objects = Objects(jobs=tuple(_made_for(each) for each in ("shown", "done")))
    bare = Snapshot(taken_at=written(NOON), sources=(Source(name="training", objects=objects),))
    by_id = {each.id: each for each in jobs}
    asked = ServedJobs(by_id, lambda _: False, lambda _: (), NOON, lambda team: f"ml-{team}")
    snapshot = with_served(bare, asked)
    (source,) = snapshot.sources
    assert [(each.id, each.namespace) for each in source.served] == [
        ("done", "ml-nlp"), ("new", "ml-nlp"), ("held", "ml-nlp"),
    ]  # fmt: skip
    assert why(snapshot, "done").explanation.summary.startswith("it has succeeded at ")
    assert why(snapshot, "new", "ml-nlp").explanation.summary.startswith("it is queued since ")
    assert why(snapshot, "shown").subject.name == "shown--shown"


def _made_for(job_id: str) -> Work:
    marks = {labels.JOB: job_id, labels.JOB_PART: labels.JOB_MAIN}
    called = {labels.JOB_NAME: job_id}
    metadata = ObjectMeta(name=f"{job_id}--{job_id}", namespace="ml-nlp", uid="u", labels=marks, annotations=called)
    return Work(api_version="batch/v1", kind="Job", metadata=metadata)

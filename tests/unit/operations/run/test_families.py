"""Sweeps and schedules on a machine of fakes: what the server makes of them, whenever it dies."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from allotment.adapters.store.fake import MemoryStore
from allotment.errors import AllotmentError
from allotment.model.jobs.family import FamilyStanding, TrialMetric
from allotment.model.jobs.job import (
    CheckpointPolicy,
    DependencyState,
    EarlyStop,
    JobDependency,
    JobSchedule,
    JobType,
    Sweep,
    SweptParameter,
)
from allotment.model.jobs.run import JobState, MoveCause
from allotment.operations.run import families, hearing
from allotment.operations.run.families import FamilyKeeper, FamilyKeeping
from allotment.operations.run.growing_logs import GrowingLog
from allotment.ports.device_times import DeviceTurn
from allotment.ports.stored_jobs import StoredChange, StoredJob
from tests.unit.operations.run.machine import SAFE, Machine, job

HALF_HOURLY = JobSchedule("*/30 * * * *", "Etc/UTC", 600)


def sweep(trials: int = 5, at_once: int = 2, program: str = "quick", **more: Any) -> Any:
    grid = Sweep((SweptParameter("lr", tuple(map(str, range(trials)))),), trials, 0, at_once)
    return job(program, name="search", type=JobType.SWEEP, sweep=grid, **more)


def nightly(schedule: JobSchedule = HALF_HOURLY, program: str = "quick", **more: Any) -> Any:
    return job(program, name="nightly", type=JobType.SCHEDULED, schedule=schedule, **more)


def members(machine: Machine, parent: str) -> list[StoredJob]:
    return list(reversed(machine.store.members(parent)))


def test_a_sweep_is_its_trials_so_many_at_once_and_ends_with_them() -> None:
    machine = Machine()
    parent = machine.submit(sweep())
    most = 0
    for _ in range(80):
        machine.run(0.5)
        most = max(most, sum(not each.state.over for each in members(machine, parent)))
    trials = members(machine, parent)
    assert [each.id for each in trials] == [f"{parent}-t{number}" for number in range(5)]
    assert [each.job.program.argv for each in trials] == [("quick", f"--lr={number}") for number in range(5)]
    assert {(each.job.name[:7], each.job.type, each.job.sweep) for each in trials} == {
        ("search-", JobType.TRAINING, None)
    }
    assert most == 2
    assert machine.states(parent) == [
        "submitted:submitted", "queued:taken", "running:started", "succeeded:ended",
    ]  # fmt: skip
    kept = machine.store.get(parent)
    assert kept.history.moves[-1].said == "5 of 5 trials succeeded"
    assert (kept.attempts, kept.standing and kept.standing.passed) == ((), 5)


def test_a_sweep_with_trials_that_failed_has_failed_when_all_are_over() -> None:
    machine = Machine()
    parent = machine.submit(sweep(3, 1, "fails"))
    machine.run(10)
    kept = machine.store.get(parent)
    assert (kept.state, kept.history.moves[-1].said) == (
        JobState.FAILED,
        "0 of 3 trials succeeded, 3 failed (trials 0, 1, 2)",
    )


def test_a_sweep_waits_for_what_it_comes_after_and_its_trials_do_not_wait_again() -> None:
    machine = Machine()
    first = machine.submit(job("quick"))
    parent = machine.submit(sweep(2, after=(JobDependency(first, DependencyState.SUCCEEDED),)))
    machine.run(5)
    assert machine.store.get(parent).state is JobState.HELD
    assert members(machine, parent) == []
    machine.run(30)
    assert machine.store.get(parent).state is JobState.SUCCEEDED


def test_stopping_a_sweep_stops_all_of_it_and_makes_no_more() -> None:
    machine = Machine()
    parent = machine.submit(sweep(5, 2, "long"))
    machine.run(1)
    machine.reconciler.stop(parent, None, "ada stopped it", machine.now)
    assert machine.store.get(parent).state is JobState.STOPPING
    machine.restart()  # it died before it told the trials
    machine.run(2)
    assert [each.state for each in members(machine, parent)] == [JobState.STOPPED] * 2
    assert machine.states(parent)[-2:] == ["stopping:by-hand", "stopped:by-hand"]


def test_a_trial_that_fell_behind_says_so_and_is_no_failure() -> None:
    machine = Machine()
    parent = machine.submit(sweep(2, 2, "long"))
    machine.run(1)
    for number, cause in enumerate((MoveCause.EARLY_STOP, MoveCause.BY_HAND)):
        machine.reconciler.stop(f"{parent}-t{number}", 0, f"why {number}", machine.now, cause)
    machine.run(2)
    assert machine.states(f"{parent}-t0")[-2:] == ["stopping:early-stop", "stopped:early-stop"]
    assert machine.store.get(f"{parent}-t0").history.moves[-1].said == "why 0"
    assert machine.states(f"{parent}-t1")[-1] == "stopped:by-hand"
    kept = machine.store.get(parent)
    assert kept.history.moves[-1].said == "0 of 2 trials succeeded, 1 fell behind and was stopped early"


class Logs:
    """Logs in memory, by the name of the launch."""

    def __init__(self) -> None:
        self.texts: dict[str, bytes] = {}
        self.read = 0

    def of(self, job_id: str) -> Iterator[GrowingLog]:
        for name in sorted(each for each in self.texts if each.startswith(f"{job_id}-")):
            yield GrowingLog(name, 0, partial(self._read, name))

    def _read(self, name: str, start: int) -> tuple[bytes, int]:
        part = self.texts[name][start : start + 7]
        self.read += len(part)
        return part, start + len(part)


def test_trials_are_heard_to_their_end_and_stopped_when_they_fall_behind() -> None:
    machine, logs = Machine(), Logs()
    keeping = FamilyKeeping(sweeps=True, logs=logs.of)
    machine.families = FamilyKeeper(machine.store, machine.reconciler, keeping)
    rule = EarlyStop("loss", maximise=False, after=1)
    grid = Sweep((SweptParameter("lr", ("0", "1", "2")),), 3, 0, 3, rule)
    parent = machine.submit(job("quick", name="search", type=JobType.SWEEP, sweep=grid, retries=SAFE))
    machine.run(1)
    for number, loss in enumerate((b"9", b"1", b"2")):
        logs.texts[f"{parent}-t{number}-1-0"] = b"begins\nloss=" + loss + b"\nloss="  # half a line is no report
    machine.run(3)
    assert [each.metric and each.metric.values for each in members(machine, parent)] == [(9.0,), (1.0,), (2.0,)]
    for number, loss in enumerate((b"9", b"1", b"2")):
        logs.texts[f"{parent}-t{number}-1-0"] += loss + b"\n"
    machine.run(3)
    assert machine.states(f"{parent}-t0")[-1] == "stopped:early-stop"
    logs.texts[f"{parent}-t1-1-0"] += b"loss=0.25"  # its last words, without an end
    machine.families = FamilyKeeper(machine.store, machine.reconciler, keeping)  # another server hears on
    machine.run(10)
    kept = machine.store.get(parent)
    assert kept.history.moves[-1].said == "2 of 3 trials succeeded, 1 fell behind and was stopped early"
    assert kept.standing is not None
    assert (kept.standing.best, kept.standing.best_number) == (0.25, 1)
    assert machine.store.get(f"{parent}-t1").metric == TrialMetric(
        3, (1.0, 1.0, 0.25), 0.25, 0.25, f"{parent}-t1-1-0", len(logs.texts[f"{parent}-t1-1-0"])
    )


def test_a_metric_of_any_name_is_kept_once_and_not_at_every_look() -> None:
    machine, logs = Machine(), Logs()
    machine.families = FamilyKeeper(machine.store, machine.reconciler, FamilyKeeping(sweeps=True, logs=logs.of))
    rule = EarlyStop("\x00" + "x" * 5000, maximise=False, after=1)
    parent = machine.submit(job("long", type=JobType.SWEEP, sweep=replace(sweep(1, 1).sweep, early_stop=rule)))
    machine.run(1)
    logs.texts[f"{parent}-t0-1-0"] = rule.metric.encode() + b"=1\n"
    machine.run(3)
    version = machine.store.get(parent).version
    assert not machine.families.step(machine.now)
    machine.run(3)
    assert machine.store.get(parent).version == version
    assert machine.reconciler.defects == ""


@pytest.mark.parametrize(("checkpoint", "values"), [(None, (3.0,)), (CheckpointPolicy("/c", 1, 1), (5.0, 4.0, 3.0))])
def test_a_trial_that_begins_anew_begins_anew_with_its_reports(
    checkpoint: CheckpointPolicy | None, values: tuple[float, ...]
) -> None:
    machine, logs = Machine(), Logs()
    machine.families = FamilyKeeper(machine.store, machine.reconciler, FamilyKeeping(sweeps=True, logs=logs.of))
    grid = Sweep((SweptParameter("lr", ("0",)),), 1, 0, 1, EarlyStop("loss", maximise=False, after=1))
    wanted = job("fails", type=JobType.SWEEP, sweep=grid, retries=SAFE, checkpoint=checkpoint)
    parent = machine.submit(wanted)
    machine.run(0.5)
    logs.texts[f"{parent}-t0-1-0"] = b"loss=5\nloss=4\n"
    machine.run(1)
    logs.texts[f"{parent}-t0-2-0"] = b"loss=3\n"
    machine.run(10)
    (trial,) = members(machine, parent)
    assert trial.metric is not None
    assert trial.metric.values == values


def test_an_earlier_log_is_heard_to_its_end_before_the_next_and_a_look_reads_so_much_of_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(families, "MOST_A_LOOK", 20)
    monkeypatch.setattr(hearing, "_LEAST", 20)
    machine, logs = Machine(), Logs()
    machine.families = FamilyKeeper(machine.store, machine.reconciler, FamilyKeeping(sweeps=True, logs=logs.of))
    grid = Sweep((SweptParameter("lr", ("0",)),), 1, 0, 1, EarlyStop("loss", maximise=False, after=1))
    policy = CheckpointPolicy("/c", 1, 1)
    parent = machine.submit(job("fails", type=JobType.SWEEP, sweep=grid, retries=SAFE, checkpoint=policy))
    machine.run(0.5)
    for attempt in (1, 2):
        numbers = range(20 * attempt, 20 * attempt + 20)
        logs.texts[f"{parent}-t0-{attempt}-0"] = b"".join(b"loss=%d\n" % each for each in numbers)
    looks = []
    for _ in range(40):
        before = logs.read
        machine.clock.sleep(1)
        machine.step()
        looks.append(logs.read - before)
    (trial,) = members(machine, parent)
    assert trial.metric is not None
    assert trial.metric.values == tuple(range(20, 60))
    assert max(looks) < 20 + 7


def test_a_trial_that_was_forgotten_or_cannot_be_read_is_not_made_again_and_holds_up_nothing() -> None:
    machine = Machine()
    parent = machine.submit(sweep(3, 1, "long"))
    machine.run(1)
    machine.reconciler.stop(f"{parent}-t0", 0, "ada stopped it", machine.now)
    machine.run(2)
    machine.store.discard(f"{parent}-t0")
    machine.restart()
    machine.run(2)
    assert [each.number for each in members(machine, parent)] == [1]


def test_a_schedule_runs_at_its_times_one_run_at_a_time_whatever_becomes_of_them() -> None:
    machine = Machine()
    parent = machine.submit(nightly(program="fails"))
    machine.run(3600 * 2 + 60, every=20)
    runs = members(machine, parent)
    assert [each.number - runs[0].number for each in runs] == [0, 1_800_000, 3_600_000, 5_400_000]
    assert {each.state for each in runs} == {JobState.FAILED}
    assert {each.job.name for each in runs} == {f"nightly-{each.number // 60_000}" for each in runs}
    kept = machine.store.get(parent)
    assert (kept.state, kept.standing and kept.standing.said) == (
        JobState.QUEUED,
        "next run 2026-11-28 02:30 Etc/UTC",
    )
    machine.reconciler.stop(parent, None, "ada stopped it", machine.now)
    machine.run(7200, every=60)
    assert machine.states(parent)[-1] == "stopped:by-hand"
    assert len(members(machine, parent)) == 4


def test_times_that_come_while_a_run_is_under_way_are_left_out_and_told() -> None:
    machine = Machine()
    parent = machine.submit(nightly(program="long"))
    machine.run(3600 * 2 + 1200, every=30)
    (run,) = members(machine, parent)
    said = machine.store.get(parent).standing
    assert said is not None
    assert said.said.startswith(f"{run.id} is under way; next run ")
    machine.reconciler.stop(run.id, 0, "ada stopped it", machine.now)
    machine.run(60)
    kept = machine.store.get(parent)
    assert [each.kind for each in kept.events] == ["left-out"]
    assert kept.events[0].said == (
        f"3 runs from 2026-11-28 01:00 Etc/UTC to 2026-11-28 02:00 Etc/UTC were left out: {run.id} was under way"
    )
    assert kept.standing is not None
    assert kept.standing.left_out == 3
    assert len(members(machine, parent)) == 1


def test_what_was_missed_without_a_server_runs_if_it_is_still_in_time() -> None:
    machine = Machine()
    parent = machine.submit(nightly())
    machine.run(1)
    machine.clock.sleep(3600 * 3 + 300)
    machine.restart()
    machine.run(60)
    runs, kept = members(machine, parent), machine.store.get(parent)
    assert len(runs) == 1
    assert kept.events[0].said.startswith("5 runs from 2026-11-28 00:30")
    assert kept.events[0].said.endswith("nobody was there to start it in time")


def test_a_schedule_that_cannot_be_read_fails_and_holds_up_nothing() -> None:
    machine = Machine()
    parent = machine.submit(nightly(JobSchedule("never", "Etc/UTC", 60)))
    other = machine.submit(job("quick"))
    machine.run(20)
    assert machine.store.get(parent).state is JobState.FAILED
    assert machine.store.get(other).state is JobState.SUCCEEDED


def test_runs_of_a_sweep_by_the_clock_are_sweeps() -> None:
    machine = Machine()
    parent = machine.submit(nightly(sweep=sweep(2).sweep))
    machine.run(1900, every=10)
    (run,) = members(machine, parent)
    assert (run.job.type, run.state) == (JobType.SWEEP, JobState.SUCCEEDED)
    assert [each.state for each in members(machine, run.id)] == [JobState.SUCCEEDED] * 2


class Died(BaseException):
    """The server is no more."""


class DyingStore(MemoryStore):
    """A store whose writer dies before or after a write."""

    def __init__(self) -> None:
        super().__init__()
        self.left = -1
        self.after = False

    def _maybe_die(self, *, after: bool) -> None:
        if after is self.after:
            self.left -= 1
            if self.left == 0:
                raise Died

    def add(self, new: StoredJob) -> StoredJob:
        self._maybe_die(after=False)
        kept = super().add(new)
        self._maybe_die(after=True)
        return kept

    def record(self, changes: Sequence[StoredChange], turns: Sequence[DeviceTurn] = ()) -> tuple[StoredJob, ...]:
        self._maybe_die(after=False)
        kept = super().record(changes, turns)
        self._maybe_die(after=True)
        return kept


def launches(machine: Machine) -> list[str]:
    return [each.id for each in machine.processes.found()]


@pytest.mark.parametrize("seed", range(4))
def test_whenever_a_server_dies_no_trial_is_lost_and_none_is_made_twice(seed: int) -> None:
    rng, store = random.Random(seed), DyingStore()
    machine = Machine(store=store)
    parent = machine.submit(sweep(6, rng.randint(1, 4)))
    at_once = machine.store.get(parent).job.sweep
    assert at_once is not None
    for _ in range(40):
        store.left, store.after = rng.randint(1, 6), rng.random() < 0.5
        try:
            machine.run(rng.choice((0.5, 4.0)))
        except Died:
            store.left = -1
            machine.restart()
        assert sum(not each.state.over for each in members(machine, parent)) <= at_once.at_once
    store.left = -1
    machine.run(60)
    assert machine.store.get(parent).state is JobState.SUCCEEDED
    assert [each.number for each in members(machine, parent)] == list(range(6))
    assert {each.state for each in members(machine, parent)} == {JobState.SUCCEEDED}
    assert Counter(each.rpartition("-")[0].rpartition("-")[0] for each in launches(machine)) == {
        f"{parent}-t{number}": 1 for number in range(6)
    }


@pytest.mark.parametrize("seed", range(4))
def test_whenever_a_server_dies_and_whatever_its_clock_does_each_time_runs_at_most_once(seed: int) -> None:
    rng, store = random.Random(seed), DyingStore()
    machine = Machine(store=store)
    parent = machine.submit(nightly(JobSchedule("*/10 * * * *", "Etc/UTC", 300)))
    machine.run(1)
    for _ in range(40):
        store.left, store.after = rng.randint(1, 4), rng.random() < 0.5
        try:
            machine.run(rng.choice((5, 120, 400)), every=20)
        except Died:
            store.left = -1
            machine.restart()
        if rng.random() < 0.1:
            machine.clock.sleep(rng.choice((-3600, 3600)))
    store.left = -1
    machine.run(1300, every=20)
    runs = members(machine, parent)
    assert len({each.number for each in runs}) == len(runs)
    assert all(each.number % 600_000 == 0 for each in runs)
    assert sum(not each.state.over for each in runs) <= 1
    assert max(Counter(launches(machine)).values()) == 1
    ran = {each.rpartition("-")[0].rpartition("-")[0] for each in launches(machine)}
    assert ran <= {each.id for each in runs}
    assert any(each.number > machine.now - 1_200_000 for each in runs), "it goes on"


def heard_sweep(machine: Machine, logs: Any, program: str = "long") -> str:
    machine.families = FamilyKeeper(machine.store, machine.reconciler, FamilyKeeping(sweeps=True, logs=logs))
    rule = EarlyStop("loss", maximise=False, after=1)
    return machine.submit(job(program, type=JobType.SWEEP, sweep=replace(sweep(1, 1).sweep, early_stop=rule)))


def test_a_log_that_cannot_be_read_reports_nothing_and_holds_nobody_up() -> None:
    def unreadable(_job_id: str) -> Iterator[GrowingLog]:
        raise AllotmentError("the log cannot be read", why="it is a socket")

    machine = Machine()
    parent = heard_sweep(machine, unreadable, "quick")
    other = machine.submit(job("quick"))
    machine.run(10)
    assert [machine.store.get(each).state for each in (parent, other)] == [JobState.SUCCEEDED] * 2


def test_a_log_without_an_end_keeps_no_sweep_from_being_stopped_or_from_its_end() -> None:
    def endless(job_id: str) -> Iterator[GrowingLog]:
        yield GrowingLog(f"{job_id}-1-0", 0, lambda start: (b"\0" * (1 << 20), start + (1 << 20)))

    machine = Machine()
    parent = heard_sweep(machine, endless)
    machine.run(2)
    machine.reconciler.stop(parent, None, "ada stopped it", machine.now)
    machine.run(2)
    assert machine.states(parent)[-1] == "stopped:by-hand"

    parent = heard_sweep(machine, endless, "quick")
    machine.run(200)
    assert machine.states(parent)[-1] == "succeeded:ended"


@pytest.mark.parametrize("passed", [-(10**18), -1, 10**18])
def test_a_damaged_row_of_a_family_heals(passed: int) -> None:
    machine = Machine()
    parents = [machine.submit(nightly()), machine.submit(sweep(2, 1, "quick"))]
    for parent in parents:
        kept = machine.store.get(parent)
        machine.reconciler.keep([StoredChange(parent, kept.version, standing=FamilyStanding(passed=passed))])
    machine.run(40)
    kept, swept = (machine.store.get(parent) for parent in parents)
    assert kept.standing is not None
    assert 0 <= kept.standing.passed <= machine.now
    assert (kept.standing.left_out, machine.families.trouble) == (0, "")
    assert (swept.state, len(members(machine, parents[1]))) == (JobState.SUCCEEDED, 2)


def test_a_family_that_nobody_can_attend_to_is_told_and_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ValueError("a mistake")

    machine = Machine()
    parent = machine.submit(nightly())
    monkeypatch.setattr(families, "decide_schedule", broken)
    other = machine.submit(job("quick"))
    machine.run(10)
    assert machine.store.get(other).state is JobState.SUCCEEDED
    assert f"nightly ({parent}) is not attended to" in machine.families.trouble
    machine.reconciler.stop(parent, None, "ada stopped it", machine.now)
    machine.run(1)
    assert (machine.states(parent)[-1], machine.families.trouble) == ("stopped:by-hand", "")


def test_a_large_sweep_is_stopped_a_part_at_a_time_with_the_grace_that_was_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(families, "_STOPPED_AT_ONCE", 2)
    machine = Machine()
    parent = machine.submit(sweep(5, 5, "long"))
    machine.run(3)
    machine.reconciler.stop(parent, 0, "ada stopped it", machine.now)
    machine.families.stop(parent, 0, "ada stopped it", machine.now)
    assert (
        sum(any(move.cause is MoveCause.BY_HAND for move in each.history.moves) for each in members(machine, parent))
        == 2
    )
    machine.run(3)
    said = {each.history.moves[-2].said for each in members(machine, parent)}
    assert (machine.states(parent)[-1], said) == ("stopped:by-hand", {"ada stopped it"})

"""This machine as a back end: the engine admits, processes run, the store keeps, a new server finds it all again."""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from allotment.adapters.store.fake import MemoryStore
from allotment.errors import NotFoundError
from allotment.model.jobs.job import (
    CheckpointPolicy,
    DependencyState,
    JobDependency,
    JobType,
    ReplicaNeeds,
    RetryPolicy,
)
from allotment.model.jobs.run import JobState, MoveCause
from allotment.model.quantity import Bytes, MilliCpu
from allotment.operations.run import reconciling
from allotment.operations.run.local.launching import launch_id
from allotment.ports.device_times import DeviceTurn
from allotment.ports.job_processes import JobAlive, JobLaunch
from allotment.ports.store import StoreError
from allotment.ports.stored_jobs import StoredChange, StoredJob
from tests.unit.operations.run.machine import SAFE, Machine, job

CKPT = CheckpointPolicy("/ckpt", 10, 5)


def test_a_job_runs_to_its_end_and_its_log_is_there() -> None:
    machine = Machine()
    one = machine.submit(job())
    machine.run(15)
    stored = machine.store.get(one)
    assert machine.states(one) == [
        "submitted:submitted", "queued:taken", "starting:admitted", "running:started", "succeeded:exit-code",
    ]  # fmt: skip
    (attempt,) = stored.attempts
    assert attempt.end is not None
    assert (attempt.number, attempt.end.code, attempt.places[0].devices) == (1, 0, ("GPU-0",))
    assert [each.text for each in machine.backend.log(one) if each] == [b"hello", b"world"]
    assert machine.folders.cleared == [f"{one}/1"]
    assert attempt.places[0].folder == f"/work/{one}/1"


def test_a_failure_is_told_with_code_and_rank_and_retried_only_where_that_is_declared_safe() -> None:
    machine = Machine()
    plain, safe = machine.submit(job("fails")), machine.submit(job("fails", retries=SAFE))
    unsafe = machine.submit(job("fails", retries=RetryPolicy(limit=2)))
    machine.run(20)
    assert [machine.store.get(each).state for each in (plain, safe, unsafe)] == [JobState.FAILED] * 3
    assert [len(machine.store.get(each).attempts) for each in (plain, safe, unsafe)] == [1, 3, 1]
    assert machine.store.get(plain).history.moves[-1].said == "exit code 3 of rank 0"
    assert machine.states(safe).count("queued:retried") == 2


def test_a_displaced_job_is_told_to_end_queues_again_and_costs_no_retry() -> None:
    machine = Machine()
    machine.submit(job("long", team="cv", devices=2))
    low = machine.submit(job("long", devices=2, checkpoint=CKPT))
    machine.run(5)
    high = machine.submit(job("quick", devices=2, priority="scheduled-training"))
    machine.run(30)
    stored = machine.store.get(low)
    assert machine.store.get(high).state is JobState.SUCCEEDED
    assert machine.states(low)[3:] == [
        "running:started", "stopping:preempted", "queued:preempted", "starting:admitted", "running:started",
    ]  # fmt: skip
    assert [each.number for each in stored.attempts] == [1, 2]
    assert stored.attempts[0].end is not None
    assert stored.attempts[0].end.displaced


def test_the_grace_is_the_checkpoints_and_then_it_is_killed() -> None:
    machine = Machine()
    machine.submit(job("long", team="cv", devices=2))
    low = machine.submit(job("stubborn", devices=2, checkpoint=CKPT))
    machine.run(1)
    machine.submit(job("long", devices=2, priority="scheduled-training"))
    machine.run(4)
    assert machine.store.get(low).state is JobState.STOPPING
    machine.run(3)
    assert machine.store.get(low).state is JobState.QUEUED


def test_a_gang_ends_as_a_whole_when_one_rank_fails() -> None:
    machine = Machine()
    gang = machine.submit(job("long", replicas=2, gang=True))
    machine.run(1)
    assert len(machine.store.get(gang).attempts[0].places) == 2
    machine.processes.lose(launch_id(gang, 1, 1))
    machine.processes.kill(launch_id(gang, 1, 1))
    machine.run(3)
    machine.processes.kill(launch_id(gang, 1, 0))
    machine.run(3)
    assert machine.store.get(gang).state is JobState.FAILED


@pytest.mark.parametrize("waits", [True, False])
def test_stopped_by_hand_it_is_stopped_and_never_queues_again(waits: bool) -> None:
    machine = Machine()
    if waits:
        machine.submit(job("long", devices=4))
        machine.run(1)
    one = machine.submit(job("long", devices=4, retries=SAFE))
    machine.run(1)
    machine.reconciler.stop(one, None, "ada stopped it", machine.now)
    machine.run(3)
    stored = machine.store.get(one)
    assert stored.state is JobState.STOPPED
    assert [each.said for each in stored.history.moves if each.cause is MoveCause.BY_HAND] == ["ada stopped it"] * (
        1 if waits else 2
    ) or not waits


def test_a_job_stopped_and_submitted_anew_says_what_it_lacks_and_not_that_others_come_first() -> None:
    machine = Machine()
    machine.submit(job("long", devices=2))
    machine.run(1)
    big = machine.submit(job("quick", devices=4))
    machine.run(1)
    said = machine.store.get(big).waits[-1].said
    machine.reconciler.stop(big, None, "ada stopped it", machine.now)
    machine.run(1)
    again = machine.submit(job("quick", devices=4))
    machine.run(1)
    assert "2 more needed" in said
    assert machine.store.get(again).waits[-1].said == said


def test_its_run_time_ends_it() -> None:
    machine = Machine()
    one = machine.submit(job("long", run_time=5, retries=SAFE))
    machine.run(10)
    stored = machine.store.get(one)
    assert stored.state is JobState.FAILED
    assert "longer than the 5 s of its maxRunTime" in stored.history.moves[-1].said


def test_what_it_cannot_give_is_refused_with_every_field() -> None:
    machine = Machine()
    service = machine.submit(job(type=JobType.SERVICE))
    large = machine.submit(job(devices=5))
    machine.run(1)
    assert [machine.store.get(each).state for each in (service, large)] == [JobState.REFUSED] * 2
    assert "type: local cannot serve" in machine.store.get(service).history.moves[-1].said
    assert "can never run on this machine" in machine.store.get(large).history.moves[-1].said


@pytest.mark.parametrize(("replicas", "each_has"), [(1, 16_384), (2, 8_192), (40, 1_024)])
def test_replicas_share_the_processes_of_their_job(replicas: int, each_has: int) -> None:
    machine = Machine()
    one = machine.submit(job("long", devices=0, replicas=replicas, needs=ReplicaNeeds(MilliCpu(10), Bytes(1 << 20))))
    machine.run(1)
    found = [machine.processes._jobs[launch_id(one, 1, rank)].launch.most_processes for rank in range(replicas)]
    assert found == [each_has] * replicas


def test_a_job_waits_for_those_before_it_and_fails_with_them() -> None:
    machine = Machine()
    first, broken = machine.submit(job("quick")), machine.submit(job("fails"))
    after = machine.submit(job(after=(JobDependency(first, DependencyState.SUCCEEDED),)))
    never = machine.submit(job(after=(JobDependency(broken, DependencyState.SUCCEEDED),)))
    anyway = machine.submit(job(after=(JobDependency(broken, DependencyState.ENDED),)))
    machine.run(1)
    assert machine.store.get(after).state is JobState.HELD
    machine.run(40)
    assert [machine.store.get(each).state.value for each in (after, never, anyway)] == [
        "succeeded",
        "failed",
        "succeeded",
    ]


def test_a_job_that_changed_behind_its_back_holds_up_no_other() -> None:
    machine = Machine()
    one, other = machine.submit(job("quick")), machine.submit(job("quick"))
    machine.run(1)
    stored = machine.store.get(one)
    machine.store.record([StoredChange(one, stored.version, native="changed")])
    machine.run(30)
    assert machine.store.get(other).state is JobState.SUCCEEDED
    assert "has changed meanwhile" in machine.reconciler.defects
    assert machine.store.get(one).state is JobState.SUCCEEDED


def test_a_machine_that_has_shrunk_refuses_what_no_longer_fits_and_goes_on_with_the_rest() -> None:
    machine = Machine()
    running = machine.submit(job("long", devices=2))
    machine.run(1)
    large = machine.submit(job("quick", devices=4))
    small = machine.submit(job("quick", devices=1, team="cv"))
    machine.step()
    machine.devices = 3
    machine.restart()
    machine.run(20)
    assert machine.store.get(large).state is JobState.REFUSED
    assert "can never run" in machine.store.get(large).history.moves[-1].said
    assert machine.store.get(small).state is JobState.SUCCEEDED
    assert machine.store.get(running).state is JobState.RUNNING


def test_a_job_that_removes_its_launch_folder_runs_once_and_not_again_and_again() -> None:
    machine = Machine()
    one = machine.submit(job("long", retries=SAFE, checkpoint=CKPT))
    machine.run(1)
    del machine.processes._jobs[launch_id(one, 1, 0)]
    machine.run(5)
    stored = machine.store.get(one)
    assert stored.state is JobState.FAILED
    assert "the folder by which it was watched is gone" in stored.history.moves[-1].said
    assert machine.processes.found() == ()
    assert machine.processes.killed == [launch_id(one, 1, 0)]


def test_that_it_was_told_to_end_is_believed_of_nobody_who_was_not() -> None:
    machine = Machine()
    one = machine.submit(job("long", retries=SAFE))
    machine.run(1)
    machine.processes.stop(launch_id(one, 1, 0))  # not by the server: a job that wrote so itself
    machine.run(5)
    assert len(machine.store.get(one).attempts) == 1


def test_a_folder_of_another_form_among_the_launches_stops_nothing() -> None:
    machine = Machine()
    machine.processes.launch(JobLaunch("foo", ("quick",), Path("/")))
    machine.restart()
    one = machine.submit(job("quick"))
    machine.run(15)
    assert machine.store.get(one).state is JobState.SUCCEEDED


def test_its_run_time_goes_on_over_a_restart() -> None:
    machine = Machine()
    one = machine.submit(job("long", run_time=8, retries=SAFE))
    for _ in range(4):
        machine.run(3)
        machine.restart()
    machine.run(1)
    assert machine.store.get(one).state is JobState.FAILED
    assert "longer than the 8 s" in machine.store.get(one).history.moves[-1].said


def test_without_a_launch_there_is_no_log() -> None:
    machine = Machine()
    machine.submit(job("long", devices=4))
    waiting = machine.submit(job(devices=4))
    machine.run(1)
    with pytest.raises(NotFoundError):
        list(machine.backend.log(waiting))


@pytest.mark.parametrize("restarts", [False, True])
def test_what_ended_while_nobody_looked_ended_then(restarts: bool) -> None:
    """A server that was down for a night bills no night."""
    machine = Machine()
    job_id = machine.submit(job("quick"))
    machine.run(2)
    machine.clock.sleep(600)
    if restarts:
        machine.restart()
    machine.run(2)
    found = machine.store.get(job_id)
    assert found.state is JobState.SUCCEEDED
    (attempt,) = found.attempts
    assert attempt.started is not None
    assert attempt.ended is not None
    assert 9_000 <= attempt.ended - attempt.started <= 11_000
    assert found.use is not None
    assert found.use.held_ms <= 12_000


def test_a_new_server_goes_on_with_what_runs_and_starts_nothing_twice() -> None:
    machine = Machine()
    running, waiting = machine.submit(job("long", devices=3)), machine.submit(job("quick", devices=2))
    machine.run(1)
    before = machine.processes.found()
    machine.restart()
    machine.run(1)
    assert machine.processes.found() == before
    assert machine.store.get(waiting).state is JobState.QUEUED
    assert isinstance(machine.processes.look(launch_id(running, 1, 0)), JobAlive)
    machine.reconciler.stop(running, 0, "ada stopped it", machine.now)
    machine.run(15)
    assert machine.store.get(waiting).state is JobState.SUCCEEDED


class FullDisk(MemoryStore):
    """A store that at times takes nothing."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self.chance = chance
        self.full = 0.1

    def record(self, changes: Sequence[StoredChange], turns: Sequence[DeviceTurn] = ()) -> tuple[StoredJob, ...]:
        if self.chance.random() < self.full:
            raise StoreError("the disk is full")
        return super().record(changes, turns)


@pytest.mark.parametrize("seed", range(30))
def test_whenever_a_server_dies_no_job_is_lost_none_runs_twice_and_no_device_is_given_twice(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)
    monkeypatch.setattr(reconciling, "_AT_ONCE", chance.choice((1, 2, 200)))
    machine = Machine(store=FullDisk(chance))
    programs = ("quick", "fails", "quick")
    for _ in range(80):
        if machine.taken < 12 and chance.random() < 0.4:
            wanted = job(chance.choice(programs), devices=chance.randint(0, 3), replicas=chance.choice((1, 1, 2)))
            wanted = replace(wanted, team=chance.choice(("nlp", "cv")), retries=SAFE)
            rung = chance.choice(("exploratory", "scheduled-training"))
            if wanted.devices <= 4:
                machine.submit(replace(wanted, priority=rung, checkpoint=CKPT))
        # A server may die between any two of its acts.
        if chance.random() < 0.8:
            machine.backend.advance()
        if chance.random() < 0.8:
            with suppress(StoreError):
                machine.reconciler.step(machine.now)
        if chance.random() < 0.3:
            machine.restart()
        alive = [each for each in machine.processes.found() if isinstance(each.state, JobAlive)]
        held = [device for each in alive for device in each.devices]
        assert len(held) == len(set(held)), "a device was given twice"
        attempts = {each.id.rsplit("-", 2)[0]: set() for each in alive}  # type: ignore[var-annotated]
        for each in alive:
            attempts[each.id.rsplit("-", 2)[0]].add(each.id.rsplit("-", 2)[1])
        assert all(len(numbers) == 1 for numbers in attempts.values()), "two attempts of a job ran at once"
        machine.clock.sleep(chance.choice((0.0, 0.5, 3.0)))
    machine.store.full = 0.0
    machine.run(400, every=2.0)
    ended = [machine.store.get(f"j{number + 1}") for number in range(machine.taken)]
    assert all(each.state.over for each in ended)
    for each in ended:
        ok = each.job.program.argv == ("quick",)
        assert each.state is (JobState.SUCCEEDED if ok else JobState.FAILED), each.history
    assert not machine.backend.runs
    ledger_closes(machine)


def ledger_closes(machine: Machine) -> None:
    """Each device has one use at every moment since it was first seen, and their times sum to what has passed."""
    lines = machine.store.device_times(0, machine.now)
    devices = {each.device for each in lines}
    assert len(devices) == machine.devices
    for device in devices:
        mine = [each for each in lines if each.device == device]
        assert all(first.end == after.start for first, after in pairwise(mine))
        assert sum((each.end or machine.now) - each.start for each in mine) == machine.now - mine[0].start
    assert {each.use.job for each in lines} - {""} <= {f"j{number + 1}" for number in range(machine.taken)}


def test_device_time_is_the_jobs_that_held_it() -> None:
    machine = Machine()
    machine.run(1)
    one = machine.submit(job("quick", devices=3))
    machine.run(20)
    mine = [each for each in machine.store.device_times(0, machine.now) if each.use.job == one]
    assert sum((each.end or 0) - each.start for each in mine) == 3 * 10_000
    assert {each.use.price for each in mine} == {3_000_000}
    ledger_closes(machine)


def test_what_ran_between_two_looks_has_run() -> None:
    machine = Machine()
    kept = machine.submit(job("quick"))
    machine.step()
    machine.step()
    assert machine.store.get(kept).state is JobState.STARTING
    began = machine.now
    machine.clock.sleep(60)
    machine.step()
    stored = machine.store.get(kept)
    assert machine.states(kept)[-2:] == ["running:started", "succeeded:exit-code"]
    assert (stored.started, stored.ended) == (began, began + 10_000)
    (attempt,) = stored.attempts
    assert (attempt.started, attempt.ended) == (began, began + 10_000)


def test_what_could_not_be_started_has_not_run() -> None:
    machine = Machine()
    kept = machine.submit(job("no-such-program"))
    machine.step()
    machine.step()
    machine.clock.sleep(60)
    machine.step()
    stored = machine.store.get(kept)
    assert (stored.state, stored.started) == (JobState.FAILED, None)

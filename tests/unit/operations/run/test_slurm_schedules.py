"""A schedule on Slurm: the server keeps it, and hands in a job at each of its times."""

from __future__ import annotations

import pytest

from allotment.adapters.slurm.fake import FakeSlurm
from allotment.adapters.store.fake import MemoryStore
from allotment.errors import UnreachableError
from allotment.model.access.caller import Caller, CallerKind
from allotment.model.jobs.job import JobSchedule, JobType
from allotment.model.jobs.run import JobHistory, JobState, Move, MoveCause
from allotment.model.moments import written
from allotment.operations.run.families import FamilyKeeping
from allotment.operations.run.lane import Lane, Serving
from allotment.ports.backends import JobToStart
from allotment.ports.stored_jobs import StoredJob
from tests.unit.operations.run.test_slurm_backend import Scene, SlurmClock
from tests.unit.operations.run.test_slurm_work import grid

ANN = Caller("ann", CallerKind.LOCAL, "unix socket")


def lane_of(scene: Scene, store: MemoryStore) -> Lane:
    backend = scene.new()
    serving = Serving(backend, told=backend.told, check=backend.check, families=FamilyKeeping(schedules=True))
    return Lane(store, serving, SlurmClock(scene.slurm))


def pass_by(scene: Scene, lane: Lane, seconds: int) -> None:
    for _ in range(seconds // 10):
        scene.slurm.advance(10)
        lane.step()


def test_at_each_time_a_job_is_handed_in_once_and_a_sweep_by_the_clock_is_an_array() -> None:
    scene, store = Scene(), MemoryStore()
    lane = lane_of(scene, store)
    scene.slurm.advance(660 - scene.slurm.now % 600)  # a minute after one of its times
    by_clock = JobSchedule("*/10 * * * *", "Etc/UTC", 120)
    plain = scene.job("nightly", 20, type=JobType.SCHEDULED, schedule=by_clock)
    swept = scene.job("sweeps", 20, type=JobType.SCHEDULED, schedule=by_clock, sweep=grid(2))
    for name, job in (("plain", plain), ("swept", swept)):
        told = lane.check(JobToStart(name, job, "ann", 1))
        assert [each for each in told if each.startswith("its first run is at ")]
        now = scene.slurm.now * 1000
        history = JobHistory().become(Move(now, JobState.SUBMITTED, MoveCause.SUBMITTED))
        lane.take([StoredJob(name, job, "ann", "hpc", history)], [])
    pass_by(scene, lane, 900)
    lane = lane_of(scene, store)  # a server that finds what the one before has left
    pass_by(scene, lane, 900)
    assert lane.trouble == ""
    for name, kind in (("plain", JobType.TRAINING), ("swept", JobType.SWEEP)):
        runs = store.members(name)
        assert len({each.number for each in runs}) == len(runs) == 3
        assert {(each.state, each.job.type) for each in runs} == {(JobState.SUCCEEDED, kind)}
        assert store.get(name).state is JobState.QUEUED
    handed_in = [each.identity for each in scene.slurm.bookings(0)]
    assert len([each for each in handed_in if each.startswith("plain-r")]) == 3
    assert not [each for each in handed_in if each.startswith(("plain-a", "swept-a"))], "the schedule itself is never"
    lane.stop("plain", 0, "ann stopped it", ANN)
    pass_by(scene, lane, 1200)
    assert len(store.members("plain")) == 3
    assert store.get("plain").state is JobState.STOPPED


def test_times_that_come_while_slurm_does_not_answer_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    scene, store = Scene(), MemoryStore()
    lane = lane_of(scene, store)
    scene.slurm.advance(660 - scene.slurm.now % 600)
    job = scene.job("nightly", 20, type=JobType.SCHEDULED, schedule=JobSchedule("*/10 * * * *", "Etc/UTC", 120))
    history = JobHistory().become(Move(scene.slurm.now * 1000, JobState.SUBMITTED, MoveCause.SUBMITTED))
    lane.take([StoredJob("plain", job, "ann", "hpc", history)], [])
    pass_by(scene, lane, 60)
    assert lane.served().silent_since is None

    def away() -> None:
        raise UnreachableError("slurmctld does not answer")

    with monkeypatch.context() as patched:
        for each in ("jobs", "nodes"):
            patched.setattr(FakeSlurm, each, lambda _: away())
        pass_by(scene, lane, 70)
        since = lane.served().silent_since
        told = lane.check(JobToStart("other", scene.job("other", 1), "ann", 1))
        pass_by(scene, lane, 1200)
        assert lane.served().silent_since == since
    assert since is not None
    assert told[-1] == (
        f"nothing was heard of hpc since {written(since)}: a job is kept, and handed in as soon as it answers"
    )
    pass_by(scene, lane, 200)
    assert lane.served().silent_since is None
    (left_out,) = [each.said for each in store.get("plain").events if each.kind == "left-out"]
    assert left_out.endswith("hpc did not answer")

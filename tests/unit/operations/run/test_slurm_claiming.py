"""Whose a job of Slurm's is: by its number, whatever anybody calls it; by its name where an answer was lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from allotment.errors import UnreachableError
from allotment.jobs.slurm.rendering import comment_of
from allotment.model.jobs.job import (
    Job,
    JobVolume,
    RetryPolicy,
    StagedData,
    StagingTime,
    Sweep,
    SweptParameter,
    VolumeUse,
)
from allotment.model.jobs.run import JobState
from allotment.model.slurm.submission import MARK
from tests.unit.operations.run.test_slurm_backend import Scene

VOLUME = JobVolume("data", VolumeUse.READ_MOSTLY, "/data", claim="corpora")
DATA = StagedData("/archive/corpus", "data", "in", StagingTime.BEFORE)
SWEEP = Sweep((SweptParameter("lr", ("1", "2")),), 2, 0, 2)


@dataclass
class Renamed:
    """A scene with a victim's job, and another's that calls itself what it likes."""

    scene: Scene
    victim: Job

    def impostor(self, identity: str, *, like: Job | None = None, seconds: int = 1) -> int:
        """Slurm's number of a job that ran under a name of its own until now."""
        slurm = self.scene.slurm
        number = int(self.scene.start(f"own{slurm.now}", self.scene.job("imp", seconds), first=True).native)
        slurm.update(number, name=f"x{MARK}{identity}", comment=comment_of(like) if like else "")
        return number


@pytest.mark.parametrize(
    ("identity", "changes"),
    [
        ("x1-a9", {}),
        ("x1-a2-f1", {"retries": RetryPolicy(3, safe=True)}),
        ("x1-a9-f3", {"sweep": SWEEP}),
        ("x1-s1", {"volumes": (VOLUME,), "data": (DATA,)}),
        ("x1-a1", {}),
    ],
)
@pytest.mark.parametrize("restarted", [False, True])
def test_a_job_that_takes_its_name_takes_nothing_else(identity: str, changes: dict[str, Any], restarted: bool) -> None:
    scene = Scene()
    victim = scene.job("victim", 40, **changes)
    native = scene.start("x1", victim, first=True).native
    number = Renamed(scene, victim).impostor(identity, like=victim)
    scene.slurm.advance(4)
    if restarted:
        scene.backend = scene.new()
        scene.start("x1", victim, taken=True, native=native)
    seen = scene.seen("x1")
    assert (seen.native, seen.attempt, seen.state.over) == (native, 1, False)
    scene.backend.stop("x1", 1)
    ended = {each.array_id or each.job_id: each.states[0] for each in scene.slurm.jobs()}
    assert ended[int(native)] == "CANCELLED"
    assert ended[number] == ("PENDING" if victim.sweep else "COMPLETED")
    assert scene.seen("x1").state is JobState.STOPPED


def test_a_retry_is_handed_in_though_another_bears_its_name_already() -> None:
    scene = Scene()
    victim = scene.job("victim", 5, 1, retries=RetryPolicy(1, safe=True))
    scene.start("x1", victim, first=True)
    number = Renamed(scene, victim).impostor("x1-a2-f1", like=victim)
    scene.slurm.advance(8)
    again = scene.seen("x1")
    assert (again.state, again.attempt) == (JobState.QUEUED, 2)
    assert int(again.native) != number
    scene.slurm.advance(9)
    end = scene.seen("x1").end
    assert end is not None
    assert end.code == 1


@pytest.mark.parametrize("restarted", [False, True])
def test_a_job_that_renames_itself_is_followed_and_stopped(restarted: bool) -> None:
    scene = Scene()
    mine = scene.job("mine", 60)
    native = scene.start("x1", mine, first=True).native
    scene.slurm.advance(2)
    scene.slurm.update(int(native), name="tidy")
    if restarted:
        scene.backend = scene.new()
        scene.start("x1", mine, taken=True, native=native)
    assert (scene.seen("x1").native, scene.seen("x1").state) == (native, JobState.RUNNING)
    scene.backend.stop("x1", 1)
    scene.slurm.forget()
    scene.slurm.advance(3)
    assert scene.seen("x1").state is JobState.STOPPED, "the accounting is asked by number, too"


@pytest.mark.parametrize("fits", [True, False])
def test_where_the_answer_was_lost_the_name_counts_of_what_fits_and_came_first(fits: bool) -> None:
    scene = Scene()
    victim = scene.job("victim", 60)
    since = scene.slurm.now * 1000
    scene.slurm.loses_answers = 1
    with pytest.raises(UnreachableError):
        scene.start("x1", victim, first=True, queued_since=since)
    (real,) = (each.job_id for each in scene.slurm.jobs())
    scene.slurm.advance(2)
    Renamed(scene, victim).impostor("x1-a1", like=victim, seconds=60)
    if not fits:
        scene.slurm.update(real, comment="another's")
    found = scene.start("x1", victim, queued_since=since)
    assert (found.native == str(real)) is fits


def test_what_came_long_before_is_not_it() -> None:
    scene = Scene()
    victim = scene.job("victim", 60)
    number = Renamed(scene, victim).impostor("x1-a1", like=victim, seconds=900)
    scene.slurm.advance(300)
    assert scene.start("x1", victim, queued_since=scene.slurm.now * 1000).native != str(number)


def test_while_the_accounting_is_away_others_are_followed_and_handed_in() -> None:
    scene = Scene()
    jobs = {name: scene.job(name, seconds) for name, seconds in (("forgotten", 3), ("going", 9), ("new", 9))}
    for name in ("forgotten", "going"):
        scene.start(name, jobs[name], first=True)
    scene.slurm.advance(2)
    scene.backend.look()
    scene.slurm.silent_accounting = True
    scene.slurm.advance(4)
    scene.slurm.forget()
    assert scene.start("new", jobs["new"], first=True).state is JobState.QUEUED
    assert scene.states()["forgotten"] is JobState.RUNNING
    scene.slurm.advance(100)
    assert scene.states() == {"forgotten": JobState.RUNNING, "going": JobState.SUCCEEDED, "new": JobState.SUCCEEDED}
    scene.slurm.silent_accounting = False
    scene.slurm.advance(3)
    assert scene.states()["forgotten"] is JobState.SUCCEEDED


@pytest.mark.parametrize("forgotten", [False, True])
@pytest.mark.parametrize("stranger", ["x1-a9-f1", "x1-a2-f1"])
def test_a_retry_that_was_not_kept_is_found_by_the_next_server_and_stopped(stranger: str, forgotten: bool) -> None:
    scene = Scene()
    victim = scene.job("victim", 5, 1, retries=RetryPolicy(1, safe=True))
    since = scene.slurm.now * 1000
    native = scene.start("x1", victim, first=True, queued_since=since).native
    scene.slurm.advance(8)
    real = scene.seen("x1").native
    scene.slurm.advance(1)
    if forgotten:
        scene.slurm.forget()
    number = Renamed(scene, victim).impostor(stranger, like=victim, seconds=60)
    scene.slurm.advance(2)
    scene.backend = scene.new()
    scene.start("x1", victim, taken=True, native=native, queued_since=since)
    scene.backend.stop("x1", 1)
    assert (scene.seen("x1").native, scene.seen("x1").attempt) == (real, 2)
    scene.backend.stop("x1", 1)
    ended = {each.job_id: each.states[0] for each in scene.slurm.jobs()}
    assert (ended[int(real)], ended[number]) == ("CANCELLED", "RUNNING")

"""What would become of a job on a Slurm, told before anything is handed in, and what cannot be told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from allotment.errors import UnreachableError
from allotment.model.jobs.job import AcceleratorWish
from allotment.model.slurm.seen import SlurmAssociation
from allotment.operations.run.slurm.as_source import SlurmWords, slurm_snapshot
from allotment.operations.run.slurm.configured import configured_slurm
from allotment.operations.run.slurm.foreseeing import ForeseenOnSlurm
from allotment.ports.backends import ForeseenStart, JobToStart
from tests.unit import builders as build
from tests.unit.operations.run.test_slurm_backend import Scene, SlurmClock

WORDS = SlurmWords("hpc", build.platform(), configured_slurm({"folder": "/shared"}))


@pytest.fixture
def scene() -> Scene:
    one = Scene()
    one.slurm.limits = (
        SlurmAssociation("nlp", parent="root"),
        SlurmAssociation("cv", parent="root", group={"gres/gpu": 4}),
        *(SlurmAssociation(each, user="root", parent=each) for each in ("nlp", "cv")),
    )
    return one


def foreseen(scene: Scene, **changes: Any) -> ForeseenStart:
    job = scene.job("new", 5)
    needs = replace(job.needs, accelerators=AcceleratorWish(2, ("a100",)))
    there = ForeseenOnSlurm(
        lambda: slurm_snapshot(scene.slurm, WORDS, {}, scene.slurm.now * 1000),
        scene.backend.asked,
        SlurmClock(scene.slurm),
    )
    return there.foreseen(JobToStart("j0", replace(job, needs=needs, **changes), "ann", 1))


def taken(scene: Scene, *ids: str, **changes: Any) -> None:
    """Jobs of four devices, each a whole node."""
    for each in ids:
        job = scene.job("long", 600, **changes)
        needs = replace(job.needs, accelerators=AcceleratorWish(4, ("a100",)))
        scene.start(each, replace(job, needs=needs))
    scene.slurm.advance(2)


def test_idle_nodes_with_room_and_no_limit_that_binds(scene: Scene) -> None:
    assert foreseen(scene) == ForeseenStart(now=True)
    taken(scene, "x1")
    assert foreseen(scene) == ForeseenStart(now=True)


@pytest.mark.parametrize(
    ("holders", "changes", "told"),
    [
        (("nlp", "nlp"), {}, "0 of the 2 nodes that would do have it free"),
        (("cv",), {"team": "cv"}, "account cv may hold 4 gres/gpu, 4 are in use and the job asks for 2"),
        ((), {"run_time": 7200}, "as things are it could never start: it asks for 120 minutes"),
    ],
)
def test_what_it_waits_for_in_the_words_of_why(scene: Scene, holders: tuple[str, ...], changes: Any, told: str) -> None:
    for number, team in enumerate(holders):
        taken(scene, f"x{number}", team=team)
    found = foreseen(scene, **changes)
    assert found.now is False
    assert told in found.waits_for


def test_what_it_may_displace_and_who_comes_first_is_not_guessed(scene: Scene) -> None:
    taken(scene, "x1", "x2")
    urgent = foreseen(scene, priority="production-inference")
    assert (urgent.now, urgent.displaces) == (None, ())
    assert "Slurm may end some of these for it" in urgent.untold
    taken(scene, "x3")
    scene.slurm.machines = (*scene.slurm.machines, replace(scene.slurm.machines[0], name="gpu9"))
    assert "the priority that Slurm would give it is not known" in foreseen(scene).untold


def test_what_is_not_seen_is_not_told(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_: Any) -> Any:
        raise UnreachableError("slurmdbd does not answer")

    monkeypatch.setattr(type(scene.slurm), "qualities", away)
    assert foreseen(scene) == ForeseenStart(untold="qualities could not be read: which limits bind it is not known")
    monkeypatch.setattr(type(scene.slurm), "nodes", away)
    assert foreseen(scene) == ForeseenStart(untold="slurmdbd does not answer")

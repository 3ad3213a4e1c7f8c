"""What would become of a job on a Slurm, told before anything is handed in, and what cannot be told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from allotment.errors import CapacityError, UnreachableError
from allotment.model.jobs.job import AcceleratorWish
from allotment.model.slurm.seen import SlurmAssociation, SlurmQos
from allotment.operations.run.slurm.as_source import slurm_told
from allotment.operations.run.slurm.foreseeing import ForeseenOnSlurm
from allotment.ports.backends import ForeseenStart, JobRefusedError, JobToStart, NeverStartsError
from tests.unit.operations.run import test_slurm_backend
from tests.unit.operations.run.test_slurm_backend import PLACE, Scene, SlurmClock


@pytest.fixture
def scene() -> Scene:
    one = Scene()
    one.slurm.limits = (
        SlurmAssociation("nlp", parent="root"),
        SlurmAssociation("cv", parent="root", group={"gres/gpu": 4}),
        *(SlurmAssociation(each, user="root", parent=each) for each in ("nlp", "cv")),
    )
    return one


def starts(scene: Scene) -> ForeseenOnSlurm:
    return ForeseenOnSlurm(
        lambda: slurm_told(scene.slurm, "hpc", scene.slurm.now * 1000),
        scene.backend.asked,
        SlurmClock(scene.slurm),
        scene.backend.place,
        "/home/ann/hpc.yaml",
    )


def order(scene: Scene, devices: int = 2, **changes: Any) -> JobToStart:
    job = scene.job("new", 5)
    needs = replace(job.needs, accelerators=AcceleratorWish(devices, ("a100",)) if devices else None)
    return JobToStart("j0", replace(job, **{"needs": needs, **changes}), "ann", 1)


def foreseen(scene: Scene, devices: int = 2, **changes: Any) -> ForeseenStart:
    return starts(scene).foreseen(order(scene, devices, **changes))


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


def test_those_before_it_that_cannot_take_its_nodes_keep_it_from_nothing(scene: Scene) -> None:
    taken(scene, "x1", "x2", "x3")
    assert foreseen(scene, devices=0) == ForeseenStart(now=True), "the one that waits needs devices, cpu0 has none"


NEVER: dict[str, tuple[int, dict[str, Any], tuple[str, ...], str]] = {
    "time": (
        2,
        {"run_time": 7200},
        ("120 minutes", "partition batch may have 60"),
        "maxRunTime in its job file to 60m",
    ),
    "account": (4, {"team": "cv"}, ("account cv may have 2",), "resources.accelerators.count, or replicas"),
    "nodes": (4, {"replicas": 3}, ("2 of 3 nodes of the partition batch",), "lower replicas in its job file: 2 such"),
}


@pytest.mark.parametrize("name", NEVER)
def test_what_could_never_start_is_refused_before_it_is_handed_in(name: str, scene: Scene) -> None:
    devices, changes, why, fix = NEVER[name]
    scene.slurm.limits = (
        SlurmAssociation("nlp", parent="root"),
        SlurmAssociation("cv", parent="root", group={"gres/gpu": 2}),
        *(SlurmAssociation(each, user="root", parent=each) for each in ("nlp", "cv")),
    )
    with pytest.raises(CapacityError, match="train-llm could never start on hpc") as refused:
        starts(scene).check(order(scene, devices, **changes))
    assert all(each in refused.value.why for each in why)
    assert isinstance(refused.value, NeverStartsError)
    assert fix in refused.value.fix


def test_only_what_no_other_limit_can_overrule_is_refused(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    starts(scene).check(order(scene, run_time=None))
    taken(scene, "x1", "x2", "x3")
    starts(scene).check(order(scene))
    scene.slurm.services = (SlurmQos("normal", group={"gres/gpu": 8}, minutes=300), *scene.slurm.services[1:])
    starts(scene).check(order(scene, 4, team="cv", run_time=7200))
    scene.slurm.services = (SlurmQos("normal", group={"gres/gpu": 1}), *scene.slurm.services[1:])
    with pytest.raises(CapacityError, match="could never start"):
        starts(scene).check(order(scene))
    (batch, *others) = scene.slurm.lanes
    scene.slurm.lanes = (replace(batch, own_qos="single"), *others)
    starts(scene).check(order(scene))

    def away(_: Any) -> Any:
        raise UnreachableError("slurmctld does not answer")

    monkeypatch.setattr(type(scene.slurm), "jobs", away)
    starts(scene).check(order(scene, run_time=7200))


def test_what_is_not_seen_is_not_told(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_: Any) -> Any:
        raise UnreachableError("slurmdbd does not answer")

    monkeypatch.setattr(type(scene.slurm), "qualities", away)
    assert foreseen(scene) == ForeseenStart(untold="qualities could not be read: which limits bind it is not known")
    monkeypatch.setattr(type(scene.slurm), "nodes", away)
    assert foreseen(scene) == ForeseenStart(untold="slurmdbd does not answer")


WRONG = [
    ({"partitions": {"exploratory": ("batch", "nowhere")}}, "partitions.exploratory", "nowhere", "partition"),
    ({"qualities": {"exploratory": "hero"}}, "qualities.exploratory", "hero", "quality of service"),
    ({"accounts": {"nlp": "nlp-lab"}}, "accounts.nlp", "nlp-lab", "account"),
]


@pytest.mark.parametrize(("described", "field", "word", "kind"), WRONG)
def test_a_description_that_names_what_is_not_there_says_which_field(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, described: dict[str, Any], field: str, word: str, kind: str
) -> None:
    wanted, asking = order(scene, priority="exploratory", team="nlp"), starts(scene)
    asking.check(wanted)
    assert [*asking.told(wanted)] == []
    assert scene.backend.offer().told == ("Slurm 0.0 (fake)",)
    monkeypatch.setattr(test_slurm_backend, "PLACE", replace(PLACE, **described))
    scene.backend = scene.new()
    asking = starts(scene)
    said = f'{field} of the description of hpc is "{word}": hpc has no such {kind}, but '
    (_, told) = scene.backend.offer().told
    assert told.startswith(said)
    if kind == "partition":
        with pytest.raises(JobRefusedError) as refused:
            asking.check(wanted)
        assert refused.value.why.startswith(said)
        assert refused.value.fix.startswith(f"correct {field} in /home/ann/hpc.yaml, ")
    else:
        asking.check(wanted)
        (noted,) = asking.told(wanted)
        assert noted.startswith(said)
        assert noted.endswith(f"correct {field} in /home/ann/hpc.yaml, then `allot down` and `allot up`")
    other = order(scene, priority="production-inference", team="cv")
    asking.check(other)
    assert [*asking.told(other)] == []


def test_an_account_that_stands_for_a_team_by_default_is_looked_for_too(scene: Scene) -> None:
    (noted,) = starts(scene).told(order(scene, team="recsys"))
    assert noted.startswith('the description of hpc names no account in accounts.recsys, so it is "recsys": ')


def test_numbers_of_replicas_that_would_fit_are_told(scene: Scene) -> None:
    """Slurm is asked for the same number on each node: three of two devices need three nodes, four need two."""
    with pytest.raises(CapacityError) as refused:
        starts(scene).check(order(scene, 2, replicas=3))
    assert refused.value.fix.endswith("; 2 replicas or 4 replicas would fit: each node gets the same number")
    starts(scene).check(order(scene, 2, replicas=4))

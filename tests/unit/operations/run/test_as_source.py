"""This machine as a snapshot: the same answers, from the same rules, as of a cluster in that state."""

from __future__ import annotations

from dataclasses import replace

from allotment.model.explanation import StartsWhen
from allotment.model.observed.snapshot import Snapshot
from allotment.operations.ask.devices import count_gpus, who_holds
from allotment.operations.ask.explaining import SETTLED, why, why_all
from allotment.operations.ask.quotas import queues_of
from tests.unit.operations.run.machine import Machine, job


def busy() -> tuple[Machine, Snapshot]:
    """Two teams of two guaranteed devices each; cv holds all four, and nlp waits for three."""
    machine = Machine()
    for name, team, devices in (("held", "cv", 2), ("also", "cv", 2), ("plain", "cv", 0), ("waits", "nlp", 3)):
        machine.submit(replace(job("long", team=team, devices=devices), name=name))
        machine.run(1)
    jobs = {each.id: each for each in machine.store.unfinished()}
    return machine, machine.backend.snapshot(jobs)()


def test_why_a_job_waits_is_told_with_its_numbers() -> None:
    _, snapshot = busy()
    (waiting,) = why_all(snapshot).waiting
    told = waiting.explanation
    assert (waiting.subject.name, told.cause) == ("waits", "cohort-exhausted")
    assert "4 of flavor a100 in the cohort machine 4 are in use" in told.summary
    assert why(snapshot, "held").explanation.cause == SETTLED


def test_a_remedy_is_tried_on_the_same_engine() -> None:
    _, snapshot = busy()
    told = why(snapshot, "waits").explanation
    assert told.remedies
    assert {each.tried.starts for each in told.remedies} <= {StartsWhen.NOW, StartsWhen.LATER}


def test_holders_devices_and_queues_are_the_machines() -> None:
    machine, snapshot = busy()
    assert [(each.owner.namespace, each.owner.top, each.parts) for each in who_holds(snapshot).holds] == [
        ("cv", "Job/also", 2_000_000),
        ("cv", "Job/held", 2_000_000),
    ]
    assert {each.owner.person for each in who_holds(snapshot).holds} == {"ada"}
    (room,) = count_gpus(snapshot).rooms
    assert (room.accelerator, room.total, room.used, room.free) == ("a100", machine.devices * 1_000_000, 4_000_000, 0)
    assert {each.name for each in queues_of(snapshot).standings} == {"nlp", "cv"}


def test_two_jobs_of_one_name_are_told_apart() -> None:
    machine = Machine()
    first, second = (machine.submit(job("long", devices=4)) for _ in range(2))
    machine.run(1)
    jobs = {each.id: each for each in machine.store.unfinished()}
    names = {each.name for each in machine.backend.snapshot(jobs)().sources[0].objects.jobs}
    assert names == {f"train-{first}", f"train-{second}"}

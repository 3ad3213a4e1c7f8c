"""This machine as a snapshot: the same answers, from the same rules, as of a cluster in that state."""

from __future__ import annotations

from dataclasses import replace

import pytest

from allotment.diagnose.subjects import find_case
from allotment.errors import NotFoundError
from allotment.model.explanation import RemedyKind, StartsWhen
from allotment.model.jobs.job import Sweep, SweptParameter
from allotment.model.observed.snapshot import Snapshot
from allotment.model.quantity import MilliCpu
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
    assert told.summary == "it asks for 3 a100; of 4 a100 here 0 a100 are free for team nlp: 3 a100 short"
    assert why(snapshot, "held").explanation.cause == SETTLED


def test_a_remedy_is_tried_on_the_same_engine() -> None:
    _, snapshot = busy()
    told = why(snapshot, "waits").explanation
    assert "stop also of team cv, of the same owner" not in told.remedies[1].summary, "two devices are one too few"
    assert "stop held of team cv and also of team cv, of the same owner" in told.remedies[1].summary
    assert [(each.kind, each.tried.starts) for each in told.remedies] == [
        (RemedyKind.WAIT_FOR_QUOTA, StartsWhen.LATER),
        (RemedyKind.OTHER, StartsWhen.NOW),
        (RemedyKind.RAISE_QUOTA, StartsWhen.NOT_SIMULATED),
    ]


def test_all_that_is_short_is_told_in_units_with_what_its_user_can_type() -> None:
    machine = Machine()
    held = replace(job("long", team="cv", devices=2), name="held", run_time=600)
    machine.submit(replace(held, needs=replace(held.needs, cpu=MilliCpu(15_500))))
    machine.run(1)
    gang = replace(job("long", team="nlp", devices=1), name="gang", replicas=3, gang=True)
    waits = machine.submit(replace(gang, needs=replace(gang.needs, cpu=MilliCpu(200))))
    machine.run(1)
    told = why(machine.backend.snapshot({each.id: each for each in machine.store.unfinished()})(), "gang").explanation
    assert told.summary == (
        "it asks for 0.6 CPU and 3 a100 for its 3 replicas together; "
        "of 16 CPU and 4 a100 here 0.5 CPU and 2 a100 are free for team nlp: 0.1 CPU and 1 a100 short"
    )
    assert told.facts["short_of"] == ["CPU", "a100"]
    assert str(told.facts["CPU"]).startswith("0.6 CPU asked for (0.2 CPU a replica), 0.5 CPU free, 16 CPU at most ever")
    fewer, wait, *_ = told.remedies
    assert fewer.command == f"allot clone {waits} --set replicas=2 && allot stop {waits}"
    assert fewer.tried.starts is StartsWhen.NOW
    assert wait.summary == "wait until held of team cv ends: at the latest at 2026-11-28T00:10:00Z, by maxRunTime"


@pytest.mark.parametrize(
    ("held", "wanted", "settings"),
    [
        (15_800, 1000, ["resources.cpu=200m", "priority=scheduled-training"]),
        (16_000, 1000, ["priority=scheduled-training"]),  # nothing is free
    ],
)
def test_who_asks_for_too_much_is_told_how_much_less_starts(held: int, wanted: int, settings: list[str]) -> None:
    machine = Machine()
    for name, cpu in (("held", held), ("waits", wanted)):
        asked = replace(job("long", team="nlp", devices=0), name=name)
        asked = replace(asked, needs=replace(asked.needs, cpu=MilliCpu(cpu)))
        machine.submit(asked)
        machine.run(1)
    told = why(machine.backend.snapshot({each.id: each for each in machine.store.unfinished()})(), "waits").explanation
    assert all("kubectl" not in each.command and "Kueue" not in each.summary for each in told.remedies)
    assert not [each for each in told.remedies if each.kind is RemedyKind.RAISE_QUOTA], "nobody else holds it"
    typed = [each for each in told.remedies if each.command]
    assert [each.command.split()[4] for each in typed if " clone " in each.command] == settings
    assert ("allot stop j1", StartsWhen.NOW) in [(each.command, each.tried.starts) for each in typed]


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
    first = machine.submit(job("long", devices=4))
    machine.run(1)
    second = machine.submit(job("long", devices=4))
    machine.run(1)
    jobs = {each.id: each for each in machine.store.unfinished()}
    snapshot = machine.backend.snapshot(jobs)()
    assert {each.name for each in snapshot.sources[0].objects.jobs} == {f"train-{first}", f"train-{second}"}
    asked = ("train", "job/train", first, second)
    found = [find_case(snapshot, each).subject.metadata.uid for each in asked]
    assert found == [second, second, first, second], "of a name the newest is meant"
    with pytest.raises(NotFoundError):
        find_case(snapshot, "pod/train")


@pytest.mark.parametrize(
    ("held", "wanted", "stopped"),
    [
        ((2, 2), 2, {2}),  # of those that hold the same the newest
        ((1, 2, 1), 2, {2}),  # the fewest
        ((3, 1), 2, {1}),
        ((1, 3), 4, {1, 2}),
        ((1, -3), 2, set()),  # the rest is somebody else's
    ],
)
def test_the_least_of_one_s_own_jobs_is_offered_to_be_stopped(
    held: tuple[int, ...], wanted: int, stopped: set[int]
) -> None:
    """`held`: devices of jobs in turn; of a negative number they are another owner's."""
    machine, ids = Machine(), []
    for number in held:
        ids.append(machine.submit(job("long", devices=abs(number))))
        machine.run(1)
    machine.submit(replace(job("long", devices=wanted), name="waits"))
    machine.run(1)
    jobs = {each.id: each for each in machine.store.unfinished()}
    jobs |= {id_: replace(jobs[id_], owner="eve") for id_, number in zip(ids, held, strict=True) if number < 0}
    told = why(machine.backend.snapshot(jobs)(), "waits").explanation
    stops = [each for each in told.remedies if each.command.startswith("allot stop")]
    named = [{ids.index(each) + 1 for each in one.command.split()[2:]} for one in stops]
    assert named == ([stopped] if stopped else [])
    assert all(each.tried.starts is StartsWhen.NOW for each in stops)
    assert all(f"train ({ids[each - 1]})" in stops[0].summary for each in stopped), "as `allot ps` has it"


def test_trials_are_stopped_with_their_sweep() -> None:
    """A trial that ends alone makes room for the next one."""
    machine = Machine()
    values = SweptParameter("lr", ("1", "2", "3", "4"))
    sweep = machine.submit(replace(job("long", devices=2), name="rates", sweep=Sweep((values,), 4, 0, 2)))
    machine.run(1)
    machine.submit(replace(job("long", devices=1), name="waits"))
    machine.run(1)
    told = why(machine.backend.snapshot({each.id: each for each in machine.store.unfinished()})(), "waits").explanation
    assert [each.command for each in told.remedies if each.command.startswith("allot stop")] == [f"allot stop {sweep}"]

"""Jobs that are held by a job of another back end: what they cost, and that they are let go."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from allotment.adapters.store.fake import MemoryStore
from allotment.model.jobs.job import DependencyState, JobDependency
from allotment.model.jobs.run import JobHistory, JobState, Move, MoveCause
from allotment.operations.run import waited_for
from allotment.ports.stored_jobs import JobRow, StoredChange, StoredJob
from tests.unit.operations.run.machine import Machine, job


class CountedStore(MemoryStore):
    """Counts what it is asked, by id."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: Counter[str] = Counter()
        self.questions = 0

    def rows(self, ids: Sequence[str]) -> Mapping[str, JobRow]:
        self.asked.update(ids)
        self.questions += 1
        return super().rows(ids)

    def find(self, reference: str, *, team: str = "") -> StoredJob:
        self.asked[reference] += 1
        return super().find(reference, team=team)


def elsewhere(store: MemoryStore, name: str, team: str = "nlp") -> StoredJob:
    history = JobHistory().become(Move(0, JobState.SUBMITTED, MoveCause.SUBMITTED))
    return store.add(StoredJob(name, job(team=team), "ada", "k8s", history))


def test_what_many_wait_for_is_asked_once_a_pass_and_seldom() -> None:
    store = CountedStore()
    machine = Machine(store=store)
    other = elsewhere(store, "far")
    held = [machine.submit(job(after=(JobDependency("far", DependencyState.ENDED),))) for _ in range(30)]
    machine.step()
    assert store.asked["far"] == 1
    for _ in range(20):
        machine.clock.sleep(0.02)
        machine.step()
    assert store.asked["far"] == 1
    assert {store.get(each).state for each in held} == {JobState.HELD}
    refused = Move(machine.now, JobState.REFUSED, MoveCause.REFUSED)
    store.record([StoredChange("far", other.version, moves=(refused,))])
    machine.clock.sleep(1)
    machine.step()
    assert JobState.HELD not in {store.get(each).state for each in held}, "who waited is let go by the next pass"


def test_of_very_many_some_are_asked_for_in_a_pass_and_each_in_its_turn() -> None:
    store = CountedStore()
    for number in range(2 * waited_for._MOST + 50):
        elsewhere(store, f"far{number}")
    others = waited_for.WaitedFor(store)
    wanted = [(f"far{number}", "nlp") for number in range(2 * waited_for._MOST + 50)]
    for second in range(4):
        before = sum(store.asked.values())
        others.begin(second * 1000, wanted)
        assert [(others.job(each).id, "nlp") for each in wanted] == wanted
        assert second == 0 or sum(store.asked.values()) - before == waited_for._MOST
    assert min(store.asked.values()) == 2
    assert store.questions == 4, "those of a pass are asked for together"


def test_a_job_of_another_team_is_none_that_is_waited_for() -> None:
    machine = Machine(store=CountedStore())
    elsewhere(machine.store, "theirs", team="cv")  # type: ignore[arg-type]
    mine = machine.submit(job(after=(JobDependency("theirs", DependencyState.ENDED),)))
    machine.step()
    assert machine.states(mine)[-1] == "failed:dependency"

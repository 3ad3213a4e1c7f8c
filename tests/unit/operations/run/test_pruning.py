"""Which of the remains of jobs go, and which never do."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from allotment.adapters.store.fake import MemoryStore
from allotment.errors import ConflictError, UsageError
from allotment.model.access.caller import Caller, CallerKind
from allotment.model.jobs.run import JobState
from allotment.operations.run.pruning import Pruned, forgotten, pruned, tidied
from allotment.ports.job_remains import JobRemains, RemainsKind
from tests.unit.adapters.store.jobs import moved, submitted

DAY = 86_400_000
NOW = 1_800_000_000_000
LAUNCH, WORK, CHECKPOINT, CODE = RemainsKind


@dataclass
class Remains:
    """Folders that are only names; each has a byte."""

    there: list[JobRemains]
    alive: set[str] = field(default_factory=set)

    def listed(self) -> tuple[JobRemains, ...]:
        return tuple(self.there)

    def size(self, _one: JobRemains) -> int:
        return 1

    def runs(self, launch_id: str) -> bool:
        return launch_id in self.alive

    def end(self, launch_id: str) -> None:
        self.alive.discard(launch_id)

    def remove(self, one: JobRemains) -> bool:
        assert one.name not in self.alive
        self.there.remove(one)
        return True

    @property
    def left(self) -> list[str]:
        return [f"{each.kind} {each.name}" for each in self.there]


def world() -> tuple[MemoryStore, Remains]:
    store = MemoryStore()
    store.add(submitted("runs", NOW - 90 * DAY))
    for name, days in (("old", 40), ("young", 29)):
        job = store.add(submitted(name, NOW - 50 * DAY))
        store.record([moved(job, JobState.FAILED, at=NOW - days * DAY, code=f"/state/code/{name}-code.tar")])
    ids = ("runs", "old", "young", "stranger", "lives")
    old = NOW - 60 * DAY
    there = [JobRemains(LAUNCH, f"{each}-1-0", old) for each in ids]
    there += [JobRemains(kind, each, old) for kind in (WORK, CHECKPOINT) for each in ids]
    there += [JobRemains(LAUNCH, "no-launch", old), JobRemains(LAUNCH, "new-1-0", NOW - 29 * DAY)]
    there += [JobRemains(CODE, f"{each}-code", old) for each in ("old", "young", "nobodys")]
    there += [JobRemains(CODE, "fresh", NOW - DAY // 2)]
    return store, Remains(there, alive={"lives-1-0"})


ADA = Caller("ada", CallerKind.LOCAL, "command line")
OLD_ONES = {"launch old-1-0", "launch stranger-1-0", "work old", "work stranger", "code old-code", "code nobodys-code"}
CHECKPOINTS = {"checkpoint old", "checkpoint stranger"}


@pytest.mark.parametrize(("checkpoints", "goes"), [(False, OLD_ONES), (True, OLD_ONES | CHECKPOINTS)])
def test_what_is_old_goes_and_what_runs_or_is_young_never_does(*, checkpoints: bool, goes: set[str]) -> None:
    store, remains = world()
    before = set(remains.left)
    only_told = pruned(store, remains, NOW, 30, ADA, checkpoints=checkpoints, only_told=True)
    assert set(remains.left) == before
    assert [each.id for each in store.kept()] == ["old", "runs", "young"]
    done = pruned(store, remains, NOW, 30, ADA, checkpoints=checkpoints, only_told=False)
    assert done == only_told
    assert before - set(remains.left) == goes
    assert (done.jobs, sum(done.removed.values()), sum(done.freed.values())) == (1, len(goes), len(goes))
    assert [each.id for each in store.kept()] == ["runs", "young"]
    (act,) = (each.act for each in store.whole_audit())
    assert (act.who, act.verb, act.at, dict(act.details)["jobs"]) == ("ada", "jobs.prune", NOW, "1")
    with pytest.raises(UsageError):
        pruned(store, remains, NOW, 29, ADA, checkpoints=False, only_told=False)


def test_by_itself_the_server_removes_old_logs_and_code_that_no_kept_job_refers_to() -> None:
    store, remains = world()
    before = set(remains.left)
    gone = tidied(store.kept(), remains, NOW)
    assert before - set(remains.left) == {"launch old-1-0", "launch stranger-1-0", "code nobodys-code"}
    assert gone == Pruned(0, {LAUNCH: 2, CODE: 1}, {LAUNCH: 2, CODE: 1})
    assert tidied(store.kept(), remains, NOW) == Pruned()


def test_one_job_is_forgotten_with_its_logs_and_not_while_it_is_not_over() -> None:
    store, remains = world()
    before = set(remains.left)
    with pytest.raises(ConflictError, match="runs is submitted"):
        forgotten(store, remains, "runs", NOW, ADA)
    forgotten(store, remains, "young", NOW, ADA)
    assert before - set(remains.left) == {"launch young-1-0", "work young"}
    assert [each.id for each in store.kept()] == ["old", "runs"]
    (act,) = (each.act for each in store.whole_audit())
    assert (act.who, act.verb, act.subject, dict(act.details)["state"]) == ("ada", "job.forget", "job/young", "failed")

"""A command that waits hears what changes, all of it at once, and what keeps it from hearing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from queue import SimpleQueue

import pytest

from allotment.cli.commands.run.hearing import HeardChanges, ServerEar
from allotment.errors import UnreachableError
from allotment.ports.event_service import JobTold, StreamBegin, StreamReset, ToldEvent
from allotment.ports.journal import ChangeKind, SubjectKind

BEGIN = ToldEvent(1, None, StreamBegin(1))
RESET = ToldEvent(9, None, StreamReset(9, "away"))


def job(id_: str) -> ToldEvent:
    return ToldEvent(2, SubjectKind.JOB, JobTold(id_, ChangeKind.GONE, 5, None))


def test_what_came_meanwhile_is_heard_together() -> None:
    told: SimpleQueue[ToldEvent | None] = SimpleQueue()
    taken = threading.Semaphore(0)

    def events() -> Iterator[ToldEvent | None]:
        while True:
            yield told.get()
            taken.release()

    def say(*some: ToldEvent | None) -> None:
        for each in some:
            told.put(each)
        for _ in some:
            assert taken.acquire(timeout=10)

    ear = ServerEar(events)
    assert ear.wait(0) == HeardChanges()
    say(BEGIN)
    assert ear.wait(5) == HeardChanges(anew=True)
    say(job("a"), None, job("b"), job("a"))
    assert ear.wait(5) == HeardChanges(ids=frozenset({"a", "b"}))
    assert ear.wait(0.01) == HeardChanges()
    say(job("a"), RESET)
    assert ear.wait(5) == HeardChanges(anew=True, ids=frozenset({"a"}))


def test_what_came_before_an_error_is_seen_first() -> None:
    def events() -> Iterator[ToldEvent | None]:
        yield job("a")
        raise UnreachableError("away")

    ear = ServerEar(events)
    found = ear.wait(5)
    while not found.ids:
        found = ear.wait(5)
    for _ in range(2):
        with pytest.raises(UnreachableError):
            ear.wait(5)

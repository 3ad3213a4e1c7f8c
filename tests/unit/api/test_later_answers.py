"""Answers are kept a little later, and are there for whoever asks again meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import cast

import pytest

from allotment.adapters.store.fake import MemoryStore
from allotment.api import later_answers as module
from allotment.api.later_answers import LaterAnswers, later_answers
from allotment.errors import UnreachableError
from allotment.model.access.caller import KeyedCall
from allotment.ports.keyed_calls import AnsweredCall, KeptCall
from allotment.ports.store import JobsStore
from tests.unit.adapters.store.jobs import NOW, act

CALL = KeyedCall("c1", "asked", "ada")
SECOND = KeyedCall("c2", "asked", "ada")


class Behind(MemoryStore):
    """Tells when it keeps answers, and may be away."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[tuple[AnsweredCall, ...]] = []
        self.came = threading.Event()
        self.away = False

    def keep_answers(self, answers: Sequence[AnsweredCall], *, soon: bool = False) -> None:
        if self.away:
            raise UnreachableError("the store is away", fix="wait")
        super().keep_answers(answers, soon=soon)
        self.kept.append(tuple(answers))
        self.came.set()


def behind_later() -> tuple[Behind, LaterAnswers]:
    """A store in which two calls are done, behind one that keeps answers later."""
    behind = Behind()
    behind.audit([act(call=CALL, subject="job/j1"), act(call=SECOND, subject="job/j2")])
    return behind, LaterAnswers(cast("JobsStore", behind))


def answered(call: KeyedCall = CALL, answer: str = "sealed") -> AnsweredCall:
    return AnsweredCall(call, NOW + 5, answer)


def test_what_waits_is_told_and_is_kept_with_others_in_one_transaction() -> None:
    behind, later = behind_later()
    later.keep_answers([answered()], soon=True)
    later.keep_answers([answered(SECOND)], soon=True)
    assert behind.kept == []
    assert later.kept_call("c1") == KeptCall(CALL, NOW + 5, "job/j1", "sealed")
    later.keep()
    assert behind.kept == [(answered(), answered(SECOND))]
    assert behind.kept_call("c1") == later.kept_call("c1") == KeptCall(CALL, NOW + 5, "job/j1", "sealed")
    later.keep()
    assert len(behind.kept) == 1, "nothing waits any more"


def test_what_cannot_be_made_anew_is_kept_at_once() -> None:
    behind, later = behind_later()
    later.keep_answers([answered()])
    assert behind.kept == [(answered(),)]


def test_what_is_much_is_kept_at_once() -> None:
    behind, later = behind_later()
    later.keep_answers([answered(answer="x" * (3 << 20))], soon=True)
    later.keep_answers([answered(SECOND, "x" * (2 << 20))], soon=True)
    assert [each[0].call for each in behind.kept] == [SECOND]


def test_an_answer_to_another_call_of_the_same_id_is_not_taken_for_this_one() -> None:
    behind, later = behind_later()
    later.keep_answers([answered(KeyedCall("c1", "otherwise", "ada"))], soon=True)
    assert later.kept_call("c1") == behind.kept_call("c1")
    assert later.kept_call("nobody's") is None


def test_what_cannot_be_kept_waits_on() -> None:
    behind, later = behind_later()
    later.keep_answers([answered()], soon=True)
    behind.away = True
    with pytest.raises(UnreachableError):
        later.keep()
    assert later.kept_call("c1") == KeptCall(CALL, NOW + 5, "job/j1", "sealed")
    behind.away = False
    later.keep()
    assert behind.kept == [(answered(),)]


def test_the_last_ones_are_kept_when_the_server_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    behind, _ = behind_later()
    monkeypatch.setattr(module, "_LATER", 60)
    with later_answers(cast("JobsStore", behind)) as store:
        store.keep_answers([answered()], soon=True)
        assert behind.kept == []
    assert behind.kept == [(answered(),)]


def test_they_are_kept_by_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    behind, _ = behind_later()
    monkeypatch.setattr(module, "_LATER", 0.001)
    behind.away = True
    with later_answers(cast("JobsStore", behind)) as store:
        store.keep_answers([answered()], soon=True)
        behind.away = False
        assert behind.came.wait(10), "tried until it can be"
    assert behind.kept == [(answered(),)]

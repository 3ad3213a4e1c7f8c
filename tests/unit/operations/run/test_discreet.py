"""People of teams are told that a cluster does not answer, and by no way where it is."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from allotment.errors import AllotmentError, ConflictError, NotFoundError, NotSignedInError, UnreachableError, veiled
from allotment.model.access.caller import Caller, CallerKind
from allotment.model.access.permission import AFAR
from allotment.model.access.rights import OWN, AccessRights
from allotment.operations.run.asked import DeskOf
from allotment.ports.backends import BackendOffer, ForeseenStart, LogLine
from allotment.ports.job_service import (
    ForeseenJob,
    JobSubmission,
    RefusedSubmission,
    ServedBackend,
    ServerStatus,
    SubmissionAnswer,
    answer_of,
)
from allotment.ports.kube import UnendingError
from tests.unit.operations.run.machine import job

CANARY = "https://canary-7.example:6443"
PERSON = Caller("ada@acme.example", CallerKind.PERSON, "afar")
KEPT = SimpleNamespace(id="j1", backend="training", job=job(), state=SimpleNamespace(over=False))
WORDS = {
    "away": UnreachableError(f"{CANARY} does not answer", why=CANARY, fix=CANARY),
    "without end": UnendingError(f"{CANARY} does not come to an end", why=CANARY),
    "not let in": NotSignedInError(f"{CANARY} does not accept", fix=CANARY),
    "no way": NotFoundError(f"no context {CANARY}", why=f"/home/canary-7/.kube/config: {CANARY}", fix=CANARY),
}


class FailingDesk:
    """A desk whose cluster cannot be asked."""

    def __init__(self, error: AllotmentError, *, opened: bool) -> None:
        self._error = error
        self._opened = opened

    def find(self, *_: object, **__: object) -> object:
        return KEPT

    def keeps_apart(self, backend: str) -> bool:
        return backend == "training"

    def is_known(self, _backend: str, _teams: object) -> bool:
        return True

    def is_open(self, _backend: str) -> bool:
        return self._opened

    def submit_all(self, submissions: Any, _caller: object) -> tuple[SubmissionAnswer, ...]:
        return tuple(answer_of(self._error) for _ in submissions)

    def status(self, **_: object) -> ServerStatus:
        served = tuple(ServedBackend(each, BackendOffer("", ()), CANARY, 1) for each in ("training", "local"))
        return ServerStatus("1", 1, 1, "acme", "", ("nlp",), served, {}, ())

    def __getattr__(self, _name: str) -> Any:
        def call(*_: object, **__: object) -> Any:
            raise self._error

        return call


CALLS: dict[str, Callable[[DeskOf], object]] = {
    "submit": lambda desk: desk.submit(JobSubmission(job(), "training")),
    "foresee": lambda desk: desk.foresee(JobSubmission(job(), "training")),
    "snapshot": lambda desk: desk.snapshot("training"),
    "stop": lambda desk: desk.stop("j1"),
    "retry": lambda desk: desk.retry("j1"),
    "log": lambda desk: list(desk.log("j1")),
    "put_code": lambda desk: desk.put_code(io.BytesIO()),
}


def asked(desk: object, rights: AccessRights) -> DeskOf:
    return DeskOf(desk, PERSON, rights)  # type: ignore[arg-type]


OF_NLP = AccessRights(teams={"nlp": AFAR})


@pytest.mark.parametrize("words", WORDS)
@pytest.mark.parametrize("call", CALLS)
def test_no_error_says_where_a_cluster_is(call: str, words: str) -> None:
    if words == "no way" and call in {"stop", "retry", "log", "put_code"}:
        pytest.skip("of a cluster that is not open no job is known that could be meant")
    desk = FailingDesk(WORDS[words], opened=words != "no way")
    with pytest.raises(AllotmentError) as told:
        CALLS[call](asked(desk, OF_NLP))
    assert "canary" not in f"{told.value} {told.value.why} {told.value.fix}"
    assert isinstance(told.value, UnreachableError | NotFoundError)
    assert told.value.__cause__ is None
    with pytest.raises(AllotmentError) as whole:
        CALLS[call](asked(desk, OWN))
    assert "canary" in str(whole.value), "who may see all is told"


@pytest.mark.parametrize("words", WORDS)
def test_no_answer_of_several_does(words: str) -> None:
    desk = FailingDesk(WORDS[words], opened=words != "no way")
    (answer,) = asked(desk, OF_NLP).submit_all([JobSubmission(job(), "training")])
    assert answer.refused == RefusedSubmission(
        "UnreachableError", "training does not answer this server", "", "ask again in a while, or an administrator"
    )


def test_that_it_is_the_store_which_does_not_answer_is_told() -> None:
    error = veiled(UnreachableError("canary does not answer"), UnreachableError("the store does not answer"))
    with pytest.raises(UnreachableError) as told:
        CALLS["stop"](asked(FailingDesk(error, opened=True), OF_NLP))
    assert str(told.value) == "the store does not answer"


def test_what_is_said_of_a_job_stays() -> None:
    desk = FailingDesk(ConflictError("two of that name"), opened=True)
    with pytest.raises(ConflictError, match="two of that name"):
        asked(desk, OF_NLP).submit(JobSubmission(job(), "training"))
    missing = FailingDesk(NotFoundError("there is no code c7"), opened=True)
    with pytest.raises(NotFoundError, match="there is no code c7"):
        asked(missing, OF_NLP).submit(JobSubmission(job(), "training"))


def test_the_status_says_that_a_back_end_has_trouble_and_of_this_machine_which() -> None:
    status = asked(FailingDesk(WORDS["away"], opened=True), OF_NLP).status()
    assert [CANARY in each.unreachable for each in status.backends] == [False, True]
    assert all(each.unreachable for each in status.backends)
    whole = asked(FailingDesk(WORDS["away"], opened=True), OWN).status()
    assert [each.unreachable for each in whole.backends] == [CANARY, CANARY]


def test_why_a_start_is_not_foreseen_is_told_without_words_of_the_cluster() -> None:
    desk = FailingDesk(WORDS["away"], opened=True)
    found = ForeseenJob(job(), replace(ForeseenStart(), untold=CANARY), None)
    desk.foresee = lambda *_: found  # type: ignore[attr-defined]
    assert asked(desk, OF_NLP).foresee(JobSubmission(job(), "training")).start.untold == "it could not be asked"


def test_a_log_that_breaks_off_does_not_say_where() -> None:
    desk = FailingDesk(WORDS["away"], opened=True)

    def lines(*_: object, **__: object) -> Any:
        yield LogLine(0, b"hello")
        raise WORDS["away"]

    desk.log = lines  # type: ignore[attr-defined]
    read = iter(asked(desk, OF_NLP).log("j1"))
    assert next(read) == LogLine(0, b"hello")
    with pytest.raises(UnreachableError) as told:
        next(read)
    assert "canary" not in str(told.value)

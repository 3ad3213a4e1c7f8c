"""A server as people of teams ask it: of a back end that fails they are told that it does, and not where it is.

What a client says of a cluster names its address, its context or the server's kubeconfig; administrators are told that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from allotment.errors import AllotmentError, NotFoundError, NotSignedInError, UnreachableError, shown
from allotment.model.access.caller import Caller
from allotment.operations.run.desk import Desk
from allotment.ports.backends import LOCAL, LogLine
from allotment.ports.job_service import (
    ForeseenJob,
    JobReceipt,
    JobSubmission,
    ServedBackend,
    ServerStatus,
    SubmissionAnswer,
    answer_of,
)

_TROUBLE: Final = "it does not answer this server, or not as it should"
_UNTOLD: Final = "it could not be asked"
_OF_PLACES: Final = frozenset({"UnreachableError", "UnendingError", "NotSignedInError"})
"""Names of errors whose words say where something is."""
_Found = TypeVar("_Found")


class DiscreetDesk:
    """A `Desk` whose errors say nothing of where clusters are; what it does is the same."""

    def __init__(self, desk: Desk) -> None:
        """Nothing is asked yet.

        Args:
            desk: that is asked.
        """
        self._desk = desk

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._desk, name)
        if not callable(found):
            return found

        def call(*arguments: Any, **named: Any) -> Any:
            return _discreetly("", lambda: found(*arguments, **named))

        return call

    def status(self, *, at_home: bool = False) -> ServerStatus:
        """What it is, and how it does; see `Desk.status`."""
        status = self._desk.status(at_home=at_home)
        return replace(status, backends=tuple(map(_served, status.backends)))

    def submit(self, submission: JobSubmission, caller: Caller | None = None) -> JobReceipt:
        """Take a job."""
        return self._at(submission.backend, lambda: self._desk.submit(submission, caller))

    def submit_all(
        self, submissions: Sequence[JobSubmission], caller: Caller | None = None
    ) -> tuple[SubmissionAnswer, ...]:
        """Take jobs, each by itself."""
        answers = self._desk.submit_all(submissions, caller)
        return tuple(self._answer(each, of.backend) for each, of in zip(answers, submissions, strict=True))

    def foresee(self, submission: JobSubmission, caller: Caller | None = None) -> ForeseenJob:
        """What would become of a job."""
        found = self._at(submission.backend, lambda: self._desk.foresee(submission, caller))
        untold = found.start.untold and _UNTOLD
        return replace(found, start=replace(found.start, untold=untold))

    def log(
        self, job_id: str, *, rank: int | None = None, follow: bool = False, tail: int | None = None
    ) -> Iterator[LogLine | None]:
        """What a job wrote."""
        lines = _discreetly("", lambda: iter(self._desk.log(job_id, rank=rank, follow=follow, tail=tail)))
        try:
            yield from lines
        except (UnreachableError, NotSignedInError):
            raise _away("") from None

    def _answer(self, answer: SubmissionAnswer, backend: str) -> SubmissionAnswer:
        refused = answer.refused
        if refused is None or not (refused.error in _OF_PLACES or self._unopened(backend, refused.error)):
            return answer
        return answer_of(_away(backend))

    def _at(self, backend: str, call: Callable[[], _Found]) -> _Found:
        try:
            return _discreetly(backend, call)
        except NotFoundError as error:
            if self._unopened(backend, type(error).__name__):
                raise _away(backend) from None
            raise

    def _unopened(self, backend: str, error: str) -> bool:
        """Whether what is not found is the way to a cluster."""
        return error == NotFoundError.__name__ and self._desk.keeps_apart(backend) and not self._desk.is_open(backend)


def _served(each: ServedBackend) -> ServedBackend:
    return replace(each, unreachable=_TROUBLE) if each.unreachable and each.name != LOCAL else each


def _discreetly(backend: str, call: Callable[[], _Found]) -> _Found:
    try:
        return call()
    except (UnreachableError, NotSignedInError) as error:
        if error.within is not None:
            raise  # it is the store, and says nothing of where that is either
        raise _away(backend) from None


def _away(backend: str) -> AllotmentError:
    named = shown(backend) if backend else "the back end"
    return UnreachableError(f"{named} does not answer this server", fix="ask again in a while, or an administrator")

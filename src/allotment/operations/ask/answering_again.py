"""Use case: an answer, and again whenever it has become another one, while the cluster is followed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from allotment.errors import UnreachableError
from allotment.model.observed.snapshot import Snapshot
from allotment.operations.ask.explaining import ExplainedWaiting, WhyAll
from allotment.ports.clock import Clock

Told = TypeVar("Told")

LONGEST_SILENCE: Final = 30.0
"""Seconds without a change after which it is looked all the same: time alone changes some answers."""
SHORTEST_PAUSE: Final = 1.0
"""Seconds between a change and the look at it: changes come in swarms."""
_SHARE: Final = 4
"""Times as long as the last answer took is the pause before the next, so that we cost a fifth of the time at most."""


class FollowedLooks(Protocol):
    """A cluster that is followed."""

    def look(self) -> Snapshot:
        """What it shows now."""
        ...

    def wait(self, seconds: float) -> bool:
        """Wait for a change."""
        ...


@dataclass(frozen=True, slots=True)
class AnsweredAgain(Generic[Told]):
    """An answer that is another than the one before; or None, and why there is none at the moment."""

    answer: Told | None
    error: UnreachableError | None = None


def answered_again(
    looks: FollowedLooks, clock: Clock, answer: Callable[[Snapshot], Told], gist: Callable[[Told], object]
) -> Iterator[AnsweredAgain[Told]]:
    """The answer now, then each that says something else, without end.

    Args:
        looks: at the cluster.
        clock: waits.
        answer: of a snapshot.
        gist: what must differ; what moves with the clock alone is not in it.

    Raises:
        UnreachableError: the server does not answer the first time.
        NotSignedInError: it does not accept the credentials.
        AllotmentError: what `answer` raises.
    """
    told: object = None
    silent, first = False, True
    while True:
        began = clock.now()
        try:
            found = answer(looks.look())
        except UnreachableError as error:
            if first:
                raise
            if not silent:
                yield AnsweredAgain(None, error)
            silent = True
        else:
            said = gist(found)
            if first or silent or said != told:
                yield AnsweredAgain(found)
            told, silent, first = said, False, False
        took = (clock.now() - began).total_seconds()
        if silent or looks.wait(LONGEST_SILENCE):
            clock.sleep(max(SHORTEST_PAUSE, _SHARE * took))


def gist_of(found: ExplainedWaiting | WhyAll) -> object:
    """What an answer says, without what moves with the clock; of many, who waits for what."""
    if isinstance(found, WhyAll):
        return frozenset((each.subject, each.explanation.cause) for each in found.waiting), found.unseen
    told = found.explanation
    return (
        told.subject,
        told.cause,
        told.verdict,
        told.confidence,
        told.summary,
        told.considered,
        told.position,
        tuple(each.cause for each in told.contributing),
        tuple((each.summary, each.tried.starts) for each in told.remedies),
        told.unseen,
    )

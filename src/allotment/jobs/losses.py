"""What a back end cannot express. A job that asks for it is refused there with a message; nothing is ever dropped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from allotment.model.jobs.job import Job


@dataclass(frozen=True, slots=True)
class FieldLoss:
    """One field, or one value of it, that a back end has no word for. The documentation's table is made of these.

    Attributes:
        field: as the job file writes it, such as ``nearness.within``.
        what: what of it cannot be expressed, as the end of "… cannot".
        instead: what a user can do, an imperative.
        asked_for: whether a job asks for it.
    """

    field: str
    what: str
    instead: str
    asked_for: Callable[[Job], bool]


def lost(job: Job, losses: Sequence[FieldLoss]) -> Iterator[FieldLoss]:
    """Those of a back end's losses that a job runs into."""
    return (each for each in losses if each.asked_for(job))

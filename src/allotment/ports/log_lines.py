"""Some lines of what a job wrote, as they are asked of a server: those between two numbers, those that hold a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

MOST_FOUND: Final = 1000
"""Lines of one answer."""


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which lines are meant.

    Attributes:
        first: number of the first line that is looked at, from 0.
        last: number of the line before which it ends; None for the log's end.
        text: that has to stand in a line, ``*`` for anything in it; empty for every line.
        limit: lines; `MOST_FOUND` at most.
        any_case: whether a letter of ASCII stands for its capital, too, and the other way round.
    """

    first: int = 0
    last: int | None = None
    text: str = ""
    limit: int = 100
    any_case: bool = False


@dataclass(frozen=True, slots=True)
class FoundLine:
    """A line that is meant.

    Attributes:
        number: of all lines of the log, from 0, in the order in which they are read.
        text: what is no text in it is replaced; cut where it is very long.
        at: milliseconds since the epoch; None where the back end keeps no times.
    """

    number: int
    rank: int
    text: str
    at: int | None


@dataclass(frozen=True, slots=True)
class LogSearch:
    """What was found.

    Attributes:
        lines: those that are told.
        matches: how many are meant among those that were looked at.
        looked_at: how many lines.
        next: number of the line at which the next call goes on; None where nothing is left. Where it is less than the
            first that was asked for, that one lies too far behind the beginning to be found in one call.
    """

    lines: tuple[FoundLine, ...]
    matches: int
    looked_at: int
    next: int | None


class LogLookups(Protocol):
    """Everything may raise `StoreError`, and from afar `UnreachableError`."""

    def lines(self, reference: str, wanted: LogQuery, *, rank: int | None = None) -> LogSearch:
        """Some lines of a log, as far as one call looks.

        Args:
            reference: of the job.
            wanted: which lines.
            rank: of this replica, or trial of a sweep, alone; None for all.

        Raises:
            NotFoundError: nothing is known of the job, or it wrote nothing yet.
            UsageError: the text is too long.
        """
        ...

"""Use case: the audit trail is searched, gone along from its beginning, and written down elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from allotment.model.audit.chain import AuditEntry, ChainBreak, ChainCheck, ChainHead, DamagedEntry
from allotment.model.moments import moment
from allotment.ports.audit import MOST_AUDITED, AuditFilter, AuditPage, TrailPlace
from allotment.scenarios.times import milliseconds

_MOST_BREAKS: Final = 100
"""Breaks that are told; where there are more, the trail is worth nothing anyway."""


@dataclass(frozen=True, slots=True)
class TrailVerdict:
    """What is to be thought of a trail.

    Attributes:
        head: how far it goes.
        entries: that are there.
        heads: that were given.
        met: of them, through which it leads.
        breaks: where it is not as it was written; none of a sound one. The first hundred of them.
    """

    head: ChainHead
    entries: int
    heads: int
    met: int
    breaks: tuple[ChainBreak, ...]

    @property
    def sound(self) -> bool:
        """Whether it is as it was written, as far as can be seen."""
        return not self.breaks


def verified(place: TrailPlace, heads: Sequence[ChainHead] = ()) -> TrailVerdict:
    """Go along the whole trail; a server may write meanwhile.

    Args:
        place: of the trail.
        heads: that were written down elsewhere.

    Raises:
        NotFoundError: there is none.
        StoreError: it cannot be read.
    """
    with place.reader() as trail:
        return gone_along(trail.whole_audit(), heads)


def gone_along(trail: Iterable[AuditEntry | DamagedEntry], heads: Sequence[ChainHead] = ()) -> TrailVerdict:
    """The same of a trail that was read elsewhere.

    Args:
        trail: every entry, the oldest first.
        heads: that were written down elsewhere.
    """
    check = ChainCheck(heads)
    breaks: list[ChainBreak] = []
    entries = 0
    for each in trail:
        entries += 1
        breaks += check.look(each)
    breaks += check.end()
    return TrailVerdict(check.head, entries, len({*heads}), check.met, tuple(breaks[:_MOST_BREAKS]))


def searched(place: TrailPlace, wanted: AuditFilter, *, before: int | None = None, limit: int = 50) -> AuditPage:
    """Entries, newest first.

    Args:
        place: of the trail.
        wanted: which.
        before: only such with a lower number.
        limit: how many; beyond those of a page they are read page by page.

    Raises:
        NotFoundError: there is none.
        StoreError: it cannot be read.
    """
    found: list[AuditEntry | DamagedEntry] = []
    with place.reader() as trail:
        while True:
            page = trail.audited(wanted, before=before, limit=min(limit - len(found), MOST_AUDITED))
            found += page.entries
            before = page.before
            if before is None or len(found) >= limit:
                return AuditPage(tuple(found), before)


def written_out(place: TrailPlace) -> Iterator[AuditEntry | DamagedEntry]:
    """Every entry, the oldest first.

    Raises:
        NotFoundError: there is none.
        StoreError: it cannot be read.
    """
    with place.reader() as trail:
        yield from trail.whole_audit()


def head_of(place: TrailPlace) -> ChainHead:
    """How far the trail goes: what is written down elsewhere.

    Raises:
        NotFoundError: there is none.
        StoreError: it cannot be read.
    """
    with place.reader() as trail:
        return trail.audit_head()


def moment_before(text: str, now: int) -> int:
    """A moment that a user means: a time, or how long ago.

    Args:
        text: ``2027-01-31T08:00Z``, or ``12h``.
        now: milliseconds since the epoch, as is the answer.

    Raises:
        UsageError: it is neither.
    """
    found = moment(text)
    return max(0, now - milliseconds(text)) if found is None else found

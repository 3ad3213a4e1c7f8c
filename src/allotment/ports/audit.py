"""The audit trail as a store keeps it: added to, and never changed; read from either end.

It stands in the same database as what the acts have changed, so that the two are kept together or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Final, Protocol

from allotment.model.audit.act import AuditedAct
from allotment.model.audit.chain import AuditEntry, ChainHead, DamagedEntry
from allotment.ports.stored_jobs import kept_text

MOST_AUDITED: Final = 1000
"""Entries of one page."""


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries are meant; what is empty does not matter.

    Attributes:
        verb: as it is kept, or the beginning of it before a dot, such as ``job``.
        about: the subject as it is kept, or its name.
        since: done then or later, in milliseconds since the epoch.
        until: done before then.
    """

    who: str = ""
    verb: str = ""
    team: str = ""
    about: str = ""
    outcome: str = ""
    since: int | None = None
    until: int | None = None


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Some of what was found.

    Attributes:
        entries: newest first.
        before: number before which the next page begins; None where there is none.
    """

    entries: tuple[AuditEntry | DamagedEntry, ...]
    before: int | None = None


class AuditReader(Protocol):
    """What can be asked of the trail. Everything may raise `StoreError` and `UnreachableError`."""

    def audit_head(self) -> ChainHead:
        """How far it goes."""
        ...

    def audited(self, wanted: AuditFilter, *, before: int | None = None, limit: int = 50) -> AuditPage:
        """Entries, newest first.

        Args:
            wanted: which.
            before: only such with a lower number.
            limit: entries; `MOST_AUDITED` at most.
        """
        ...

    def whole_audit(self) -> Iterator[AuditEntry | DamagedEntry]:
        """Every entry from the first one on, as many as there were when it was asked for."""
        ...


class TrailPlace(Protocol):
    """Where a trail is that is read: a store of this machine, or a server elsewhere."""

    @property
    def shown(self) -> str:
        """Path or address, without a password."""
        ...

    def reader(self) -> AbstractContextManager[AuditReader]:
        """Open it to read.

        Raises:
            NotFoundError: there is none.
        """
        ...


class AuditStore(AuditReader, Protocol):
    """What the one process that writes may do besides."""

    def audit(self, acts: Sequence[AuditedAct]) -> ChainHead:
        """Add what was done; all of it or nothing. How far the trail goes now."""
        ...


def kept_act(act: AuditedAct) -> AuditedAct:
    """An act whose texts every store can keep: bounded, what is no text replaced."""
    return replace(
        act,
        who=kept_text(act.who),
        whence=kept_text(act.whence),
        subject=kept_text(act.subject),
        name=kept_text(act.name),
        team=kept_text(act.team),
        why=kept_text(act.why),
        details=tuple((kept_text(name), kept_text(value)) for name, value in act.details),
        call=None,
    )

"""What auditors ask of a server about its audit trail, and the form in which its entries travel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from allotment.model.audit.act import AuditedAct
from allotment.model.audit.chain import AuditEntry, ChainHead, DamagedEntry
from allotment.ports.audit import AuditFilter, AuditPage


@dataclass(frozen=True, slots=True)
class ToldDetail:
    """What an entry says besides."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class ToldEntry:
    """An entry of the trail, as `allot audit search -o json` has it; see `AuditedAct`.

    Attributes:
        at: milliseconds since the epoch.
        digest: of this entry; the next one names it as `previous`.
        damaged: why it cannot be read; empty where it can, and then all else is told.
    """

    number: int
    at: int = 0
    who: str = ""
    kind: str = ""
    whence: str = ""
    verb: str = ""
    outcome: str = ""
    subject: str = ""
    name: str = ""
    team: str = ""
    why: str = ""
    details: tuple[ToldDetail, ...] = ()
    previous: str = ""
    digest: str = ""
    damaged: str = ""


@dataclass(frozen=True, slots=True)
class TrailPage:
    """Some of what was found, newest first.

    Attributes:
        before: number before which the next page begins; None where there is none.
    """

    rows: tuple[ToldEntry, ...]
    before: int | None = None


class AuditService(Protocol):
    """A trail that a server keeps; whoever may read it reads all of it.

    Everything may raise `StoreError`, and from afar `UnreachableError`, `NotSignedInError` and `ForbiddenError`.
    """

    def audit_head(self) -> ChainHead:
        """How far it goes."""
        ...

    def audited(self, wanted: AuditFilter, *, before: int | None = None, limit: int = 50) -> AuditPage:
        """Entries, newest first; see `ports.audit.AuditReader`."""
        ...

    def audit_lines(self) -> Iterator[str]:
        """Every entry from the first one on, each as the line that an export has of it.

        Raises:
            UnreachableError: it was cut off.
        """
        ...


def told_entry(entry: AuditEntry | DamagedEntry) -> ToldEntry:
    """An entry, as it is told."""
    if isinstance(entry, DamagedEntry):
        return ToldEntry(entry.number, damaged=entry.why)
    act = entry.act
    return ToldEntry(
        number=entry.number,
        at=act.at,
        who=act.who,
        kind=act.kind,
        whence=act.whence,
        verb=act.verb,
        outcome=act.outcome,
        subject=act.subject,
        name=act.name,
        team=act.team,
        why=act.why,
        details=tuple(ToldDetail(name, value) for name, value in act.details),
        previous=entry.previous,
        digest=entry.digest,
    )


def entry_told(told: ToldEntry) -> AuditEntry | DamagedEntry:
    """The entry that was told."""
    if told.damaged:
        return DamagedEntry(told.number, told.damaged)
    act = AuditedAct(
        at=told.at,
        who=told.who,
        kind=told.kind,
        whence=told.whence,
        verb=told.verb,
        outcome=told.outcome,
        subject=told.subject,
        name=told.name,
        team=told.team,
        why=told.why,
        details=tuple((each.name, each.value) for each in told.details),
        call=None,
    )
    return AuditEntry(told.number, act, told.previous, told.digest)

"""The audit trail: entries, and what is to be thought of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from allotment.cli.shell.output import Listing
from allotment.cli.shell.table import Column
from allotment.errors import shown
from allotment.model.audit.chain import AuditEntry, DamagedEntry
from allotment.model.grammar import count
from allotment.model.moments import written
from allotment.operations.account.trail import TrailVerdict
from allotment.reports.documents.audit import KIND, audit_document

Entry = AuditEntry | DamagedEntry


def audit_listing(entries: Sequence[Entry]) -> Listing[Entry]:
    """A row an entry, newest first."""
    return Listing(
        kind=KIND,
        rows=entries,
        columns=(
            Column("NUMBER", lambda row: row.number),
            Column("WHEN", _when, keep=1),
            Column("WHO", lambda row: _of(row, "who"), keep=3),
            Column("DID", lambda row: _of(row, "verb") or "cannot be read", keep=3),
            Column("WHAT", _what, keep=2, fold=" "),
            Column("TEAM", lambda row: _of(row, "team")),
            Column("OUTCOME", lambda row: _of(row, "outcome")),
            Column("SUBJECT", lambda row: _of(row, "subject"), wide=True),
            Column("FROM", lambda row: _of(row, "whence"), wide=True),
            Column("DETAILS", _details, wide=True),
            Column("DIGEST", lambda row: row.digest[:12] if isinstance(row, AuditEntry) else None, wide=True),
        ),
        name=lambda row: str(row.number),
        document=audit_document,
        labels=lambda row: {name: _of(row, name) or "" for name in ("who", "verb", "team", "outcome")},
        nothing="nothing like that was done, or nobody kept it",
    )


def _of(row: Entry, name: str) -> str | None:
    return shown(getattr(row.act, name)) or None if isinstance(row, AuditEntry) else None


def _when(row: Entry) -> str | None:
    return written(row.act.at) if isinstance(row, AuditEntry) else None


def _what(row: Entry) -> str | None:
    if isinstance(row, DamagedEntry):
        return row.why
    said = f"{row.act.name} ({row.act.why})" if row.act.why and row.act.name else row.act.name or row.act.why
    return shown(said or row.act.subject) or None


def _details(row: Entry) -> str | None:
    if isinstance(row, DamagedEntry):
        return None
    return ", ".join(f"{name}: {shown(value)}" for name, value in row.act.details) or None


def verdict_text(verdict: TrailVerdict) -> str:
    """Whether it is sound, and what is the matter."""
    entries = count(verdict.entries, "entry")
    if verdict.sound:
        return f"{entries}, each as it was written\n{verdict.head}"
    return "\n".join((f"the trail was tampered with, or is damaged: {entries}", *_breaks(verdict)))


def _breaks(verdict: TrailVerdict) -> Iterator[str]:
    yield from (f"  {each.said}" for each in verdict.breaks)


def verdict_note(verdict: TrailVerdict, *, elsewhere: bool = False) -> str:
    """What the answer is worth.

    Args:
        verdict: the answer.
        elsewhere: whether it is of what a server elsewhere has sent.
    """
    if verdict.heads:
        return f"it leads through {verdict.met} of {count(verdict.heads, 'head')} that were written down"
    none = "no head that was written down elsewhere was given: "
    if elsewhere:
        return (
            f"{none}a trail that was made anew as a whole, one whose newest entries the server keeps back, and one "
            "that it has for you alone look sound. Keep lines of `allot audit head` here: --heads FILE"
        )
    return (
        f"{none}a trail that was made anew as a whole, or whose newest "
        "entries were cut off, looks sound. The server's log has a head for every hour: --heads FILE"
    )

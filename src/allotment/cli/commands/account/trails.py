"""Which trail is read: of a store of this machine, of a server elsewhere, or a file that was exported."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from allotment.cli.shell.session import Session

if TYPE_CHECKING:
    from allotment.model.audit.chain import AuditEntry, ChainHead, DamagedEntry
    from allotment.ports.audit import AuditFilter, AuditPage, AuditReader, TrailPlace
    from allotment.ports.audit_service import AuditService

_BOTH: Final = "--server and --store name two trails"


class TrailElsewhere:
    """Implements `ports.audit.TrailPlace`, and its reader, of a server that is asked."""

    def __init__(self, service: AuditService, shown: str) -> None:
        """Nothing is asked yet.

        Args:
            service: that is asked.
            shown: its address.
        """
        self._service = service
        self.shown = shown

    @contextmanager
    def reader(self) -> Iterator[AuditReader]:
        """There is nothing to open."""
        yield self

    def audit_head(self) -> ChainHead:
        """How far it goes, as the server says."""
        return self._service.audit_head()

    def audited(self, wanted: AuditFilter, *, before: int | None = None, limit: int = 50) -> AuditPage:
        """Entries, newest first."""
        return self._service.audited(wanted, before=before, limit=limit)

    def whole_audit(self) -> Iterator[AuditEntry | DamagedEntry]:
        """Every entry, as many as the server says that there are.

        Raises:
            UnreachableError: fewer came.
        """
        from allotment.errors import UnreachableError

        until, came = self._service.audit_head().number, 0
        for each in entries_in(self._service.audit_lines(), self.shown):
            came = max(came, each.number)
            yield each
        if came >= until:
            return
        # Whoever is let in no longer is sent no more, and asking again says so.
        self._service.audit_head()
        raise UnreachableError(
            f"the audit trail came as far as entry {came}, and the server says that it goes to entry {until}",
            why="the answer was cut off, or the server keeps back what it has",
            fix="ask again; where it stays so, have somebody read it on the server's own machine",
        )


def trail_place(session: Session) -> TrailPlace:
    """Where the trail is that is meant: at a server elsewhere where one is asked, else in a store of this machine.

    Whoever names a store means it, whichever server the settings name; a flag counts before a setting.

    Raises:
        UsageError: flags name both.
        NotSignedInError: there is no token for the server.
    """
    from allotment.cli.commands.run.serving import asked_server
    from allotment.cli.commands.run.store import store_place
    from allotment.errors import UsageError
    from allotment.operations.directory.configuration import SettingOrigin

    server, store = session.settings["server"], session.settings["store"]
    by_flag = server.origin is SettingOrigin.FLAG
    if not server.value or (store.value and not by_flag):
        return store_place(session)
    if store.origin is SettingOrigin.FLAG:
        raise UsageError(_BOTH, why="one alone is read", fix="leave one of the two out")
    return TrailElsewhere(asked_server(session), server.value)


def entries_in(lines: Iterable[str], named: str) -> Iterator[AuditEntry | DamagedEntry]:
    """Entries of lines of an export; one that cannot be read is damaged.

    Args:
        lines: of it.
        named: where they are from.

    Raises:
        InputError: the first line is none: it is something else that was read.
    """
    from allotment.errors import InputError, at, shown
    from allotment.model.audit.chain import DamagedEntry
    from allotment.reports.documents.audit import audit_entry

    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield audit_entry(line)
        except InputError as error:
            if number == 1:  # another file than was meant
                with at(f"{shown(named)}:1"):
                    raise
            yield DamagedEntry(0, f"line {number}: {error.line}")

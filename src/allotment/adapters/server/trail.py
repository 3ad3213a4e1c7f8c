"""The audit trail of a server elsewhere."""

from __future__ import annotations

import http.client
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlencode

from allotment.adapters.server.asking import PATIENCE, AskedOverHttp
from allotment.errors import AllotmentError, UnreachableError, shown
from allotment.model.audit.chain import ChainHead
from allotment.ports.audit import AuditFilter, AuditPage
from allotment.ports.audit_service import TrailPage, entry_told

_AT_ONCE: Final = 1 << 16
"""Bytes that are read at once."""
_LONGEST: Final = 4 << 20
"""Bytes of a line: of an entry, whose texts are bounded when they are kept."""


class TrailThere(AskedOverHttp):
    """`ports.audit_service.AuditService`, over HTTP."""

    def audit_head(self) -> ChainHead:
        """How far it goes."""
        return self._ask("GET", "/api/v1/audit/head", "head", ChainHead)

    def audited(self, wanted: AuditFilter, *, before: int | None = None, limit: int = 50) -> AuditPage:
        """Entries, newest first."""
        asked: dict[str, Any] = {
            "who": wanted.who,
            "verb": wanted.verb,
            "team": wanted.team,
            "about": wanted.about,
            "outcome": wanted.outcome,
            "since": wanted.since,
            "until": wanted.until,
            "before": before,
            "limit": limit,
        }
        query = urlencode({name: value for name, value in asked.items() if value not in {"", None}})
        page = self._ask("GET", f"/api/v1/audit?{query}", "page", TrailPage)
        return AuditPage(tuple(map(entry_told, page.rows)), page.before)

    def audit_lines(self) -> Iterator[str]:
        """Every entry, a line each."""
        with self._sent("GET", "/api/v1/audit/export", None, PATIENCE) as answer:
            try:
                yield from _lines(answer)
            except (OSError, http.client.HTTPException) as error:
                raise UnreachableError(
                    "the audit trail was cut off",
                    why=shown(str(error) or type(error).__name__),
                    fix="ask again; of what has come nothing is known beyond its end",
                ) from error


def _lines(answer: http.client.HTTPResponse) -> Iterator[str]:
    """Lines of an answer; read in parts, since a line that is read as such ends where a connection is cut, too."""
    rest = b""
    while part := answer.read1(_AT_ONCE):
        *whole, rest = (rest + part).split(b"\n")
        if len(rest) > _LONGEST:
            raise AllotmentError(
                "the server sends a line that has no end",
                why="no entry of an audit trail is so long: it is no server of Allotment, or a broken one",
                fix="check the address",
            )
        yield from (each.decode("utf-8", "replace") for each in whole)
    if rest:
        yield rest.decode("utf-8", "replace")

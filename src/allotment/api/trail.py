"""Routes of the audit trail: who did what; for auditors, administrators, and the user whose server it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Annotated, Final

from anyio import CapacityLimiter, to_thread
from fastapi import Depends, Query, Response
from fastapi.responses import StreamingResponse

from allotment.api.bodies import value_answer
from allotment.api.contract import MOST_NUMBER, JsonValue, Media
from allotment.api.routes import Routes
from allotment.api.sparse import PageLimit
from allotment.api.streaming import while_let_in
from allotment.api.visits import Asked
from allotment.model.access.permission import Permission
from allotment.model.audit.chain import AuditEntry, ChainHead, DamagedEntry
from allotment.ports.audit import MOST_AUDITED, AuditFilter, AuditReader
from allotment.ports.audit_service import TrailPage, told_entry
from allotment.reports.documents.audit import exported

LINES: Final = "application/x-ndjson"
_USUAL: Final = 50
_READERS: Final = 4
"""Exports at once, a thread each; whoever asks for another waits for one of them."""
_TOGETHER: Final = 200
"""Entries that are sent at once."""
_Moment = Annotated[int | None, Query(ge=0, le=MOST_NUMBER)]


def add_trail_routes(routes: Routes, store: AuditReader) -> None:
    """The trail: searched, its head, and all of it.

    Args:
        routes: of the application.
        store: that keeps it.
    """
    readers = CapacityLimiter(_READERS)

    @routes.add("GET", "/api/v1/audit", Permission.AUDIT, gives=JsonValue("page", TrailPage))
    def search(
        asked: Asked,
        wanted: Annotated[AuditFilter, Depends(_filter)],
        limit: PageLimit = _USUAL,
        before: Annotated[int | None, Query(ge=1, le=MOST_NUMBER)] = None,
    ) -> Response:
        del asked  # whoever may read the trail reads all of it
        found = store.audited(wanted, before=before, limit=min(max(1, limit), MOST_AUDITED))
        return value_answer("page", TrailPage(tuple(map(told_entry, found.entries)), found.before))

    @routes.add("GET", "/api/v1/audit/head", Permission.AUDIT, gives=JsonValue("head", ChainHead))
    def head(asked: Asked) -> Response:
        del asked
        return value_answer("head", store.audit_head())

    @routes.add("GET", "/api/v1/audit/export", Permission.AUDIT, gives=Media(LINES))
    async def export(asked: Asked) -> Response:
        lines = await to_thread.run_sync(lambda: _lines(store.whole_audit()), limiter=readers)
        # What is cut off, `allot audit verify` notices.
        return StreamingResponse(while_let_in(lines, readers, asked), media_type=LINES)


def _lines(trail: Iterator[AuditEntry | DamagedEntry]) -> Iterator[bytes]:
    """Lines as `allot audit export` writes them, several together."""
    together: list[str] = []
    for each in trail:
        together.append(json.dumps(exported(each), ensure_ascii=True))
        if len(together) == _TOGETHER:
            yield ("\n".join(together) + "\n").encode()
            together.clear()
    if together:
        yield ("\n".join(together) + "\n").encode()


def _filter(
    who: str = "",
    verb: str = "",
    team: str = "",
    about: str = "",
    outcome: str = "",
    since: _Moment = None,
    until: _Moment = None,
) -> AuditFilter:
    return AuditFilter(who, verb, team, about, outcome, since, until)

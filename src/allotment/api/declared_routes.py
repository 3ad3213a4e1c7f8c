"""Routes of what is declared against what lives, for administrators: drift, and changes of quotas."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import Depends, Query, Request, Response

from allotment.api.answers import ANSWER, Answering, AnswerSource, ToldGap, answer_response
from allotment.api.bodies import text_within, value_answer
from allotment.api.contract import JsonValue
from allotment.api.routes import Routes
from allotment.api.simulating import SimulatedCall
from allotment.api.visits import Asked, Change, Visit
from allotment.errors import AllotmentError, UsageError
from allotment.model.access.permission import Permission
from allotment.model.jobs.written import SENT, read_value
from allotment.model.moments import rfc3339
from allotment.operations.access.admitting import LetIn
from allotment.operations.change.drift import ClusterDrift, DriftState
from allotment.operations.decide.quota_desk import QuotaDesk
from allotment.operations.fleet.drift_looks import DriftLooks, DriftSeen
from allotment.operations.fleet.served import ServedClusters
from allotment.ports.clock import Clock
from allotment.ports.platform_service import AskedQuotaChange, ChangedQuota, ForeseenQuota, QuotaWish
from allotment.reports.documents.drift import drift_document, drift_rows
from allotment.reports.documents.snapshot import age

_MOST_ASKED: Final = 64 << 10
"""Bytes of a change."""
_WISH: Final = JsonValue("wish", QuotaWish)
_ASKED: Final = JsonValue("asked", AskedQuotaChange)
_FORESEEN: Final = JsonValue("foreseen", ForeseenQuota)
_CHANGED: Final = JsonValue("changed", ChangedQuota)


def add_declared_routes(routes: Routes, answering: Answering, served: ServedClusters | None) -> None:
    """How clusters stand to what is declared, and what is declared of quotas.

    Args:
        routes: of the application.
        answering: has places for those who ask.
        served: what the server has of clusters; None where it has none.
    """

    def looks_there() -> tuple[DriftLooks, Clock]:
        if served is None or served.looks is None:
            raise _nothing_declared()
        return served.looks, served.clock

    def quotas_there() -> QuotaDesk:
        if served is None or served.quotas is None:
            raise _nothing_declared()
        return served.quotas

    @routes.add("GET", "/api/v1/answers/drift", Permission.DECLARE, gives=ANSWER)
    async def drift(
        request: Request,
        asked: Asked,
        cluster: Annotated[list[str] | None, Query()] = None,
        anew: bool = False,  # noqa: FBT001, FBT002 (a query)
    ) -> Response:
        def answer() -> Response:
            looks, clock = looks_there()
            return _told(looks.seen(tuple(cluster or ()), anew=anew), clock)

        return await answering.within(request, asked, SimulatedCall.COMPARE, answer)

    @routes.add("POST", "/api/v1/quota-previews", Permission.DECLARE, takes=_WISH, gives=_FORESEEN, change=Change(None))
    async def preview(request: Request, asked: Asked, wish: Annotated[QuotaWish, Depends(_wish)]) -> Response:
        def answer() -> Response:
            _now(asked)
            return value_answer("foreseen", quotas_there().preview(wish))

        return await answering.within(request, asked, SimulatedCall.COMPARE, answer)

    @routes.add("POST", "/api/v1/quota-changes", Permission.DECLARE, takes=_ASKED, gives=_CHANGED)
    async def change(request: Request, asked: Asked, wanted: Annotated[AskedQuotaChange, Depends(_change)]) -> Response:
        def answer() -> Response:
            caller = _now(asked).caller
            done = quotas_there().change(wanted, caller)
            looks_there()[0].forget((wanted.wish.cluster,))
            return value_answer("changed", done)

        return await answering.within(request, asked, SimulatedCall.COMPARE, answer)


def _now(asked: Visit) -> LetIn:
    """Who asks is looked at anew: what he has sent may have taken its time, and his turn."""
    return asked.admitted if asked.now is None else asked.now()


def _nothing_declared() -> UsageError:
    return UsageError("this server has no platform directory", fix="start it with one: `allot up --platform DIRECTORY`")


def _told(seen: DriftSeen, clock: Clock) -> Response:
    report = seen.report
    sources = tuple(_source(each, seen.old.get(each.cluster, ""), clock) for each in report.clusters)
    return answer_response(sources, drift_document(report, drift_rows(report)))


def _source(each: ClusterDrift, old: str, clock: Clock) -> AnswerSource:
    gone = each.state is DriftState.UNREACHABLE
    observed = "" if gone else rfc3339(each.observed_at)
    return AnswerSource(
        name=each.cluster,
        kind="cluster",
        state="silent" if gone else "stale" if old else "current",
        observed_at=observed,
        age_seconds=None if gone else age(observed, clock.now()),
        why=_why(each.error) if gone else old,
        gaps=tuple(ToldGap(unread.kind, "", "forbidden", unread.why) for unread in each.unread),
    )


def _why(error: AllotmentError | None) -> str:
    return "" if error is None else error.line


async def _body(request: Request) -> str:
    return await text_within(request, "change of a quota", _MOST_ASKED, "say less")


def _wish(body: Annotated[str, Depends(_body)]) -> QuotaWish:
    found: QuotaWish = read_value("wish", QuotaWish, body, SENT)
    return found


def _change(body: Annotated[str, Depends(_body)]) -> AskedQuotaChange:
    found: AskedQuotaChange = read_value("asked", AskedQuotaChange, body, SENT)
    return found

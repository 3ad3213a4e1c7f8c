"""A request of the examples: sixteen devices for three days, an offer of twelve for two, and what was granted."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from allotment.api.examples.fleet import CLUSTER, FLAVOR
from allotment.api.examples.moments import DAY_MS, HOUR_MS, at
from allotment.api.examples.people import ADA, GRACE
from allotment.api.requests import AskedEnd, AskedSettling
from allotment.model.quantity import Bytes, MilliCpu
from allotment.model.requests.balance import GrantPace, TeamBalance
from allotment.model.requests.grant import GrantState, TeamGrant
from allotment.model.requests.request import (
    DecisionRecord,
    DemonstratedNeed,
    Effect,
    GrantRequest,
    RequestAct,
    RequestState,
)
from allotment.model.requests.terms import QuotaShare, RequestKind, Terms, Wish, WorkloadType
from allotment.ports.request_service import (
    AskedMove,
    AskedRequest,
    GrantsPage,
    OtherTerms,
    RequestsPage,
    ToldRequest,
)

REQUEST_ID: Final = "r7k2f9qa"
_WHY: Final = "evaluation of the release candidate"
_ASKED: Final = 16
_OFFERED: Final = 12
_PRICE: Final = 3_000_000
"""Millionths of a dollar for a device and an hour."""
_ROUTE: Final = "engineering-leadership"
_GATE: Final = "many-gpus"
_NEED: Final = DemonstratedNeed(
    days=30, granted=12 * 30 * 86_400, used=10 * 30 * 86_400, idle=86_400, half=10, most=12, waited=4 * 86_400
)
_EFFECT: Final = Effect("cv", "detector-v5", before=1800, after=7200)
_BUDGET: Final = 20_000_000_000
_MONTH: Final = "2027-01"


def _terms(devices: int, hours: int) -> Terms:
    share = QuotaShare(CLUSTER, FLAVOR, devices, MilliCpu(devices * 8000), Bytes(devices * (64 << 30)))
    return Terms((share,), (), at(), at(hours), devices * hours * _PRICE)


_OF_WISH: Final = _terms(_ASKED, 72)
_OF_OFFER: Final = _terms(_OFFERED, 48)


def wanted() -> AskedRequest:
    """It is asked for."""
    return AskedRequest(
        RequestKind.GPUS,
        "nlp",
        WorkloadType.TRAINING,
        _WHY,
        accelerator="a100",
        devices=_ASKED,
        clusters=(CLUSTER,),
        lasts=72 * HOUR_MS,
    )


def waiting() -> GrantRequest:
    """It waits to be decided."""
    return GrantRequest(
        id=REQUEST_ID,
        wish=Wish(RequestKind.GPUS, "nlp", WorkloadType.TRAINING, _WHY),
        requester=ADA,
        created=at(),
        state=RequestState.WAITING,
        terms=_OF_WISH,
        asked=_OF_WISH,
        gate=_GATE,
        route=_ROUTE,
        due=at() + 3 * DAY_MS,
        extends="",
        revision=1,
        decisions=(),
        platform="acme",
        begins_when_given=True,
    )


def offered() -> GrantRequest:
    """Other terms are offered."""
    decision = DecisionRecord(
        at=at(1),
        act=RequestAct.COUNTER,
        by=GRACE,
        whence="10.1.2.3",
        gate=_GATE,
        route=_ROUTE,
        terms=_OF_OFFER,
        reason="cv has a deadline on Friday",
        effects=(_EFFECT,),
        unknown="",
        need=_NEED,
        budget_left=_left(),
        for_himself=False,
    )
    return replace(waiting(), state=RequestState.OFFERED, terms=_OF_OFFER, revision=2, decisions=(decision,))


def accepted() -> GrantRequest:
    """They were accepted."""
    (decision,) = offered().decisions
    accepting = replace(decision, at=at(2), act=RequestAct.ACCEPT, by=ADA, reason="")
    return replace(
        offered(), state=RequestState.APPROVED, due=None, revision=3, decisions=(*offered().decisions, accepting)
    )


def _left() -> int:
    return _BUDGET - (_OF_OFFER.price or 0)


def told() -> ToldRequest:
    """It, as whoever decides sees it."""
    return ToldRequest(
        request=waiting(),
        effects=(_EFFECT,),
        unknown="",
        need=_NEED,
        budget_left=_left(),
        deciders="acme-engineering-leads",
        decides=True,
        after="the guarantee is as before; what runs then goes on as borrowed work",
        budget_month=_MONTH,
    )


def requests() -> RequestsPage:
    """A list of it alone."""
    return RequestsPage((waiting(),), None, (REQUEST_ID,))


def decision() -> AskedMove:
    """Twelve are offered."""
    other = OtherTerms(devices=_OFFERED, lasts=48 * HOUR_MS)
    return AskedMove(RequestAct.COUNTER, "cv has a deadline on Friday", other, revision=1)


def answer() -> AskedMove:
    """They are accepted."""
    return AskedMove(RequestAct.ACCEPT, revision=2)


def grant() -> TeamGrant:
    """What came of it."""
    return TeamGrant(
        id=REQUEST_ID,
        team="nlp",
        kind=RequestKind.GPUS,
        subject="",
        requester=ADA,
        terms=_OF_OFFER,
        approved=(_OF_OFFER,),
        state=GrantState.ACTIVE,
        revision=2,
        written="5d41402abc4b2a76b9719d911017c592",
        commit="9fceb02d0ae598e95dc970b74767f19372d61af8",
        trouble="",
        told=(),
        platform="acme",
        decided=(True,),
    )


def taken_back() -> TeamGrant:
    """It is given back before its time."""
    return replace(grant(), state=GrantState.TAKING_BACK, revision=3)


def grants() -> GrantsPage:
    """A list of it alone."""
    return GrantsPage((grant(),), "")


def end() -> AskedEnd:
    """Why it is given back."""
    return AskedEnd("the evaluation is done")


def settling() -> AskedSettling:
    """What was agreed on is to hold, and not what somebody made of it by hand."""
    return AskedSettling(restore=True)


def balances() -> tuple[TeamBalance, ...]:
    """What the team has spent of its month."""
    held = 12 * 3600 * 12
    pace = GrantPace(REQUEST_ID, _OFFERED, at(), at(48), held, held * 3 // 4)
    price = _OF_OFFER.price or 0
    start, end_ = at() - 10 * DAY_MS - 19 * HOUR_MS // 2, at() + 20 * DAY_MS + 29 * HOUR_MS // 2
    spent = 4_000_000_000
    left = _BUDGET - spent - price
    return (TeamBalance("nlp", start, end_, _BUDGET, spent, price, price // 4, left, (pace,)),)

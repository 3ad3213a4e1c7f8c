"""Notices of requests: what waits for somebody's decision, and what was decided."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from allotment.errors import quoted, quoted_message, spelled
from allotment.model.moments import written
from allotment.model.money import money
from allotment.model.requests.notice import (
    Audience,
    AudienceKind,
    Delta,
    Measure,
    Notice,
    NoticeKind,
    NoticeSeverity,
    ToldKey,
)
from allotment.model.requests.request import DecisionRecord, GrantRequest, RequestAct, RequestState
from allotment.model.requests.terms import RequestKind, Terms
from allotment.requests.beginning import passed_of
from allotment.requests.notice_words import share_words, span_words

NEWS_FOR: Final = 7 * 24 * 3_600_000
"""Milliseconds after which the end of a grant, or a decision, is news to nobody."""


@dataclass(frozen=True, slots=True)
class NoticePlaces:
    """Where whoever is told sees more.

    Attributes:
        currency: of the platform; empty where none is known, and then no price is told.
        portal: address of the portal, without a slash at its end; empty where nobody knows how others call it.
    """

    currency: str = ""
    portal: str = ""


NOWHERE_ELSE: Final = NoticePlaces()
"""No price, and no portal."""


def of_requests(
    requests: Iterable[GrantRequest], told: Collection[str], now: int, places: NoticePlaces = NOWHERE_ELSE
) -> tuple[Notice, ...]:
    """What waits for somebody's decision, and what was decided."""
    return tuple(notice for each in requests for notice in _of_request(each, now, places) if notice.key not in told)


def _of_request(request: GrantRequest, now: int, places: NoticePlaces) -> Iterator[Notice]:
    if request.state is RequestState.WAITING and request.route:
        yield _waiting(request, places)
    elif request.decisions:
        last = request.decisions[-1]
        # An offer that was withdrawn is overtaken; who has decided himself, or was answered at once, knows it.
        stands = _STATES.get(last.act) is request.state and now <= last.at + NEWS_FOR
        at_once = last.act is RequestAct.APPROVE and not last.by
        if stands and last.by != request.requester and not at_once:
            yield _decided(request, last, places)


def _waiting(request: GrantRequest, places: NoticePlaces) -> Notice:
    until = "" if request.due is None else f" until {written(request.due)}"
    return _about_request(
        request,
        NoticeKind.REQUEST_WAITING,
        # By the number of decisions: after an offer it is another question.
        f"waiting/{request.id}/{request.route}/{len(request.decisions)}",
        Audience(AudienceKind.ROUTE, request.route),
        f"{spelled(request.wish.team)}: request {request.id} waits for your decision",
        (
            f"{spelled(request.requester)} asks for {_lasting(request, request.terms)}.",
            f"Why: {quoted_message(request.wish.justification)}.",
            *_price(request.terms, places),
            f"Route {spelled(request.route)} decides{until}.",
            f"What need it has shown, what is left of its budget, whom it delays: {_more(request, places)}.",
        ),
        _asked_and_given(request.terms, None),
    )


def _decided(request: GrantRequest, last: DecisionRecord, places: NoticePlaces) -> Notice:
    by = f" by {spelled(last.by)}" if last.by else ""
    lines = [f"Asked for: {_lasting(request, request.asked)}."]
    if last.act in {RequestAct.APPROVE, RequestAct.COUNTER}:
        word = "Given" if last.act is RequestAct.APPROVE else "Offered"
        lines.append(f"{word}: {_lasting(request, last.terms, given=last.act is RequestAct.APPROVE)}.")
    if last.act is RequestAct.APPROVE and (passed := passed_of(request, last.at)):
        lines.append(f"{span_words(passed)} of the time that was asked for had passed by then, and are not charged.")
    if last.act is RequestAct.COUNTER:
        until = "" if request.due is None else f" before {written(request.due)}"
        lines.append(f"It waits for you: accept it or withdraw the request{until}.")
    if last.reason:
        lines.append(f"Why: {quoted_message(last.reason)}.")
    if last.act in {RequestAct.APPROVE, RequestAct.COUNTER}:
        lines += _price(last.terms, places)
    lines.append(f"All of it: {_more(request, places)}.")
    return _about_request(
        request,
        NoticeKind.REQUEST_DECIDED,
        f"decided/{request.id}/{len(request.decisions)}",
        Audience(AudienceKind.PERSON, request.requester),
        f"{spelled(request.wish.team)}: {_DECIDED[last.act].format(request.id, by)}",
        tuple(lines),
        _asked_and_given(last.terms, request.asked),
    )


def _about_request(
    request: GrantRequest,
    kind: NoticeKind,
    key: str,
    to: Audience,
    subject: str,
    lines: tuple[str, ...],
    deltas: tuple[Delta, ...],
) -> Notice:
    waits = kind is NoticeKind.REQUEST_WAITING
    severity = NoticeSeverity.WARNING if waits else NoticeSeverity.INFO
    return Notice(key, kind, severity, request.wish.team, (to,), subject, lines, deltas, (ToldKey("", key),))


_STATES: Final[Mapping[RequestAct, RequestState]] = {
    RequestAct.APPROVE: RequestState.APPROVED,
    RequestAct.COUNTER: RequestState.OFFERED,
    RequestAct.DENY: RequestState.DENIED,
    RequestAct.LAPSE: RequestState.LAPSED,
}
"""Where a request stands after a decision that its requester has not taken himself."""
_DECIDED: Final[Mapping[RequestAct, str]] = {
    RequestAct.APPROVE: "request {} is approved{}",
    RequestAct.COUNTER: "other terms are offered for request {}{}",
    RequestAct.DENY: "request {} is denied{}",
    RequestAct.LAPSE: "nobody has decided on request {} in time",
}


def _asked_and_given(terms: Terms, asked: Terms | None) -> tuple[Delta, ...]:
    found = [Delta(Measure.DEVICES, terms.devices, None if asked is None else asked.devices)] if terms.devices else []
    if terms.lasts is not None:
        whole = None if asked is None or asked.lasts is None else asked.lasts // 1000
        found.append(Delta(Measure.SECONDS, terms.lasts // 1000, whole))
    return tuple(found)


def _lasting(request: GrantRequest, terms: Terms, *, given: bool = False) -> str:
    lasts = "good" if terms.lasts is None else span_words(terms.lasts)
    begins = written(terms.since) if given or not request.begins_when_given else "its approval"
    where = f" in environment {spelled(request.wish.environment)}" if request.wish.environment else ""
    return f"{_thing(request, terms)}{where} for {lasts} from {begins} on"


def _thing(request: GrantRequest, terms: Terms) -> str:
    wish = request.wish
    if wish.kind is RequestKind.GPUS:
        return share_words(terms, wish.subject)
    named = f"{_KINDS[wish.kind]} {quoted(wish.subject)}" if wish.subject else _KINDS[wish.kind]
    return f"{named} with {share_words(terms)}" if terms.shares else named


_KINDS: Final[Mapping[RequestKind, str]] = {
    RequestKind.GPUS: "devices",
    RequestKind.NAMESPACE: "namespace",
    RequestKind.ENDPOINT: "endpoint",
    RequestKind.CLUSTER: "cluster",
    RequestKind.VOLUME: "volume",
    RequestKind.NOTEBOOK: "notebook",
    RequestKind.MODEL_API: "model API",
    RequestKind.TEAM: "the new team",
    RequestKind.LEAVE: "the leave of the team",
}


def _price(terms: Terms, places: NoticePlaces) -> tuple[str, ...]:
    if not places.currency:
        return ()
    return ("Its price is not known." if terms.price is None else f"Price: {money(terms.price, places.currency)}.",)


def _more(request: GrantRequest, places: NoticePlaces) -> str:
    page = f", or {places.portal}/requests/{request.id}" if places.portal else ""
    return f"`allot request show {request.id}`{page}"

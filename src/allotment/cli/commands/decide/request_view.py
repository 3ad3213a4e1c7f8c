"""Requests and grants: a row each; one with all that whoever decides has to know."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from allotment.cli.commands.decide.team_view import change_lines, timeline_lines
from allotment.cli.shell.output import Listing
from allotment.cli.shell.steps import duration
from allotment.cli.shell.table import Column
from allotment.errors import shown
from allotment.model.grammar import count
from allotment.model.moments import written
from allotment.model.money import money
from allotment.model.quantity import Bytes, format_bytes
from allotment.model.requests.grant import GrantState, TeamGrant
from allotment.model.requests.request import (
    DecisionRecord,
    DemonstratedNeed,
    Effect,
    GrantRequest,
    RequestAct,
    RequestState,
)
from allotment.model.requests.terms import RequestKind, TakenShare, Terms, Wish
from allotment.ports.request_service import ToldRequest
from allotment.reports.documents.requests import grant_document, request_document
from allotment.requests.team_steps import OF_TEAMS

_EFFECTS: Final = 10
_OF_TEAM: Final = {RequestKind.TEAM: "a new team {team}", RequestKind.LEAVE: "team {team} leaves"}
"""What is asked for where it is about the team itself."""
_ASKS: Final = {RequestKind.TEAM: "for", RequestKind.LEAVE: "that"}
_LOOKED_AT: Final = frozenset({RequestAct.APPROVE, RequestAct.COUNTER, RequestAct.ACCEPT})
"""Acts for which need, budget and who waits were looked at; by others nothing is given."""
_STYLES: Final = {RequestState.APPROVED: "green", RequestState.DENIED: "red", RequestState.OFFERED: "yellow"}
_GRANT_STYLES: Final = {GrantState.ACTIVE: "green", GrantState.CONFLICT: "red"}


def requests_listing(requests: Sequence[GrantRequest], currency: str) -> Listing[GrantRequest]:
    """A row a request."""
    return Listing(
        kind="Request",
        rows=requests,
        columns=(
            Column("ID", lambda row: row.id, keep=3),
            Column("TEAM", lambda row: shown(row.wish.team), keep=2),
            Column("FOR", lambda row: _what(_thing(row.wish), row.terms), keep=3, fold=", "),
            Column("LASTS", lambda row: _lasts(row.terms)),
            Column("PRICE", lambda row: _price(row.terms, currency)),
            Column("STATE", lambda row: row.state.value, keep=3, style=lambda row: _STYLES.get(row.state, "")),
            Column("ROUTE", lambda row: shown(row.route)),
            Column("DUE", lambda row: "" if row.due is None else written(row.due)),
            Column("BY", lambda row: shown(row.requester), wide=True),
            Column("ASKED", lambda row: written(row.created), wide=True),
            Column("WHY", lambda row: shown(row.wish.justification), wide=True, fold=" "),
        ),
        name=lambda row: f"request/{row.id}",
        document=request_document,
        labels=lambda row: {
            "state": row.state.value,
            "kind": row.wish.kind.value,
            "team": row.wish.team,
            "route": row.route,
        },
        nothing="no requests wait; `allot requests -a` lists those that are over, too",
    )


def grants_listing(grants: Sequence[TeamGrant], currency: str) -> Listing[TeamGrant]:
    """A row a grant."""
    return Listing(
        kind="Grant",
        rows=grants,
        columns=(
            Column("ID", lambda row: row.id, keep=3),
            Column("TEAM", lambda row: shown(row.team), keep=2),
            Column("WHAT", lambda row: _what(_thing(row), row.terms), keep=3, fold=", "),
            Column("STATE", lambda row: row.state.value, keep=3, style=lambda row: _GRANT_STYLES.get(row.state, "")),
            Column("FROM", lambda row: written(row.terms.since)),
            Column("UNTIL", lambda row: "for good" if row.terms.until is None else written(row.terms.until), keep=2),
            Column("TROUBLE", lambda row: shown(row.trouble), fold=" "),
            Column("PRICE", lambda row: _price(row.terms, currency), wide=True),
            Column("COMMIT", lambda row: row.commit[:12], wide=True),
        ),
        name=lambda row: f"grant/{row.id}",
        document=grant_document,
        labels=lambda row: {"state": row.state.value, "kind": row.kind.value, "team": row.team},
        nothing="nothing is granted; `allot request gpus` asks for something",
    )


def request_text(request: GrantRequest, currency: str) -> str:
    """A request, in a few lines."""
    return "\n".join(_lines(request, currency))


def told_text(told: ToldRequest, currency: str) -> str:
    """A request with what whoever decides is shown of it, and all decisions with what was known then."""
    lines = [*_lines(told.request, currency)]
    if told.grant is not None:
        of = "" if told.grant.id == told.request.id else f" {shown(told.grant.id)}"
        trouble = f": {shown(told.grant.trouble)}" if told.grant.trouble else ""
        lines.append(f"  its grant{of} is {told.grant.state.value}{trouble}")
    if told.deciders:
        you = ": you may" if told.decides else ""
        lines.append(f"  decides: {shown(told.deciders)}{you}")
    if told.warning:
        lines.append(f"  warning: {shown(told.warning)}")
    if not (told.request.id and told.request.state.over):
        lines += _known_lines(told, currency, "  ")
    lines += change_lines(told.change)
    if told.after:
        lines.append(f"  afterwards: {shown(told.after)}")
    for each in told.request.decisions:
        lines.append(_decision_line(each, currency))
        if each.act in _LOOKED_AT:
            lines += _known_lines(each, currency, "    ")
    lines += timeline_lines(told.timeline)
    return "\n".join(lines)


def _lines(request: GrantRequest, currency: str) -> Iterator[str]:
    wish = request.wish
    what = _what(_thing(wish), request.terms)
    said = _OF_TEAM.get(wish.kind, "{what} for team {team}").format(what=what, team=shown(wish.team))
    if request.id:
        yield f"request {request.id}: {said}, {request.state.value}"
    else:
        yield f"a request {_ASKS.get(wish.kind, 'of')} {said} would be {request.state.value}"
    waits = request.begins_when_given and not request.state.over
    span = f"{_lasts(request.terms)} from its approval on" if waits else _span(request.terms)
    yield f"  {span}; {_price(request.terms, currency) or 'its price is not known'}"
    if not _as_asked(request):
        yield f"  asked for: {_what(_thing(wish), request.asked)}, {_span(request.asked)}"
    for each in request.terms.taken:
        share = each.share
        yield f"  taken of {shown(each.team)}: {share.devices} {shown(share.flavor)} in {shown(share.cluster)}"
    yield f"  by {shown(request.requester)} for {wish.workload.value}: {shown(wish.justification)}"
    if request.state is RequestState.WAITING:
        due = "" if request.due is None else f", until {written(request.due)}"
        gate = f"gate {shown(request.gate)}, " if request.gate else ""
        yield f"  waits for: {gate}route {shown(request.route)}{due}"
    elif request.state is RequestState.OFFERED:
        until = "" if request.due is None else f", until {written(request.due)}"
        yield f"  this is offered{until}: `allot request accept {request.id}` takes it"
    elif request.state is RequestState.APPROVED and request.decisions and not request.decisions[-1].by:
        yield f"  {'approved' if request.id else 'that is'} at once by the gate {shown(request.gate)}"


def _as_asked(request: GrantRequest) -> bool:
    """Whether it is as it was asked for, whenever it begins where nobody named that."""
    terms, asked = request.terms, request.asked
    if request.begins_when_given and terms.lasts == asked.lasts:
        terms = replace(terms, since=asked.since, until=asked.until)
    return terms == asked


def _thing(what: Wish | TeamGrant) -> str:
    """What it is that is no quota, how large, and where."""
    if what.kind in OF_TEAMS:
        return what.kind.value
    named = f"{what.kind.value} {shown(what.subject)}" if what.subject else what.kind.value
    size = f" of {format_bytes(Bytes(what.size))}" if what.size else ""
    where = f" in {', '.join(map(shown, what.clusters))}" if what.clusters else ""
    return f"{named}{size}{where}"


def _what(thing: str, terms: Terms) -> str:
    devices = ", ".join(f"{each.devices} {shown(each.flavor)} in {shown(each.cluster)}" for each in terms.shares)
    if not devices and terms.taken:
        # Of a grant of others, of which no more is told.
        return "taken: " + ", ".join(_lent(each) for each in terms.taken)
    return devices or thing


def _lent(each: TakenShare) -> str:
    share = each.share
    return f"{share.devices} {shown(share.flavor)} in {shown(share.cluster)} of {shown(each.team)}"


def _lasts(terms: Terms) -> str:
    return "for good" if terms.lasts is None else duration(terms.lasts / 1000)


def _span(terms: Terms) -> str:
    if terms.until is None:
        return f"from {written(terms.since)} on, for good"
    return f"from {written(terms.since)} until {written(terms.until)} ({_lasts(terms)})"


def _price(terms: Terms, currency: str) -> str:
    return "" if terms.price is None else money(terms.price, currency)


def _known_lines(known: ToldRequest | DecisionRecord, currency: str, margin: str) -> Iterator[str]:
    """What is known, or was when it was decided, of need, budget and of who waits longer."""
    for each in _need_lines(known.need):
        yield f"{margin}{each}"
    if known.budget_left is not None:
        month = known.budget_month if isinstance(known, ToldRequest) else ""
        left = money(known.budget_left, currency)
        yield f"{margin}budget left{f' in {month}' if month else ''}, once granted: {left}"
    for each in _effect_lines(known.effects, known.unknown):
        yield f"{margin}{each}"


def _need_lines(need: DemonstratedNeed | None) -> Iterator[str]:
    if need is None:
        return
    share = f"{100 * need.used // need.granted} %" if need.granted else "none"
    idle = "" if need.idle is None or not need.used else f", of it {100 * need.idle // need.used} % idle"
    yield (
        f"need shown in {count(need.days, 'day')}: {share} of what it has was used{idle}; "
        f"half of the time {need.half} devices or more, {need.most} in the busiest twentieth"
    )


def _effect_lines(effects: Sequence[Effect], unknown: str) -> Iterator[str]:
    if unknown:
        yield f"not known: {shown(unknown)}"
    if not effects:
        if not unknown:
            yield "nobody waits longer for it"
        return
    yield "effect on those who wait:"
    for each in effects[:_EFFECTS]:
        work = f" {shown(each.work)}" if each.work else ""
        yield f"  {shown(each.team)}{work}: {_wait(each.before)} -> {_wait(each.after)}"
    if len(effects) > _EFFECTS:
        yield f"  and {len(effects) - _EFFECTS} more: -o json has all"


def _wait(seconds: int | None) -> str:
    return "not foreseen" if seconds is None else f"starts in {duration(seconds)}" if seconds else "runs now"


def _decision_line(record: DecisionRecord, currency: str) -> str:
    by = shown(record.by) if record.by else f"gate {shown(record.gate)}" if record.gate else "time"
    own = ", for himself" if record.for_himself else ""
    reason = f": {shown(record.reason)}" if record.reason else ""
    price = _price(record.terms, currency)
    return f"  {written(record.at)} {record.act.value} by {by}{own}{f', {price}' if price else ''}{reason}"

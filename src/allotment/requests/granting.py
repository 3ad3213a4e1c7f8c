"""Grants over time: how one comes of a request, where it may go, and what people do with it.

What of it has to stand in the platform directory is decided in `giving.py`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Final

from allotment.errors import ConflictError, UsageError, spelled
from allotment.model.moments import written
from allotment.model.requests.grant import DeclaredGrant, GrantState, TeamGrant
from allotment.model.requests.request import GrantRequest, RequestState
from allotment.model.requests.terms import QuotaShare, RequestKind, Terms
from allotment.requests.pricing import SharePrices, cut_off, part_between, price_of
from allotment.requests.sound_terms import check_length, gives_no_more

MOVES: Final[Mapping[GrantState, frozenset[GrantState]]] = MappingProxyType(
    {
        # Ended before it began, or found in the way when it was to begin.
        GrantState.DUE: frozenset({GrantState.GIVING, GrantState.ENDED, GrantState.CONFLICT}),
        # To ENDED where a person has refused its change before that stood anywhere.
        GrantState.GIVING: frozenset(
            {GrantState.ACTIVE, GrantState.TAKING_BACK, GrantState.CONFLICT, GrantState.ENDED}
        ),
        # To GIVING when it is extended or changed.
        GrantState.ACTIVE: frozenset({GrantState.GIVING, GrantState.TAKING_BACK, GrantState.CONFLICT}),
        GrantState.TAKING_BACK: frozenset({GrantState.ENDED, GrantState.CONFLICT}),
        # As people decide, or by itself once things are as they should be; either way that is applied first.
        GrantState.CONFLICT: frozenset({GrantState.GIVING, GrantState.TAKING_BACK}),
        GrantState.ENDED: frozenset(),
    }
)
"""Where a grant may go from each state."""
_CHANGED_IN: Final = frozenset({GrantState.DUE, GrantState.ACTIVE})
_ENDED_FROM: Final = frozenset({GrantState.DUE, GrantState.GIVING, GrantState.ACTIVE})


def text_digest(text: str) -> str:
    """What is kept of a document, so that a change by hand is noticed: SHA-256, 64 hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def grant_of(request: GrantRequest) -> TeamGrant:
    """The grant of an approved request that prolongs no other one.

    Raises:
        ConflictError: it is not approved.
        UsageError: it prolongs or changes a grant (see `extended`), or gives devices as something else.
    """
    _check_approved(request)
    _check_gives_devices(request)
    if request.extends:
        raise UsageError(f"request {request.id} is about grant {request.extends}", fix="extend that one")
    return TeamGrant(
        id=request.id,
        team=request.wish.team,
        kind=request.wish.kind,
        subject=request.wish.subject,
        requester=request.requester,
        terms=request.terms,
        approved=(request.terms,),
        state=GrantState.DUE,
        revision=1,
        written="",
        commit="",
        trouble="",
        told=(),
        decided=(_somebody_decided(request),),
        given_by=request.id,
        size=request.wish.size,
        clusters=request.wish.clusters,
    )


def become(grant: TeamGrant, state: GrantState, **changes: Any) -> TeamGrant:
    """The grant in another state, with further changes; what troubled it, or is left as it is, is over otherwise.

    Raises:
        ConflictError: the table has no such move.
    """
    if state not in MOVES[grant.state]:
        raise ConflictError(
            f"grant {grant.id} cannot become {state.value}",
            why=f"it is {grant.state.value}",
            fix="look at it again: somebody else may have done something with it",
        )
    changed: dict[str, Any] = {"trouble": "", "by_hand": False, "settled_by": "", "restores": "", **changes}
    return replace(grant, state=state, revision=grant.revision + 1, **changed)


def check_extension(grant: TeamGrant, request: GrantRequest, longest: int | None, now: int) -> None:
    """That a request could extend or change its grant, were it approved as it stands.

    Asked when it is submitted and when terms are decided on, so that nobody approves what cannot be.

    Args:
        grant: that the request names.
        request: approved or not.
        longest: days that quota is given at most, from the first beginning of the grant on; None for no bound.
        now: milliseconds since the epoch.

    Raises:
        ConflictError: the grant does not stand so that it can be changed.
        UsageError: the request is not about it, or is about a time that does not join on.
    """
    if request.extends != grant.id or request.wish.team != grant.team or request.wish.kind is not grant.kind:
        raise UsageError(
            f"request {request.id} is not about grant {grant.id}",
            why="an extension is of the same team, and of the same kind",
            fix="ask for a grant of its own",
        )
    if grant.state not in _CHANGED_IN or _is_over(grant.terms, now):
        raise ConflictError(
            f"grant {grant.id} cannot be changed now",
            why=f"it is {grant.state.value}" if grant.state not in _CHANGED_IN else "its time is over",
            fix="try again in a moment" if grant.state is GrantState.GIVING else "ask for a grant of its own",
        )
    more, held = request.terms, grant.terms
    if more.since > max(now, held.since) and not (_gives_the_same(held, more) and _reaches(held, more.since)):
        raise UsageError(
            f"that begins {written(more.since)}, and grant {grant.id} would be another one by then",
            why="a change takes effect at once, and an extension joins on with the same shares",
            fix="ask for a grant of its own: grants of one team add up",
        )
    if longest is not None and more.shares:
        check_length(more, min(each.since for each in (*grant.approved, more)), longest)


def extended(grant: TeamGrant, request: GrantRequest, longest: int | None, now: int) -> TeamGrant:
    """The grant on what an approved request says of it: longer, or with other shares.

    What was approved before, and joins on with the same shares, is one with it; otherwise the new terms take the place
    of the old ones. The price is that of both.

    Raises:
        ConflictError: the request is not approved, or the grant does not stand so that it can be changed.
        UsageError: the request is not about it, or is about a time that does not join on.
    """
    _check_approved(request)
    check_extension(grant, request, longest, now)
    _check_gives_devices(request)
    terms = joined(grant.terms, request.terms)
    # What was kept of earlier ones may be shorter: nobody is known to have decided on those.
    before = (*grant.decided, *(False for _ in grant.approved))[: len(grant.approved)]
    changes: dict[str, Any] = {
        "terms": terms,
        "approved": (*grant.approved, terms),
        "decided": (*before, _somebody_decided(request)),
        "given_by": request.id,
        "told": (),
    }
    if grant.state is GrantState.ACTIVE:
        return become(grant, GrantState.GIVING, **changes)
    return replace(grant, revision=grant.revision + 1, **changes)


def ended(grant: TeamGrant, now: int) -> TeamGrant:
    """The grant on its way out before its time; nothing more is charged to it.

    Raises:
        ConflictError: it is over, on its way out, or people have to decide something else first.
    """
    if grant.kind in {RequestKind.TEAM, RequestKind.LEAVE}:
        raise ConflictError(
            f"grant {grant.id} cannot be ended",
            why="it is about a whole team" if grant.kind is RequestKind.TEAM else "the team leaves already",
            fix=f"have the team leave: `allot request leave {grant.team}`"
            if grant.kind is RequestKind.TEAM
            else "take `offboarding` out of the team's file by hand to have it come back",
        )
    if grant.state not in _ENDED_FROM:
        in_conflict = grant.state is GrantState.CONFLICT
        raise ConflictError(
            f"grant {grant.id} cannot be ended",
            why=f"it is {grant.state.value}",
            fix="decide first what becomes of its file" if in_conflict else "nothing is left to do",
        )
    out = GrantState.ENDED if grant.state is GrantState.DUE else GrantState.TAKING_BACK
    return become(grant, out, terms=cut_off(grant.terms, now))


def refused(grant: TeamGrant, why: str, now: int) -> TeamGrant:
    """The grant once a person has refused its change where that was to be merged.

    What was to be given first ends, and nothing is charged. Where something stands in its place, an earlier version of
    it or what was to be taken back, people decide.

    Args:
        grant: while its change was being made.
        why: a person has refused it, with where that can be read.
        now: milliseconds since the epoch.
    """
    if grant.state is GrantState.GIVING and not grant.written:
        return become(grant, GrantState.ENDED, terms=cut_off(grant.terms, min(now, grant.terms.since)), trouble=why)
    return become(grant, GrantState.CONFLICT, trouble=why)


def restored(grant: TeamGrant, found: str | None, now: int, over: str = "") -> TeamGrant:
    """A conflict decided for what was agreed on: what stands there now is replaced, or goes if the time is over.

    Args:
        grant: in conflict.
        found: text of its file as people decided on it; None for none. Another change after that is a new conflict.
        now: milliseconds since the epoch.
        over: commit that stood when it was decided, as Git names it; the commit that follows names it.

    Raises:
        ConflictError: it is in no conflict.
    """
    _check_in_conflict(grant)
    to = GrantState.TAKING_BACK if _is_over(grant.terms, now) else GrantState.GIVING
    return become(grant, to, written="" if found is None else text_digest(found), restores=over)


def kept(grant: TeamGrant, found: str | None, stands: DeclaredGrant | None, prices: SharePrices, now: int) -> TeamGrant:
    """A conflict decided for what somebody wrote by hand.

    Where that gives no more than was approved, the grant goes on on those terms, and ends as they say. Otherwise it
    ends here, and the file is its writer's own business from now on. Either way the directory is applied as it stands
    before the grant is active, or ended.

    Args:
        grant: in conflict.
        found: text of its file; None for none.
        stands: what that says; None where there is none, or it is no grant.
        prices: of devices.
        now: milliseconds since the epoch.

    Raises:
        ConflictError: it is in no conflict.
    """
    _check_in_conflict(grant)
    terms = None if stands is None else _terms_of(stands, prices)
    if found is not None and stands is not None and terms is not None and not _is_over(grant.terms, now):
        its_own = (stands.name, stands.team) == (grant.id, grant.team) and _makes_no_more(stands, grant)
        if its_own and any(gives_no_more(terms, each) for each in grant.approved):
            return become(grant, GrantState.GIVING, terms=terms, written=text_digest(found), by_hand=True)
    return become(grant, GrantState.TAKING_BACK, terms=cut_off(grant.terms, now), written="", by_hand=True)


def _makes_no_more(stands: DeclaredGrant, grant: TeamGrant) -> bool:
    """Whether a document gives no namespace or volume but that of a grant, no larger, and in none but its clusters."""
    spaces = all(
        grant.kind is RequestKind.NAMESPACE and each.name == grant.subject and _in_no_more(each.clusters, grant)
        for each in stands.namespaces
    )
    return spaces and all(
        grant.kind is RequestKind.VOLUME
        and each.name == grant.subject
        and each.size <= grant.size
        and _in_no_more(each.clusters, grant)
        for each in stands.volumes
    )


def _in_no_more(clusters: tuple[str, ...], grant: TeamGrant) -> bool:
    return bool(clusters) and set(clusters) <= set(grant.clusters)


def after_end(grant: TeamGrant) -> str:
    """What happens when a grant ends, as its people are told."""
    if grant.kind is RequestKind.TEAM:
        return f"The team goes on until it leaves: `allot request leave {spelled(grant.team)}`."
    if grant.terms.until is None:
        return "It has no end: it goes on until somebody ends it."
    if grant.kind is RequestKind.LEAVE:
        return (
            f"On {written(grant.terms.until)} team {spelled(grant.team)} is taken out of the platform directory, and"
            " all its data are deleted. It runs nothing from the approval on, and nobody of it gets in."
        )
    when, team = written(grant.terms.until), spelled(grant.team)
    if not grant.terms.shares:
        what = f"{_NOUNS[grant.kind]} {spelled(grant.subject)}" if grant.subject else _NOUNS[grant.kind]
        if grant.kind in _WITH_DATA:
            return f"On {when} {what} of team {team} is deleted, with all that is in it: its data are kept until then."
        return (
            f"On {when} {what} is taken back from team {team}, and what runs there ends. Nothing more is charged to it."
        )
    lost = ", ".join(_said(each) for each in grant.terms.shares)
    # Members read this, who are not told of whom something is taken.
    taken = ", ".join(_said(each) for each in _by_place(grant.terms))
    back = f" What was taken of others goes back to them: {taken}." if taken else ""
    return (
        f"On {when} the guarantee of team {team} falls by {lost}. Nothing is stopped at that moment: what runs on it is"
        " borrowed from then on, and gives way when its owners want it back. Other grants of the team go on. Nothing"
        f" more is charged to this one.{back}"
    )


_WITH_DATA: Final = frozenset({RequestKind.NAMESPACE, RequestKind.VOLUME})
_NOUNS: Final[Mapping[RequestKind, str]] = MappingProxyType(
    {
        RequestKind.GPUS: "the quota",
        RequestKind.NAMESPACE: "namespace",
        RequestKind.ENDPOINT: "endpoint",
        RequestKind.CLUSTER: "cluster",
        RequestKind.VOLUME: "volume",
        RequestKind.NOTEBOOK: "notebook",
        RequestKind.MODEL_API: "model API",
        RequestKind.TEAM: "team",
        RequestKind.LEAVE: "data",
    }
)


def _by_place(terms: Terms) -> tuple[QuotaShare, ...]:
    found: dict[tuple[str, str], QuotaShare] = {}
    for each in (taken.share for taken in terms.taken):
        place = (each.cluster, each.flavor)
        before = found.get(place)
        found[place] = each if before is None else replace(each, devices=each.devices + before.devices)
    return tuple(found.values())


def _said(share: QuotaShare) -> str:
    amount = f"{share.devices} " if share.devices else "CPU and memory of "
    return f"{amount}{spelled(share.flavor)} in {spelled(share.cluster)}"


def _terms_of(declared: DeclaredGrant, prices: SharePrices) -> Terms:
    terms = Terms(declared.shares, declared.taken, declared.since, declared.until, None)
    return replace(terms, price=price_of(terms, prices))


def joined(held: Terms, more: Terms) -> Terms:
    """Terms that take the place of others, or join on to them; priced as both."""
    if more.since <= held.since:
        return more
    before = part_between(held, held.since, more.since)
    price = None if before is None or more.price is None else before + more.price
    return replace(more, since=held.since if _gives_the_same(held, more) else more.since, price=price)


def _gives_the_same(one: Terms, other: Terms) -> bool:
    return (one.shares, one.taken) == (other.shares, other.taken)


def _reaches(terms: Terms, moment: int) -> bool:
    return terms.until is None or moment <= terms.until


def _is_over(terms: Terms, now: int) -> bool:
    return terms.until is not None and now >= terms.until


def _check_approved(request: GrantRequest) -> None:
    if request.state is not RequestState.APPROVED:
        raise ConflictError(
            f"request {request.id} grants nothing", why=f"it is {request.state.value}", fix="decide on it first"
        )


def _check_gives_devices(request: GrantRequest) -> None:
    if request.wish.kind is not RequestKind.GPUS and (request.terms.shares or request.terms.taken):
        raise UsageError(
            f"request {request.id} for a {request.wish.kind.value} gives no devices",
            why="devices are decided on by themselves",
            fix="ask for them with a request of their own",
        )


def _somebody_decided(request: GrantRequest) -> bool:
    return any(each.by for each in request.decisions)


def _check_in_conflict(grant: TeamGrant) -> None:
    if grant.state is not GrantState.CONFLICT:
        raise ConflictError(
            f"grant {grant.id} is in no conflict", why=f"it is {grant.state.value}", fix="nothing has to be decided"
        )

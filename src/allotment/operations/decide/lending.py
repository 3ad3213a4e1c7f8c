"""What the people of a team see of grants for which something is taken of theirs: that, until when, and no more."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from allotment.model.requests.grant import TeamGrant
from allotment.model.requests.request import GrantRequest, RequestState
from allotment.model.requests.terms import Terms, Wish, WorkloadType

OTHERS: Final = "others"
"""In the place of a team that somebody may not know of."""


def lent_grant(grant: TeamGrant, teams: Collection[str]) -> TeamGrant | None:
    """A grant of others as these teams see it; None where nothing is taken of them, or was."""
    terms = _lent(grant.terms, teams)
    if terms is None or (terms.until is not None and terms.until <= terms.since):
        return None
    return TeamGrant(
        id=grant.id,
        team=OTHERS,
        kind=grant.kind,
        subject="",
        requester="",
        terms=terms,
        approved=(),
        state=grant.state,
        revision=grant.revision,
        written="",
        commit="",
        trouble="",
        told=(),
    )


def lent_request(request: GrantRequest, teams: Collection[str]) -> GrantRequest | None:
    """A request of others that was approved, in the same way."""
    terms = _lent(request.terms, teams)
    if terms is None or request.state is not RequestState.APPROVED:
        return None
    return GrantRequest(
        id=request.id,
        wish=Wish(request.wish.kind, OTHERS, WorkloadType.TRAINING, ""),
        requester="",
        created=request.created,
        state=request.state,
        terms=terms,
        asked=terms,
        gate="",
        route="",
        due=None,
        extends=request.extends,
        revision=request.revision,
        decisions=(),
    )


def _lent(terms: Terms, teams: Collection[str]) -> Terms | None:
    taken = tuple(each for each in terms.taken if each.team in teams)
    return Terms((), taken, terms.since, terms.until, None) if taken else None

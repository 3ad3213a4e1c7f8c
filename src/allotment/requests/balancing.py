"""From grants, a budget and what jobs cost to how far a team is with its month: pure, in whole numbers."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from allotment.model.requests.balance import GrantPace, TeamBalance
from allotment.model.requests.grant import GrantState, TeamGrant
from allotment.model.requests.terms import RequestKind
from allotment.requests.pricing import CalendarMonth, budget_of_month, month_of, part_between

_STANDS: Final = frozenset({GrantState.GIVING, GrantState.ACTIVE, GrantState.CONFLICT})
_MS: Final = 1000


def balance_of(
    team: str,
    budget: int | None,
    spent: int | None,
    grants: Collection[TeamGrant],
    used: Mapping[str, int],
    now: int,
) -> TeamBalance:
    """How far a team is with the present month.

    Args:
        team: its name.
        budget: of a month, in millionths of the currency; None for none.
        spent: what its jobs cost this month; None where nothing has a price.
        grants: all of the team's, those that ended included.
        used: device-seconds that were used of grants, by id; one of which nothing is known is not in there.
        now: milliseconds since the epoch.
    """
    month = month_of(now)
    granted = _granted(grants, month, month.end)
    standing = [each for each in grants if each.kind is RequestKind.GPUS and each.state in _STANDS]
    return TeamBalance(
        team=team,
        start=month.start,
        end=month.end,
        budget=budget,
        jobs=spent,
        granted=granted,
        granted_so_far=None if granted is None else _granted(grants, month, now),
        left=budget_of_month(budget, [each.terms for each in grants], month, spent),
        grants=tuple(_pace(each, used.get(each.id), now) for each in sorted(standing, key=_ends)),
    )


def _granted(grants: Collection[TeamGrant], month: CalendarMonth, until: int) -> int | None:
    """The parts of prices that lie between a month's start and a moment of it."""
    total = 0
    for each in (grant.terms for grant in grants):
        if each.devices and each.since < month.end and (each.until is None or each.until > month.start):
            part = part_between(each, month.start, until)
            if part is None:
                return None
            total += part
    return total


def _pace(grant: TeamGrant, used: int | None, now: int) -> GrantPace:
    terms = grant.terms
    passed = max(0, (now if terms.until is None else min(now, terms.until)) - terms.since)
    return GrantPace(grant.id, terms.devices, terms.since, terms.until, terms.devices * passed // _MS, used)


def _ends(grant: TeamGrant) -> tuple[bool, int, str]:
    return grant.terms.until is None, grant.terms.until or 0, grant.id

"""Who decides on a request: whom its route names, who stands in for one of them, and the platform's administrators.

Standing in is not handed on: whoever decides for somebody who is away has no deputies of his own in that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from allotment.errors import spelled
from allotment.model.requests.gates import Approvals, Route
from allotment.model.requests.request import GrantRequest

TEAM_OWNERS: Final = "team-owners"
"""What a route names instead of a group: the owners of the team that asks."""
_DAY: Final = 86_400


@dataclass(frozen=True, slots=True)
class Somebody:
    """A person who does something with a request.

    Attributes:
        name: user name.
        groups: identity provider's groups.
        owns: names of the teams that the person owns.
    """

    name: str
    groups: frozenset[str] = frozenset()
    owns: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class RequestRules:
    """By which rules requests are decided.

    Attributes:
        approvals: gates, routes and absences.
        admin_groups: of the platform's administrators, who decide on every route.
        away: people who are away, as far as their groups and teams are known, by user name: their deputies decide for
            them where it is by a group that they decide. Of whom a route names itself nothing has to be known.
        shut_out: names of people who may do nothing any more, and so nobody does it for them.
    """

    approvals: Approvals
    admin_groups: tuple[str, ...] = ()
    away: Mapping[str, Somebody] = field(default_factory=dict)
    shut_out: frozenset[str] = frozenset()


def route_of(request: GrantRequest, approvals: Approvals) -> Route:
    """The route that decides on a request now.

    Where the directory has it no more, the one of what no gate meets takes its place; without that, administrators.
    """
    found = approvals.route(request.route) or approvals.route(approvals.otherwise)
    return found or Route(request.route, (), (), answer_within=_DAY, escalates_to="", others_only=True)


def capacity_of(somebody: Somebody, request: GrantRequest, route: Route, rules: RequestRules, now: int) -> str | None:
    """In what capacity somebody decides, as decision records name it: the route, and for whom or as what if need be.

    Args:
        somebody: who wants to.
        request: about what.
        route: on which it is decided.
        rules: whom they name.
        now: milliseconds since the epoch.

    Returns:
        None for somebody who may not decide.
    """
    if route.others_only and somebody.name == request.requester:
        return None
    if is_named(somebody, request.wish.team, route):
        return route.name
    for absent in _stood_in_for(somebody, rules, now):
        # The requester's deputy would be the requester's own voice.
        if is_named(absent, request.wish.team, route) and not (route.others_only and absent.name == request.requester):
            return f"{route.name}, for {spelled(absent.name)}"
    return f"{route.name}, by an administrator" if somebody.groups.intersection(rules.admin_groups) else None


def who_decides(route: Route, team: str) -> str:
    """Whom a route names, in words."""
    groups = [f"group {spelled(each)}" for each in route.approvers if each != TEAM_OWNERS]
    owners = [f"the owners of team {spelled(team)}"] if TEAM_OWNERS in route.approvers else []
    return ", ".join((*owners, *groups, *map(spelled, route.users))) or "the platform's administrators"


def is_named(somebody: Somebody, team: str, route: Route) -> bool:
    """Whether a route names somebody, himself or by a group, for what that team asks for."""
    by_team = TEAM_OWNERS in route.approvers and team in somebody.owns
    # The word for owners is no group, even if a provider has one of that name.
    by_group = not somebody.groups.isdisjoint(set(route.approvers) - {TEAM_OWNERS})
    return somebody.name in route.users or by_team or by_group


def _stood_in_for(deputy: Somebody, rules: RequestRules, now: int) -> Iterator[Somebody]:
    for each in rules.approvals.absences:
        if each.delegate == deputy.name and each.since <= now < each.until and each.user not in rules.shut_out:
            yield rules.away.get(each.user, Somebody(each.user))

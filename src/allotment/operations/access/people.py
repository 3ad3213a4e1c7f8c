"""Which groups of the identity provider are what, as the platform directory declares it."""

from __future__ import annotations

from allotment.model.access.rights import PeopleOfPlatform, PersonRole, TeamGroups
from allotment.model.platform import Platform
from allotment.model.team import Team
from allotment.requests.approvers import TEAM_OWNERS


def people_of(platform: Platform) -> PeopleOfPlatform:
    """Of a platform: its engineers, who decides on requests, and the people of teams that have not left."""
    teams = tuple(_groups_of(each) for each in platform.teams if each.offboarding is None)
    approvals = platform.approvals
    approvers = frozenset(group for route in approvals.routes for group in route.approvers) - {TEAM_OWNERS}
    named = {user for route in approvals.routes for user in route.users} | {
        each.delegate for each in approvals.absences
    }
    roles = {
        PersonRole.ADMIN: frozenset(platform.admin_groups),
        PersonRole.AUDITOR: frozenset(platform.auditor_groups),
        PersonRole.APPROVER: approvers,
    }
    return PeopleOfPlatform(teams, roles, frozenset(named))


def _groups_of(team: Team) -> TeamGroups:
    roles = {
        PersonRole.OWNER: team.groups.owners,
        PersonRole.MEMBER: team.groups.members,
        PersonRole.VIEWER: team.groups.viewers,
    }
    return TeamGroups(team.name, {role: frozenset(groups) for role, groups in roles.items()})

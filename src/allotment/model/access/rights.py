"""What somebody may, and of which teams."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Final

from allotment.model.access.permission import AFAR, EVERYTHING, Permission


class PersonRole(Enum):
    """What somebody is in a team, or for the platform; the text is what is kept and told."""

    VIEWER = "viewer"
    MEMBER = "member"
    OWNER = "owner"
    AUDITOR = "auditor"
    """Of the platform: reads who did what."""
    APPROVER = "approver"
    """Of the platform: decides on requests on some route."""
    ADMIN = "admin"
    """Of the platform."""


TEAM_ROLES: Final[Mapping[PersonRole, frozenset[Permission]]] = MappingProxyType(
    {
        PersonRole.VIEWER: frozenset({Permission.READ, Permission.REQUESTS}),
        PersonRole.MEMBER: AFAR | {Permission.REQUESTS, Permission.ASK},
        PersonRole.OWNER: AFAR | {Permission.REQUESTS, Permission.ASK, Permission.DECIDE, Permission.TEAM_TOKENS},
    }
)
"""What a role in a team gives, in that team alone."""
PLATFORM_ROLES: Final[Mapping[PersonRole, frozenset[Permission]]] = MappingProxyType(
    {
        PersonRole.AUDITOR: frozenset({Permission.AUDIT, Permission.REQUESTS}),
        # Which of them is decided for each request, by its route.
        PersonRole.APPROVER: frozenset({Permission.REQUESTS, Permission.DECIDE}),
        # The server is ended, and its user's tokens are made, on its own machine alone.
        PersonRole.ADMIN: AFAR
        | {Permission.REQUESTS, Permission.ASK, Permission.DECIDE}
        | {Permission.AUDIT, Permission.PEOPLE, Permission.TEAM_TOKENS}
        | {Permission.CLUSTERS, Permission.DECLARE},
    }
)
"""What a role of the platform gives, in every team."""


@dataclass(frozen=True, slots=True)
class AccessRights:
    """What somebody may.

    Attributes:
        everywhere: of every team, and of what is no team's.
        teams: of single teams besides, by name.
        as_server: whether programs may be run as the user whose server it is: whoever may can do all that he can.
    """

    everywhere: frozenset[Permission] = frozenset()
    teams: Mapping[str, frozenset[Permission]] = field(default_factory=dict)
    as_server: bool = False

    @property
    def all(self) -> frozenset[Permission]:
        """What he may at all, of one team or another."""
        return self.everywhere.union(*self.teams.values())

    def within(self, permission: Permission) -> frozenset[str] | None:
        """Teams in which he may something; None for all."""
        if permission in self.everywhere:
            return None
        return frozenset(name for name, given in self.teams.items() if permission in given)

    def gives(self, permission: Permission, team: str) -> bool:
        """Whether he may something in a team."""
        within = self.within(permission)
        return within is None or team in within

    def narrowed(self, to: frozenset[Permission]) -> AccessRights:
        """No more than these."""
        return AccessRights(
            self.everywhere & to, {name: given & to for name, given in self.teams.items()}, self.as_server
        )


NO_RIGHTS: Final = AccessRights()
OWN: Final = AccessRights(EVERYTHING, as_server=True)
"""Of the user whose server it is."""


@dataclass(frozen=True, slots=True)
class TeamGroups:
    """A team, and the identity provider's groups that are something in it.

    Attributes:
        roles: groups by role, such as `PersonRole.MEMBER`.
    """

    name: str
    roles: Mapping[PersonRole, frozenset[str]]


@dataclass(frozen=True, slots=True)
class PeopleOfPlatform:
    """Which groups are what.

    Attributes:
        teams: those that have not left.
        roles: groups by role of the platform, such as `PersonRole.ADMIN`.
        approvers: user names of people who decide on requests whatever their groups are.
    """

    teams: tuple[TeamGroups, ...]
    roles: Mapping[PersonRole, frozenset[str]]
    approvers: frozenset[str] = frozenset()

    def roles_of(self, groups: Iterable[str], name: str = "") -> tuple[tuple[str, PersonRole], ...]:
        """What somebody in these groups is: a team's name, or nothing for the platform, and the role; none twice.

        Args:
            groups: identity provider's.
            name: user name; empty for nobody that is named.
        """
        his = frozenset(groups)
        found = [("", role) for role, named in self.roles.items() if named & his]
        if name in self.approvers and ("", PersonRole.APPROVER) not in found:
            found.append(("", PersonRole.APPROVER))
        found += [(team.name, role) for team in self.teams for role, named in team.roles.items() if named & his]
        return tuple(found)

    def rights_of(self, groups: Iterable[str], name: str = "") -> AccessRights:
        """What somebody in these groups may: nothing, where neither a group nor he himself is anything."""
        everywhere: frozenset[Permission] = frozenset()
        teams: dict[str, frozenset[Permission]] = {}
        for team, role in self.roles_of(groups, name):
            if team:
                teams[team] = teams.get(team, frozenset()) | TEAM_ROLES[role]
            else:
                everywhere |= PLATFORM_ROLES[role]
        return AccessRights(everywhere, teams)

    def rights_in(self, team: str, role: PersonRole) -> AccessRights:
        """What a role in a team gives; nothing where the team has left."""
        known = any(each.name == team for each in self.teams)
        return AccessRights(teams={team: TEAM_ROLES[role]}) if known else NO_RIGHTS


NOBODY: Final = PeopleOfPlatform((), {})
"""Nobody is anything."""

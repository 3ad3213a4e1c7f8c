"""In whose name a job is made in a cluster: that of whoever submitted it, so that the cluster's own rules bind him.

The server's user has more rights there than the people who ask his server: roles and admission policies that were
written for them would not reach them, and no audit log would name them, if he made their work.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from allotment.errors import ForbiddenError, shown
from allotment.model.access.person import Person
from allotment.model.platform import Platform
from allotment.ports.kube import Identity

AUTHENTICATED: Final = "system:authenticated"
"""The group of everybody who is signed in."""
_KEPT: Final = "system:"
"""How names begin that a cluster keeps for itself: nobody has them of an identity provider."""
_OF_A_TEAM: Final = re.compile(r".+ of ([a-z0-9-]+)", re.DOTALL)
"""A token of a team, as the server names who comes with it."""


def token_user(team: str) -> str:
    """What whoever comes with a token of a team is called in a cluster."""
    return f"token:{team}"


class Submitters:
    """Knows people as the store has them at the moment, so that whoever has left a group acts without it."""

    def __init__(self, people: Callable[[], Iterable[Person]], platform: Platform, own: str = "") -> None:
        """Nothing is asked yet.

        Args:
            people: everybody who has ever signed in.
            platform: whose teams have tokens.
            own: user name of whose server it is; where that is a person's, too, it is the person who is meant.
        """
        self._people = people
        self._platform = platform
        self._own = own

    def become(self, platform: Platform) -> None:
        """Go by another version of the platform."""
        self._platform = platform

    def identity(self, owner: str) -> Identity | None:
        """Whom to act as for a job; None for the server's own user, who is whoever it was on its machine.

        Args:
            owner: who submitted it, as it is kept with the job.

        Raises:
            ForbiddenError: nobody knows by now who that is.
        """
        person = next((each for each in self._people() if each.name == owner), None)
        if person is not None and not owner.startswith(_KEPT):
            return _acting(owner, person.groups)
        if person is None and owner == self._own:
            return None
        of_team = _OF_A_TEAM.fullmatch(owner)
        team = None if person is not None or of_team is None else self._platform.team(of_team[1])
        # Whoever is none of these is nobody: the server's own name is for its own user alone.
        if team is None or team.offboarding is not None:
            raise _unknown(owner)
        return _acting(token_user(team.name), team.groups.members)


def _acting(user: str, groups: Iterable[str]) -> Identity:
    """Somebody in his groups, but for what no request can carry as a name, and what a cluster keeps for itself."""
    his = {each for each in groups if each.isprintable() and each == each.strip() and not each.startswith(_KEPT)}
    return Identity(user, (*sorted(his - {""}), AUTHENTICATED))


def _unknown(owner: str) -> ForbiddenError:
    return ForbiddenError(
        f"a cluster is asked for nothing in the name of {shown(owner)}",
        why="nobody who has signed in, and no team, is called so by now",
        fix="submit the job again",
    )

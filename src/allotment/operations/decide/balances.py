"""Use case: how far teams are with the month's budget and with their grants, for whoever watches them.

It is shown on every screen of the portal, and read of the whole month's jobs: what was found is good for a while.
"""

from __future__ import annotations

import threading
from typing import Final

from allotment.accounting.prices import is_priced
from allotment.model.requests.balance import TeamBalance
from allotment.operations.decide.room import DecisionRoom
from allotment.requests.balancing import balance_of

_GOOD_FOR: Final = 30_000
"""Milliseconds: jobs cost what they do once they are over, and nobody decides by this number."""


class BalanceDesk:
    """Balances of one server's teams; of use to several threads at once."""

    def __init__(self, room: DecisionRoom) -> None:
        """Nothing is known yet.

        Args:
            room: what it is known by.
        """
        self._room = room
        self._alone = threading.Lock()
        self._kept: dict[str, tuple[int, TeamBalance]] = {}

    def balances(self, within: frozenset[str] | None) -> tuple[TeamBalance, ...]:
        """Of teams that have not left, by name.

        Args:
            within: of these alone; None for all.

        Raises:
            StoreError: the store cannot be read.
        """
        teams = (each.name for each in self._room.platform().teams if each.offboarding is None)
        return tuple(self._of(each) for each in sorted(teams) if within is None or each in within)

    def _of(self, team: str) -> TeamBalance:
        # One at a time: who comes meanwhile finds what the first has made.
        with self._alone:
            now = self._room.now()
            at, found = self._kept.get(team, (0, None))
            if found is None or not 0 <= now - at < _GOOD_FOR or not found.start <= now < found.end:
                found = self._made(team, now)
                self._kept[team] = (now, found)
            return found

    def forget(self, team: str) -> None:
        """What was found of a team does not count any more: somebody has decided something."""
        with self._alone:
            self._kept.pop(team, None)

    def _made(self, team: str, now: int) -> TeamBalance:
        platform = self._room.platform()
        grants = self._room.store.grants(within=frozenset({team}))
        # Where nothing has a price, nothing is known to cost nothing.
        spent = self._room.spent(team) if is_priced(platform) else None
        used = self._room.used(platform, grants)
        return balance_of(team, platform.approvals.budget_of(team), spent, grants, used, now)

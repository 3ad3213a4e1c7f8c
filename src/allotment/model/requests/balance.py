"""What a team may spend in a month and how far it is with it, and the pace at which its grants are used."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GrantPace:
    """How far a grant of devices is used, beside how much of its time has passed.

    Attributes:
        id: of the grant.
        devices: that it gives.
        since: when it began, milliseconds since the epoch.
        until: when it ends; None where it has no end.
        given: device-seconds that it has amounted to so far.
        used: device-seconds of those in which the team held its devices; None where nobody knows.
    """

    id: str
    devices: int
    since: int
    until: int | None
    given: int
    used: int | None


@dataclass(frozen=True, slots=True)
class TeamBalance:
    """A calendar month (UTC) of a team; money is in millionths of the platform's currency.

    Attributes:
        team: its name.
        start: of the month, milliseconds since the epoch.
        end: of the month.
        budget: that is declared for a month; None for none.
        jobs: what its jobs cost that were submitted in the month; None where nothing has a price.
        granted: the parts of the prices of its grants that lie in the month; None where one is not known.
        granted_so_far: of that, the part up to now.
        left: of the budget, with `jobs` and `granted` taken off; below 0 where more is used. None without a budget, or
            where not all is known.
        grants: those of devices that stand, by what ends first.
    """

    team: str
    start: int
    end: int
    budget: int | None
    jobs: int | None
    granted: int | None
    granted_so_far: int | None
    left: int | None
    grants: tuple[GrantPace, ...]

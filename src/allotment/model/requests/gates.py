"""Gates: what is given at once, and who decides on the rest. Declared in the platform directory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from allotment.model.requests.terms import RequestKind, WorkloadType

AT_ONCE: Final = ""
"""Route of what nobody has to decide on."""


@dataclass(frozen=True, slots=True)
class ApprovalGate:
    """A rule; the first that a request meets with all that it says decides.

    Attributes:
        name: it is named by in decision records.
        kinds: of requests; all if empty.
        workloads: what for; all if empty.
        environments: in which; all if empty.
        least_devices: fewer do not meet it.
        most_devices: more do not meet it; None for no bound.
        below_price: the price has to be known and below, in millionths of the currency; None where it does not count.
        undone_within: seconds within which it can be taken back, at most; None where that does not count.
        within_budget: whether the team's budget of the month has to have room for it.
        route: name of the route that decides; `AT_ONCE` for none.
        most_standing: grants of the kind that a team may have at a time on which nobody decided; counts at once alone.
    """

    name: str
    kinds: tuple[RequestKind, ...]
    workloads: tuple[WorkloadType, ...]
    environments: tuple[str, ...]
    least_devices: int
    most_devices: int | None
    below_price: int | None
    undone_within: int | None
    within_budget: bool
    route: str
    most_standing: int = 10


@dataclass(frozen=True, slots=True)
class Route:
    """Who decides.

    Attributes:
        name: such as ``platform-lead``.
        approvers: identity provider's groups; of ``team-owners`` alone the owners of the team that asks.
        users: single people, by user name.
        answer_within: seconds, after which the next route decides; a request without a next one lapses.
        escalates_to: name of that route; empty for none.
        others_only: whether nobody decides on a request of his own.
    """

    name: str
    approvers: tuple[str, ...]
    users: tuple[str, ...]
    answer_within: int
    escalates_to: str
    others_only: bool


@dataclass(frozen=True, slots=True)
class ApproverAbsence:
    """Somebody who decides for another for a time.

    Attributes:
        user: who is away.
        delegate: who decides in that time; a user name.
        since: first moment, milliseconds since the epoch.
        until: moment from which on it is over.
    """

    user: str
    delegate: str
    since: int
    until: int


@dataclass(frozen=True, slots=True)
class Budget:
    """What a team may spend in a calendar month (UTC) without anybody being asked.

    Attributes:
        monthly: millionths of the currency.
    """

    team: str
    monthly: int


@dataclass(frozen=True, slots=True)
class Approvals:
    """All of it, valid by construction: names are unique, routes exist and escalate in no circle.

    Attributes:
        gates: in the order in which they are tried.
        routes: in the order of the directory.
        otherwise: name of the route of what no gate meets.
        longest: days that a grant lasts at most; None for no bound.
    """

    gates: tuple[ApprovalGate, ...]
    routes: tuple[Route, ...]
    absences: tuple[ApproverAbsence, ...]
    budgets: tuple[Budget, ...]
    otherwise: str
    longest: int | None

    def route(self, name: str) -> Route | None:
        """The route of that name."""
        return next((each for each in self.routes if each.name == name), None)

    def budget_of(self, team: str) -> int | None:
        """Millionths of the currency a month; None where none is declared."""
        return next((each.monthly for each in self.budgets if each.team == team), None)

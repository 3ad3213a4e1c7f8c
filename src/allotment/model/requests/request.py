"""A request, from its submission to its end, and what was decided."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from allotment.model.requests.terms import Terms, Wish


class RequestState(Enum):
    """Where a request stands; the text is what is kept. `requests.transitions` has the table of moves."""

    WAITING = "waiting"
    """For somebody's decision."""
    OFFERED = "offered"
    """Other terms are offered, and wait for the requester."""
    APPROVED = "approved"
    """There is a grant of it."""
    DENIED = "denied"
    WITHDRAWN = "withdrawn"
    """By the requester, or by not accepting what was offered."""
    LAPSED = "lapsed"
    """Nobody has answered in time."""

    @property
    def over(self) -> bool:
        """Whether nothing moves it any more."""
        return self not in {RequestState.WAITING, RequestState.OFFERED}


class RequestAct(Enum):
    """What can be done with a request; the text is what is kept."""

    SUBMIT = "submit"
    APPROVE = "approve"
    """On the terms that were asked for, or on some within them."""
    COUNTER = "counter"
    """Other terms are offered."""
    ACCEPT = "accept"
    DENY = "deny"
    WITHDRAW = "withdraw"
    ESCALATE = "escalate"
    """Time has passed: the next route decides."""
    LAPSE = "lapse"
    """Time has passed, and nobody is left to decide."""


@dataclass(frozen=True, slots=True)
class Effect:
    """What a grant does to one who waits, as simulated on the scheduling twin.

    Attributes:
        team: whose work it is.
        work: name of it; empty for all of the team's that is affected.
        before: seconds that it would have waited from now; None where it would not start within the horizon.
        after: the same with the grant.
    """

    team: str
    work: str
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class DemonstratedNeed:
    """What the team made of what it has, over the last days. Shares are of 1.

    Attributes:
        days: that are known, at most 30.
        granted: device-seconds that its guarantee and its grants amounted to.
        used: device-seconds that it held.
        idle: device-seconds of those in which the devices did nothing; None where nobody measured.
        half: devices that it held at least in half of the time (median).
        most: devices that it held at least in a twentieth of the time (95th percentile).
        waited: device-seconds that its work asked for while it waited.
    """

    days: int
    granted: int
    used: int
    idle: int | None
    half: int
    most: int
    waited: int


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """What whoever decides was shown, and what was decided; it is never changed afterwards.

    Attributes:
        at: milliseconds since the epoch.
        act: approve, counter, deny, accept or lapse.
        by: user name; empty where no one had to decide.
        whence: from where it was said.
        gate: name of the gate that was met.
        route: name of the route that decided.
        terms: decided on.
        reason: foreign text; empty where none was given.
        effects: on everybody who waits, worst first.
        unknown: why the effects, or some, are not known; empty where they are.
        need: None where nothing is known of it.
        budget_left: millionths of the currency, after this, in the month of those that it touches where the least is
            left; None where there is no budget.
        for_himself: whether the requester decided himself.
    """

    at: int
    act: RequestAct
    by: str
    whence: str
    gate: str
    route: str
    terms: Terms
    reason: str
    effects: tuple[Effect, ...]
    unknown: str
    need: DemonstratedNeed | None
    budget_left: int | None
    for_himself: bool


@dataclass(frozen=True, slots=True)
class GrantRequest:
    """A request.

    Attributes:
        id: eight letters and digits, the first a letter.
        requester: user name of who asks.
        created: milliseconds since the epoch.
        state: where it stands.
        terms: on the table now: asked for, offered or approved.
        asked: as they were asked for.
        gate: name of the gate that it met when it was last looked at.
        route: name of the route that decides now; empty for none.
        due: when its route's time, or that of an offer, is over; None where nothing is waited for.
        extends: id of the grant that it prolongs or changes; empty for none.
        revision: counts changes, from 1.
        decisions: all that was decided, oldest first.
        platform: name of the platform that it was asked of; empty for one of before names were kept.
        begins_when_given: whether nobody has named a beginning: its time then runs from its approval on.
    """

    id: str
    wish: Wish
    requester: str
    created: int
    state: RequestState
    terms: Terms
    asked: Terms
    gate: str
    route: str
    due: int | None
    extends: str
    revision: int
    decisions: tuple[DecisionRecord, ...]
    platform: str = ""
    begins_when_given: bool = False

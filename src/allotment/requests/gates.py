"""Which gate a request meets: what is given at once, and who decides on the rest.

What is given at once is judged by all that it comes to: an extension by the whole that it makes of its grant, and
whatever is asked for together with what the team was given at once lately. So what is asked for in pieces, of devices
or of time, gives no more than what is asked for in one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from allotment.model.requests.gates import AT_ONCE, ApprovalGate, Approvals
from allotment.model.requests.grant import TeamGrant
from allotment.model.requests.terms import RequestKind, Terms, Wish
from allotment.requests.granting import joined
from allotment.requests.sound_terms import DAY, gives_no_more

NEVER_AT_ONCE: Final = frozenset({RequestKind.TEAM, RequestKind.LEAVE})
"""Kinds that somebody decides on whatever the gates say: who is a team decides who gets in, and whose data go."""
_BOUNDED: Final = frozenset({RequestKind.NAMESPACE, RequestKind.VOLUME, RequestKind.NOTEBOOK})
"""Kinds whose time no other rule bounds."""
_DEAREST: Final = 300_000_000
"""Millionths of the currency that a notebook costs at most on which nobody decides: as of the usual cheap devices."""
_LATELY: Final = 90
"""Days that count where grants may last for any time."""


@dataclass(frozen=True, slots=True)
class MetGate:
    """The gate that a request meets.

    Attributes:
        name: empty where none is met.
        route: that decides; `AT_ONCE` for none.
    """

    name: str
    route: str


@dataclass(frozen=True, slots=True)
class GivenBeside:
    """What a team has by grants on which nobody decided, beside what it asks for.

    Attributes:
        devices: at the same time.
        price: of all that stand, come or have stood lately, in millionths of the currency; None where it is not known.
        standing: how many grants of the kind it has, or is to have.
    """

    devices: int = 0
    price: int | None = 0
    standing: int = 0


NOTHING_BESIDE: Final = GivenBeside()


def gate_met(
    wish: Wish,
    terms: Terms,
    approvals: Approvals,
    left_after: int | None,
    undone_in: int | None,
    beside: GivenBeside = NOTHING_BESIDE,
    *,
    at_once: bool = True,
) -> MetGate:
    """The first gate that a request meets with all that it says.

    What is not known meets no gate that asks for it. Devices and prices count together with those that nobody decided
    on: else eight would be given at once to whoever asks for them one by one.

    Args:
        wish: what is wished for.
        terms: on which; of an extension, the whole that it makes (`whole_of`).
        approvals: the gates, and who decides where none is met.
        left_after: of the team's budget once this is given, as `pricing.left_after` has it; below 0 there is no room,
            and None stands for no budget, or one of which nobody knows what is used.
        undone_in: seconds in which it can be taken back; None where that is not known, or not to be done.
        beside: what the team has by grants on which nobody decided (`given_beside`).
        at_once: whether it may be given without anybody's decision (`needs_somebody`); else no such gate is met.
    """
    devices = terms.devices + beside.devices if terms.devices else 0
    own, price = _own_price(terms), _price(terms, beside)
    room = own is not None and left_after is not None and left_after >= 0
    for each in approvals.gates:
        open_to_it = each.route != AT_ONCE or (
            at_once and wish.kind not in NEVER_AT_ONCE and beside.standing < each.most_standing
        )
        if open_to_it and _asks_for(each, wish, devices) and _is_cheap(each, price, undone_in, room=room):
            return MetGate(each.name, each.route)
    return MetGate("", approvals.otherwise)


def whole_of(terms: Terms, extends: TeamGrant | None) -> Terms:
    """What a request comes to: its terms, or its grant with them, priced from the first beginning on."""
    return terms if extends is None else joined(extends.terms, terms)


def needs_somebody(wish: Wish, whole: Terms, extends: TeamGrant | None, approvals: Approvals, now: int) -> str:
    """Why something is never given without anybody's decision; empty where it may be.

    What somebody has decided on already may be, and what is less. Otherwise nothing is that takes of others, that
    changes what somebody decided on, or that begins later than a grant may last: until then nobody knows who needs it.
    A namespace, a volume or a notebook lasts no longer than a grant may, and a notebook costs no more than `_DEAREST`:
    where nobody knows what its device costs, somebody decides.

    Args:
        wish: what is wished for.
        whole: that a request makes (`whole_of`).
        extends: the grant that it prolongs or changes; None for none.
        approvals: of the directory.
        now: milliseconds since the epoch.
    """
    decided = () if extends is None else _decided_on(extends)
    if any(gives_no_more(whole, each) for each in decided):
        return ""
    if decided:
        return "it gives more than somebody has decided on for its grant"
    if whole.taken:
        return "it takes of another team's guarantee"
    if wish.kind in _BOUNDED and (why := _is_much(wish, whole, extends, approvals)):
        return why
    return "" if whole.since <= now + lately(approvals) else "it begins later than a grant may last"


def _is_much(wish: Wish, whole: Terms, extends: TeamGrant | None, approvals: Approvals) -> str:
    if whole.until is None or whole.until - whole.since > lately(approvals):
        return f"it lasts longer than the {lately(approvals) // DAY} days for which nobody has to decide"
    priced = bool(wish.accelerator) or (extends is not None and extends.terms.price is not None)
    unknown = whole.price is None and priced
    return "it may cost more than what nobody has to decide on" if unknown or (whole.price or 0) > _DEAREST else ""


def nobody_decided(grant: TeamGrant) -> bool:
    """Whether a grant stands on terms on which nobody decided: others may have been decided on before."""
    return not any(gives_no_more(grant.terms, each) for each in _decided_on(grant))


def lately(approvals: Approvals) -> int:
    """Milliseconds for which counts what was given at once: as long as a grant lasts at most."""
    return (_LATELY if approvals.longest is None else approvals.longest) * DAY


def given_beside(terms: Terms, at_once: Iterable[Terms], within: int) -> GivenBeside:
    """What is given beside terms without anybody's decision.

    Args:
        terms: that are asked for.
        at_once: of the team's other grants on which nobody decided.
        within: milliseconds before and after these terms in which prices count (`lately`).
    """
    every = [each for each in at_once if each.devices]
    near = [each.price for each in every if meet(each, terms.since - within, _later(terms.until, within))]
    known = [each for each in near if each is not None]
    return GivenBeside(
        devices=sum(each.devices for each in every if meet(each, terms.since, terms.until)),
        price=sum(known) if len(known) == len(near) else None,
    )


def meet(terms: Terms, since: int, until: int | None) -> bool:
    """Whether terms give anything in a stretch of time; one without an end has none."""
    return (until is None or terms.since < until) and (terms.until is None or since < terms.until)


def _later(moment: int | None, by: int) -> int | None:
    return None if moment is None else moment + by


def _decided_on(grant: TeamGrant) -> tuple[Terms, ...]:
    return tuple(terms for terms, decided in zip(grant.approved, grant.decided, strict=False) if decided)


def _asks_for(gate: ApprovalGate, wish: Wish, devices: int) -> bool:
    return (
        (not gate.kinds or wish.kind in gate.kinds)
        and (not gate.workloads or wish.workload in gate.workloads)
        and (not gate.environments or wish.environment in gate.environments)
        and gate.least_devices <= devices
        and (gate.most_devices is None or devices <= gate.most_devices)
    )


def _own_price(terms: Terms) -> int | None:
    # What has no end has no price, whatever was written there.
    return None if terms.until is None else terms.price


def _price(terms: Terms, beside: GivenBeside) -> int | None:
    own = _own_price(terms)
    if own is None or not terms.devices:
        return own
    return None if beside.price is None else own + beside.price


def _is_cheap(gate: ApprovalGate, price: int | None, undone_in: int | None, *, room: bool) -> bool:
    return (
        (gate.below_price is None or (price is not None and price < gate.below_price))
        and (gate.undone_within is None or (undone_in is not None and undone_in <= gate.undone_within))
        and (not gate.within_budget or room)
    )

"""Which gate a request meets: what is given at once, and who decides on the rest."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from allotment.model.requests.gates import ApprovalGate, Approvals
from allotment.model.requests.terms import Terms, Wish


@dataclass(frozen=True, slots=True)
class MetGate:
    """The gate that a request meets.

    Attributes:
        name: empty where none is met.
        route: that decides; `AT_ONCE` for none.
    """

    name: str
    route: str


def gate_met(
    wish: Wish, terms: Terms, approvals: Approvals, left_after: int | None, undone_in: int | None, beside: int = 0
) -> MetGate:
    """The first gate that a request meets with all that it says.

    What is not known meets no gate that asks for it. Devices count together with those that nobody decided on: else
    eight would be given at once to whoever asks for them one by one.

    Args:
        wish: what is wished for.
        terms: on which.
        approvals: the gates, and who decides where none is met.
        left_after: of the team's budget once this is given, as `pricing.left_after` has it; below 0 there is no room,
            and None stands for no budget, or one of which nobody knows what is used.
        undone_in: seconds in which it can be taken back; None where that is not known, or not to be done.
        beside: devices that the team has meanwhile by grants on which nobody decided (`given_beside`).
    """
    devices = terms.devices + beside if terms.devices else 0
    for each in approvals.gates:
        if _asks_for(each, wish, devices) and _is_cheap(each, terms, left_after, undone_in):
            return MetGate(each.name, each.route)
    return MetGate("", approvals.otherwise)


def given_beside(terms: Terms, at_once: Iterable[Terms]) -> int:
    """Devices of other terms that are given while these are.

    Args:
        terms: that are asked for.
        at_once: of the team's grants on which nobody decided.
    """
    return sum(each.devices for each in at_once if _meet(each, terms))


def _meet(one: Terms, other: Terms) -> bool:
    return (one.until is None or other.since < one.until) and (other.until is None or one.since < other.until)


def _asks_for(gate: ApprovalGate, wish: Wish, devices: int) -> bool:
    return (
        (not gate.kinds or wish.kind in gate.kinds)
        and (not gate.workloads or wish.workload in gate.workloads)
        and (not gate.environments or wish.environment in gate.environments)
        and gate.least_devices <= devices
        and (gate.most_devices is None or devices <= gate.most_devices)
    )


def _is_cheap(gate: ApprovalGate, terms: Terms, left_after: int | None, undone_in: int | None) -> bool:
    # What has no end has no price, whatever was written there.
    price = None if terms.until is None else terms.price
    return (
        (gate.below_price is None or (price is not None and price < gate.below_price))
        and (gate.undone_within is None or (undone_in is not None and undone_in <= gate.undone_within))
        and (not gate.within_budget or (price is not None and left_after is not None and left_after >= 0))
    )

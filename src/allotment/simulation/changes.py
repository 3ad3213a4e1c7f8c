"""What-if: changes as values, each applied to a scenario and giving another one. What is given is never changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, TypeVar

from allotment.errors import InputError, NotFoundError, UsageError
from allotment.scheduling.queueing.domains.forest import HOSTNAME
from allotment.scheduling.queueing.inputs import (
    ClusterQueue,
    Cohort,
    FlavorQuotas,
    Node,
    ResourceQuota,
)
from allotment.scheduling.queueing.quantity import render_amount
from allotment.simulation.events import (
    Cordon,
    Event,
    NodeDown,
    NodeDrain,
    NodeUp,
    QuotaChange,
    StopChange,
    StopPolicy,
    Uncordon,
)
from allotment.simulation.policies import QueuePolicy
from allotment.simulation.scenario import Arrival, Scenario

_Owner = TypeVar("_Owner", ClusterQueue, Cohort)
NO_LIMIT: Final = "none"
"""What is written for a limit that does not bound."""


@dataclass(frozen=True, slots=True)
class Term:
    """From when until when, in milliseconds from the scenario's start; `until` None = for good."""

    since: int = 0
    until: int | None = None


@dataclass(frozen=True, slots=True)
class QuotaPlace:
    """A nominal quota: of which ClusterQueue or Cohort, and of what."""

    owner: str
    flavor: str
    resource: str

    def __str__(self) -> str:
        """``OWNER/FLAVOR/RESOURCE``."""
        return f"{self.owner}/{self.flavor}/{self.resource}"


class Sign(Enum):
    """What stood before an amount or a number."""

    NONE = ""
    PLUS = "+"
    MINUS = "-"


@dataclass(frozen=True, slots=True)
class SetQuota:
    """The nominal quota as a whole, in the engine's units.

    Attributes:
        sign: as it was written; with one it is refused, because it asks for more or less than now.
    """

    place: QuotaPlace
    amount: int
    sign: Sign = Sign.NONE


class QuotaLimit(Enum):
    """A bound beside a nominal quota, in Kueue's words."""

    BORROWING = "borrowing"
    """The most that may be borrowed beyond it."""
    LENDING = "lending"
    """The most of it that others may borrow."""


@dataclass(frozen=True, slots=True)
class SetLimit:
    """A bound beside a nominal quota as a whole, in the engine's units; None for no bound."""

    place: QuotaPlace
    limit: QuotaLimit
    amount: int | None


@dataclass(frozen=True, slots=True)
class GrantQuota:
    """More of a nominal quota for a while, taken from the lender's if there is one."""

    place: QuotaPlace
    more: int
    term: Term
    lender: str = ""


@dataclass(frozen=True, slots=True)
class SetWeight:
    """The weight of a ClusterQueue or Cohort in fair sharing; `sign` as of a quota."""

    owner: str
    weight: float
    sign: Sign = Sign.NONE


@dataclass(frozen=True, slots=True)
class Hold:
    """A ClusterQueue admits nobody for a while."""

    queue: str
    term: Term


@dataclass(frozen=True, slots=True)
class Resume:
    """A ClusterQueue that is stopped admits again, for a while."""

    queue: str
    term: Term


@dataclass(frozen=True, slots=True)
class AddNode:
    """A further node, like one there is."""

    name: str
    like: str


@dataclass(frozen=True, slots=True)
class DropNode:
    """A node is gone, and with it what would have happened to it."""

    name: str


class Absence(Enum):
    """How a node is away."""

    CORDON = "cordon"
    DRAIN = "drain"
    DOWN = "node-down"


@dataclass(frozen=True, slots=True)
class TakeAway:
    """A node is away for a while."""

    node: str
    how: Absence
    term: Term


@dataclass(frozen=True, slots=True)
class MoreJobs:
    """Further workloads."""

    arrivals: tuple[Arrival, ...]


@dataclass(frozen=True, slots=True)
class UsePolicy:
    """Queues decide otherwise; chosen for the run, not written into the scenario."""

    policy: QueuePolicy


ScenarioChange = SetQuota | SetLimit | GrantQuota | SetWeight | Hold | Resume | AddNode | DropNode | TakeAway | MoreJobs


def changed(scenario: Scenario, change: ScenarioChange) -> Scenario:
    """The scenario with the change.

    Raises:
        NotFoundError: what it names is not in the scenario.
        InputError: a name that it brings is taken, or a job's queue is not in the scenario.
        UsageError: it cannot be made: a signed amount, a lender that has not that much, a cohort that would be stopped.
    """
    match change:
        case SetQuota() | SetLimit() | GrantQuota():
            return _with_amount(scenario, change)
        case SetWeight():
            return _with_weight(scenario, change)
        case Hold() | Resume():
            return _with_stop(scenario, change)
        case AddNode():
            return _with_node(scenario, change)
        case DropNode():
            return _without_node(scenario, change.name)
        case TakeAway():
            return _with_absence(scenario, change)
        case MoreJobs():
            return _with_jobs(scenario, change.arrivals)


def _with_amount(scenario: Scenario, change: SetQuota | SetLimit | GrantQuota) -> Scenario:
    match change:
        case SetQuota():
            return _with_quota(scenario, change)
        case SetLimit():
            return _with_limit(scenario, change)
        case GrantQuota():
            return _with_grant(scenario, change)


def setting(scenario: Scenario, change: ScenarioChange) -> tuple[str, str]:
    """What quota or weight the change is about and what it is in this scenario; both empty for other kinds.

    Raises:
        NotFoundError: what it names is not in the scenario.
    """
    match change:
        case SetQuota(place=place):
            return f"quota {place}", render_amount(place.resource, _quota(scenario, place).nominal)
        case SetLimit(place=place, limit=limit):
            return f"{limit.value} limit {place}", _limit_text(_quota(scenario, place), place, limit)
        case SetWeight(owner=owner):
            return f"weight {owner}", f"{_owner(scenario, owner).fair_weight:g}"
        case _:
            return "", ""


def _owner(scenario: Scenario, name: str) -> ClusterQueue | Cohort:
    """The queue, or else the cohort, of that name."""
    state = scenario.state
    everyone: tuple[ClusterQueue | Cohort, ...] = (*state.cluster_queues, *state.cohorts)
    for each in everyone:
        if each.name == name:
            return each
    names = ", ".join(each.name for each in everyone)
    raise NotFoundError(f"there is no queue or cohort {name!r}", fix=f"there are {names}")


def _with_owner(
    scenario: Scenario, name: str, edited: Callable[[ClusterQueue], ClusterQueue], cohort: Callable[[Cohort], Cohort]
) -> Scenario:
    state = scenario.state
    if isinstance(_owner(scenario, name), Cohort):
        cohorts = tuple(cohort(each) if each.name == name else each for each in state.cohorts)
        return replace(scenario, state=replace(state, cohorts=cohorts))
    queues = tuple(edited(each) if each.name == name else each for each in state.cluster_queues)
    return replace(scenario, state=replace(state, cluster_queues=queues))


def _quota(scenario: Scenario, place: QuotaPlace) -> ResourceQuota:
    owner = _owner(scenario, place.owner)
    quotas = {
        (flavor.flavor, resource): quota
        for group in owner.resource_groups
        for flavor in group.flavors
        for resource, quota in flavor.resources
    }
    if (place.flavor, place.resource) not in quotas:
        known = ", ".join(f"{flavor}/{resource}" for flavor, resource in quotas) or "none"
        raise NotFoundError(
            f"{place.owner} has no quota of {place.resource} in flavor {place.flavor}", fix=f"it has {known}"
        )
    return quotas[place.flavor, place.resource]


def _with_quota(scenario: Scenario, change: SetQuota) -> Scenario:
    now = _quota(scenario, change.place).nominal
    if change.sign is not Sign.NONE:
        raise _signed_quota(change, now)

    return _with_place(scenario, change.place, lambda quota: replace(quota, nominal=change.amount))


def _with_limit(scenario: Scenario, change: SetLimit) -> Scenario:
    now, place, amount = _quota(scenario, change.place), change.place, change.amount
    owner = _owner(scenario, place.owner)
    if (owner.parent if isinstance(owner, Cohort) else owner.cohort) is None:
        raise UsageError(
            f"{place.owner} is in no cohort",
            why="there is nobody to borrow from and nobody to lend to, and Kueue refuses limits there",
            fix="change its quota instead",
        )
    if change.limit is QuotaLimit.BORROWING:
        return _with_place(scenario, place, lambda quota: replace(quota, borrowing_limit=amount))
    if amount is not None and amount > now.nominal:
        raise UsageError(
            "more would be lent than there is",
            why=f"the quota is {render_amount(place.resource, now.nominal)}",
            fix="lend that at most, or write none, which is all of it",
        )
    return _with_place(scenario, place, lambda quota: replace(quota, lending_limit=amount))


def _limit_text(quota: ResourceQuota, place: QuotaPlace, limit: QuotaLimit) -> str:
    amount = quota.borrowing_limit if limit is QuotaLimit.BORROWING else quota.lending_limit
    return NO_LIMIT if amount is None else render_amount(place.resource, amount)


def _with_place(scenario: Scenario, place: QuotaPlace, edit: Callable[[ResourceQuota], ResourceQuota]) -> Scenario:
    def flavor(found: FlavorQuotas) -> FlavorQuotas:
        if found.flavor != place.flavor:
            return found
        resources = tuple((name, edit(each) if name == place.resource else each) for name, each in found.resources)
        return replace(found, resources=resources)

    def edited(owner: _Owner) -> _Owner:
        groups = tuple(replace(each, flavors=tuple(map(flavor, each.flavors))) for each in owner.resource_groups)
        return replace(owner, resource_groups=groups)

    return _with_owner(scenario, place.owner, edited, edited)


def _signed_quota(change: SetQuota, now: int) -> UsageError:
    """A sign asks for more or less than now, a quota is what it is then: the answer to one is wrong for the other."""
    resource, sign = change.place.resource, change.sign
    moved = change.amount * (-1 if sign is Sign.MINUS else 1)
    fixes = [f"write quota:{change.place}={render_amount(resource, max(0, now + moved))}"]
    if moved > 0:
        fixes.append(f"for a while, grant:{change.place}=+{render_amount(resource, change.amount)}")
    return UsageError(
        "a quota is written without a sign",
        why=f"it is the whole of it, not what is added; now it is {render_amount(resource, now)}",
        fix="; or, ".join(fixes),
    )


def _with_weight(scenario: Scenario, change: SetWeight) -> Scenario:
    now = _owner(scenario, change.owner).fair_weight
    if change.sign is not Sign.NONE:
        raise UsageError(
            "a weight is written without a sign",
            why=f"it is the weight itself, not what is added; now it is {now:g}",
            fix=f"write weight:{change.owner}={change.weight:g}, or the sum",
        )

    def edited(owner: _Owner) -> _Owner:
        return replace(owner, fair_weight=change.weight)

    return _with_owner(scenario, change.owner, edited, edited)


def _with_grant(scenario: Scenario, change: GrantQuota) -> Scenario:
    result = with_more_quota(scenario, change.place, change.more, change.term)
    if not change.lender:
        return result
    if change.lender == change.place.owner:
        raise UsageError(f"{change.lender} would lend to itself", fix="name another lender")
    return with_more_quota(result, replace(change.place, owner=change.lender), -change.more, change.term)


def with_more_quota(scenario: Scenario, place: QuotaPlace, more: int, term: Term) -> Scenario:
    """The scenario with so much more (or less) of a nominal quota during a term.

    What the scenario's own events say of that quota stays true: the amount comes on top of it.

    Raises:
        NotFoundError: there is no such quota.
        UsageError: less than nothing would be left at some time.
    """
    nominal = _quota(scenario, place).nominal
    of_cohort = isinstance(_owner(scenario, place.owner), Cohort)
    events: list[Event] = list(scenario.events)
    at_start, at_end = nominal, nominal
    for index, event in _mine(events, place, of_cohort=of_cohort):
        level = nominal if event.nominal is None else event.nominal
        if event.t <= term.since:
            at_start = level
        elif term.until is None or event.t < term.until:
            events[index] = replace(event, nominal=_checked(level + more, place))
        if term.until is not None and event.t <= term.until:
            at_end = level

    def event_at(t: int, level: int) -> QuotaChange:
        return QuotaChange(t, place.owner, of_cohort, place.flavor, place.resource, level)

    events.append(event_at(term.since, _checked(at_start + more, place)))
    if term.until is not None:
        events.append(event_at(term.until, at_end))
    return replace(scenario, events=tuple(events))


def _mine(events: list[Event], place: QuotaPlace, *, of_cohort: bool) -> list[tuple[int, QuotaChange]]:
    """Changes of this nominal quota in order of time; those of one instant in the scenario's order."""
    found = [
        (index, event)
        for index, event in enumerate(events)
        if isinstance(event, QuotaChange)
        and event.nominal is not None
        and event.of_cohort is of_cohort
        and (event.owner, event.flavor, event.resource) == (place.owner, place.flavor, place.resource)
    ]
    return sorted(found, key=lambda each: each[1].t)


def _checked(nominal: int, place: QuotaPlace) -> int:
    if nominal < 0:
        raise UsageError(
            f"{place.owner} has not that much {place.resource} in flavor {place.flavor} to lend",
            fix="grant less, or name another lender",
        )
    return nominal


def _with_stop(scenario: Scenario, change: Hold | Resume) -> Scenario:
    """One policy during the term, and the other one after it."""
    if isinstance(_owner(scenario, change.queue), Cohort):
        raise UsageError(f"{change.queue} is a cohort", fix="name a queue: only queues can be stopped")
    first, last = StopPolicy.HOLD, StopPolicy.NONE
    if isinstance(change, Resume):
        first, last = last, first
    return _during(
        scenario,
        change.term,
        lambda t: StopChange(t, change.queue, first),
        lambda t: StopChange(t, change.queue, last),
    )


def _with_absence(scenario: Scenario, change: TakeAway) -> Scenario:
    node = _node(scenario, change.node).name
    first, last = _AWAY[change.how]
    return _during(scenario, change.term, lambda t: first(t, node), lambda t: last(t, node))


_AWAY: Final[Mapping[Absence, tuple[Callable[[int, str], Event], Callable[[int, str], Event]]]] = {
    Absence.CORDON: (Cordon, Uncordon),
    Absence.DRAIN: (NodeDrain, Uncordon),
    Absence.DOWN: (NodeDown, NodeUp),
}


def _during(scenario: Scenario, term: Term, first: Callable[[int], Event], last: Callable[[int], Event]) -> Scenario:
    """One event when the term begins, and another one when it ends."""
    added = [first(term.since)]
    if term.until is not None:
        added.append(last(term.until))
    return replace(scenario, events=(*scenario.events, *added))


def _node(scenario: Scenario, name: str) -> Node:
    nodes = scenario.state.nodes
    for node in nodes:
        if node.name == name:
            return node
    some = ", ".join(node.name for node in nodes[:8])
    raise NotFoundError(
        f"there is no node {name!r} in the scenario",
        why="" if nodes else "it has no nodes: its flavors are not topology-aware",
        fix=f"its nodes are {some}" + (" …" if len(nodes) > 8 else "") if nodes else "change a quota instead",
    )


def _with_node(scenario: Scenario, change: AddNode) -> Scenario:
    model = _node(scenario, change.like)
    if any(node.name == change.name for node in scenario.state.nodes):
        raise InputError(f"there is a node {change.name!r} already", fix="give the node another name")
    labels = tuple(
        (key, change.name if key == HOSTNAME and value == change.like else value) for key, value in model.labels
    )
    nodes = (*scenario.state.nodes, replace(model, name=change.name, labels=labels))
    return replace(scenario, state=replace(scenario.state, nodes=nodes))


def _without_node(scenario: Scenario, name: str) -> Scenario:
    gone = _node(scenario, name)
    return replace(
        scenario,
        state=replace(scenario.state, nodes=tuple(node for node in scenario.state.nodes if node is not gone)),
        events=tuple(event for event in scenario.events if getattr(event, "node", None) != name),
    )


def _with_jobs(scenario: Scenario, arrivals: tuple[Arrival, ...]) -> Scenario:
    queues = [queue.name for queue in scenario.state.cluster_queues]
    names = {arrival.workload.name for arrival in scenario.arrivals}
    for arrival in arrivals:
        workload = arrival.workload
        if workload.name in names:
            raise InputError(f"there is a workload {workload.name!r} already", fix="give the job another name")
        if workload.cluster_queue not in queues:
            raise InputError(f"there is no queue {workload.cluster_queue!r}", fix=f"the queues are {', '.join(queues)}")
        names.add(workload.name)
    return replace(scenario, arrivals=(*scenario.arrivals, *arrivals))

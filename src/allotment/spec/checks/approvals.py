"""Approvals: every request finds its gate and its route, and somebody is there to decide."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from enum import Enum
from itertools import pairwise
from typing import Final

from allotment.model.access.person import BY_SUBJECT
from allotment.model.requests.gates import AT_ONCE, ApprovalGate
from allotment.model.requests.terms import RequestKind, WorkloadType
from allotment.spec.checks.clusters import in_circles
from allotment.spec.checks.context import Check, Context, error, warning
from allotment.spec.convert.approvals import gates_of, routes_of
from allotment.spec.problems import Issue, Path, did_you_mean, echo
from allotment.spec.schema.approvals import AT_ONCE_WORD, AbsenceSpec, ApprovalsSpec

_MOST_GATES: Final = 100


def approvals_are_said_once(context: Context) -> Iterator[Issue]:
    """Of two documents about the same nobody could say which one holds."""
    found = context.declared.approvals
    for entry in found[1:]:
        what = f"a second document of kind Approvals: the first stands in {found[0].source.file}"
        yield error(entry, ("kind",), what, "keep one for the whole directory")


def gates_and_routes_have_names_of_their_own(context: Context) -> Iterator[Issue]:
    """Decision records name gates and routes."""
    for entry in context.declared.approvals:
        for field, names in (
            ("gates", [gate.name for gate in entry.spec.gates or ()]),
            ("routes", [route.name for route in entry.spec.routes or ()]),
        ):
            seen: set[str] = set()
            for index, name in enumerate(names):
                here = (field, index, "name")
                if field == "routes" and name == AT_ONCE_WORD:
                    yield error(entry, here, f"{AT_ONCE_WORD} is no route: nobody decides then", "choose another name")
                if name in seen:
                    yield error(entry, here, f"the name {echo(name)} is given twice", "rename one of the two")
                seen.add(name)


def routes_are_there(context: Context) -> Iterator[Issue]:
    """Whatever names a route names one that there is."""
    for entry in context.declared.approvals:
        known = [route.name for route in routes_of(entry.spec, ())]
        for path, name in _named(entry.spec):
            if name not in known:
                what = f"there is no route {echo(name)}"
                yield error(entry, path, what, did_you_mean(name, known))
        lacking = {gate.route for gate in gates_of(entry.spec)} - {AT_ONCE, *known}
        if entry.spec.gates is None and lacking:
            what = f"the usual gates need a route {min(lacking)}"
            yield error(entry, ("routes",), what, "declare it, or write the gates out")


def _named(spec: ApprovalsSpec) -> Iterator[tuple[Path, str]]:
    """Every route that is named by the document's own words."""
    for index, gate in enumerate(spec.gates or ()):
        if gate.route != AT_ONCE_WORD:
            yield ("gates", index, "route"), gate.route
    for index, route in enumerate(spec.routes or ()):
        if route.escalates_to is not None:
            yield ("routes", index, "escalatesTo"), route.escalates_to
    yield ("otherwise",), spec.otherwise


def people_are_named_by_address(context: Context) -> Iterator[Issue]:
    """Some providers let people choose what they call them: by such a name nobody decides on anything."""
    for entry in context.declared.approvals:
        named: list[tuple[Path, str]] = [
            (("routes", at, "users", number), user)
            for at, route in enumerate(entry.spec.routes or ())
            for number, user in enumerate(route.users)
        ]
        named += [
            (("absences", at, field), user)
            for at, absence in enumerate(entry.spec.absences)
            for field, user in (("user", absence.user), ("delegate", absence.delegate))
        ]
        for path, user in named:
            if user.startswith(BY_SUBJECT):
                what = f"{echo(user)} is made of a provider's own name for somebody"
                yield error(entry, path, what, "name people by the e-mail address that the provider has checked")


def escalation_ends(context: Context) -> Iterator[Issue]:
    """A request that goes round in a circle is never decided, and never lapses."""
    for entry in context.declared.approvals:
        routes = entry.spec.routes or ()
        circle = in_circles({route.name: route.escalates_to for route in routes})
        for index, route in enumerate(routes):
            if route.name in circle:
                what = f"requests that {echo(route.name)} does not answer come back to it"
                yield error(entry, ("routes", index, "escalatesTo"), what, "break the circle: leave escalatesTo out")


def somebody_decides(context: Context) -> Iterator[Issue]:
    """A route without people, and groups that hold everybody."""
    for entry in context.declared.approvals:
        for index, route in enumerate(entry.spec.routes or ()):
            if not (route.approvers or route.users):
                what = f"nobody is on the route {echo(route.name)}, so nothing is ever decided there"
                yield error(entry, ("routes", index), what, "name groups under approvers, or people under users")
            for at, group in enumerate(route.approvers):
                if group.startswith("system:"):
                    what = f"{echo(group)} is a group of Kubernetes itself, and nobody in particular"
                    fix = "name groups of the identity provider"
                    yield error(entry, ("routes", index, "approvers", at), what, fix)


def gates_can_be_met(context: Context) -> Iterator[Issue]:
    """A gate that nothing can meet, and one whose requests an earlier one takes, all of them."""
    for entry in context.declared.approvals:
        if entry.spec.gates is None:
            continue
        gates = gates_of(entry.spec)
        if len(gates) > _MOST_GATES:
            what = f"{len(gates)} gates: nobody can say which one a request meets"
            yield error(entry, ("gates",), what, f"keep it to {_MOST_GATES}")
        for index, gate in enumerate(gates[:_MOST_GATES]):
            here: Path = ("gates", index)
            if gate.most_devices is not None and gate.most_devices < gate.least_devices:
                what = f"at most {gate.most_devices} devices, at least {gate.least_devices}"
                yield error(entry, (*here, "devices", "most"), what, f"write {gate.least_devices} or more")
            if gate.below_price == 0:
                yield error(
                    entry, (*here, "belowPrice"), "no price is below 0", "write the price from which somebody is asked"
                )
            earlier = next((each for each in gates[:index] if _takes_all(each, gate)), None)
            if earlier is not None:
                what = f"no request comes so far: {echo(earlier.name)}, which is tried before, takes all of them"
                yield warning(entry, here, what, "move it before that gate, narrow that one, or remove this one")


def _takes_all(earlier: ApprovalGate, later: ApprovalGate) -> bool:
    """Whether each request that meets the later gate meets the earlier one, too."""
    # No environment at all meets only a gate that says nothing of environments.
    everywhere = not earlier.environments
    return (
        _among(later.kinds, earlier.kinds, RequestKind)
        and _among(later.workloads, earlier.workloads, WorkloadType)
        and (everywhere or (bool(later.environments) and set(later.environments) <= set(earlier.environments)))
        and later.least_devices >= earlier.least_devices
        and _within(later.most_devices, earlier.most_devices)
        and _within(later.below_price, earlier.below_price)
        and _within(later.undone_within, earlier.undone_within)
        and later.within_budget >= earlier.within_budget
    )


def _among(later: Collection[Enum], earlier: Collection[Enum], every: type[Enum]) -> bool:
    return set(later or every) <= set(earlier or every)


def _within(later: int | None, earlier: int | None) -> bool:
    """Whether a bound is as strict as another one; None is none."""
    return earlier is None or (later is not None and later <= earlier)


def budgets_are_of_teams(context: Context) -> Iterator[Issue]:
    """A budget of a team that does not exist is a typo, or of one that is gone; it harms nobody."""
    for entry in context.declared.approvals:
        for team in entry.spec.budgets:
            if not context.known("Team", context.teams, team):
                yield warning(
                    entry, ("budgets", team), f"there is no team {echo(team)}", did_you_mean(team, context.teams)
                )


def absences_say_who_decides(context: Context) -> Iterator[Issue]:
    """An absence ends after it begins, and at each moment one person decides, another one."""
    for entry in context.declared.approvals:
        for index, absence in enumerate(entry.spec.absences):
            here: Path = ("absences", index)
            if absence.until <= absence.since:
                yield error(entry, (*here, "until"), "the absence is over before it begins", "write a later time")
            if absence.delegate == absence.user:
                what = f"{echo(absence.user)} cannot decide for the time of the own absence"
                yield error(entry, (*here, "delegate"), what, "name somebody else")
        for index in _at_once_with_another(entry.spec.absences):
            what = f"{echo(entry.spec.absences[index].user)} is away at that time by another entry, too"
            fix = "keep one of the two, or let one begin when the other is over"
            yield error(entry, ("absences", index, "from"), what, fix)


def _at_once_with_another(absences: Sequence[AbsenceSpec]) -> Iterator[int]:
    """Absences that begin before another one of the same person is over; of two the one that stands further down."""
    ordered = sorted(enumerate(absences), key=lambda each: (each[1].user, each[1].since))
    for (one, earlier), (other, later) in pairwise(ordered):
        if earlier.user == later.user and later.since < earlier.until:
            yield max(one, other)


CHECKS: Final[tuple[Check, ...]] = (
    approvals_are_said_once,
    gates_and_routes_have_names_of_their_own,
    routes_are_there,
    people_are_named_by_address,
    escalation_ends,
    somebody_decides,
    gates_can_be_met,
    budgets_are_of_teams,
    absences_say_who_decides,
)

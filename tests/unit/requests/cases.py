"""Requests, gates and people for tests; each has sensible defaults, so that a test names only what it is about."""

from __future__ import annotations

import json

from allotment.model.moments import milliseconds
from allotment.model.quantity import Bytes, MilliCpu
from allotment.model.requests.gates import AT_ONCE, ApprovalGate, Approvals, ApproverAbsence, Budget, Route
from allotment.model.requests.grant import DeclaredGrant, TeamGrant
from allotment.model.requests.request import GrantRequest, RequestAct
from allotment.model.requests.terms import QuotaShare, RequestKind, TakenShare, Terms, Wish, WorkloadType
from allotment.requests.approvers import RequestRules, Somebody
from allotment.requests.granting import grant_of
from allotment.requests.transitions import NOTHING_SHOWN, Deed, Draft, Shown, moved, submitted

HOUR = 3_600_000
DAY = 24 * HOUR
START = milliseconds("2027-01-11T09:00:00Z")
MILLION = 1_000_000
"""One unit of the currency."""

ANN = Somebody("ann", frozenset({"grp-nlp"}))
"""Asks."""
LEA = Somebody("lea", frozenset({"grp-leads"}))
BOB = Somebody("bob")
"""Named by the last route himself; away for a day, and DEE stands in."""
DEE = Somebody("dee")
OLA = Somebody("ola", frozenset({"grp-nlp"}), owns=frozenset({"nlp"}))
ADA = Somebody("ada", frozenset({"grp-admins"}))
EVE = Somebody("eve", frozenset({"grp-cv"}), owns=frozenset({"cv"}))


def share(devices: int = 4, *, cluster: str = "training", flavor: str = "a100-spot", cpu: int = 0) -> QuotaShare:
    return QuotaShare(cluster, flavor, devices, MilliCpu(cpu), Bytes(0))


def taken(devices: int, team: str = "cv", *, flavor: str = "a100-spot") -> TakenShare:
    return TakenShare(team, share(devices, flavor=flavor))


def terms(
    devices: int = 4,
    *,
    hours: int | None = 72,
    since: int = START,
    price: int | None = None,
    shares: tuple[QuotaShare, ...] | None = None,
    taking: tuple[TakenShare, ...] = (),
) -> Terms:
    found = shares if shares is not None else ((share(devices),) if devices else ())
    return Terms(found, taking, since, None if hours is None else since + hours * HOUR, price)


def wish(kind: RequestKind = RequestKind.GPUS, *, subject: str = "", environment: str = "") -> Wish:
    return Wish(kind, "nlp", WorkloadType.TRAINING, "the deadline of the conference", subject, environment)


def gate(
    name: str,
    route: str,
    *kinds: RequestKind,
    environments: tuple[str, ...] = (),
    least: int = 0,
    most: int | None = None,
    below_price: int | None = None,
    undone_within: int | None = None,
    within_budget: bool = False,
) -> ApprovalGate:
    return ApprovalGate(name, kinds, (), environments, least, most, below_price, undone_within, within_budget, route)


LEAD = Route("platform-lead", ("grp-leads",), (), 86_400, "leadership", others_only=True)
LEADERSHIP = Route("leadership", (), ("bob",), 2 * 86_400, "", others_only=False)
OWNERS = Route("owners", ("team-owners",), (), 3_600, "", others_only=True)

USUAL = Approvals(
    gates=(
        gate("large", "leadership", least=8),
        gate("clusters", "leadership", RequestKind.CLUSTER),
        gate("paid-apis", "leadership", RequestKind.MODEL_API),
        gate("production-endpoints", "platform-lead", RequestKind.ENDPOINT, environments=("production",)),
        gate("development-namespaces", AT_ONCE, RequestKind.NAMESPACE, environments=("development",)),
        gate("notebooks-and-volumes", AT_ONCE, RequestKind.NOTEBOOK, RequestKind.VOLUME, most=2),
        gate("small", AT_ONCE, RequestKind.GPUS, most=2),
        gate("cheap", AT_ONCE, RequestKind.GPUS, most=7, below_price=300 * MILLION, undone_within=600),
        gate("budget", AT_ONCE, RequestKind.GPUS, most=7, within_budget=True),
    ),
    routes=(LEAD, LEADERSHIP, OWNERS),
    absences=(ApproverAbsence("bob", "dee", START + 20 * HOUR, START + 44 * HOUR),),
    budgets=(Budget("nlp", 2_000 * MILLION),),
    otherwise="platform-lead",
    longest=30,
)
RULES = RequestRules(USUAL, ("grp-admins",))


def request(
    devices: int = 4,
    *,
    hours: int | None = 72,
    since: int = START,
    price: int | None = None,
    by: str = "ann",
    name: str = "r0000001",
    extends: str = "",
    shown: Shown = NOTHING_SHOWN,
    approvals: Approvals = USUAL,
    on: Terms | None = None,
) -> GrantRequest:
    asked = on or terms(devices, hours=hours, since=since, price=price)
    return submitted(Draft(name, wish(), asked, by, START, "test", extends, shown), approvals)


def deed(by: Somebody | None, at: int = START, *, on: Terms | None = None, shown: Shown = NOTHING_SHOWN) -> Deed:
    return Deed(at, by, "test", "so be it", on, shown)


def approved(
    devices: int = 4, *, hours: int | None = 72, since: int = START, extends: str = "", **given: str
) -> GrantRequest:
    waiting = request(devices, hours=hours, since=since, extends=extends, **given)  # type: ignore[arg-type]
    return moved(waiting, RequestAct.APPROVE, deed(ADA), RULES) if not waiting.state.over else waiting


def grant(devices: int = 4, *, hours: int | None = 72, since: int = START, name: str = "r0000001") -> TeamGrant:
    return grant_of(approved(devices, hours=hours, since=since, name=name))


def text_of(declared: DeclaredGrant) -> str:
    """A writer of files for tests; what it writes, `declared_in` reads."""
    shares = [[each.cluster, each.flavor, each.devices, each.cpu, each.memory] for each in declared.shares]
    taking = [[each.team, each.share.cluster, each.share.flavor, each.share.devices] for each in declared.taken]
    return json.dumps([declared.name, declared.team, declared.since, declared.until, shares, taking, declared.reason])


def declared_in(text: str) -> DeclaredGrant | None:
    """What a file says; None for none of ours."""
    try:
        name, team, since, until, shares, taking, reason = json.loads(text)
    except ValueError:
        return None
    given = tuple(QuotaShare(cluster, flavor, number, cpu, memory) for cluster, flavor, number, cpu, memory in shares)
    lent = tuple(TakenShare(whom, share(number, cluster=where, flavor=what)) for whom, where, what, number in taking)
    return DeclaredGrant(name, team, since, until, given, lent, reason)

"""Builders of case tables: a cluster in a few lines, jobs that hold quota, a job that asks for some.

    cq("a", on("f", 4, borrow=2), cohort="team", reclaim_within_cohort=ANY)
    held("low", "a", 4, priority=-1, at=7)
    job("urgent", "a", 2, priority=10)

The resource is `cpu` unless amounts are given by name: `on("f", cpu=4, gpu=of(2, lend=1))`,
`job("j", "a", cpu=1, gpu=2)`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from allotment.scheduling.queueing.admissions import Admissions
from allotment.scheduling.queueing.catalog import Catalog
from allotment.scheduling.queueing.flavors import FlavorAssigner, Oracle
from allotment.scheduling.queueing.gates import Gates
from allotment.scheduling.queueing.inputs import (
    ClusterQueue,
    ClusterState,
    Cohort,
    FairStrategy,
    FlavorQuotas,
    PodSet,
    PodSetAdmission,
    PreemptionPolicy,
    ResourceFlavor,
    ResourceGroup,
    ResourceQuota,
    Workload,
)
from allotment.scheduling.queueing.nomination import (
    Nominations,
    Nominator,
    PreemptionOracle,
    RememberingFinder,
    TargetFinder,
)
from allotment.scheduling.queueing.order import Ordering
from allotment.scheduling.queueing.pending.local_usage import LocalUsage
from allotment.scheduling.queueing.preemption.classical import ClassicalPreemption
from allotment.scheduling.queueing.preemption.fair import FairPreemption
from allotment.scheduling.queueing.records import WorkloadRecord
from allotment.scheduling.queueing.states import EVICTED, RUNNING
from allotment.scheduling.queueing.topology.assigner import TopologyAssigner
from allotment.scheduling.queueing.usage import UsageLedger

NEVER = PreemptionPolicy.NEVER
LOWER = PreemptionPolicy.LOWER_PRIORITY
NEWER = PreemptionPolicy.LOWER_OR_NEWER_EQUAL_PRIORITY
ANY = PreemptionPolicy.ANY

Amount = int | ResourceQuota
Part = ClusterQueue | Cohort | ResourceFlavor


def of(nominal: int, *, borrow: int | None = None, lend: int | None = None) -> ResourceQuota:
    """Quota with limits."""
    return ResourceQuota(nominal, borrow, lend)


def on(flavor: str, cpu: Amount | None = None, **quotas: Amount | None) -> FlavorQuotas:
    """Quota in one flavor; `borrow` and `lend` are the limits of `cpu`."""
    limits = {limit: quotas.pop(limit, None) for limit in ("borrow", "lend")}
    amounts = dict(quotas)
    if isinstance(cpu, int):
        bounds = [each if each is None or isinstance(each, int) else each.nominal for each in limits.values()]
        cpu = ResourceQuota(cpu, *bounds)
    if cpu is not None:
        amounts = {"cpu": cpu, **amounts}
    return FlavorQuotas(
        flavor,
        tuple(
            (name, ResourceQuota(amount) if isinstance(amount, int) else amount)
            for name, amount in amounts.items()
            if amount is not None
        ),
    )


def _groups(quotas: tuple[FlavorQuotas, ...]) -> tuple[ResourceGroup, ...]:
    """Flavors with the same resources are alternatives: one group."""
    groups: dict[tuple[str, ...], list[FlavorQuotas]] = {}
    for each in quotas:
        groups.setdefault(tuple(name for name, _ in each.resources), []).append(each)
    return tuple(ResourceGroup(resources, tuple(flavors)) for resources, flavors in groups.items())


def cq(name: str, *quotas: FlavorQuotas, **policies: Any) -> ClusterQueue:
    """A ClusterQueue; `policies` are its fields."""
    return ClusterQueue(name, _groups(quotas), **policies)


def team(name: str, *quotas: FlavorQuotas, under: str | None = None, weight: float = 1.0) -> Cohort:
    """A Cohort, perhaps with quota of its own."""
    return Cohort(name, under, _groups(quotas), weight)


def pods(name: str = "main", cpu: int | None = None, *, count: int = 1, **fields: Any) -> PodSet:
    """A PodSet; fields that are not PodSet's are requests."""
    own = ("min_count", "node_selector", "required_affinity", "tolerations", "topology")
    requests = {key: fields.pop(key) for key in list(fields) if key not in own}
    if cpu is not None:
        requests = {"cpu": cpu, **requests}
    return PodSet(name, count, tuple(requests.items()), **fields)


def job(
    name: str, queue: str, cpu: int | None = None, *sets: PodSet, priority: int = 0, since: int = 0, **fields: Any
) -> Workload:
    """A workload that asks: of one PodSet with `fields`, or of `sets`."""
    local_queue = fields.pop("local_queue", "")
    return Workload(name, f"u-{name}", queue, priority, since, sets or (pods("main", cpu, **fields),), local_queue)


@dataclass(frozen=True, slots=True)
class Held:
    """A workload that holds quota of one flavor for each resource."""

    workload: Workload
    flavors: tuple[tuple[str, str], ...]
    at: int
    evicted: bool

    def admissions(self) -> tuple[PodSetAdmission, ...]:
        """What it got."""
        return tuple(PodSetAdmission(each.name, each.count, self.flavors) for each in self.workload.pod_sets)


def held(
    name: str,
    queue: str,
    cpu: int | None = None,
    flavor: str = "f",
    *,
    at: int = 0,
    evicted: bool = False,
    priority: int = 0,
    since: int = 0,
    local_queue: str = "",
    **requests: int,
) -> Held:
    """A workload that got its quota at `at`."""
    workload = job(name, queue, cpu, priority=priority, since=since, local_queue=local_queue, **requests)
    flavors = tuple((resource, flavor) for resource, _ in workload.pod_sets[0].requests)
    return Held(workload, flavors, at, evicted)


def each_of(count: int, name: str, queue: str, cpu: int, **fields: Any) -> tuple[Held, ...]:
    """`count` equal ones, name1 the first that was admitted."""
    return tuple(held(f"{name}{number}", queue, cpu, at=number, **fields) for number in range(1, count + 1))


def cluster(*parts: Part) -> ClusterState:
    """The state of a cluster; flavors that are only named have neither labels nor taints."""
    queues = tuple(each for each in parts if isinstance(each, ClusterQueue))
    cohorts = tuple(each for each in parts if isinstance(each, Cohort))
    flavors = {each.name: each for each in parts if isinstance(each, ResourceFlavor)}
    groups = [each.resource_groups for each in queues] + [each.resource_groups for each in cohorts]
    for quotas in [quotas for several in groups for group in several for quotas in group.flavors]:
        flavors.setdefault(quotas.flavor, ResourceFlavor(quotas.flavor))
    return ClusterState(tuple(flavors.values()), queues, cohorts)


class Desk:
    """The parts of an engine over one cluster, each within reach, with workloads that hold quota already."""

    def __init__(
        self,
        parts: tuple[Part, ...],
        holding: tuple[Held, ...] = (),
        *,
        fair: bool = False,
        strategies: tuple[FairStrategy, ...] = (),
        gates: Gates | None = None,
        usage: LocalUsage | None = None,
    ) -> None:
        """Charge `holding`."""
        self.fair: bool = fair
        self.gates: Gates = gates or Gates()
        self.catalog: Catalog = Catalog(cluster(*parts))
        self.topology: TopologyAssigner = TopologyAssigner(self.catalog, self.gates)
        self.ledger: UsageLedger = UsageLedger(self.catalog.tree, None)
        self.topology.attach(self.ledger)
        self.finder: TargetFinder = (
            FairPreemption(self.catalog, self.ledger, strategies, self.gates, usage)
            if fair
            else ClassicalPreemption(self.catalog, self.ledger, usage)
        )
        admissions = Admissions(self.catalog, self.topology)
        self.held: list[WorkloadRecord] = []
        for each in holding:
            record = self.catalog.workload(each.workload, len(self.held))
            record.admission = admissions.assignment(record, each.admissions())
            record.state = EVICTED if each.evicted else RUNNING
            record.reserve(each.at)
            record.queue.running[record.index] = record
            self.ledger.charge(record)
            self.held.append(record)

    def asking(self, workload: Workload, index: int = 1000) -> WorkloadRecord:
        """The record of a workload that holds nothing."""
        return self.catalog.workload(workload, index)

    def fr(self, flavor: str, resource: str = "cpu") -> int:
        """Index of a flavor-resource pair."""
        return self.catalog.fr_index[self.catalog.flavor_index[flavor], self.catalog.resource_index[resource]]

    def assigner(self, oracle: Oracle) -> FlavorAssigner:
        """Assigns flavors, asking `oracle` about preemption."""
        return FlavorAssigner(self.catalog, oracle, self.topology, self.gates, fair_sharing=self.fair)

    def oracle(self) -> PreemptionOracle:
        """The real one."""
        return PreemptionOracle(self.finder, self.ledger)

    def nominator(self) -> Nominator:
        """Assigner and preemption together, as in the engine."""
        return Nominator(self.assigner(self.oracle()), RememberingFinder(self.finder), self.topology, self.gates)

    def nominations(self) -> Nominations:
        """The same with a memory."""
        return Nominations(self.nominator(), self.topology, self.gates)

    def ordering(self) -> Ordering:
        """The order of entries."""
        return Ordering(self.catalog, self.ledger, self.gates, fair_sharing=self.fair)

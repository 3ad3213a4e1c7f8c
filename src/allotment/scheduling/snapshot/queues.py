"""Observed queues, cohorts, flavors, topologies and nodes → the state of the queueing twin."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final, TypeVar

from allotment.model.observed import queueing as observed
from allotment.model.observed.base import Amount, is_true
from allotment.model.observed.index import Index
from allotment.model.observed.pods import Pod
from allotment.scheduling.queueing.inputs import (
    ClusterQueue,
    ClusterState,
    Cohort,
    FlavorQuotas,
    FungibilityPolicy,
    FungibilityPreference,
    LocalQueue,
    Node,
    PreemptionPolicy,
    QueueingStrategy,
    ResourceFlavor,
    ResourceGroup,
    ResourceQuota,
    Topology,
)
from allotment.scheduling.snapshot.pods import pod_requests
from allotment.scheduling.snapshot.quantities import all_units, billionths, units
from allotment.scheduling.snapshot.unlevelled import unlevelled_flavors
from allotment.scheduling.snapshot.workloads import PODS, taints_of, tolerations_of

MULTI_KUEUE: Final = "kueue.x-k8s.io/multikueue"
PROVISIONING: Final = "kueue.x-k8s.io/provisioning-request"
OF_KUEUE: Final = (PROVISIONING, MULTI_KUEUE)
"""Controllers of checks that run in Kueue itself: where Kueue runs, they answer."""
_BILLION: Final = 10**9
_TAS_ANNOTATIONS: Final = (
    "kueue.x-k8s.io/podset-preferred-topology",
    "kueue.x-k8s.io/podset-required-topology",
    "kueue.x-k8s.io/podset-slice-required-topology",
    "kueue.x-k8s.io/podset-slice-required-topology-constraints",
    "kueue.x-k8s.io/podset-unconstrained-topology",
)
_NOTHING: Final = ResourceQuota(0)
_HELD: Final = ("Hold", "HoldAndDrain")
_Choice = TypeVar("_Choice", bound=Enum)


@dataclass(frozen=True, slots=True)
class Inactivity:
    """Why a ClusterQueue admits nothing.

    Attributes:
        stopped: somebody stopped it (stopPolicy), and nothing else is wrong with it.
        missing_flavors, missing_checks, inactive_checks: what it names that is not there, or not ready.
        missing_topologies: named by its flavors.
        cycle: its cohorts form a ring.
        conflict: AdmissionChecks that exclude each other.
    """

    stopped: bool = False
    missing_flavors: tuple[str, ...] = ()
    missing_checks: tuple[str, ...] = ()
    inactive_checks: tuple[str, ...] = ()
    missing_topologies: tuple[str, ...] = ()
    cycle: bool = False
    conflict: bool = False

    @property
    def broken(self) -> bool:
        """Whether something is wrong that starting the queue again would not mend."""
        return bool(
            self.missing_flavors
            or self.missing_checks
            or self.inactive_checks
            or self.missing_topologies
            or self.cycle
            or self.conflict
        )

    @property
    def active(self) -> bool:
        """Whether it admits."""
        return not self.stopped and not self.broken


def held(stop_policy: str) -> bool:
    """Whether a stop policy keeps a queue from admitting."""
    return stop_policy in _HELD


def checks_of(queue: observed.ClusterQueue) -> tuple[observed.CheckRule, ...]:
    """AdmissionChecks of a ClusterQueue, in either form."""
    plain = tuple(observed.CheckRule(name=each) for each in queue.spec.admission_checks)
    strategy = queue.spec.admission_checks_strategy
    return plain if strategy is None else plain + strategy.admission_checks


def sent_elsewhere(index: Index, namespace: str, queue_name: str) -> bool:
    """Whether work of a LocalQueue runs in another cluster: its ClusterQueue has a check of MultiKueue."""
    local = index.local_queues.get(f"{namespace}/{queue_name}") if queue_name else None
    queue = None if local is None else index.cluster_queues.get(local.spec.cluster_queue)
    return queue is not None and sends_elsewhere(index, queue)


def sends_elsewhere(index: Index, queue: observed.ClusterQueue) -> bool:
    """Whether the work of a ClusterQueue runs in other clusters, so that its quota is of devices there."""
    known = (index.admission_checks.get(each.name) for each in checks_of(queue))
    return any(each is not None and each.spec.controller_name == MULTI_KUEUE for each in known)


def rings(index: Index) -> frozenset[str]:
    """Cohorts from which going up never ends."""
    found: set[str] = set()
    ending: set[str] = set()
    for name in index.cohorts:
        way: dict[str, None] = {}
        above = name
        while above in index.cohorts and above not in way and above not in ending and above not in found:
            way[above] = None
            above = index.cohorts[above].spec.parent_name
        (found if above in way or above in found else ending).update(way)
    return frozenset(found)


def inactivity_of(
    queue: observed.ClusterQueue, index: Index, ringed: frozenset[str], unseen: frozenset[str]
) -> Inactivity:
    """Why a ClusterQueue admits nothing, from what it names; kinds that could not be read are taken to be in order."""
    flavors = dict.fromkeys(each.name for group in queue.spec.resource_groups for each in group.flavors)
    topologies = {each.name for each in index.objects.topologies}
    rules = checks_of(queue)
    checks = dict.fromkeys(rule.name for rule in rules)
    known = [index.admission_checks[name] for name in checks if name in index.admission_checks]
    controllers = [each.spec.controller_name for each in known]
    multi = controllers.count(MULTI_KUEUE)
    per_flavor = any(
        rule.on_flavors and set(rule.on_flavors) != set(flavors)
        for rule in rules
        if rule.name in index.admission_checks and index.admission_checks[rule.name].spec.controller_name == MULTI_KUEUE
    )
    named = {index.flavors[name].spec.topology_name for name in flavors if name in index.flavors} - {""}
    return Inactivity(
        stopped=held(queue.spec.stop_policy),
        missing_flavors=() if "resourceflavors" in unseen else tuple(n for n in flavors if n not in index.flavors),
        missing_checks=()
        if "admissionchecks" in unseen
        else tuple(n for n in checks if n not in index.admission_checks),
        inactive_checks=tuple(each.name for each in known if not is_true(each.status.conditions, "Active")),
        missing_topologies=() if "topologies" in unseen or multi else tuple(sorted(named - topologies)),
        cycle=queue.spec.cohort_name in ringed,
        conflict=multi > 1 or per_flavor or (multi > 0 and PROVISIONING in controllers),
    )


def state_of(index: Index, inactive: Mapping[str, Inactivity], ringed: frozenset[str]) -> ClusterState:
    """Everything but the workloads.

    Args:
        index: the source.
        inactive: by ClusterQueue, why it admits nothing.
        ringed: cohorts in a ring; they are no part of any tree.
    """
    objects = index.objects
    queues = tuple(
        _cluster_queue(each, ringed, stopped=not inactive[each.name].active) for each in index.cluster_queues.values()
    )
    unlevelled = unlevelled_flavors(index)
    with_topology = any(each.spec.topology_name and name not in unlevelled for name, each in index.flavors.items())
    return ClusterState(
        flavors=(
            *(_flavor(each, placed=name not in unlevelled) for name, each in index.flavors.items()),
            *_unseen_flavors(index),
        ),
        cluster_queues=queues,
        cohorts=tuple(_cohort(each) for each in index.cohorts.values() if each.name not in ringed),
        topologies=tuple(
            Topology(each.name, tuple(level.node_label for level in each.spec.levels))
            for each in objects.topologies
            if each.spec.levels
        ),
        nodes=placed_nodes(index) if with_topology else (),
        local_queues=tuple(
            LocalQueue(each.key, each.spec.cluster_queue, _weight(each.spec.fair_sharing))
            for each in objects.local_queues
            if each.spec.fair_sharing is not None
        ),
    )


def _unseen_flavors(index: Index) -> Iterator[ResourceFlavor]:
    """Flavors that queues name and nobody might read: they are taken to be open to all."""
    if not any(gap.what == "resourceflavors" and gap.reason != "damaged" for gap in index.source.gaps):
        return
    named = (
        each.name
        for queue in index.cluster_queues.values()
        for group in queue.spec.resource_groups
        for each in group.flavors
    )
    yield from (ResourceFlavor(name) for name in dict.fromkeys(named) if name not in index.flavors)


def _cluster_queue(queue: observed.ClusterQueue, ringed: frozenset[str], *, stopped: bool) -> ClusterQueue:
    spec = queue.spec
    rules, scan = spec.preemption, spec.flavor_fungibility
    borrowing = rules.borrow_within_cohort or observed.BorrowWithin()
    scope = spec.admission_scope
    return ClusterQueue(
        name=queue.name,
        resource_groups=_groups(spec.resource_groups),
        cohort=None if spec.cohort_name in ringed else spec.cohort_name or None,
        strategy=_choice(QueueingStrategy, spec.queueing_strategy, QueueingStrategy.BEST_EFFORT_FIFO),
        within_cluster_queue=_policy(rules.within_cluster_queue),
        reclaim_within_cohort=_policy(rules.reclaim_within_cohort),
        borrow_within_cohort=_policy(borrowing.policy),
        max_priority_threshold=borrowing.max_priority_threshold,
        when_can_borrow=_choice(FungibilityPolicy, scan.when_can_borrow, FungibilityPolicy.MAY_STOP_SEARCH),
        when_can_preempt=_choice(FungibilityPolicy, scan.when_can_preempt, FungibilityPolicy.TRY_NEXT_FLAVOR),
        preference=_choice(FungibilityPreference, scan.preference, FungibilityPreference.BORROWING_OVER_PREEMPTION),
        fair_weight=_weight(spec.fair_sharing),
        usage_based=scope is not None and scope.admission_mode == "UsageBasedAdmissionFairSharing",
        stopped=stopped,
    )


def _cohort(cohort: observed.Cohort) -> Cohort:
    return Cohort(
        cohort.name,
        cohort.spec.parent_name or None,
        _groups(cohort.spec.resource_groups),
        _weight(cohort.spec.fair_sharing),
    )


def _groups(groups: Iterable[observed.ResourceGroupOf]) -> tuple[ResourceGroup, ...]:
    """Resource groups. A flavor that lacks a resource of its group has none of it; the API server lets none pass."""
    found: list[ResourceGroup] = []
    for group in groups:
        covered = group.covered_resources
        flavors: list[FlavorQuotas] = []
        for flavor in group.flavors:
            quotas = {each.name: _quota(each) for each in flavor.resources}
            told = tuple((name, quotas.get(name, _NOTHING)) for name in dict.fromkeys(covered))
            flavors.append(FlavorQuotas(flavor.name, told))
        found.append(ResourceGroup(covered, tuple(flavors)))
    return tuple(found)


def _quota(quota: observed.QuotaOf) -> ResourceQuota:
    return ResourceQuota(
        units(quota.name, quota.nominal_quota),
        _limit(quota.name, quota.borrowing_limit),
        _limit(quota.name, quota.lending_limit),
    )


def _limit(resource: str, amount: Amount | None) -> int | None:
    return None if amount is None else units(resource, amount)


def _flavor(flavor: observed.ResourceFlavor, *, placed: bool) -> ResourceFlavor:
    spec = flavor.spec
    return ResourceFlavor(
        flavor.name,
        tuple(sorted(spec.node_labels.items())),
        taints_of(spec.node_taints),
        tolerations_of(spec.tolerations),
        (spec.topology_name or None) if placed else None,
    )


def _weight(share: observed.FairShare | None) -> float:
    return 1.0 if share is None or share.weight is None else billionths(share.weight) / _BILLION


def _policy(text: str) -> PreemptionPolicy:
    return _choice(PreemptionPolicy, text, PreemptionPolicy.NEVER)


def _choice(kind: type[_Choice], text: str, default: _Choice) -> _Choice:
    """What Kueue takes where nothing is said, or where the twin does not know the word."""
    try:
        return kind(text)
    except ValueError:
        return default


def placed_nodes(index: Index, *, all_of_them: bool = False) -> tuple[Node, ...]:
    """Nodes for topologies, less what pods use that no topology assignment covers.

    Args:
        index: over the source.
        all_of_them: also those that are cordoned or not ready: they take pods again some day.
    """
    found: list[Node] = []
    for node in index.nodes.values():
        if not all_of_them and (node.spec.unschedulable or not node.ready):
            continue
        free = all_units(node.status.allocatable)
        for pod in index.pods_on.get(node.name, ()):
            if not _by_topology(pod):
                for resource, amount in pod_requests(pod.spec).items():
                    if resource in free:
                        free[resource] -= amount
                if PODS in free:
                    free[PODS] -= 1
        found.append(
            Node(
                node.name,
                tuple(sorted(node.metadata.labels.items())),
                tuple(sorted(free.items())),
                taints_of(node.spec.taints),
            )
        )
    return tuple(found)


def _by_topology(pod: Pod) -> bool:
    return any(key in pod.metadata.annotations for key in _TAS_ANNOTATIONS)

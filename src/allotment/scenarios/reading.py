"""Reads a scenario (a parsed JSON object of the corpus format) into engine inputs.

Scenario units: times in milliseconds, `cpu` in millicores, `memory` in MiB, everything else in units.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from allotment.model.quantity import MIB
from allotment.scenarios.checks import check_scenario, check_workload
from allotment.scenarios.fields import NodeFields, read_labels, read_requirements, read_taints, read_tolerations
from allotment.scenarios.parsing import parsed, without_nulls
from allotment.scenarios.queueing_fields import (
    UNLIMITED_WORD,
    ClusterQueueFields,
    CohortFields,
    CordonFields,
    DrainFields,
    EnvironmentFields,
    EventFields,
    EvictionFields,
    FairSharingFields,
    FlavorFields,
    NodeDownFields,
    NodeFailuresFields,
    NodeUpFields,
    PodSetFields,
    QueueingScenarioFields,
    QuotaChangeFields,
    QuotaFields,
    ResourceGroupFields,
    StopChangeFields,
    TopologyRequestFields,
    WorkloadFields,
)
from allotment.scheduling.queueing.inputs import (
    ClusterQueue,
    ClusterState,
    Cohort,
    EngineSettings,
    FlavorQuotas,
    FungibilityPolicy,
    FungibilityPreference,
    Node,
    PodSet,
    PreemptionPolicy,
    ResourceFlavor,
    ResourceGroup,
    ResourceQuota,
    Topology,
    TopologyRequest,
    Workload,
)
from allotment.simulation.events import (
    UNLIMITED,
    Cordon,
    Event,
    Eviction,
    NodeDown,
    NodeDrain,
    NodeUp,
    QuotaChange,
    StopChange,
    Uncordon,
)
from allotment.simulation.scenario import Arrival, Assumptions, NodeFailures, Scenario

_VERSION: Final = re.compile(r"(?<![\w.])v?(\d+\.\d+)(?![\d])")
_IMPATIENT: Final = ("0.17", "0.18")
"""Kueue versions that take a node for lost 30 s after it stopped being ready, not when its pods are evicted."""
JsonObject = Mapping[str, Any]


def read_scenario(raw: JsonObject) -> Scenario:
    """Scenario from its parsed JSON; recorded answers in it are ignored.

    Raises:
        InputError: it is not of the format; the field is named.
    """
    found = parsed(raw, QueueingScenarioFields)
    check_scenario(found)
    version = _version(found.kueue)
    return Scenario(
        id=found.id,
        kind=found.kind,
        state=ClusterState(
            flavors=tuple(_flavor(each) for each in found.flavors),
            cluster_queues=tuple(_cluster_queue(each) for each in found.cluster_queues),
            cohorts=tuple(_cohort(each) for each in found.cohorts),
            topologies=tuple(Topology(each.name, each.levels) for each in found.topologies),
            nodes=tuple(_node(each) for each in found.nodes),
        ),
        settings=_settings(found.fair_sharing, version),
        assumptions=_assumptions(found.env, version),
        arrivals=tuple(_arrival(each) for each in found.workloads),
        events=tuple(_event(each) for each in found.events),
        node_failures=_node_failures(found.node_failures),
    )


def read_further_arrival(raw: JsonObject) -> Arrival:
    """A further entry of `workloads`. What may be left out: `uid` (its name), `priority` (0), `createdAt` (0).

    Raises:
        InputError: it is not of the format; the field is named.
    """
    there = without_nulls(raw)
    workload = parsed({"uid": there.get("name", ""), "priority": 0, "createdAt": 0, **there}, WorkloadFields)
    check_workload(workload)
    return _arrival(workload)


def _settings(fair: FairSharingFields, version: str) -> EngineSettings:
    return EngineSettings(
        fair_sharing=fair.enabled,
        fair_strategies=fair.preemption_strategies or (),
        version=version,
    )


def _assumptions(env: EnvironmentFields, version: str) -> Assumptions:
    toleration = env.not_ready_toleration
    if toleration is None:
        toleration = 30_000 if version in _IMPATIENT else 300_000
    return Assumptions(
        wakeup_delay=env.wakeup_delay,
        eviction_latency=env.eviction_latency,
        idle_cycles=env.idle_cycles,
        max_cycles_per_instant=env.max_cycles_per_instant,
        max_cycles_total=env.max_cycles_total,
        not_ready_toleration=toleration,
        node_replacement=env.node_replacement,
        status_delay=env.status_delay,
    )


def _node_failures(failures: NodeFailuresFields | None) -> NodeFailures | None:
    return None if failures is None else NodeFailures(failures.mean_between, failures.mean_repair, failures.until)


def _version(text: str) -> str:
    """Minor version out of a text such as "main@ff69 (v0.20.0-devel, …)"; the newest if there is none."""
    found = _VERSION.search(text)
    return EngineSettings().version if found is None else found[1]


def _amount(resource: str, amount: int) -> int:
    return amount * MIB if resource == "memory" else amount


def _amounts(amounts: dict[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple((name, _amount(name, amount)) for name, amount in sorted(amounts.items()))


def _flavor(flavor: FlavorFields) -> ResourceFlavor:
    return ResourceFlavor(
        name=flavor.name,
        node_labels=read_labels(flavor.node_labels),
        taints=read_taints(flavor.taints),
        tolerations=read_tolerations(flavor.tolerations),
        topology=flavor.topology,
    )


def _quota(resource: str, quota: QuotaFields) -> ResourceQuota:
    borrowing, lending = quota.borrowing_limit, quota.lending_limit
    return ResourceQuota(
        nominal=_amount(resource, quota.nominal),
        borrowing_limit=None if borrowing is None else _amount(resource, borrowing),
        lending_limit=None if lending is None else _amount(resource, lending),
    )


def _groups(groups: tuple[ResourceGroupFields, ...]) -> tuple[ResourceGroup, ...]:
    return tuple(
        ResourceGroup(
            covered_resources=group.covered_resources,
            flavors=tuple(
                FlavorQuotas(
                    flavor.flavor, tuple((name, _quota(name, quota)) for name, quota in flavor.resources.items())
                )
                for flavor in group.flavors
            ),
        )
        for group in groups
    )


def _cohort(cohort: CohortFields) -> Cohort:
    return Cohort(
        name=cohort.name,
        parent=cohort.parent or None,
        resource_groups=_groups(cohort.resource_groups),
        fair_weight=float(cohort.fair_weight),
    )


def _fungibility(word: str) -> FungibilityPolicy:
    """The words of v1beta1, Borrow and Preempt, are MayStopSearch's old names."""
    return FungibilityPolicy.MAY_STOP_SEARCH if word in {"Borrow", "Preempt"} else FungibilityPolicy(word)


def _cluster_queue(queue: ClusterQueueFields) -> ClusterQueue:
    preemption, fungibility = queue.preemption, queue.flavor_fungibility
    borrow = preemption.borrow_within_cohort
    return ClusterQueue(
        name=queue.name,
        resource_groups=_groups(queue.resource_groups),
        cohort=queue.cohort or None,
        strategy=queue.queueing_strategy,
        within_cluster_queue=PreemptionPolicy(preemption.within_cluster_queue),
        reclaim_within_cohort=PreemptionPolicy(preemption.reclaim_within_cohort),
        borrow_within_cohort=PreemptionPolicy(borrow.policy),
        max_priority_threshold=borrow.max_priority_threshold,
        when_can_borrow=_fungibility(fungibility.when_can_borrow),
        when_can_preempt=_fungibility(fungibility.when_can_preempt),
        preference=FungibilityPreference(fungibility.preference or "BorrowingOverPreemption"),
        fair_weight=float(queue.fair_weight),
    )


def _node(node: NodeFields) -> Node:
    return Node(node.name, read_labels(node.labels), _amounts(node.allocatable), read_taints(node.taints))


def _topology_request(request: TopologyRequestFields | None) -> TopologyRequest | None:
    if request is None:
        return None
    return TopologyRequest(
        required=request.required,
        preferred=request.preferred,
        unconstrained=request.unconstrained,
        slice_level=request.pod_set_slice_required_topology,
        slice_size=request.pod_set_slice_size,
        group=request.pod_set_group_name,
    )


def _pod_set(pod_set: PodSetFields) -> PodSet:
    return PodSet(
        name=pod_set.name,
        count=pod_set.count,
        requests=_amounts(pod_set.requests),
        min_count=pod_set.min_count,
        node_selector=read_labels(pod_set.node_selector),
        required_affinity=tuple(read_requirements(term) for term in pod_set.required_affinity),
        tolerations=read_tolerations(pod_set.tolerations),
        topology=_topology_request(pod_set.topology_request),
    )


def _arrival(workload: WorkloadFields) -> Arrival:
    queued = workload.created_at if workload.queued_at is None else workload.queued_at
    return Arrival(
        Workload(
            name=workload.name,
            uid=workload.uid,
            cluster_queue=workload.cluster_queue,
            priority=workload.priority,
            queued_since=workload.created_at,
            pod_sets=tuple(_pod_set(each) for each in workload.pod_sets),
        ),
        queued,
        workload.runtime,
    )


def _event(event: EventFields) -> Event:
    match event:
        case QuotaChangeFields():
            return _quota_change(event)
        case StopChangeFields():
            return StopChange(event.t, event.cluster_queue, event.policy, event.grace)
        case EvictionFields():
            return Eviction(event.t, event.workload, event.grace)
        case DrainFields():
            return NodeDrain(event.t, event.node, event.grace)
        case NodeDownFields():
            return NodeDown(event.t, event.node)
        case NodeUpFields():
            return NodeUp(event.t, event.node)
        case CordonFields():
            return Cordon(event.t, event.node)
        case _:
            return Uncordon(event.t, event.node)


def _quota_change(event: QuotaChangeFields) -> QuotaChange:
    def limit(value: int | str | None) -> int | None:
        if isinstance(value, int):
            return _amount(event.resource, value)
        return UNLIMITED if value == UNLIMITED_WORD else None

    return QuotaChange(
        t=event.t,
        owner=event.cohort or event.cluster_queue or "",
        of_cohort=event.cohort is not None,
        flavor=event.flavor,
        resource=event.resource,
        nominal=limit(event.nominal),
        borrowing_limit=limit(event.borrowing_limit),
        lending_limit=limit(event.lending_limit),
    )

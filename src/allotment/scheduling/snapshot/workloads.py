"""An observed Workload → the workload that the queueing twin schedules, and what one that holds quota was given."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from allotment.model.cluster import Taint, TaintEffect
from allotment.model.moments import milliseconds
from allotment.model.observed import pods as observed_pods
from allotment.model.observed import queueing as observed
from allotment.model.observed.index import Index
from allotment.model.observed.nodes import NodeTaint
from allotment.scheduling.kinds import Operator, Requirement, Toleration
from allotment.scheduling.queueing.inputs import DomainCount, PodSet, PodSetAdmission, TopologyRequest, Workload
from allotment.scheduling.snapshot.quantities import units
from allotment.scheduling.snapshot.requests import CountedPod
from allotment.scheduling.snapshot.settings import KueueSettings

PODS: Final = "pods"
_SLICE: Final = "kueue.x-k8s.io/workload-slice-replacement-for"
_EFFECTS: Final = {each.value: each for each in TaintEffect}
_OPERATORS: Final = {each.value: each for each in Operator}


def queued_since(workload: observed.Workload, settings: KueueSettings) -> int:
    """The time by which a workload stands in its queue, in milliseconds: when it came, or was sent back.

    One that was preempted keeps its place; one whose pods were not ready in time, or whose check asked for another
    try, goes behind those that came meanwhile.
    """
    evicted = workload.condition("Evicted")
    if evicted is not None and evicted.true:
        again = evicted.reason == "AdmissionCheck"
        again = again or (evicted.reason == "PodsReadyTimeout" and settings.timestamp_of_eviction)
        if again:
            return milliseconds(evicted.last_transition_time)
    return milliseconds(workload.metadata.creation_timestamp)


def reserved_at(workload: observed.Workload) -> int:
    """When it got its quota, in milliseconds."""
    condition = workload.condition("QuotaReserved")
    return 0 if condition is None else milliseconds(condition.last_transition_time)


def earlier_slice(workload: observed.Workload, index: Index) -> observed.Workload | None:
    """What a workload that has grown holds already and is to take over; None where it holds nothing."""
    named = workload.metadata.annotations.get(_SLICE, "")
    key = named if "/" in named else f"{workload.namespace}/{named}"
    found = index.workloads.get(key) if named and key.startswith(f"{workload.namespace}/") else None
    holds = found is not None and found.holds_quota and not found.says("Finished")
    return found if holds and not workload.holds_quota else None


def workload_of(
    workload: observed.Workload,
    cluster_queue: str,
    counted: Iterable[CountedPod],
    settings: KueueSettings,
    grown_from: observed.Workload | None = None,
) -> Workload:
    """The twin's workload.

    Args:
        workload: as observed.
        cluster_queue: where it waits, or whose quota it holds.
        counted: what one pod of each PodSet asks for, in their order.
        settings: Kueue's configuration.
        grown_from: an earlier slice of it, whose quota it takes over: only what it asks for beyond that is counted.
    """
    returned = {each.name: each.count for each in workload.status.reclaimable_pods}
    held = {} if grown_from is None else {each.name: each.count for each in admissions_of(grown_from)}
    parts = list(zip(workload.spec.pod_sets, counted, strict=True))
    growing = [each for each in parts if each[0].count > held.get(each[0].name, 0)] or parts
    return Workload(
        name=workload.key,
        uid=workload.metadata.uid,
        cluster_queue=cluster_queue,
        priority=workload.spec.priority or 0,
        queued_since=queued_since(workload, settings),
        pod_sets=tuple(
            _pod_set(
                each, each.count - min(each.count, returned.get(each.name, 0) + held.get(each.name, 0)), one.requests
            )
            for each, one in growing
        ),
        local_queue=f"{workload.namespace}/{workload.spec.queue_name}",
    )


def _pod_set(pod_set: observed.WorkloadPodSet, count: int, requests: dict[str, int]) -> PodSet:
    spec = pod_set.template.spec
    least = pod_set.min_count
    return PodSet(
        name=pod_set.name,
        count=count,
        requests=tuple(sorted(requests.items())),
        min_count=least if least is not None and least < count else None,
        node_selector=tuple(sorted(spec.node_selector.items())),
        required_affinity=_affinity(spec.affinity),
        tolerations=tolerations_of(spec.tolerations),
        topology=_topology(pod_set.topology_request),
    )


def _topology(ask: observed.TopologyAsk | None) -> TopologyRequest | None:
    """None also where Kueue only notes by which label the pods are numbered."""
    if ask is None or not (ask.required or ask.preferred or ask.unconstrained or ask.pod_set_slice_required_topology):
        return None
    return TopologyRequest(
        required=ask.required or None,
        preferred=ask.preferred or None,
        unconstrained=bool(ask.unconstrained),
        slice_level=ask.pod_set_slice_required_topology or None,
        slice_size=ask.pod_set_slice_size,
        group=ask.pod_set_group_name or None,
    )


def _affinity(affinity: observed_pods.Affinity | None) -> tuple[tuple[Requirement, ...], ...]:
    if affinity is None or affinity.node_affinity is None or affinity.node_affinity.required is None:
        return ()
    return tuple(
        tuple(
            Requirement(each.key, _OPERATORS[each.operator], each.values)
            for each in term.match_expressions
            if each.operator in _OPERATORS
        )
        for term in affinity.node_affinity.required.node_selector_terms
    )


def tolerations_of(tolerations: Iterable[observed_pods.Toleration]) -> tuple[Toleration, ...]:
    """Tolerations; one for an effect that nobody knows matches nothing, and is left out."""
    return tuple(
        Toleration(each.key, each.operator == "Exists", each.value, _EFFECTS.get(each.effect))
        for each in tolerations
        if not each.effect or each.effect in _EFFECTS
    )


def taints_of(taints: Iterable[NodeTaint]) -> tuple[Taint, ...]:
    """Taints; an effect that nobody knows keeps nothing away."""
    return tuple(Taint(each.key, each.value, _EFFECTS[each.effect]) for each in taints if each.effect in _EFFECTS)


def admissions_of(workload: observed.Workload) -> tuple[PodSetAdmission, ...]:
    """What each PodSet was given; without the pods whose quota is free again."""
    admission = workload.status.admission
    if admission is None:
        return ()
    counts = {each.name: each.count for each in workload.spec.pod_sets}
    returned = {each.name: each.count for each in workload.status.reclaimable_pods}
    found: list[PodSetAdmission] = []
    for each in admission.pod_set_assignments:
        total = counts.get(each.name, 0)
        given = total if each.count is None else each.count
        left = min(given, total - min(total, returned.get(each.name, 0)))
        topology = each.topology_assignment
        found.append(
            PodSetAdmission(
                name=each.name,
                count=left,
                flavors=tuple(sorted(each.flavors.items())),
                levels=() if topology is None else topology.levels,
                domains=() if topology is None else domains_of(topology),
            )
        )
    return tuple(found)


def admitted_requests(workload: observed.Workload, counted: Iterable[CountedPod]) -> list[CountedPod]:
    """What one pod of each PodSet is charged with: what Kueue wrote down, and the template for the rest.

    The two differ where the configuration, a limit range or a RuntimeClass has changed since.
    """
    admission = workload.status.admission
    given = {} if admission is None else {each.name: each for each in admission.pod_set_assignments}
    found: list[CountedPod] = []
    for pod_set, one in zip(workload.spec.pod_sets, counted, strict=True):
        assigned = given.get(pod_set.name)
        count = 0 if assigned is None else pod_set.count if assigned.count is None else assigned.count
        if assigned is None or count <= 0:
            found.append(one)
            continue
        charged = {
            resource: units(resource, amount) // count
            for resource, amount in assigned.resource_usage.items()
            if resource != PODS
        }
        found.append(one if charged == one.requests else CountedPod({**one.requests, **charged}, one.raw))
    return found


def considered_requests(workload: observed.Workload, counted: Iterable[CountedPod]) -> list[CountedPod]:
    """What one pod of each PodSet counts as Kueue wrote it when it looked, and what is counted here for the rest."""
    given = {each.name: each for each in workload.status.resource_requests}
    returned = {each.name: each.count for each in workload.status.reclaimable_pods}
    found: list[CountedPod] = []
    for pod_set, one in zip(workload.spec.pod_sets, counted, strict=True):
        told = given.get(pod_set.name)
        count = pod_set.count - returned.get(pod_set.name, 0)
        if told is None or not told.resources or count <= 0:
            found.append(one)
            continue
        requests = {name: units(name, amount) // count for name, amount in told.resources.items() if name != PODS}
        found.append(one if requests == one.requests else replace(one, requests=requests))
    return found


def domains_of(assigned: observed.TopologyAssigned) -> tuple[DomainCount, ...]:
    """Domains with their pods, from the rows of `v1beta1` or the columns of `v1beta2`."""
    found = [DomainCount(each.values, each.count) for each in assigned.domains]
    for part in assigned.slices:
        for number in range(min(part.domain_count, _size(part))):
            values = tuple(_value(column, number) for column in part.values_per_level)
            counts = part.pod_counts
            count = counts.universal if counts.universal is not None else _at(counts.individual, number)
            found.append(DomainCount(values, count))
    return tuple(found)


def _size(part: observed.AssignmentSlice) -> int:
    """Domains that are really listed: a damaged count makes no million of them."""
    listed = [len(column.individual.roots) for column in part.values_per_level if column.individual is not None]
    if part.pod_counts.universal is None:
        listed.append(len(part.pod_counts.individual))
    return min(listed, default=1)


def _value(column: observed.DomainValues, number: int) -> str:
    if column.individual is None:
        return column.universal or ""
    roots = column.individual
    return f"{roots.prefix}{roots.roots[number]}{roots.suffix}"


def _at(counts: tuple[int, ...], number: int) -> int:
    return counts[number] if number < len(counts) else 0

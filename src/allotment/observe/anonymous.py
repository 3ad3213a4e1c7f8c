"""Objects of others, reduced to what sums and queues need of them: amounts, places, ranks; nothing that names anybody.

They get names of ours and the label `HIDDEN`, so that whoever counts can tell them, and whoever looks one up by its
name does not confuse two.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from msgspec.structs import replace

from allotment.model.labels import DOMAIN
from allotment.model.observed.base import Condition, Object, ObjectMeta, Reference, Selector
from allotment.model.observed.namespaced import PersistentVolume
from allotment.model.observed.nodes import AllocatedDevices, Allocation, ResourceClaim, ResourceClaimStatus
from allotment.model.observed.pods import Container, Pod, PodSpec, PodStatus, PodTemplate, Resources
from allotment.model.observed.queueing import (
    AdmissionOf,
    ClusterQueue,
    DomainRoots,
    DomainValues,
    LocalQueue,
    LocalQueueSpec,
    PodSetAssigned,
    ReclaimablePods,
    TopologyAssigned,
    Workload,
    WorkloadPodSet,
    WorkloadSpec,
    WorkloadStatus,
)
from allotment.model.observed.snapshot import Source

HIDDEN: Final = f"{DOMAIN}/hidden"
"""Label of what is somebody else's, in a snapshot that was saved for a view."""
HIDDEN_NAMESPACE: Final = "allotment-hidden"
"""Namespace of what is somebody else's and lies in one, whosever it is."""
_PREFIX: Final = "hidden-"
"""What names of ours begin with; such an object's uid is its name."""


def is_hidden(meta: ObjectMeta) -> bool:
    """Whether an object is somebody else's, reduced to its amounts."""
    return HIDDEN in meta.labels


def unmarked(each: Any) -> Any:
    """The object without the mark: whoever reads a cluster does not believe one that somebody put there."""
    if not isinstance(each, Object) or HIDDEN not in each.metadata.labels:
        return each
    labels = {key: value for key, value in each.metadata.labels.items() if key != HIDDEN}
    return replace(each, metadata=replace(each.metadata, labels=labels))


def marks_of_view(source: Source, *, viewed: bool) -> Source:
    """A source of a file in which only marks that saving for a view sets are left.

    Args:
        source: as it was read.
        viewed: whether the file says that it was saved for a view.
    """
    changed: dict[str, Any] = {}
    for field in source.objects.__struct_fields__:
        found = getattr(source.objects, field)
        kept = tuple(each if viewed and _of_view(each) else unmarked(each) for each in found)
        if any(one is not other for one, other in zip(found, kept, strict=True)):
            changed[field] = kept
    if not changed:
        return source
    cleared: Source = replace(source, objects=replace(source.objects, **changed))
    return cleared


def _of_view(each: Any) -> bool:
    meta = each.metadata if isinstance(each, Object) else ObjectMeta()
    return meta.namespace in {"", HIDDEN_NAMESPACE} and meta.name.startswith(_PREFIX) and meta.uid == meta.name


def hidden_meta(name: str, meta: ObjectMeta, namespace: str = HIDDEN_NAMESPACE) -> ObjectMeta:
    """Metadata of ours; of theirs only when it came, by which queues order."""
    return ObjectMeta(
        name=name,
        namespace=namespace,
        uid=name,
        creation_timestamp=meta.creation_timestamp,
        deletion_timestamp=meta.deletion_timestamp,
        labels={HIDDEN: "true"},
    )


def hidden_pod(pod: Pod, name: str) -> Pod:
    """A pod: requests, node, priority, and since when."""
    spec = _requests(pod.spec)
    status = PodStatus(phase=pod.status.phase, start_time=pod.status.start_time)
    return Pod(metadata=hidden_meta(name, pod.metadata), spec=spec, status=status)


def _requests(spec: PodSpec) -> PodSpec:
    return PodSpec(
        containers=_containers(spec.containers),
        init_containers=_containers(spec.init_containers),
        node_name=spec.node_name,
        priority=spec.priority,
        preemption_policy=spec.preemption_policy,
        overhead=spec.overhead,
        resources=None if spec.resources is None else Resources(requests=spec.resources.requests),
    )


def _containers(containers: tuple[Container, ...]) -> tuple[Container, ...]:
    return tuple(
        Container(
            name=f"c{number}",
            restart_policy=each.restart_policy,
            resources=Resources(requests=each.resources.requests or each.resources.limits),
        )
        for number, each in enumerate(containers)
    )


def hidden_workload(workload: Workload, name: str, queues: dict[str, str], queue: str) -> Workload:
    """A Workload: counts, requests, priority, what it got and since when.

    Args:
        workload: it.
        name: its new name.
        queues: new names of ClusterQueues that are not to be named.
        queue: new name of its LocalQueue.
    """
    names = {each.name: f"p{number}" for number, each in enumerate(workload.spec.pod_sets)}
    sets = tuple(
        WorkloadPodSet(
            name=names[each.name],
            count=each.count,
            min_count=each.min_count,
            template=PodTemplate(spec=_requests(each.template.spec)),
        )
        for each in workload.spec.pod_sets
    )
    spec = WorkloadSpec(active=workload.spec.active, queue_name=queue, priority=workload.spec.priority, pod_sets=sets)
    status = WorkloadStatus(
        admission=_admission(workload.status.admission, names, queues),
        conditions=tuple(_condition(each) for each in workload.status.conditions),
        requeue_state=workload.status.requeue_state,
        reclaimable_pods=tuple(
            ReclaimablePods(name=names[each.name], count=each.count)
            for each in workload.status.reclaimable_pods
            if each.name in names
        ),
    )
    return Workload(
        api_version=workload.api_version, metadata=hidden_meta(name, workload.metadata), spec=spec, status=status
    )


def _admission(admission: AdmissionOf | None, names: dict[str, str], queues: dict[str, str]) -> AdmissionOf | None:
    if admission is None:
        return None
    assigned = tuple(
        PodSetAssigned(
            name=names.get(each.name, "p"),
            count=each.count,
            flavors=each.flavors,
            resource_usage=each.resource_usage,
            topology_assignment=_place(each.topology_assignment),
        )
        for each in admission.pod_set_assignments
    )
    queue = queues.get(admission.cluster_queue, admission.cluster_queue)
    return AdmissionOf(cluster_queue=queue, pod_set_assignments=assigned)


def _place(assigned: TopologyAssigned | None) -> TopologyAssigned | None:
    """Where it is, each value written whole, so that it is a node's label or none."""
    if assigned is None:
        return None
    slices = tuple(
        replace(part, values_per_level=tuple(_whole(column) for column in part.values_per_level))
        for part in assigned.slices
    )
    placed: TopologyAssigned = replace(assigned, slices=slices)
    return placed


def _whole(column: DomainValues) -> DomainValues:
    if column.individual is None:
        return column
    told = column.individual
    roots = tuple(f"{told.prefix}{each}{told.suffix}" for each in told.roots)
    return DomainValues(universal=column.universal, individual=DomainRoots(roots=roots))


def _condition(condition: Condition) -> Condition:
    """Without its message, which may name others still."""
    return Condition(
        type=condition.type,
        status=condition.status,
        reason=condition.reason,
        last_transition_time=condition.last_transition_time,
    )


def hidden_claim(claim: ResourceClaim, name: str, users: Iterable[str] = ()) -> ResourceClaim:
    """A claim for devices: which it has, and the hidden pods that use them."""
    given = claim.status.allocation
    if given is None:
        return ResourceClaim(metadata=hidden_meta(name, claim.metadata))
    names = {each: f"r{number}" for number, each in enumerate(dict.fromkeys(r.request for r in given.devices.results))}
    results = tuple(replace(each, request=names[each.request]) for each in given.devices.results)
    allocation = Allocation(devices=AllocatedDevices(results=results))
    status = ResourceClaimStatus(allocation=allocation, reserved_for=tuple(Reference(name=each) for each in users))
    return ResourceClaim(metadata=hidden_meta(name, claim.metadata), status=status)


def hidden_volume(volume: PersistentVolume, name: str) -> PersistentVolume:
    """A volume that no claim has: which claims it would serve, and where."""
    meta = hidden_meta(name, volume.metadata, "")
    return PersistentVolume(metadata=meta, spec=volume.spec, status=volume.status)


def hidden_local_queue(queue: LocalQueue, name: str, queues: dict[str, str]) -> LocalQueue:
    """A LocalQueue: which ClusterQueue it leads to, so that who waits in it counts there."""
    spec = LocalQueueSpec(
        cluster_queue=queues.get(queue.spec.cluster_queue, queue.spec.cluster_queue),
        stop_policy=queue.spec.stop_policy,
        fair_sharing=queue.spec.fair_sharing,
    )
    return LocalQueue(metadata=hidden_meta(name, queue.metadata), spec=spec)


def hidden_queue(queue: ClusterQueue, name: str, cohort: str) -> ClusterQueue:
    """A ClusterQueue: quotas, rules and use, under a name of ours and in a cohort; whom it serves is left out."""
    conditions = tuple(_condition(each) for each in queue.status.conditions)
    hidden: ClusterQueue = replace(
        queue,
        metadata=hidden_meta(name, queue.metadata, ""),
        spec=replace(queue.spec, cohort_name=cohort, namespace_selector=Selector()),
        status=replace(queue.status, conditions=conditions),
    )
    return hidden

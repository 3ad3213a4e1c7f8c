"""What controllers make of changed work: its pods, and its Workload where a queue stands in between."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Final

import msgspec

from allotment.diagnose.case import PodsToCome, pods_of_work
from allotment.diagnose.owned import TRAINER, group_named
from allotment.diagnose.rules.policy.defaults import admitted
from allotment.diagnose.rules.policy.limits import breaches_in
from allotment.diagnose.rules.policy.quota_use import room_for
from allotment.model.labels import KUEUE_PRIORITY, KUEUE_QUEUE
from allotment.model.observed.base import ObjectMeta, OwnerReference
from allotment.model.observed.index import Index, kind_of
from allotment.model.observed.pods import Pod, PodSpec, PodTemplate, SchedulingGate
from allotment.model.observed.queueing import (
    TopologyAsk,
    Workload,
    WorkloadPodSet,
    WorkloadSpec,
    WorkloadStatus,
)
from allotment.model.observed.snapshot import Objects
from allotment.model.observed.work import CronJob, DaemonSet, Job, Owner, Replicas, Work
from allotment.scheduling.snapshot.workloads import earlier_slice

_TRIAL_UID: Final = "trial"
"""Uid of what does not exist but in a trial."""
_GATE: Final = "kueue.x-k8s.io/admission"
_TOPOLOGY: Final = "kueue.x-k8s.io/podset-"
_MOST_PODS: Final = 512
"""Pods that a trial makes of one template: equal pods beyond that tell nothing new."""


def rederived(index: Index, now: Work | Pod, *, anew: bool) -> Objects:
    """The objects after the controllers of changed work have acted.

    Args:
        index: of the objects, with the changed work in them.
        now: the work as it is.
        anew: whether it was deleted and created: nothing of it runs on then.
    """
    objects = index.objects
    if anew:
        objects = _forgotten(objects, index, now)
    if isinstance(now, Pod | CronJob | DaemonSet):
        return objects
    if not now.metadata.uid:
        named = msgspec.structs.replace(now, metadata=msgspec.structs.replace(now.metadata, uid=_TRIAL_UID))
        objects = _replaced(objects, now, named)
        now = named
    uid = now.metadata.uid
    gone = {pod.key for pod in index.pods_under(uid) if anew or not pod.bound}
    gone |= _surplus(index, now, gone)
    uids = [index.pods[key].metadata.uid for key in gone if key in index.pods]
    objects = msgspec.structs.replace(objects, pods=tuple(pod for pod in objects.pods if pod.key not in gone))
    workloads = list(index.workloads_of.get(uid))
    labelled = bool(_queue(now))
    one_by_one = isinstance(now, Replicas) and now.kind != "StatefulSet"
    if labelled and not one_by_one:
        return _queued(objects, index, workloads, now, anew=anew)
    objects = _without(objects, [*workloads, *(each for uid in uids for each in index.workloads_of.get(uid, ()))])
    if now.spec.suspend if isinstance(now, Job) else isinstance(now, Owner) and now.suspend:
        return objects
    running = 0 if anew else len(index.pods_under(uid)) - len(gone)
    made = tuple(pod for part in pods_of_work(now) for pod in _pods(index, now, part, running, gone))
    if labelled:
        made = tuple(_gated(pod) for pod in made)
        own = tuple(_workload_of(index, now, pod) for pod in made)
        objects = msgspec.structs.replace(objects, workloads=(*objects.workloads, *own))
    return msgspec.structs.replace(objects, pods=(*objects.pods, *made))


def _queue(now: Work) -> str:
    """Its queue, or that of its pods."""
    return now.metadata.labels.get(KUEUE_QUEUE) or (
        now.spec.template.metadata.labels.get(KUEUE_QUEUE, "") if isinstance(now, Replicas) else ""
    )


def _gated(pod: Pod) -> Pod:
    """A pod as Kueue's webhook makes it: kept from the scheduler until it is let in."""
    spec = msgspec.structs.replace(pod.spec, scheduling_gates=(*pod.spec.scheduling_gates, SchedulingGate(name=_GATE)))
    return msgspec.structs.replace(pod, spec=spec)


def _workload_of(index: Index, now: Work, pod: Pod) -> Workload:
    """The Workload that Kueue makes of a pod that is queued by itself."""
    owner = OwnerReference(api_version="v1", kind="Pod", name=pod.name, uid=pod.metadata.uid, controller=True)
    template = PodTemplate(metadata=pod.metadata, spec=msgspec.structs.replace(pod.spec, scheduling_gates=()))
    return Workload(
        api_version="kueue.x-k8s.io/v1beta2",
        kind="Workload",
        metadata=ObjectMeta(
            name=f"pod-{pod.name}",
            namespace=pod.namespace,
            uid=f"{pod.metadata.uid}-workload",
            owner_references=(owner,),
        ),
        spec=WorkloadSpec(
            queue_name=_queue(now),
            priority=_priority(index, now),
            pod_sets=(
                WorkloadPodSet(
                    name="main", count=1, template=template, topology_request=_closeness(pod.metadata.annotations)
                ),
            ),
        ),
        status=WorkloadStatus(),
    )


def _surplus(index: Index, now: Work, gone: set[str]) -> set[str]:
    """Pods beyond the replicas that are wanted."""
    if not isinstance(now, Replicas):
        return set()
    kept = [pod.key for pod in index.pods_under(now.metadata.uid) if pod.key not in gone and not pod.ended]
    return set(kept[1 if now.spec.replicas is None else now.spec.replicas :])


def _forgotten(objects: Objects, index: Index, now: Work | Pod) -> Objects:
    """Without the events of what is gone: the work that is made anew, and what stood below it."""
    gone = {now.metadata.uid} - {""}
    waiting = list(gone)
    while waiting:
        below = [each.metadata.uid for each in index.work_under.get(waiting.pop(), ())]
        waiting += [uid for uid in below if uid not in gone]
        gone.update(below)
    gone |= {each.metadata.uid for uid in tuple(gone) for each in index.workloads_of.get(uid, ())}
    return without_events(objects, gone)


def without_events(objects: Objects, gone: set[str]) -> Objects:
    """Without the events of objects that are gone, by uid."""
    kept = tuple(event for event in objects.events if event.involved_object.uid not in gone)
    return msgspec.structs.replace(objects, events=kept)


def _queued(objects: Objects, index: Index, workloads: list[Workload], now: Work, *, anew: bool) -> Objects:
    growing = None if anew else next((each for each in workloads if earlier_slice(each, index) is not None), None)
    if growing is not None:
        return _grown(objects, growing, now)
    old = workloads[-1] if workloads else None
    if old is not None and old.holds_quota and not anew:
        return objects
    created = old.metadata.creation_timestamp if old is not None and not anew else ""
    workload = Workload(
        api_version=old.api_version if old is not None else "kueue.x-k8s.io/v1beta2",
        kind="Workload",
        metadata=ObjectMeta(
            name=old.name if old is not None else f"{kind_of(now).lower()}-{now.name}",
            namespace=now.namespace,
            uid=old.metadata.uid if old is not None else f"{_TRIAL_UID}-workload",
            creation_timestamp=created,
            owner_references=(OwnerReference(kind=kind_of(now), name=now.name, uid=now.metadata.uid, controller=True),),
        ),
        spec=WorkloadSpec(
            queue_name=_queue(now),
            priority=_priority(index, now),
            pod_sets=_pod_sets(now, old),
        ),
        status=WorkloadStatus(),
    )
    return msgspec.structs.replace(
        objects, workloads=(*_without(objects, workloads).workloads, workload), jobs=_suspended(objects, now)
    )


def _pod_sets(now: Work, old: Workload | None) -> tuple[WorkloadPodSet, ...]:
    """The PodSets that Kueue makes of work; those that its spec does not tell are as they were."""
    told = {} if old is None else {each.name: each for each in old.spec.pod_sets}
    if not isinstance(now, Owner) or not told:
        return tuple(_pod_set(now, part.name, part) for part in pods_of_work(now))
    return tuple(_of_owner(now, each) for each in told.values())


def _of_owner(now: Owner, old: WorkloadPodSet) -> WorkloadPodSet:
    group = group_named(now, old.name)
    if group is not None:
        return _pod_set(now, old.name, PodsToCome(old.name, group.count // max(1, group.copies), group.template))
    if now.nodes is not None and not now.groups and old.name == TRAINER:
        return msgspec.structs.replace(old, count=now.nodes.value)
    return old


def _pod_set(now: Work, name: str, part: PodsToCome) -> WorkloadPodSet:
    return WorkloadPodSet(
        name=name,
        count=part.count,
        min_count=_least(now, part),
        template=part.template,
        topology_request=_closeness(part.template.metadata.annotations),
    )


def _grown(objects: Objects, growing: Workload, now: Work) -> Objects:
    """What runs is let be, and what it waits to become is of another size."""
    counts = {part.name: part.count for part in pods_of_work(now)}
    parts = tuple(
        msgspec.structs.replace(each, count=counts.get(each.name, each.count)) for each in growing.spec.pod_sets
    )
    spec = msgspec.structs.replace(growing.spec, pod_sets=parts)
    changed = msgspec.structs.replace(growing, spec=spec, status=WorkloadStatus())
    listed = tuple(changed if each.key == growing.key else each for each in objects.workloads)
    return msgspec.structs.replace(objects, workloads=listed)


def _least(now: Work, part: PodsToCome) -> int | None:
    """Pods that a Job is content with, if it says so."""
    told = now.metadata.annotations.get("kueue.x-k8s.io/job-min-parallelism", "")
    return int(told) if isinstance(now, Job) and told.isdecimal() and 0 < int(told) < part.count else None


def _closeness(annotations: Mapping[str, str]) -> TopologyAsk | None:
    """How close together pods ask to be, as Kueue reads it off their template."""
    said = {key.removeprefix(_TOPOLOGY): value for key, value in annotations.items() if key.startswith(_TOPOLOGY)}
    size = said.get("slice-size", "")
    ask = TopologyAsk(
        required=said.get("required-topology"),
        preferred=said.get("preferred-topology"),
        unconstrained=True if said.get("unconstrained-topology") == "true" else None,
        pod_set_slice_required_topology=said.get("slice-required-topology"),
        pod_set_slice_size=int(size) if size.isdecimal() else None,
        pod_set_group_name=said.get("group-name"),
    )
    return None if ask == TopologyAsk() else ask


def _suspended(objects: Objects, now: Work) -> tuple[Job, ...]:
    """The Jobs, with this one suspended: Kueue's webhook does that to what is queued."""
    if not isinstance(now, Job):
        return objects.jobs
    spec = msgspec.structs.replace(now.spec, suspend=True)
    return tuple(
        msgspec.structs.replace(each, spec=spec) if each.metadata.uid == now.metadata.uid else each
        for each in objects.jobs
    )


def _priority(index: Index, now: Work) -> int:
    named = now.metadata.labels.get(KUEUE_PRIORITY, "")
    if named in index.workload_priority_classes:
        return index.workload_priority_classes[named].value
    for part in pods_of_work(now):
        return _pod_priority(index, part.template.spec)
    return 0


def _pod_priority(index: Index, spec: PodSpec) -> int:
    if spec.priority_class_name in index.priority_classes:
        return index.priority_classes[spec.priority_class_name].value
    default = next((each.value for each in index.objects.priority_classes if each.global_default), 0)
    return spec.priority if spec.priority is not None else default


def _pods(index: Index, now: Work, part: PodsToCome, running: int, gone: Collection[str]) -> Iterator[Pod]:
    """The pods that are made: none that a LimitRange or a ResourceQuota refuses."""
    if breaches_in(index, now.namespace, part.template.spec):
        return
    admitted_spec = admitted(index, now.namespace, part.template.spec)
    room = room_for(index, now.namespace, admitted_spec, gone)
    most = min(part.count, _MOST_PODS) if room is None else min(part.count, _MOST_PODS, running + room)
    spec = msgspec.structs.replace(admitted_spec, priority=_pod_priority(index, part.template.spec))
    owner = OwnerReference(kind=kind_of(now), name=now.name, uid=now.metadata.uid, controller=True)
    for number in range(running, most):
        meta = msgspec.structs.replace(
            part.template.metadata,
            name=f"{now.name}-{part.name}-{number}",
            namespace=now.namespace,
            uid=f"{_TRIAL_UID}-{part.name}-{number}",
            owner_references=(owner,),
        )
        yield Pod(api_version="v1", kind="Pod", metadata=meta, spec=spec)


def _without(objects: Objects, workloads: list[Workload]) -> Objects:
    gone = {each.key for each in workloads}
    kept = tuple(each for each in objects.workloads if each.key not in gone)
    return msgspec.structs.replace(objects, workloads=kept)


def _replaced(objects: Objects, old: Work, new: Work) -> Objects:
    field = {Job: "jobs", Replicas: "replicas", Owner: "owners", CronJob: "cron_jobs", DaemonSet: "daemon_sets"}[
        type(old)
    ]
    listed = tuple(new if each is old else each for each in getattr(objects, field))
    return msgspec.structs.replace(objects, **{field: listed})

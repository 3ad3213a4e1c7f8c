"""Pods of a service that Kueue queues one by one: it makes a Workload of each, and none of the service.

What keeps such a service keeps its pods. They are alike, so those that wait are asked about as one: as a Workload of as
many pods, in the place of the one that Kueue comes to first. So the numbers are those of all of them, and what would
help lets all of them in.
"""

from __future__ import annotations

import msgspec

from allotment.diagnose.case import Case, reference_of
from allotment.model.observed.index import Index
from allotment.model.observed.pods import Pod
from allotment.model.observed.queueing import Workload
from allotment.model.observed.work import Replicas

_Queued = tuple[Pod, Workload]


def queued_one_by_one(case: Case) -> list[_Queued]:
    """Waiting pods of a service with their own Workloads that hold no quota, the one that Kueue looked at first."""
    if not isinstance(case.subject, Replicas) or case.workload is not None:
        return []
    held = (pod for pod in case.waiting_pods if pod.spec.scheduling_gates)
    found = [(pod, each) for pod in held for each in case.index.workloads_of.get(pod.metadata.uid, ())]
    waiting = [each for each in found if not each[1].holds_quota and not each[1].says("Finished")]
    return sorted(waiting, key=_place)


def _place(each: _Queued) -> tuple[bool, str, str]:
    workload = each[1]
    return workload.condition("QuotaReserved") is None, workload.metadata.creation_timestamp, workload.name


def pods_case(case: Case) -> Case | None:
    """The case of such pods as one; None where the subject is no such service, or none of its pods waits so.

    Of one of many subjects only the first pod is asked about: its cause is that of all, and is found much quicker.
    """
    waiting = queued_one_by_one(case)
    if not waiting:
        return None
    pod, workload = waiting[0]
    source, index = case.source, case.index
    if len(waiting) > 1 and workload.spec.pod_sets and not case.one_of_many:
        rest = {each.key for _, each in waiting[1:]}
        (part, *further) = workload.spec.pod_sets
        parts = (msgspec.structs.replace(part, count=len(waiting)), *further)
        whole = msgspec.structs.replace(workload, spec=msgspec.structs.replace(workload.spec, pod_sets=parts))
        kept = tuple(whole if each is workload else each for each in source.objects.workloads if each.key not in rest)
        source = msgspec.structs.replace(source, objects=msgspec.structs.replace(source.objects, workloads=kept))
        index = Index(source, case.index)
    found = Case(case.snapshot, source, reference_of(pod), pod, index=index)
    found.supposed, found.brief, found.one_of_many = case.supposed, case.brief, case.one_of_many
    return found

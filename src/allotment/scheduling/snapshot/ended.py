"""Workloads that have ended and are still to be seen: what they asked for, from when until when they had it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from allotment.model.labels import KUEUE_QUEUE
from allotment.model.moments import milliseconds
from allotment.model.observed import queueing as observed
from allotment.model.observed.index import Index
from allotment.model.observed.pods import Pod
from allotment.model.observed.work import Job
from allotment.scheduling.queueing.inputs import PodSetAdmission, Workload
from allotment.scheduling.snapshot.requests import CountedPod, Counting
from allotment.scheduling.snapshot.settings import settings_of
from allotment.scheduling.snapshot.workloads import admissions_of, admitted_requests, reserved_at, workload_of

_THOUSAND: Final = 1000


@dataclass(frozen=True, slots=True)
class EndedWorkload:
    """A workload that got quota once and is done. Times are milliseconds.

    Attributes:
        workload: as it queued.
        pod_sets: what it was given.
        reserved_at: when it got its quota, the last time.
        ended_at: when it was done.
    """

    workload: Workload
    pod_sets: tuple[PodSetAdmission, ...]
    reserved_at: int
    ended_at: int


@dataclass(frozen=True, slots=True)
class EndedRun:
    """Work of a queue that ran and ended, of which nothing is known but for how long.

    Attributes:
        name: namespace/name of the Job or pod.
        queue: its ClusterQueue.
        runtime: milliseconds.
        ended_at: milliseconds.
    """

    name: str
    queue: str
    runtime: int
    ended_at: int


def ended_workloads(index: Index) -> tuple[EndedWorkload, ...]:
    """Of a source, by the time of their end. Those that never had quota, or ended elsewhere, are left out."""
    settings = settings_of(index)
    counting = Counting(index, settings)
    found: list[EndedWorkload] = []
    for each in index.objects.workloads:
        began, ended = reserved_at(each), _finished_at(each)
        admission = each.status.admission
        if admission is None or not began or ended < began:
            continue
        counted: list[CountedPod] = [
            counting.of(each.namespace, part.template.spec, part.name) for part in each.spec.pod_sets
        ]
        charged = admitted_requests(each, counted)
        workload = workload_of(each, admission.cluster_queue, charged, settings)
        found.append(EndedWorkload(workload, admissions_of(each), began, ended))
    return tuple(sorted(found, key=lambda each: each.ended_at))


def _finished_at(workload: observed.Workload) -> int:
    finished = workload.condition("Finished")
    return 0 if finished is None or not finished.true else milliseconds(finished.last_transition_time)


def ended_runs(index: Index) -> tuple[EndedRun, ...]:
    """Jobs and pods of a queue whose Workload is gone: Kueue may delete those of ended work."""
    found = [*_jobs(index), *_pods(index)]
    return tuple(sorted(found, key=lambda each: each.ended_at))


def _jobs(index: Index) -> Iterator[EndedRun]:
    for job in index.objects.jobs:
        queue = _queue(index, job)
        over = [each for each in job.status.conditions if each.type in ("Complete", "Failed") and each.status == "True"]
        if not queue or not over or index.workloads_of.get(job.metadata.uid):
            continue
        began = milliseconds(job.status.start_time)
        ended = milliseconds(job.status.completion_time or over[-1].last_transition_time)
        if began and ended > began:
            yield EndedRun(job.key, queue, ended - began, ended)


def _pods(index: Index) -> Iterator[EndedRun]:
    for pod in index.objects.pods:
        queue = _queue(index, pod) if pod.ended else ""
        if not queue or pod.metadata.controller is not None or index.workloads_of.get(pod.metadata.uid):
            continue
        began = milliseconds(pod.status.start_time)
        ended = _stopped(pod)
        if began and ended > began:
            yield EndedRun(pod.key, queue, ended - began, ended)


def _stopped(pod: Pod) -> int:
    ends = [
        milliseconds(each.state.terminated.finished_at)
        for each in pod.status.container_statuses
        if each.state.terminated is not None
    ]
    return max(ends, default=0)


def _queue(index: Index, each: Job | Pod) -> str:
    name = each.metadata.labels.get(KUEUE_QUEUE, "")
    local = index.local_queues.get(f"{each.namespace}/{name}") if name else None
    return "" if local is None else local.spec.cluster_queue


def limits_of(index: Index) -> dict[str, int]:
    """How long workloads may run, by ``namespace/name``, in milliseconds: their own limit, or their Job's or pods'.

    An upper bound and no estimate: most work ends long before.
    """
    found: dict[str, int] = {}
    for each in index.objects.workloads:
        limits = [each.spec.maximum_execution_time_seconds]
        limits += [part.template.spec.active_deadline_seconds for part in each.spec.pod_sets[:1]]
        for owner in each.metadata.owner_references:
            above = index.owner(owner, each.metadata)
            if isinstance(above, Job):
                limits.append(above.spec.active_deadline_seconds)
        known = [limit for limit in limits if limit is not None and limit > 0]
        if known:
            found[each.key] = _THOUSAND * min(known)
    return found

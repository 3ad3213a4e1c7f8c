"""What Kueue would do now in a made-up cluster: books are opened and closed, quota is given and taken.

What is decided is decided by the twin, on what the cluster shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Any, Final

import msgspec

from allotment.model.labels import KUEUE_PRIORITY, KUEUE_QUEUE
from allotment.model.observed.queueing import ResourceFlavor, Workload
from allotment.model.observed.work import Job
from allotment.scheduling.queueing.inputs import PodSetAdmission
from allotment.scheduling.queueing.inputs import Workload as QueuedWorkload
from allotment.scheduling.snapshot.attempts import Attempt, AttemptOutcome, Settlement
from allotment.scheduling.snapshot.queueing import QueueingView
from allotment.simulation.demo.sight import ClusterSight, is_over
from allotment.simulation.demo.writes import (
    BATCH,
    CORE,
    KUEUE,
    DropObject,
    MakeObject,
    PatchObject,
    Write,
    conditions_with,
    key_in,
    owned_by,
    set_false,
    set_true,
    status_of,
)

_LONGEST: Final = 50
"""Characters of a Job's name that its Workload has."""


def keep_books(sight: ClusterSight) -> Iterator[Write]:
    """Workloads come with their Jobs, are finished with them, and go with them."""
    for job in sight.jobs:
        books = sight.books.get(job.metadata.uid)
        if books is None:
            if KUEUE_QUEUE in job.metadata.labels and not job.metadata.deletion_timestamp and not is_over(job):
                yield MakeObject(_books_for(sight, job))
        elif is_over(job) and not books.says("Finished"):
            done = set_true("Finished", "Succeeded", "Job finished successfully")
            yield status_of(
                KUEUE,
                "Workload",
                books,
                {"conditions": conditions_with(books.status.conditions, sight.now, done)},
            )
    for uid, books in sight.books.items():
        if uid not in sight.job_of:
            yield DropObject(KUEUE, key_in(KUEUE, "Workload", books), books.metadata.uid)


def _books_for(sight: ClusterSight, job: Job) -> dict[str, Any]:
    spec = sight.raw[job.metadata.uid]["spec"]
    digest = blake2b(job.metadata.uid.encode(), digest_size=3).hexdigest()[:5]
    rung = job.metadata.labels.get(KUEUE_PRIORITY, "")
    return {
        "apiVersion": KUEUE,
        "kind": "Workload",
        "metadata": {
            "name": f"job-{job.name[:_LONGEST]}-{digest}",
            "namespace": job.namespace,
            "creationTimestamp": sight.time,
            "labels": {"kueue.x-k8s.io/job-uid": job.metadata.uid},
            "ownerReferences": owned_by(BATCH, "Job", job),
        },
        "spec": {
            "active": True,
            "queueName": job.metadata.labels[KUEUE_QUEUE],
            "priority": _priority(sight, rung, spec["template"]["spec"].get("priorityClassName", "")),
            **({"priorityClassRef": _rung(rung)} if rung else {}),
            "podSets": [{"name": "main", "count": spec.get("parallelism") or 1, "template": spec["template"]}],
        },
    }


def _rung(name: str) -> Mapping[str, str]:
    return {"group": "kueue.x-k8s.io", "kind": "WorkloadPriorityClass", "name": name}


def _priority(sight: ClusterSight, rung: str, of_pods: str) -> int:
    rungs = {each.name: each.value for each in sight.index.objects.workload_priority_classes}
    return rungs.get(rung, sight.ranks.get(of_pods, 0))


def lines_of(view: QueueingView) -> Mapping[str, list[dict[str, Any]]]:
    """Who waits in each queue, in the order in which Kueue tries them, as its visibility API tells it."""
    lines: dict[str, list[dict[str, Any]]] = {each.name: [] for each in view.state.cluster_queues}
    for each in view.pending:
        namespace, _, name = each.name.partition("/")
        line = lines[each.cluster_queue]
        line.append(
            {
                "metadata": {"name": name, "namespace": namespace},
                "localQueueName": each.local_queue,
                "positionInClusterQueue": len(line),
                "priority": each.priority,
            }
        )
    return lines


def give_quota(sight: ClusterSight, view: QueueingView) -> Iterator[Write]:
    """One moment of Kueue: who waits is let in, or told why not; who is preempted for it is turned out.

    Args:
        sight: the cluster.
        view: the same, as Kueue sees it.
    """
    settlement = Settlement(view, evicting=False)
    asked = {each.name: each for each in view.pending}
    of_name = {each.key: each for each in sight.index.objects.workloads}
    turned_out: set[str] = set()
    for name, waiting in asked.items():
        attempt = settlement.of(name)
        for victim in attempt.victims:
            if victim.workload not in turned_out and victim.workload in of_name:
                turned_out.add(victim.workload)
                yield from _turn_out(sight, of_name[victim.workload], of_name[name])
        if attempt.outcome is AttemptOutcome.STARTS:
            yield from _let_in(sight, of_name[name], waiting, attempt.pod_sets)
        else:
            yield from _tell(sight, of_name[name], attempt)


def _tell(sight: ClusterSight, books: Workload, attempt: Attempt) -> Iterator[Write]:
    known = books.condition("QuotaReserved")
    said = attempt.message
    if not said or (known is not None and known.message == said and not known.true):
        return
    refused = set_false("QuotaReserved", "Pending", said)
    yield status_of(
        KUEUE, "Workload", books, {"conditions": conditions_with(books.status.conditions, sight.now, refused)}
    )


def _let_in(
    sight: ClusterSight,
    books: Workload,
    asked: QueuedWorkload,
    given: tuple[PodSetAdmission, ...],
) -> Iterator[Write]:
    job = _job_of(sight, books)
    if job is None:
        return
    sizes = {each.name: dict(each.requests) for each in asked.pod_sets}
    parts = [
        {
            "name": each.name,
            "count": each.count,
            "flavors": dict(each.flavors),
            "resourceUsage": {
                resource: _amount(resource, amount * each.count) for resource, amount in sizes[each.name].items()
            },
        }
        for each in given
    ]
    conditions = [
        set_true("QuotaReserved", "QuotaReserved", f"Quota reserved in ClusterQueue {asked.cluster_queue}"),
        set_true("Admitted", "Admitted", "The workload is admitted"),
    ]
    turned_out = books.condition("Evicted")
    if turned_out is not None and turned_out.true:
        conditions.append(set_false("Evicted", "QuotaReserved", f"Previously: {turned_out.message}"))
    yield status_of(
        KUEUE,
        "Workload",
        books,
        {
            "admission": {"clusterQueue": asked.cluster_queue, "podSetAssignments": parts},
            "conditions": conditions_with(books.status.conditions, sight.now, *conditions),
        },
    )
    names = dict.fromkeys(name for each in given for _, name in each.flavors)
    pods = {"spec": _narrowed(sight, job, books, [each for each in sight.index.objects.flavors if each.name in names])}
    yield PatchObject(BATCH, key_in(BATCH, "Job", job), {"spec": {"suspend": False, "template": pods}})
    yield status_of(BATCH, "Job", job, {"startTime": sight.time})


def _narrowed(sight: ClusterSight, job: Job, books: Workload, flavors: Sequence[ResourceFlavor]) -> dict[str, Any]:
    """What the pods of a Job that is let in ask of nodes: what they asked for, and what their flavors add."""
    asked = books.spec.pod_sets[0].template.spec
    selector = {
        **{key: value for each in flavors for key, value in each.spec.node_labels.items()},
        **asked.node_selector,
    }
    now = sight.raw[job.metadata.uid]["spec"]["template"]["spec"].get("nodeSelector") or {}
    tolerations = [*asked.tolerations, *(each for flavor in flavors for each in flavor.spec.tolerations)]
    return {
        # What an earlier flavor added goes.
        "nodeSelector": {**dict.fromkeys(now.keys() - selector.keys()), **selector},
        "tolerations": [msgspec.to_builtins(each) for each in tolerations],
    }


def _amount(resource: str, amount: int) -> str:
    return f"{amount}m" if resource == "cpu" else str(amount)


def _turn_out(sight: ClusterSight, books: Workload, winner: Workload) -> Iterator[Write]:
    """A workload loses its quota for another one: its pods end, and it queues again."""
    job, for_whom = _job_of(sight, books), winner.metadata.controller
    said = (
        f"Preempted to accommodate a workload (UID: {winner.metadata.uid}, JobUID: "
        f"{'' if for_whom is None else for_whom.uid}) due to prioritization in the ClusterQueue"
    )
    counted = () if books.status.scheduling_stats is None else books.status.scheduling_stats.evictions
    often = 1 + sum(each.count for each in counted if each.reason == "Preempted")
    yield status_of(
        KUEUE,
        "Workload",
        books,
        {
            "admission": None,
            "conditions": conditions_with(
                books.status.conditions,
                sight.now,
                set_true("Evicted", "Preempted", said),
                set_false("QuotaReserved", "Pending", said),
                set_false("Admitted", "NoReservation", "The workload has no reservation"),
                set_true("Requeued", "Preempted", said),
            ),
            "schedulingStats": {"evictions": [{"reason": "Preempted", "count": often}]},
        },
    )
    if job is not None:
        yield PatchObject(BATCH, key_in(BATCH, "Job", job), {"spec": {"suspend": True}})
        yield status_of(BATCH, "Job", job, {"startTime": None, "active": 0, "ready": 0})
        for pod in sight.pods_of.get(job.metadata.uid, ()):
            if not pod.ended:
                yield DropObject(CORE, key_in(CORE, "Pod", pod), pod.metadata.uid)


def _job_of(sight: ClusterSight, books: Workload) -> Job | None:
    owner = books.metadata.controller
    return None if owner is None else sight.job_of.get(owner.uid)

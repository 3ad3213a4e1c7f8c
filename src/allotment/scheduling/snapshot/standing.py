"""Where each observed Workload stands with Kueue: in a queue, holding quota, or out of both and why.

The order of the tests is Kueue's own: what its controllers look at first hides what comes after.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from allotment.model.moments import milliseconds
from allotment.model.observed import queueing as observed
from allotment.model.observed.base import Selector
from allotment.model.observed.index import Index
from allotment.scheduling.kinds import Operator, Requirement, requirement_matches
from allotment.scheduling.snapshot.queues import Inactivity, held
from allotment.scheduling.snapshot.requests import CountedPod

_GATED_BY: Final = "kueue.x-k8s.io/admission-gated-by"
_OPERATORS: Final = {each.value: each for each in Operator}
_FAILED_CHECKS: Final = ("Retry", "Rejected")


class OutOfQueue(StrEnum):
    """Why Kueue does not try a workload, whatever quota is free."""

    FINISHED = "finished"
    """It has ended; its object lies about."""
    DEACTIVATED = "deactivated"
    """`spec.active` is false: by a person, or by Kueue after too many tries or a rejected check."""
    AWAITS_CHECKS = "awaits-checks"
    """Its quota is reserved; AdmissionChecks have not said yes yet."""
    ON_HOLD = "on-hold"
    """Kept back by its own job."""
    GATED = "gated"
    """An annotation keeps it back for a controller that it names."""
    AWAITS_REPLACEMENT = "awaits-replacement-pods"
    """A group of pods that lacks some."""
    NO_LOCAL_QUEUE = "no-local-queue"
    """Its LocalQueue is not there."""
    LOCAL_QUEUE_STOPPED = "local-queue-stopped"
    """Its LocalQueue is stopped."""
    NO_CLUSTER_QUEUE = "no-cluster-queue"
    """Its LocalQueue leads to a ClusterQueue that is not there."""
    NOT_SEEN = "not-seen"
    """Its queues could not be read: nobody can say."""
    BACKING_OFF = "backing-off"
    """It was sent back, and its next try has a time."""
    NOT_REQUEUED = "not-requeued"
    """It was sent back, and nothing has put it in the queue again."""
    CHECK_FAILED = "check-failed"
    """An AdmissionCheck said no, or asked for another try that has not begun."""
    QUEUE_STOPPED = "cluster-queue-stopped"
    """Its ClusterQueue is stopped. It waits in the queue all the same."""
    QUEUE_INACTIVE = "cluster-queue-inactive"
    """Its ClusterQueue names what is not there or not ready. It waits in the queue all the same."""
    NAMESPACE_MISMATCH = "namespace-mismatch"
    """Its ClusterQueue does not take its namespace."""
    INVALID_REQUESTS = "invalid-requests"
    """It asks for more than its own limits."""
    LIMIT_RANGE = "limit-range"
    """Its pods would break a limit range of the namespace."""


IN_A_QUEUE: Final = (OutOfQueue.QUEUE_STOPPED, OutOfQueue.QUEUE_INACTIVE)
"""Where a workload waits in its queue though nobody tries it."""


@dataclass(frozen=True, slots=True)
class NotQueued:
    """Why a workload is not tried.

    Attributes:
        reason: the kind.
        about: what it is about: a queue, checks, what is missing; names from the cluster, to be shown as such.
        message: what Kueue writes into the condition for it; empty where it writes nothing.
        until: when it will be tried again, in milliseconds; 0 = that has no time.
    """

    reason: OutOfQueue
    about: tuple[str, ...] = ()
    message: str = ""
    until: int = 0


@dataclass(frozen=True, slots=True)
class QueueSurroundings:
    """What the standing of a workload depends on.

    Attributes:
        index: the source.
        inactive: by ClusterQueue, why it admits nothing.
        unseen: plurals of the kinds that could not be read, or not everywhere.
        now: the moment, in milliseconds.
    """

    index: Index
    inactive: Mapping[str, Inactivity]
    unseen: frozenset[str]
    now: int


def before_queue(workload: observed.Workload) -> NotQueued | None:
    """Why a workload that holds no quota is not for any queue, by what it says of itself."""
    if workload.says("Finished"):
        return NotQueued(OutOfQueue.FINISHED)
    if not workload.spec.active:
        evicted = workload.condition("Evicted")
        if evicted is not None and evicted.true and evicted.reason.startswith("Deactivated"):
            return NotQueued(OutOfQueue.DEACTIVATED, (evicted.reason,), evicted.message)
        return NotQueued(OutOfQueue.DEACTIVATED, (), "The workload is deactivated")
    if workload.holds_quota:
        return None
    quota = workload.condition("QuotaReserved")
    if quota is not None and not quota.true and quota.reason == "OnHold":
        return NotQueued(OutOfQueue.ON_HOLD, message=quota.message)
    gate = workload.metadata.annotations.get(_GATED_BY, "")
    if gate:
        return NotQueued(OutOfQueue.GATED, (gate,))
    if workload.says("WaitingForReplacementPods"):
        return NotQueued(OutOfQueue.AWAITS_REPLACEMENT)
    return None


def awaited_checks(workload: observed.Workload) -> NotQueued | None:
    """For one that holds quota: which checks have not said yes."""
    if workload.says("Admitted"):
        return None
    names = tuple(each.name for each in workload.status.admission_checks if each.state != "Ready")
    return NotQueued(OutOfQueue.AWAITS_CHECKS, names)


def queue_of(workload: observed.Workload, around: QueueSurroundings) -> tuple[str, NotQueued | None]:
    """The ClusterQueue of a workload without quota, and why it does not reach it."""
    name = workload.spec.queue_name
    local = around.index.local_queues.get(f"{workload.namespace}/{name}")
    if local is None:
        if name and not _local_queues_seen(around, workload.namespace):
            return "", NotQueued(OutOfQueue.NOT_SEEN, (name,))
        return "", NotQueued(OutOfQueue.NO_LOCAL_QUEUE, (name,), f"LocalQueue {name} doesn't exist")
    if held(local.spec.stop_policy):
        return local.spec.cluster_queue, NotQueued(
            OutOfQueue.LOCAL_QUEUE_STOPPED, (name,), f"LocalQueue {name} is inactive"
        )
    queue = local.spec.cluster_queue
    if queue not in around.index.cluster_queues:
        if "clusterqueues" in around.unseen:
            return queue, NotQueued(OutOfQueue.NOT_SEEN, (queue,))
        return queue, NotQueued(OutOfQueue.NO_CLUSTER_QUEUE, (queue,), f"ClusterQueue {queue} doesn't exist")
    return queue, None


def _local_queues_seen(around: QueueSurroundings, namespace: str) -> bool:
    """Whether those of a namespace were read: in the whole cluster, or there where the whole may not be listed."""
    if "localqueues" not in around.unseen:
        return True
    source = around.index.source
    lost = {gap.namespace for gap in source.gaps if gap.what == "localqueues" and gap.reason != "damaged"}
    return namespace in source.namespaces and namespace not in lost


def in_queue(
    workload: observed.Workload, queue: observed.ClusterQueue, around: QueueSurroundings, counted: list[CountedPod]
) -> NotQueued | None:
    """Why one that has reached its ClusterQueue is not tried, or is turned away before any quota is looked at."""
    back = _backoff(workload, around.now)
    if back is not None:
        return back
    failed = tuple(each.name for each in workload.status.admission_checks if each.state in _FAILED_CHECKS)
    if failed:
        return NotQueued(OutOfQueue.CHECK_FAILED, failed, "The workload has failed admission checks")
    inactive = around.inactive[queue.name]
    if not inactive.active:
        reason = OutOfQueue.QUEUE_INACTIVE if inactive.broken else OutOfQueue.QUEUE_STOPPED
        return NotQueued(reason, (queue.name,), f"ClusterQueue {queue.name} is inactive")
    namespace = around.index.namespaces.get(workload.namespace)
    if namespace is not None and not selects(queue.spec.namespace_selector, namespace.metadata.labels):
        return NotQueued(
            OutOfQueue.NAMESPACE_MISMATCH, (queue.name,), "workload namespace doesn't match ClusterQueue selector"
        )
    for pod_set, one in zip(workload.spec.pod_sets, counted, strict=True):
        if one.problem:
            reason = OutOfQueue.LIMIT_RANGE if one.by_range else OutOfQueue.INVALID_REQUESTS
            return NotQueued(reason, (pod_set.name,), one.problem)
    return None


def _backoff(workload: observed.Workload, now: int) -> NotQueued | None:
    requeued = workload.condition("Requeued")
    state = workload.status.requeue_state
    until = 0 if state is None else milliseconds(state.requeue_at)
    if until > now:
        return NotQueued(OutOfQueue.BACKING_OFF, until=until)
    if requeued is not None and requeued.status == "False":
        return NotQueued(OutOfQueue.NOT_REQUEUED, (requeued.reason,))
    return None


def selects(selector: Selector | None, labels: Mapping[str, str]) -> bool:
    """Whether a label selector matches; none at all selects nothing, one without conditions everything."""
    if selector is None:
        return False
    if any(labels.get(key) != value for key, value in selector.match_labels.items()):
        return False
    return all(
        each.operator in _OPERATORS
        and requirement_matches(Requirement(each.key, _OPERATORS[each.operator], each.values), labels)
        for each in selector.match_expressions
    )

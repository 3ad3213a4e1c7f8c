"""Why a ClusterQueue admits nothing although nobody stopped it: recomputed from what it names."""

from __future__ import annotations

from allotment.diagnose.case import Case
from allotment.diagnose.rules.queue.queued import waits_for_quota
from allotment.model.observed.queueing import ClusterQueue
from allotment.scheduling.snapshot.queues import Inactivity, inactivity_of, rings


def broken_queue(case: Case) -> tuple[ClusterQueue, Inactivity] | None:
    """The subject's ClusterQueue, if something that it names is missing or not ready."""
    queue = case.cluster_queue
    if queue is None or not (waits_for_quota(case) or awaits_checks(case)):
        return None
    why = _inactivity(case, queue)
    return (queue, why) if why.broken else None


class _Inactivities(dict[str, Inactivity]):
    """Why ClusterQueues of a source admit nothing, by name."""


def _inactivity(case: Case, queue: ClusterQueue) -> Inactivity:
    kept = case.index.beside.once(_Inactivities, _Inactivities)
    if queue.name not in kept:
        unseen = frozenset(gap.what for gap in case.source.gaps if gap.reason != "damaged")
        kept[queue.name] = inactivity_of(queue, case.index, rings(case.index), unseen)
    return kept[queue.name]


def awaits_checks(case: Case) -> bool:
    """Whether the subject holds quota and is not admitted: its checks are still to be answered."""
    workload = case.workload
    return workload is not None and workload.holds_quota and not workload.says("Admitted")

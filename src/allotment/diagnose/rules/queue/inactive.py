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
    unseen = frozenset(gap.what for gap in case.source.gaps if gap.reason != "damaged")
    why = inactivity_of(queue, case.index, rings(case.index), unseen)
    return (queue, why) if why.broken else None


def awaits_checks(case: Case) -> bool:
    """Whether the subject holds quota and is not admitted: its checks are still to be answered."""
    workload = case.workload
    return workload is not None and workload.holds_quota and not workload.says("Admitted")

"""The ClusterQueue was deleted and waits for what still runs in it."""

from __future__ import annotations

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding
from allotment.diagnose.rules.queue.queued import other_queues, waits_for_quota
from allotment.model.explanation import CauseVerdict, Evidence


def find(case: Case) -> Finding | None:
    """A deletion time on the ClusterQueue: it admits nothing any more, and goes when the last of its work ends."""
    queue = case.cluster_queue
    if queue is None or not queue.metadata.deletion_timestamp or not waits_for_quota(case):
        return None
    return Finding(
        "clusterqueue-terminating",
        CauseVerdict.MISCONFIGURED,
        f"the ClusterQueue {queue.name} is being deleted: it admits nothing any more, and goes when its "
        f"{queue.status.reserving_workloads} running workloads end",
        facts={"cluster_queue": queue.name, "reserving": queue.status.reserving_workloads},
        evidence=(
            Evidence(
                reference_of(queue), "metadata.deletionTimestamp", queue.metadata.deletion_timestamp, "being deleted"
            ),
        ),
        proposals=tuple(other_queues(case)),
    )

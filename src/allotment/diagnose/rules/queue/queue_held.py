"""The ClusterQueue was stopped."""

from __future__ import annotations

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding
from allotment.diagnose.rules.queue.queued import other_queues, started_again, waits_for_quota
from allotment.model.explanation import CauseVerdict, Doer, Evidence
from allotment.scheduling.snapshot.queues import held


def find(case: Case) -> Finding | None:
    """A stop policy on the ClusterQueue; what holds quota already is stopped only by HoldAndDrain."""
    queue = case.cluster_queue
    if queue is None or not held(queue.spec.stop_policy):
        return None
    draining = queue.spec.stop_policy == "HoldAndDrain"
    if not waits_for_quota(case) and not (draining and case.workload is not None):
        return None
    target = reference_of(queue)
    drained = " and evicts what ran" if draining else ""
    return Finding(
        "queue-held",
        CauseVerdict.MISCONFIGURED,
        f"the ClusterQueue {queue.name} is stopped (stopPolicy {queue.spec.stop_policy}): it admits nothing{drained}",
        facts={"cluster_queue": queue.name, "stopPolicy": queue.spec.stop_policy},
        evidence=(Evidence(target, "spec.stopPolicy", queue.spec.stop_policy, "the queue is stopped"),),
        proposals=(
            started_again(target, Doer.PLATFORM, f"start the ClusterQueue {queue.name} again"),
            *other_queues(case),
        ),
    )

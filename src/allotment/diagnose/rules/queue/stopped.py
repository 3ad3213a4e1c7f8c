"""A ClusterQueue or a LocalQueue was stopped: both in the same way."""

from __future__ import annotations

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding
from allotment.diagnose.rules.queue.queued import other_queues, started_again, waits_for_quota
from allotment.model.explanation import CauseVerdict, Doer, Evidence
from allotment.model.observed.index import kind_of
from allotment.model.observed.queueing import ClusterQueue, LocalQueue
from allotment.scheduling.snapshot.queues import held


def local_queue(case: Case) -> Finding | None:
    """A stop policy on the LocalQueue."""
    return _stopped(case, "localqueue-held", case.local_queue)


def cluster_queue(case: Case) -> Finding | None:
    """A stop policy on the ClusterQueue."""
    return _stopped(case, "queue-held", case.cluster_queue)


def _stopped(case: Case, cause: str, queue: ClusterQueue | LocalQueue | None) -> Finding | None:
    """A stop policy on a queue; what holds quota already is stopped only by HoldAndDrain."""
    if queue is None or not held(queue.spec.stop_policy):
        return None
    policy = queue.spec.stop_policy
    draining = policy == "HoldAndDrain"
    if not waits_for_quota(case) and not (draining and case.workload is not None):
        return None
    target = reference_of(queue)
    kind = kind_of(queue)
    where = f" in namespace {queue.namespace}" if queue.namespace else ""
    about = {"local_queue": queue.name, "namespace": queue.namespace} if where else {"cluster_queue": queue.name}
    drained = " and evicts what ran" if draining else ""
    return Finding(
        cause,
        CauseVerdict.MISCONFIGURED,
        f"the {kind} {queue.name}{where} is stopped (stopPolicy {policy}): it admits nothing{drained}",
        facts={**about, "stopPolicy": policy},
        evidence=(Evidence(target, "spec.stopPolicy", policy, "the queue is stopped"),),
        proposals=(
            started_again(
                case, target, Doer.TEAM_OWNER if where else Doer.PLATFORM, f"start the {kind} {queue.name} again"
            ),
            *other_queues(case),
        ),
    )

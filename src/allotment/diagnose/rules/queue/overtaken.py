"""Work of a higher priority came later, went first, and holds what is missing."""

from __future__ import annotations

from itertools import chain

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Deferred, Finding
from allotment.diagnose.others import called
from allotment.diagnose.releases import waits
from allotment.diagnose.rules.queue.line import attempt_of, raised_priority
from allotment.diagnose.rules.queue.raised_quota import raised_quota
from allotment.diagnose.shortage import book_of, device, fact, shortage_of
from allotment.model.explanation import CauseVerdict, Evidence
from allotment.model.grammar import being
from allotment.model.moments import milliseconds
from allotment.scheduling.queueing.inputs import PreemptionPolicy
from allotment.scheduling.snapshot.attempts import AttemptOutcome


def find(case: Case) -> Finding | None:
    """Without those of its own queue that came later and were admitted for their priority, it would fit."""
    attempt, lacks, workload = attempt_of(case), shortage_of(case), case.workload
    if attempt is None or lacks is None or workload is None or workload.says("Preempted"):
        return None
    if attempt.outcome not in (AttemptOutcome.REFUSED, AttemptOutcome.NOT_REACHED):
        return None
    row, own = lacks.row, lacks.workload
    if row is None or row.obstacle or row.beyond or not milliseconds(workload.metadata.creation_timestamp):
        return None
    short = sorted((each for each in row.needs if each.short), key=lambda each: not device(each.resource))
    if not short:
        return None
    need = short[0]
    book = book_of(case.twins)
    since, rank = own.queued_since, own.priority
    passed = [
        each
        for each in book.holders_above(own.cluster_queue, rank)
        if each.reserved_at > since < each.workload.queued_since
    ]
    if not passed or not book.fits(own.cluster_queue, row.wanted, without=passed):
        return None
    queue = case.index.cluster_queues[own.cluster_queue]
    first = case.index.workloads.get(passed[0].workload.name)
    name = passed[0].workload.name if first is None else called(case, first)
    text, quota = need.text, need.quota
    preempts = book.queues[own.cluster_queue].within_cluster_queue is not PreemptionPolicy.NEVER
    return Finding(
        "priority-below-others",
        CauseVerdict.WAITING,
        f"{name} came later and went first, for its priority {passed[0].workload.priority} is above {own.priority}: of "
        f"the {text(quota.nominal)} {need.resource} of the ClusterQueue {queue.name} {being(text(quota.free))} free, "
        f"and {being(text(need.wanted))} asked for",
        facts={
            "cluster_queue": queue.name,
            "strategy": queue.spec.queueing_strategy,
            "resource": need.resource,
            "flavor": row.flavor,
            "went_first": name,
            "its_priority": passed[0].workload.priority,
            "own_priority": own.priority,
            "requested": fact(need.resource, need.wanted),
            "nominal": fact(need.resource, quota.nominal),
            "free": fact(need.resource, quota.free),
        },
        evidence=()
        if first is None
        else (Evidence(reference_of(first), "spec.priority", passed[0].workload.priority),),
        proposals=Deferred(
            chain(
                raised_priority(case, passed[0].workload.priority, "it goes first then, and preempts")
                if preempts
                else (),
                waits(case, lacks, cost=2),
                raised_quota(case, lacks),
            )
        ),
        flavors=lacks.tried,
    )

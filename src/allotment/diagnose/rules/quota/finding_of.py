"""What all quota causes say alike: evidence, the table of flavors, and what helps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Deferred, Finding, Proposal
from allotment.diagnose.growing import grows_from, pods_of_slice
from allotment.diagnose.releases import kept_by_itself, quota_path, waits
from allotment.diagnose.rules.queue.line import higher_classes, raised_priority
from allotment.diagnose.rules.queue.queued import other_queues
from allotment.diagnose.rules.queue.raised_quota import raised_quota
from allotment.diagnose.rules.quota.reducing import reduced
from allotment.diagnose.rules.quota.refused import QuotaRefusal
from allotment.diagnose.shortage import book_of
from allotment.diagnose.unseen import quotas_seen
from allotment.model.explanation import CauseVerdict, Confidence, Evidence
from allotment.model.grammar import count
from allotment.model.observed.snapshot import MACHINE
from allotment.scheduling.queueing.inputs import PreemptionPolicy


def quota_finding(
    case: Case,
    found: QuotaRefusal,
    verdict: CauseVerdict,
    summary: str,
    facts: Mapping[str, Any],
    proposals: Iterable[Proposal],
) -> Finding:
    """A finding of this layer.

    Args:
        case: the subject.
        found: the refusal.
        verdict: of it, where it may start some day.
        summary: one sentence.
        facts: names and numbers, to which queue and flavor are added.
        proposals: what may help.
    """
    sure = quotas_seen(case)
    if verdict is CauseVerdict.WAITING and found.row is not None and _is_own(case, found):
        verdict, summary = CauseVerdict.MISCONFIGURED, f"{summary}; its own pods hold it and do not end"
    named: dict[str, Any] = {"cluster_queue": found.queue}
    if found.row is not None:
        named["flavor"] = found.row.flavor
    return Finding(
        found.cause.value,
        CauseVerdict.MISCONFIGURED if found.lacks.never else verdict,
        _growing(case, summary),
        facts={**named, **facts},
        evidence=tuple(_evidence(case, found)),
        confidence=Confidence.SURE if sure else Confidence.LIKELY,
        proposals=Deferred(proposals),
        flavors=found.lacks.tried,
        never=found.lacks.never and sure,
    )


def _is_own(case: Case, found: QuotaRefusal) -> bool:
    return all(kept_by_itself(case, found.queue, row.wanted) for row in found.lacks.usable)


def _growing(case: Case, summary: str) -> str:
    held = grows_from(case)
    if held is None:
        return summary
    return f"it runs with {count(pods_of_slice(held), 'pod')} and waits to have more of them: for those {summary}"


def _evidence(case: Case, found: QuotaRefusal) -> Iterator[Evidence]:
    queue = case.index.cluster_queues.get(found.queue)
    if queue is not None and found.row is not None and found.need is not None:
        path = quota_path(queue, found.row.flavor, found.need.resource)
        if path is not None:
            nominal = found.text(found.need.quota.nominal)
            field = f"{path.strip('/').replace('/', '.')}.nominalQuota"
            yield Evidence(reference_of(queue), field, nominal, f"{found.text(found.need.quota.used)} of it in use")
    workload = case.workload
    told = None if workload is None else workload.condition("QuotaReserved")
    if workload is not None and told is not None and told.message:
        field = "status.conditions[QuotaReserved].message"
        wrote = "as the server's queues say" if case.source.kind == MACHINE else "as Kueue wrote"
        yield Evidence(reference_of(workload), field, told.message, wrote)


def usual(case: Case, found: QuotaRefusal) -> Iterator[Proposal]:
    """What helps against most of them: ask for less, go elsewhere, wait, take from what is less urgent, have more."""
    yield from reduced(case, found.lacks)
    yield from other_queues(case, cost=1)
    yield from waits(case, found.lacks, cost=3)
    yield from preempting_priority(case, found)
    yield from raised_quota(case, found.lacks)


def preempting_priority(case: Case, found: QuotaRefusal) -> Iterator[Proposal]:
    """The lowest priority for which the queue's policy would preempt enough of what runs."""
    workload = found.lacks.workload
    queue = next((each for each in case.twins.queueing.state.cluster_queues if each.name == found.queue), None)
    if queue is None or found.lacks.never:
        return
    within = queue.within_cluster_queue is not PreemptionPolicy.NEVER
    across = queue.reclaim_within_cohort in (
        PreemptionPolicy.LOWER_PRIORITY,
        PreemptionPolicy.LOWER_OR_NEWER_EQUAL_PRIORITY,
    )
    if not within and not across:
        return
    book = book_of(case.twins)
    holders = [
        each
        for name in book.tree_of(found.queue)
        for each in book.holders.get(name, ())
        if (within if name == found.queue else across)
    ]
    for _, value in higher_classes(case, workload.priority):
        victims = [each for each in holders if each.workload.priority < value]
        if any(book.fits(found.queue, row.wanted, without=victims) for row in found.lacks.usable):
            yield from raised_priority(case, value - 1, "the queue preempts lower priorities", cost=4)
            return

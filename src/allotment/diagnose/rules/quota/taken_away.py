"""It ran, and its quota was taken: by a higher priority of its queue, or by the queue whose quota it had borrowed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.others import called
from allotment.diagnose.releases import waits
from allotment.diagnose.rules.queue.queued import other_queues
from allotment.diagnose.rules.queue.raised_quota import raised_quota
from allotment.diagnose.rules.quota.finding_of import preempting_priority
from allotment.diagnose.rules.quota.reducing import reduced
from allotment.diagnose.rules.quota.refused import QuotaRefusal, quota_refusal
from allotment.diagnose.shortage import FlavorRow, ResourceNeed, book_of, fact
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.grammar import being
from allotment.model.observed.base import Condition
from allotment.model.observed.queueing import Workload
from allotment.scheduling.queueing.quantity import render_amount
from allotment.scheduling.snapshot.queueing import QuotaHolder

_UID: Final = re.compile(r"\(UID: ([^,)]+)")
_PATH: Final = re.compile(r"preemptor path: (\S+?);")
_RULES: Final = {
    "InClusterQueue": "a higher priority in the same ClusterQueue",
    "InCohortReclamation": "reclamation by the queue that owns the quota",
    "InCohortFairSharing": "fair sharing in the cohort",
    "InCohortReclaimWhileBorrowing": "reclamation by a queue that borrows itself",
}


@dataclass(frozen=True, slots=True)
class Taking:
    """How a workload lost its quota, and what it lacks since.

    Attributes:
        by: who took it and holds quota still; None if it was not seen.
        first: for whom it was stopped, where that lost it to `by` in turn.
    """

    workload: Workload
    told: Condition
    refusal: QuotaRefusal
    row: FlavorRow
    need: ResourceNeed
    by: QuotaHolder | None
    first: Workload | None = None


def _taking(case: Case, *, within: bool) -> Taking | None:
    workload = case.workload
    refusal = quota_refusal(case)
    if workload is None or refusal is None or refusal.row is None or refusal.need is None:
        return None
    told, evicted = workload.condition("Preempted"), workload.condition("Evicted")
    if told is None or not told.true or evicted is None or not evicted.true or evicted.reason != "Preempted":
        return None
    if (told.reason == "InClusterQueue") is not within or told.reason not in _RULES:
        return None
    taker, by = _taker(case, told)
    if by is None and _UID.search(told.message) and case.seen("workloads") and not case.source.namespaces:
        return None  # whoever took it has ended: what it lacks since has another cause
    first = taker if by is not None and taker is not None and taker.key != by.workload.name else None
    return Taking(workload, told, refusal, refusal.row, refusal.need, by, first)


def _taker(case: Case, told: Condition) -> tuple[Workload | None, QuotaHolder | None]:
    """For whom it was stopped, and who holds that quota now: whoever took it may have lost it in the same way."""
    first: Workload | None = None
    running = {each.workload.uid: each for each in case.twins.queueing.running}
    passed: set[str] = set()
    while (uid := _UID.search(told.message)) is not None and uid.group(1) not in passed:
        passed.add(uid.group(1))
        found = next((each for each in case.index.objects.workloads if each.metadata.uid == uid.group(1)), None)
        first = first or found
        if uid.group(1) in running:
            return first, running[uid.group(1)]
        lost = None if found is None or found.says("Finished") else found.condition("Preempted")
        if lost is None or not lost.true:
            break
        told = lost
    return first, None


def preempted(case: Case) -> Finding | None:
    """By a workload of its own queue that has a higher priority and still runs."""
    taking = _taking(case, within=True)
    return _stopping(case, "preempted", within=True) if taking is None else _finding(case, taking, "preempted")


def reclaimed(case: Case) -> Finding | None:
    """By a queue of the cohort that took its own back, or its fair share."""
    taking = _taking(case, within=False)
    return _stopping(case, "reclaimed", within=False) if taking is None else _finding(case, taking, "reclaimed")


def _stopping(case: Case, cause: str, *, within: bool) -> Finding | None:
    """It holds its quota yet, for its pods are still to end."""
    workload = case.workload
    if case.supposed or workload is None or not workload.holds_quota or not workload.spec.active:
        return None
    told, evicted = workload.condition("Preempted"), workload.condition("Evicted")
    if told is None or not told.true or evicted is None or not evicted.true or evicted.reason != "Preempted":
        return None
    if (told.reason == "InClusterQueue") is not within or told.reason not in _RULES:
        return None
    by = _for_whom(case, told.message)
    name = "somebody who is not seen" if by is None else called(case, by)
    where = Evidence(reference_of(workload), "status.conditions[Preempted].message", told.message, told.reason)
    wait = Proposal(
        RemedyKind.WAIT_FOR_QUOTA,
        Doer.USER,
        "wait until its pods have ended: Kueue queues it again then",
        reference_of(workload),
        Patch(PatchOp.WAIT, {"event": "requeued"}),
    )
    return Finding(
        cause,
        CauseVerdict.WAITING,
        f"it is being stopped for {name} by {_RULES[told.reason]}: once its pods have ended it queues again",
        facts={f"{cause}_by": name, "rule": told.reason, "at": told.last_transition_time},
        evidence=(where,),
        proposals=(wait,),
    )


def _for_whom(case: Case, message: str) -> Workload | None:
    """The Workload for which Kueue says that it stopped this one, if it was seen."""
    uid = preemptor_of(message)
    return next((each for each in case.index.objects.workloads if uid and each.metadata.uid == uid), None)


def preemptor_of(message: str) -> str:
    """Uid of the Workload for which Kueue says that it stopped one; empty where it says none."""
    uid = _UID.search(message)
    return "" if uid is None else uid.group(1)


def told_by_kueue(case: Case, workload: Workload) -> Finding | None:
    """By Kueue's own word, where its queues were not seen; nothing where whoever took it has ended since."""
    told, evicted = workload.condition("Preempted"), workload.condition("Evicted")
    if told is None or not told.true or evicted is None or not evicted.true or evicted.reason != "Preempted":
        return None
    by = _for_whom(case, told.message)
    if (
        told.reason not in _RULES
        or (by is not None and not by.holds_quota)
        or (by is None and case.seen_everywhere("workloads"))
    ):
        return None
    name = "somebody who is not seen" if by is None else called(case, by)
    cause = "preempted" if told.reason == "InClusterQueue" else "reclaimed"
    wait = Proposal(
        RemedyKind.WAIT_FOR_QUOTA,
        Doer.USER,
        f"wait until {'they end' if by is None else f'{name} ends'}",
        reference_of(workload) if by is None else reference_of(by),
        Patch(PatchOp.WAIT, {"event": "completes"}),
    )
    return Finding(
        cause,
        CauseVerdict.WAITING,
        f"as Kueue says, it was stopped for {name} by {_RULES[told.reason]}",
        facts={f"{cause}_by": name, "rule": told.reason, "at": told.last_transition_time},
        evidence=(Evidence(reference_of(workload), "status.conditions[Preempted].message", told.message, told.reason),),
        confidence=Confidence.LIKELY,
        proposals=(wait,),
    )


def _finding(case: Case, taking: Taking, cause: str) -> Finding:
    need, quota, queue = taking.need, taking.need.quota, taking.refusal.queue
    path = _PATH.search(taking.told.message)
    owner = taking.by.workload.cluster_queue if taking.by is not None and taking.first is None else ""
    if not owner and path is not None:
        owner = path.group(1).rsplit("/", 1)[-1]
    found = None if taking.by is None else case.index.workloads.get(taking.by.workload.name)
    name = "somebody who is not seen" if found is None else called(case, found)
    stopper = name if taking.first is None else called(case, taking.first)
    since = "" if taking.first is None else f", and that for {name} since"
    own_left = max(0, quota.nominal - quota.used)
    rule = _RULES[taking.told.reason]
    facts = {
        "cohort": book_of(case.twins).root_cohort(queue),
        "own_queue": queue,
        "own_nominal": fact(need.resource, quota.nominal),
        "own_used": fact(need.resource, quota.used),
        "owner_queue": owner,
        f"{cause}_by": stopper,
        "rule": taking.told.reason,
        "requested": fact(need.resource, need.wanted),
        "free_in_cohort": fact(need.resource, quota.free),
        "borrowed_before": fact(need.resource, max(0, need.wanted - own_left)),
        "at": taking.told.last_transition_time,
    }
    if taking.by is not None:
        its = taking.by.workload.priority if taking.first is None else taking.first.spec.priority or 0
        facts |= {"its_priority": its, "own_priority": taking.refusal.lacks.workload.priority}
    return Finding(
        cause,
        CauseVerdict.MISCONFIGURED if taking.refusal.lacks.never else CauseVerdict.WAITING,
        f"it was stopped for {stopper} of the ClusterQueue {owner or '?'} by {rule}{since}; of the "
        f"{render_amount(need.resource, need.wanted)} {need.resource} that it asks for "
        f"{being(need.text(quota.free))} free",
        facts=facts,
        evidence=(
            Evidence(
                reference_of(taking.workload),
                "status.conditions[Preempted].message",
                taking.told.message,
                taking.told.reason,
            ),
        ),
        confidence=Confidence.SURE if taking.by is not None else Confidence.LIKELY,
        proposals=(
            *reduced(case, taking.refusal.lacks),
            *other_queues(case, cost=1),
            *waits(case, taking.refusal.lacks, first=taking.by, cost=3),
            *preempting_priority(case, taking.refusal),
            *raised_quota(case, taking.refusal.lacks),
        ),
        flavors=taking.refusal.lacks.tried,
        never=taking.refusal.lacks.never,
    )

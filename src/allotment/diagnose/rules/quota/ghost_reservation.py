"""Quota is held by a workload that runs nothing any more, or never can, and is missing here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.in_vain import given_up, never_runs
from allotment.diagnose.others import called, listed, pods_of
from allotment.diagnose.quota_book import held_by
from allotment.diagnose.rules.quota.refused import quota_refusal
from allotment.diagnose.shortage import book_of
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.grammar import being
from allotment.model.moments import seconds
from allotment.model.observed.base import is_true
from allotment.model.observed.queueing import Workload
from allotment.model.observed.work import Job, Owner, Replicas
from allotment.scheduling.snapshot.queueing import QuotaHolder

_MOST_TOLD: Final = 20
"""Workloads that are evidence; of more there is the sum."""
_PATIENCE: Final = 300.0
"""Seconds after admission from which on a workload without a single pod is taken to be left over."""

_IN_VAIN: Final = "its pods wait, and no node would take them even with nobody else there"


_Held = list[tuple[QuotaHolder, Workload]]


class _Ghosts(dict[frozenset[str], _Held]):
    """Who holds quota and runs nothing, by the queues that share theirs."""


def _ghosts(case: Case, tree: frozenset[str]) -> _Held:
    kept = case.index.beside.once(_Ghosts, _Ghosts)
    if tree not in kept:
        kept[tree] = list(_found(case, tree))
    return kept[tree]


def _found(case: Case, tree: frozenset[str]) -> Iterator[tuple[QuotaHolder, Workload]]:
    for holder in case.twins.queueing.running:
        if holder.admitted and holder.workload.cluster_queue in tree:
            found = case.index.workloads.get(holder.workload.name)
            if found is not None and _why(case, found):
                yield holder, found


def find(case: Case) -> Finding | None:
    """A holder that runs nothing and whose quota would do: its owner or its pods are gone, or wait in vain."""
    refusal = quota_refusal(case)
    if refusal is None or refusal.row is None or refusal.need is None or not case.seen_everywhere("pods"):
        return None
    if case.source.namespaces:
        return None
    pair = (refusal.row.flavor, refusal.need.resource)
    book = book_of(case.twins)
    ghosts = []
    for holder, found in _ghosts(case, book.tree_of(refusal.queue)):
        amount = held_by(holder, book.queues).get(pair, 0)
        if amount > 0:
            ghosts.append((amount, holder, found))
    if not ghosts:
        return None
    holders = tuple(holder for _, holder, _ in ghosts)
    if not book.fits(refusal.queue, refusal.row.wanted, without=holders):
        return None
    held = sum(amount for amount, _, _ in ghosts)
    names = [called(case, found) for _, _, found in ghosts]
    text = refusal.text
    first = ghosts[0][2]
    in_vain = all(_why(case, found) == _IN_VAIN for _, _, found in ghosts)
    return Finding(
        "ghost-reservation",
        CauseVerdict.MISCONFIGURED if in_vain else CauseVerdict.BROKEN,
        f"it asks for {text(refusal.need.wanted)} {pair[1]} and {being(text(refusal.need.quota.free))} free: "
        f"{text(held)} of flavor {pair[0]} are held by {listed(names)}, which runs nothing ({_why(case, first)})",
        facts={
            "cluster_queue": refusal.queue,
            "flavor": pair[0],
            "resource": pair[1],
            "held": text(held),
            "held_by": names[:_MOST_TOLD],
            "why": _why(case, first),
        },
        evidence=tuple(
            Evidence(reference_of(found), "status.admission", found.name, _why(case, found))
            for _, _, found in ghosts[:_MOST_TOLD]
        ),
        confidence=Confidence.SURE if _sure(case, first) else Confidence.LIKELY,
        proposals=_ended(case, [found for _, _, found in ghosts]),
        flavors=refusal.lacks.tried,
    )


def _ended(case: Case, ghosts: list[Workload]) -> tuple[Proposal, ...]:
    """What waits for ever is deleted with its owner, who would only ask again; of what is over, what is left."""
    waiting = [each for each in ghosts if _why(case, each) == _IN_VAIN]
    over = [each for each in ghosts if each not in waiting]
    if not waiting:
        return (_deleted(case, *over),)
    proposal = given_up(case, waiting)
    left = tuple((reference_of(each), Patch(PatchOp.DELETE)) for each in over)
    return (replace(proposal, then=(*proposal.then, *left)),)


def _deleted(case: Case, first: Workload, *others: Workload) -> Proposal:
    more = f", and of {len(others)} more" if others else ""
    return Proposal(
        RemedyKind.OTHER,
        Doer.TEAM_OWNER if all(each.namespace == case.namespace for each in (first, *others)) else Doer.PLATFORM,
        f"delete the Workload of {called(case, first)}{more}: it holds quota and runs nothing",
        reference_of(first),
        Patch(PatchOp.DELETE),
        then=tuple((reference_of(each), Patch(PatchOp.DELETE)) for each in others),
    )


def _why(case: Case, workload: Workload) -> str:
    """Why a workload that holds quota runs nothing; empty if it may run something."""
    pods = pods_of(case, workload)
    if any(pod.bound for pod in pods):
        return ""
    if any(not pod.ended for pod in pods):
        return _IN_VAIN if never_runs(case, workload) else ""
    owners = [case.index.owner(each, workload.metadata) for each in workload.metadata.owner_references]
    jobs = [each for each in owners if isinstance(each, Job)]
    if any(is_true(job.status.conditions, "Complete") or is_true(job.status.conditions, "Failed") for job in jobs):
        return "its Job is over"
    if pods:
        return "all of its pods have ended" if not jobs else ""
    evicted = workload.says("Evicted")
    if not workload.metadata.owner_references:
        return "nobody owns it" + (", and it was evicted" if evicted else "")
    if evicted and not any(owners):
        return "it was evicted, and its owner is gone"
    known = any(isinstance(each, Job | Replicas) or (isinstance(each, Owner) and each.groups) for each in owners)
    # Its pods may be in another cluster, or under kinds that are not read.
    seen = known and not workload.status.cluster_name
    admitted = workload.condition("Admitted")
    since = seconds(admitted.last_transition_time) if admitted is not None and seen else 0
    if not since or case.now - since < _PATIENCE:
        return ""
    return f"it was admitted {round((case.now - since) / 60)} minutes ago and has no pod"


def _sure(case: Case, workload: Workload) -> bool:
    return "no pod" not in _why(case, workload)

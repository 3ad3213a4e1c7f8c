"""The workload is to run in another cluster, and none has taken it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.never import never_starts
from allotment.diagnose.rules.queue.checks import AwaitedCheck, awaited, evidence_of
from allotment.diagnose.rules.queue.workers import fault_of, lost_among, seen, workers_of
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Patch, PatchOp, RemedyKind
from allotment.model.labels import MULTIKUEUE_ORIGIN
from allotment.model.observed.index import Index
from allotment.scheduling.snapshot.queues import MULTI_KUEUE

NO_WORKER: Final = "multikueue-no-worker"


def find(case: Case) -> Finding | None:
    """A check of MultiKueue that is pending: no worker can be reached, or none admits the work."""
    each = next((one for one in awaited(case) if one.controller == MULTI_KUEUE), None)
    if each is None:
        return None
    names = _clusters(case, each)
    lost = tuple(lost_among(case, names))
    facts = {"admission_check": each.said.name, "clusters": list(names), "unreachable": [one.name for one in lost]}
    if names and len(lost) == len(names):
        return Finding(
            NO_WORKER,
            fault_of(lost),
            f"none of the {len(names)} worker clusters of the check {each.said.name} can be used:"
            f" {', '.join(one.says for one in lost)}",
            facts=facts,
            evidence=tuple(seen(lost)) or (evidence_of(each),),
            proposals=tuple(one.mended for one in lost),
        )
    return Finding(
        NO_WORKER,
        CauseVerdict.WAITING,
        f"none of the {len(names)} worker clusters has taken the Workload {each.workload.name}",
        facts=facts,
        evidence=(evidence_of(each),),
        confidence=Confidence.LIKELY if names else Confidence.SURE,
        proposals=(
            Proposal(
                RemedyKind.WAIT_FOR_QUOTA,
                Doer.USER,
                "wait until a worker cluster takes it",
                reference_of(each.workload),
                Patch(PatchOp.WAIT, {"event": "admitted by a worker"}),
            ),
        ),
    )


def _clusters(case: Case, each: AwaitedCheck) -> tuple[str, ...]:
    """Workers that the check's configuration names, or those that were nominated where it was not seen."""
    named = workers_of(case, each.check)
    return each.workload.status.nominated_cluster_names if named is None else named


def copies_of(case: Case) -> Iterator[Case]:
    """The copies of its Workload in worker clusters, where the snapshot has these."""
    workload = case.workload
    each = next((one for one in awaited(case) if one.controller == MULTI_KUEUE), None)
    if workload is None or each is None:
        return
    yield from _copies(case, workload.key, _clusters(case, each))


def taken_copy(case: Case) -> Case | None:
    """The copy in the worker that has taken the work, where the snapshot has that."""
    workload = case.workload
    name = None if workload is None or not workload.says("Admitted") else workload.status.cluster_name
    if workload is None or not name:
        return None
    found = list(_copies(case, workload.key, (name,)))
    return next((each for each in found if each.source.name == name), found[0] if len(found) == 1 else None)


def _copies(case: Case, key: str, names: Sequence[str]) -> Iterator[Case]:
    for source in case.snapshot.sources:
        if source is case.source:
            continue
        index = Index(source)
        copy = index.workloads.get(key)
        # A context need not be called as Kueue's object for the worker is.
        if copy is not None and (source.name in names or MULTIKUEUE_ORIGIN in copy.metadata.labels):
            yield Case(case.snapshot, source, reference_of(copy), copy, index=index)


def with_workers(finding: Finding, told: Mapping[str, tuple[Case, Finding]]) -> Finding:
    """The finding with what keeps the copies: what can start in no worker can never start.

    Args:
        finding: that no worker has taken it.
        told: by cluster, the copy and what keeps it.
    """
    if not told:
        return finding
    said = "; ".join(f"in {name} {each.summary}" for name, (_, each) in told.items())
    known = set(finding.facts["clusters"])
    all_told = len(told) >= len(known)
    never = all_told and all(never_starts(copy, each) for copy, each in told.values())
    return replace(
        finding,
        summary=f"{finding.summary}: {said}",
        facts={**finding.facts, "workers": {name: each.cause for name, (_, each) in told.items()}},
        evidence=(*finding.evidence, *(part for _, each in told.values() for part in each.evidence)),
        confidence=Confidence.SURE if all_told else finding.confidence,
        verdict=CauseVerdict.MISCONFIGURED if never else finding.verdict,
        never=never,
        proposals=() if never else finding.proposals,
    )

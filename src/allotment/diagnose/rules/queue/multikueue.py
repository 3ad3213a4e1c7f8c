"""The workload is to run in another cluster, and none has taken it."""

from __future__ import annotations

from collections.abc import Iterator

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.queue.checks import AwaitedCheck, awaited, evidence_of
from allotment.diagnose.rules.queue.workers import fault_of, lost_among, seen, workers_of
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Patch, PatchOp, RemedyKind
from allotment.scheduling.snapshot.queues import MULTI_KUEUE


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
            "multikueue-no-worker",
            fault_of(lost),
            f"none of the {len(names)} worker clusters of the check {each.said.name} can be used:"
            f" {', '.join(one.says for one in lost)}",
            facts=facts,
            evidence=tuple(seen(lost)) or (evidence_of(each),),
            proposals=tuple(one.mended for one in lost),
        )
    told = dict(_told(case, names))
    said = "; ".join(f"{name}: {words}" for name, words in told.items())
    return Finding(
        "multikueue-no-worker",
        CauseVerdict.WAITING,
        f"none of the {len(names)} worker clusters has taken the Workload {each.workload.name}"
        + (f": {said}" if said else ""),
        facts={**facts, "workers": told},
        evidence=(evidence_of(each),),
        confidence=Confidence.SURE if told or not names else Confidence.LIKELY,
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


def _told(case: Case, names: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """What the workers say of their copy of the workload, where the snapshot has them."""
    workload = case.workload
    for source in case.snapshot.sources:
        if source.name not in names or workload is None:
            continue
        for copy in source.objects.workloads:
            if copy.key == workload.key:
                quota = copy.condition("QuotaReserved")
                yield source.name, quota.message if quota is not None else "not looked at yet"

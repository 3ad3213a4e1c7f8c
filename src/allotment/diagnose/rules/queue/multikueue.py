"""The workload is to run in another cluster, and none has taken it."""

from __future__ import annotations

from collections.abc import Iterator

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.queue.checks import AwaitedCheck, awaited, evidence_of
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import condition, is_true
from allotment.model.observed.queueing import MultiKueueCluster
from allotment.scheduling.snapshot.queues import MULTI_KUEUE


def find(case: Case) -> Finding | None:
    """A check of MultiKueue that is pending: no worker can be reached, or none admits the work."""
    each = next((one for one in awaited(case) if one.controller == MULTI_KUEUE), None)
    if each is None:
        return None
    names = _clusters(case, each)
    known = {one.name: one for one in case.index.objects.multi_kueue_clusters}
    lost = [name for name in names if name not in known or not is_true(known[name].status.conditions, "Active")]
    facts = {"admission_check": each.said.name, "clusters": list(names), "unreachable": lost}
    if names and len(lost) == len(names):
        return Finding(
            "multikueue-no-worker",
            CauseVerdict.BROKEN,
            f"none of the {len(names)} worker clusters of the check {each.said.name} can be reached:"
            f" {', '.join(_why(known.get(name), name) for name in lost)}",
            facts=facts,
            evidence=tuple(_seen(known, lost)) or (evidence_of(each),),
            proposals=(
                Proposal(
                    RemedyKind.FIX_ADMISSION_CHECK,
                    Doer.PLATFORM,
                    f"mend the connection to the worker cluster {lost[0]}",
                    reference_of(known[lost[0]]) if lost[0] in known else None,
                    Patch(PatchOp.SIGNAL, {"cluster": lost[0]}),
                ),
            ),
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
    parameters = None if each.check is None else each.check.spec.parameters
    named = "" if parameters is None else parameters.name
    for config in case.index.objects.multi_kueue_configs:
        if config.name == named:
            return config.spec.clusters
    return each.workload.status.nominated_cluster_names


def _why(cluster: MultiKueueCluster | None, name: str) -> str:
    if cluster is None:
        return f"{name} (no such MultiKueueCluster)"
    told = condition(cluster.status.conditions, "Active")
    return f"{name} ({told.message or told.reason})" if told is not None else f"{name} (its state is not known)"


def _seen(known: dict[str, MultiKueueCluster], lost: list[str]) -> Iterator[Evidence]:
    for name in lost:
        if name in known:
            yield Evidence(reference_of(known[name]), "status.conditions[Active]", "False", _why(known[name], name))


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

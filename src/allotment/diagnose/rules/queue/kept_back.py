"""The workload is kept out of its queue by its own controller: a gate, a hold, or pods of a group that are missing."""

from __future__ import annotations

from typing import Final

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.scheduling.snapshot.standing import OutOfQueue

_GATE: Final = "kueue.x-k8s.io/admission-gated-by"


def gated(case: Case) -> Finding | None:
    """An annotation keeps it back until a controller takes it off."""
    workload = case.workload
    if workload is None or workload.holds_quota:
        return None
    absent = case.twins.queueing.absent.get(workload.key)
    if absent is None or absent.reason not in (OutOfQueue.GATED, OutOfQueue.ON_HOLD):
        return None
    target = reference_of(workload)
    by = absent.about[0] if absent.about else "its own job"
    return Finding(
        "admission-gated",
        CauseVerdict.WAITING,
        f"the Workload {workload.name} is kept out of its queue by {by} until that lets it go",
        facts={"workload": workload.name, "gated_by": by},
        evidence=(Evidence(target, f"metadata.annotations[{_GATE}]", by, absent.message or "kept back"),),
        proposals=(
            Proposal(
                RemedyKind.OTHER,
                Doer.PLATFORM,
                f"let the controller {by} act, or take its gate off the Workload",
                target,
                Patch(PatchOp.MERGE, {"metadata": {"annotations": {_GATE: None}}}),
            ),
        ),
    )


def replacement_missing(case: Case) -> Finding | None:
    """Pods of a group that is queued as one have failed, and nobody has replaced them."""
    workload = case.workload
    if workload is None:
        return None
    absent = case.twins.queueing.absent.get(workload.key)
    if absent is None or absent.reason is not OutOfQueue.AWAITS_REPLACEMENT:
        return None
    wanted = sum(each.count for each in workload.spec.pod_sets)
    there = sum(not pod.ended for pod in case.pods)
    target = reference_of(workload)
    return Finding(
        "pod-group-incomplete",
        CauseVerdict.MISCONFIGURED,
        f"the group of pods {workload.name} has {there} of its {wanted} pods: Kueue waits for the missing ones",
        facts={"group": workload.name, "pods": there, "expected": wanted},
        evidence=(Evidence(target, "status.conditions[WaitingForReplacementPods]", "True", "pods are missing"),),
        proposals=(
            Proposal(
                RemedyKind.OTHER,
                Doer.USER,
                f"create the {wanted - there} missing pods of the group, or delete the group",
                target,
                Patch(PatchOp.SIGNAL, {"pods": wanted - there}),
            ),
        ),
    )

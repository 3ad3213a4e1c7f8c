"""The Workload is inactive: a person stopped it, or Kueue gave up on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

import msgspec

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.node.table import CAUSES as NODE
from allotment.diagnose.rules.queue.queued import queued_again
from allotment.diagnose.rules.scheduler.table import CAUSES as SCHEDULER
from allotment.diagnose.rules.storage.table import CAUSES as STORAGE
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.queueing import Workload, WorkloadStatus

_BY_CHECK: Final = "DeactivatedDueToAdmissionCheck"
_LIMITED: Final = "DeactivatedDueToRequeuingLimitExceeded"
_TIMED: Final = "DeactivatedDueToMaximumExecutionTimeExceeded"


def _inactive(case: Case, *reasons: str) -> tuple[Workload, str, str] | None:
    """The workload, if it is inactive for one of these reasons (none given = for any other): with Kueue's words."""
    workload = case.workload
    if workload is None or workload.spec.active or workload.says("Finished"):
        return None
    evicted = workload.condition("Evicted")
    reason = evicted.reason if evicted is not None and evicted.true else ""
    known = reason if reason in (_BY_CHECK, _LIMITED, _TIMED) else ""
    if known not in (reasons or ("",)):
        return None
    return workload, reason, evicted.message if evicted is not None and evicted.true else ""


def find(case: Case) -> Finding | None:
    """Inactive for whatever reason but an AdmissionCheck, which is a cause of its own."""
    return by_requeuing_limit(case) or by_execution_time(case) or by_somebody(case)


def by_somebody(case: Case) -> Finding | None:
    """``spec.active`` is false, and Kueue did not set it."""
    found = _inactive(case)
    if found is None:
        return None
    workload, _, message = found
    # It is called evicted even where it only waited: what was let in keeps a condition that says so.
    ran = workload.condition("Admitted") is not None or bool(case.pods)
    return Finding(
        "workload-deactivated",
        CauseVerdict.MISCONFIGURED,
        f"the Workload {workload.name} is deactivated (spec.active is false): Kueue does not try it"
        + (", and stopped it while it ran" if ran else ""),
        facts={"namespace": workload.namespace, "workload": workload.name, "workload_active": False},
        evidence=_evidence(workload, message),
        proposals=(_again(case), _active(case, workload)),
    )


def by_requeuing_limit(case: Case) -> Finding | None:
    """Its pods were not ready in time as often as Kueue tries."""
    found = _inactive(case, _LIMITED)
    if found is None:
        return None
    workload, _, message = found
    state = workload.status.requeue_state
    tries = "" if state is None or state.count is None else f" after {state.count} tries"
    return Finding(
        "workload-deactivated",
        CauseVerdict.MISCONFIGURED,
        f"Kueue gave up on the Workload {workload.name}{tries}: its pods were never all ready in time; what kept them "
        "has to be mended before it is submitted again",
        facts={
            "workload": workload.name,
            "workload_active": False,
            "reason": "RequeuingLimitExceeded",
            "tries": state.count if state else None,
        },
        evidence=_evidence(workload, message),
        proposals=tuple(_mended(case))
        or (replace(_again(case), summary=f"mend what its pods' events and logs tell, then {_again(case).summary}"),),
    )


def _mended(case: Case) -> Iterator[Proposal]:
    """What lets its pods start, if they are made again as they were."""
    if case.brief:
        return
    again = _made_anew(case)
    for entry in (*STORAGE, *NODE, *SCHEDULER):
        finding = entry.find(again)
        if finding is not None:
            yield from finding.proposals


def _made_anew(case: Case) -> Case:
    """The subject as if it had just been submitted."""
    old = case.workload
    workloads = tuple(
        msgspec.structs.replace(each, spec=msgspec.structs.replace(each.spec, active=True), status=WorkloadStatus())
        if each is old
        else each
        for each in case.source.objects.workloads
    )
    source = msgspec.structs.replace(
        case.source, objects=msgspec.structs.replace(case.source.objects, workloads=workloads)
    )
    again = Case(case.snapshot, source, case.reference, case.subject)
    again.supposed = True
    return again


def by_execution_time(case: Case) -> Finding | None:
    """It ran as long as it may at most."""
    found = _inactive(case, _TIMED)
    if found is None:
        return None
    workload, _, message = found
    most = workload.spec.maximum_execution_time_seconds
    longer = {"metadata": {"labels": {"kueue.x-k8s.io/max-exec-time-seconds": str(2 * most)}}} if most else {}
    return Finding(
        "workload-deactivated",
        CauseVerdict.MISCONFIGURED,
        f"the Workload {workload.name} was stopped: it ran for its maximum execution time"
        + (f" of {most} s" if most else ""),
        facts={
            "workload": workload.name,
            "workload_active": False,
            "reason": "MaximumExecutionTimeExceeded",
            "maximum_execution_time_seconds": most,
        },
        evidence=_evidence(workload, message),
        proposals=(
            Proposal(
                RemedyKind.FIX_LIMITS,
                Doer.USER,
                "submit it again with a longer maximum execution time" + (f" ({2 * most} s)" if most else ""),
                reference_of(case.top) if case.top is not None else None,
                Patch(PatchOp.RESUBMIT, longer),
            ),
        ),
    )


def _evidence(workload: Workload, message: str) -> tuple[Evidence, ...]:
    target = reference_of(workload)
    told = (Evidence(target, "status.conditions[Evicted].message", message, "as Kueue wrote"),) if message else ()
    return (Evidence(target, "spec.active", False, "Kueue does not try it"), *told)


def _again(case: Case) -> Proposal:
    work = case.top
    return Proposal(
        RemedyKind.UNSUSPEND,
        Doer.USER,
        "delete it and submit it again",
        None if work is None else reference_of(work),
        Patch(PatchOp.RESUBMIT, {}),
    )


def _active(case: Case, workload: Workload) -> Proposal:
    return Proposal(
        RemedyKind.UNSUSPEND,
        Doer.PLATFORM,
        f"activate the Workload {workload.name} again (spec.active: true)",
        reference_of(workload),
        Patch(PatchOp.MERGE, {"spec": {"active": True}}),
        effect=tuple(queued_again(case)),
    )

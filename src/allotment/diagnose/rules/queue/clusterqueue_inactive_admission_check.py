"""The ClusterQueue names an AdmissionCheck that does not exist or that no controller serves, and admits nothing."""

from __future__ import annotations

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.queue.inactive import broken_queue
from allotment.diagnose.rules.queue.queued import other_queues, resubmission, without_check
from allotment.diagnose.rules.queue.workers import fault_of, lost_workers, seen
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import Reference, condition
from allotment.model.observed.queueing import AdmissionCheck, ClusterQueue
from allotment.model.observed.work import Job
from allotment.scheduling.snapshot.queues import MULTI_KUEUE, OF_KUEUE


def find(case: Case) -> Finding | None:
    """A check that is missing, or inactive for want of its controller or its parameters."""
    broken = broken_queue(case)
    if broken is None or not (broken[1].missing_checks or broken[1].inactive_checks):
        return None
    queue, why = broken
    target = reference_of(queue)
    if why.missing_checks:
        names = why.missing_checks
        said = f"its AdmissionCheck {', '.join(names)} does not exist"
        evidence = tuple(
            Evidence(target, "spec.admissionChecksStrategy", name, "no such AdmissionCheck") for name in names
        )
        proposals: tuple[Proposal, ...] = ()
        controller = ""
        state = "missing"
        verdict = CauseVerdict.MISCONFIGURED
    else:
        names = why.inactive_checks
        check = case.index.admission_checks[names[0]]
        controller, state, verdict = check.spec.controller_name, "inactive", CauseVerdict.BROKEN
        told = condition(check.status.conditions, "Active")
        message = told.message if told is not None else "its controller has never answered"
        said = f"its AdmissionCheck {', '.join(names)} is not active ({message})"
        evidence = (Evidence(reference_of(check), "status.conditions[Active]", message, "no controller serves it"),)
        lost = lost_workers(case, check)
        if told is not None and controller in OF_KUEUE:
            # The controller answers: what it was told is at fault, or a cluster that it cannot reach.
            verdict = fault_of(lost)
            evidence = (Evidence(reference_of(check), "status.conditions[Active]", message, told.reason), *seen(lost))
        said += "".join(f"; {each.says}" for each in lost)
        proposals = tuple(each.mended for each in lost) or (_repaired(check),)
    removal = _removed(case, queue, names)
    return Finding(
        "clusterqueue-inactive-admission-check",
        verdict,
        f"the ClusterQueue {queue.name} admits nothing: {said}",
        facts={
            "cluster_queue": queue.name,
            "admission_check": ", ".join(names),
            "state": state,
            **({"controller": controller} if controller else {}),
        },
        evidence=evidence,
        proposals=(*proposals, removal, *other_queues(case)),
    )


def _removed(case: Case, queue: ClusterQueue, names: tuple[str, ...]) -> Proposal:
    """The check taken out; work that says by whom it is run has to be made anew, for it says so for ever."""
    target = reference_of(queue)
    work = case.top
    elsewhere = isinstance(work, Job) and work.spec.managed_by == MULTI_KUEUE
    further = f" and submit {case.reference.name} again: it says that another cluster runs it" if elsewhere else ""
    return Proposal(
        RemedyKind.FIX_ADMISSION_CHECK,
        Doer.PLATFORM,
        f"take the check{'s' if names[1:] else ''} {', '.join(names)} out of the ClusterQueue {queue.name}{further}",
        target,
        without_check(queue, *names),
        then=resubmission(case) if elsewhere else (),
        cost=1,
    )


def _repaired(check: AdmissionCheck) -> Proposal:
    """The controller comes back and says so in the check's status."""
    target = reference_of(check)
    controller = check.spec.controller_name
    ready = {"type": "Active", "status": "True", "reason": "Active", "message": "The admission check is active"}
    others = [
        {"type": each.type, "status": each.status, "reason": each.reason}
        for each in check.status.conditions
        if each.type != "Active"
    ]
    return Proposal(
        RemedyKind.FIX_ADMISSION_CHECK,
        Doer.PLATFORM,
        f"mend what the AdmissionCheck {check.name} names as its parameters"
        if controller in OF_KUEUE
        else f"repair the controller {controller or 'of the check'} that answers the check {check.name}",
        Reference(api_version=target.api_version, kind="AdmissionCheck", name=check.name),
        Patch(PatchOp.SIGNAL, {"controller": controller}),
        effect=((target, Patch(PatchOp.MERGE, {"status": {"conditions": [*others, ready]}})),),
    )

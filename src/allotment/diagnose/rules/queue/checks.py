"""AdmissionChecks of a workload that holds quota: which its queue wants, and what each has said."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Proposal
from allotment.diagnose.rules.queue.queued import resubmission, without_check
from allotment.model.explanation import Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.queueing import AdmissionCheck, CheckState, ClusterQueue, Workload
from allotment.scheduling.snapshot.queues import checks_of

READY: Final = "Ready"
PENDING: Final = "Pending"
REJECTED: Final = "Rejected"


@dataclass(frozen=True, slots=True)
class AwaitedCheck:
    """A check that has not said yes.

    Attributes:
        queue: whose check it is; None if that was not seen.
        check: the AdmissionCheck, if it was seen.
        said: its state for this workload.
    """

    workload: Workload
    queue: ClusterQueue | None
    check: AdmissionCheck | None
    said: CheckState

    @property
    def controller(self) -> str:
        """Who answers it."""
        return "" if self.check is None else self.check.spec.controller_name


def awaited(case: Case) -> Iterator[AwaitedCheck]:
    """Checks that the workload's queue wants and that are not ready, in the order of the queue's list."""
    workload = case.workload
    if workload is None or workload.status.admission is None or not workload.holds_quota:
        return
    if workload.says("Admitted") or not workload.spec.active or workload.says("Finished"):
        return
    queue = case.index.cluster_queues.get(workload.status.admission.cluster_queue)
    states = {each.name: each for each in workload.status.admission_checks}
    wanted = list(states) if queue is None else _wanted(queue, workload)
    for name in wanted:
        said = states.get(name, CheckState(name=name, state=PENDING))
        if said.state != READY:
            yield AwaitedCheck(workload, queue, case.index.admission_checks.get(name), said)


def _wanted(queue: ClusterQueue, workload: Workload) -> list[str]:
    admission = workload.status.admission
    assigned = () if admission is None else admission.pod_set_assignments
    flavors = {flavor for each in assigned for flavor in each.flavors.values()}
    return [
        rule.name for rule in checks_of(queue) if not rule.on_flavors or flavors & set(rule.on_flavors) or not flavors
    ]


def evidence_of(each: AwaitedCheck) -> Evidence:
    """What the check says for the workload."""
    field = f"status.admissionChecks[{each.said.name}].state"
    return Evidence(
        reference_of(each.workload), field, each.said.state or PENDING, each.said.message or "no answer yet"
    )


def taken_out(case: Case, queue: ClusterQueue, name: str, *, anew: bool = False) -> Proposal:
    """Take a check out of its queue; `anew` where the workload has to be submitted again besides."""
    further = " and submit it again" if anew else ""
    return Proposal(
        RemedyKind.FIX_ADMISSION_CHECK,
        Doer.PLATFORM,
        f"take the check {name} out of the ClusterQueue {queue.name}{further}",
        reference_of(queue),
        without_check(queue, name),
        then=resubmission(case) if anew else (),
        cost=2,
    )


def answered(each: AwaitedCheck, what: str) -> Proposal:
    """Somebody gets the controller to answer, which then says yes."""
    target = reference_of(each.workload)
    states = [
        {"name": state.name, "state": READY if state.name == each.said.name else state.state, "message": state.message}
        for state in (each.workload.status.admission_checks or (each.said,))
    ]
    return Proposal(
        RemedyKind.FIX_ADMISSION_CHECK,
        Doer.PLATFORM,
        what,
        target,
        Patch(PatchOp.SIGNAL, {"controller": each.controller, "check": each.said.name}),
        effect=((target, Patch(PatchOp.MERGE, {"status": {"admissionChecks": states}})),),
        cost=1,
    )

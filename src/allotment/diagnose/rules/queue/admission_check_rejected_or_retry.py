"""An AdmissionCheck said no, or asked to be asked again later."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.queue.checks import awaited, taken_out
from allotment.diagnose.rules.queue.workers import lost_workers
from allotment.errors import quoted_message
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.moments import seconds
from allotment.model.observed.queueing import AdmissionCheck, CheckState, Workload
from allotment.scheduling.snapshot.queues import MULTI_KUEUE, checks_of

_TOLD: Final = re.compile(r'AdmissionChecks? in (\w+) state: "([^"]+)"(?: \((.*)\))?')
_FAILED: Final = ("Rejected", "Retry")


def find(case: Case) -> Finding | None:
    """A check in the state Rejected or Retry, or a workload that Kueue deactivated for one."""
    workload = case.workload
    if workload is None or workload.says("Finished"):
        return None
    said = failed_check(case, workload)
    if said is None:
        return None
    name, state, message = said
    check = case.index.admission_checks.get(name)
    controller = "" if check is None else check.spec.controller_name
    facts: dict[str, Any] = {
        "admission_check": name,
        "cluster_queue": case.cluster_queue.name if case.cluster_queue is not None else "",
        "controller": controller,
        "state": state,
        "message": message,
    }
    after = _again_at(workload)
    if state == "Retry":
        facts["still_holds_quota"] = workload.holds_quota
        if after:
            facts["retry_after_seconds"] = round(seconds(after) - case.now)
    again = f", and is asked again at {after}" if state == "Retry" and after else ""
    verb = "rejected" if state == "Rejected" else "sent back"
    why = quoted_message(message) if message else "it gave no reason"
    return Finding(
        "admission-check-rejected-or-retry",
        CauseVerdict.MISCONFIGURED if state == "Rejected" else CauseVerdict.WAITING,
        f"the AdmissionCheck {name} {verb} the Workload {workload.name}: {why}{again}",
        facts=facts,
        evidence=_evidence(workload, name, state, message),
        proposals=tuple(_in_workers(case, check) if controller == MULTI_KUEUE else _proposals(case, name)),
    )


def failed_check(case: Case, workload: Workload) -> tuple[str, str, str] | None:
    """Name, state and words of the check that failed."""
    live: list[CheckState] = [each.said for each in awaited(case)]
    if not workload.holds_quota:
        wanted = {rule.name for rule in checks_of(case.cluster_queue)} if case.cluster_queue is not None else None
        live = [each for each in workload.status.admission_checks if wanted is None or each.name in wanted]
    for state in _FAILED:
        for each in live:
            if each.state == state:
                return each.name, state, each.message
    evicted = workload.condition("Evicted")
    if workload.spec.active or evicted is None or not evicted.true:
        return None
    if evicted.reason != "DeactivatedDueToAdmissionCheck":
        return None
    told = _TOLD.search(evicted.message)
    if told is None:
        names = ", ".join(each.name for each in workload.status.admission_checks)
        return names, "Rejected", evicted.message
    return told.group(2), told.group(1), told.group(3) or ""


def _again_at(workload: Workload) -> str:
    state = workload.status.requeue_state
    return "" if state is None else state.requeue_at


def _evidence(workload: Workload, name: str, state: str, message: str) -> tuple[Evidence, ...]:
    target = reference_of(workload)
    if workload.spec.active:
        return (Evidence(target, f"status.admissionChecks[{name}].state", state, message),)
    return (
        Evidence(target, "spec.active", False, "Kueue deactivated it"),
        Evidence(target, "status.conditions[Evicted].message", workload_message(workload), "for the check"),
    )


def workload_message(workload: Workload) -> str:
    """Why it was evicted, in Kueue's words."""
    evicted = workload.condition("Evicted")
    return "" if evicted is None else evicted.message


def _in_workers(case: Case, check: AdmissionCheck | None) -> Iterator[Proposal]:
    """Without the check it would run in the manager, where it is not to: the workers are looked after."""
    yield from (each.mended for each in lost_workers(case, check))
    if case.workload is not None:
        what = "wait until Kueue sends it to a worker cluster again"
        target, patch = reference_of(case.workload), Patch(PatchOp.WAIT, {"event": "requeue"})
        yield Proposal(RemedyKind.WAIT_FOR_QUOTA, Doer.USER, what, target, patch)


def _proposals(case: Case, name: str) -> Iterator[Proposal]:
    queue = case.cluster_queue
    if queue is not None and any(rule.name == name for rule in checks_of(queue)):
        yield taken_out(case, queue, name, anew=True)

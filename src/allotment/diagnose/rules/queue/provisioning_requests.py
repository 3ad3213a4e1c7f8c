"""Nodes are asked of the autoscaler by a ProvisioningRequest before the workload is admitted: how that stands."""

from __future__ import annotations

from dataclasses import dataclass

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.queue.admission_check_rejected_or_retry import failed_check
from allotment.diagnose.rules.queue.checks import (
    PENDING,
    REJECTED,
    AwaitedCheck,
    awaited,
    evidence_of,
    taken_out,
)
from allotment.errors import quoted_message
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import condition, is_true
from allotment.model.observed.queueing import ProvisioningRequest
from allotment.scheduling.snapshot.queues import PROVISIONING


@dataclass(frozen=True, slots=True)
class RequestOutcome:
    """How a request ended.

    Attributes:
        condition: of the request, that says so.
        words: the same in a sentence whose subject is the request.
    """

    cause: str
    verdict: CauseVerdict
    condition: str
    words: str


_AskedFor = tuple[AwaitedCheck, ProvisioningRequest | None]


def _asked(case: Case) -> list[_AskedFor]:
    """Pending checks, each with the newest request that was made for it."""
    return [_newest(case, each) for each in awaited(case) if each.controller == PROVISIONING]


def _newest(case: Case, each: AwaitedCheck) -> _AskedFor:
    uid = each.workload.metadata.uid
    made = [
        request
        for request in case.index.objects.provisioning_requests
        if request.namespace == each.workload.namespace
        and (
            any(owner.uid == uid for owner in request.metadata.owner_references)
            or request.name.startswith(f"{each.workload.name}-{each.said.name}")
        )
    ]
    others = [state.name for state in each.workload.status.admission_checks if state.name != each.said.name]
    own = [request for request in made if _asked_by(request, each.workload.name, each.said.name)]
    made = own or [
        request for request in made if not any(_asked_by(request, each.workload.name, other) for other in others)
    ]
    made.sort(key=lambda request: (request.metadata.creation_timestamp, request.name))
    return each, (made[-1] if made else None)


def _asked_by(request: ProvisioningRequest, workload: str, check: str) -> bool:
    """Whether it is for a check, as Kueue names it: workload, check and the number of the try."""
    start, end = f"{workload}-{check}-", request.name
    return end.startswith(start) and end[len(start) :].isdecimal()


def failed(case: Case) -> Finding | None:
    """The autoscaler said that it cannot provide the nodes: Kueue asks again, or has given up."""
    asked = _asked(case)
    if not asked:
        return _given_up(case)
    for each, request in asked:
        if request is not None and is_true(request.status.conditions, "Failed"):
            # Kueue asks again with a growing pause until its tries are used up; then the check is rejected.
            verdict = CauseVerdict.MISCONFIGURED if each.said.state == REJECTED else CauseVerdict.WAITING
            outcome = RequestOutcome("provisioning-request-failed", verdict, "Failed", "failed")
            return _finding(case, each, request, outcome)
    return None


def _given_up(case: Case) -> Finding | None:
    workload = case.workload
    said = None if workload is None or workload.spec.active else failed_check(case, workload)
    check = None if said is None else case.index.admission_checks.get(said[0])
    if workload is None or check is None or said is None or check.spec.controller_name != PROVISIONING:
        return None
    name, _, message = said
    again = Proposal(
        RemedyKind.UNSUSPEND,
        Doer.USER,
        "submit it again once the nodes can be had",
        None if case.top is None else reference_of(case.top),
        Patch(PatchOp.SIGNAL, {}),
    )
    queue = case.cluster_queue
    return Finding(
        "provisioning-request-failed",
        CauseVerdict.MISCONFIGURED,
        f"the nodes that it needs could not be provided, and Kueue deactivated the Workload {workload.name}: "
        f"{quoted_message(message or name)}",
        facts={"admission_check": name, "workload": workload.name, "workload_active": False, "message": message},
        evidence=(Evidence(reference_of(workload), "status.conditions[Evicted].message", message, "Kueue gave up"),),
        proposals=(again, *((taken_out(case, queue, name, anew=True),) if queue is not None else ())),
    )


def expired(case: Case) -> Finding | None:
    """The nodes were booked, and the booking ran out or was taken back before the pods came."""
    for each, request in _asked(case):
        if request is not None and not is_true(request.status.conditions, "Failed"):
            found = _expired(case, each, request)
            if found is not None:
                return found
    return None


def _expired(case: Case, each: AwaitedCheck, request: ProvisioningRequest) -> Finding | None:
    # Of nodes that were taken back, Kueue rejects the check; a booking that ran out it asks for again.
    for type_, word, verdict in (
        ("CapacityRevoked", "was taken back", CauseVerdict.BROKEN),
        ("BookingExpired", "ran out before the pods came", CauseVerdict.WAITING),
    ):
        if is_true(request.status.conditions, type_):
            how = CauseVerdict.MISCONFIGURED if each.said.state == REJECTED else verdict
            outcome = RequestOutcome("provisioning-booking-expired", how, type_, f"had a booking that {word}")
            return _finding(case, each, request, outcome)
    return None


def pending(case: Case) -> Finding | None:
    """The autoscaler has not provided the nodes yet."""
    over = ("Failed", "BookingExpired", "CapacityRevoked")
    going = (
        (each, request)
        for each, request in _asked(case)
        if request is None or not any(is_true(request.status.conditions, type_) for type_ in over)
    )
    asked = next(going, None)
    if asked is None:
        return None
    each, request = asked
    if request is None:
        summary = f"quota is reserved; no ProvisioningRequest for the check {each.said.name} has been made yet"
        evidence: tuple[Evidence, ...] = (evidence_of(each),)
    else:
        state = "provisioned" if is_true(request.status.conditions, "Provisioned") else "not provided yet"
        taken = is_true(request.status.conditions, "Accepted")
        how = "accepted" if taken else "not even looked at: is an autoscaler that serves its class running?"
        summary = f"quota is reserved; the ProvisioningRequest {request.name} is {state} ({how})"
        evidence = (evidence_of(each), Evidence(reference_of(request), "status.conditions[Accepted]", taken, state))
    return Finding(
        "provisioning-request-pending",
        CauseVerdict.WAITING,
        summary,
        facts={"admission_check": each.said.name, "provisioning_request": request.name if request else ""},
        evidence=evidence,
        proposals=(_waiting(each, request), *_without(case, each)),
    )


def _finding(case: Case, each: AwaitedCheck, request: ProvisioningRequest, outcome: RequestOutcome) -> Finding:
    told = condition(request.status.conditions, outcome.condition)
    message = told.message if told is not None else ""
    state = each.workload.status.requeue_state
    again = "" if state is None or outcome.verdict is not CauseVerdict.WAITING else state.requeue_at
    summary = f"quota is reserved, and the ProvisioningRequest {request.name} {outcome.words}"
    return Finding(
        outcome.cause,
        outcome.verdict,
        summary
        + (f": {quoted_message(message)}" if message else "")
        + (f"; Kueue asks again at {again}" if again else ""),
        facts={
            "admission_check": each.said.name,
            "provisioning_request": request.name,
            "cluster_queue": each.queue.name if each.queue is not None else "",
            "class": request.spec.provisioning_class_name,
            "message": message,
            "asked_again_at": again,
        },
        evidence=(
            Evidence(reference_of(request), f"status.conditions[{outcome.condition}]", "True", message),
            evidence_of(each),
        ),
        proposals=(
            *(_asked_again(each, again) if outcome.verdict is CauseVerdict.WAITING else ()),
            _nodes_made(each, request),
            *_without(case, each),
        ),
    )


def _asked_again(each: AwaitedCheck, at: str) -> tuple[Proposal, ...]:
    what = f"wait: Kueue asks for the nodes again at {at}" if at else "wait until Kueue asks for the nodes again"
    patch = Patch(PatchOp.WAIT, {"event": "Provisioned", **({"at": at} if at else {})})
    return (Proposal(RemedyKind.WAIT_FOR_CAPACITY, Doer.USER, what, reference_of(each.workload), patch),)


def _nodes_made(each: AwaitedCheck, request: ProvisioningRequest) -> Proposal:
    """Which nodes come, only the autoscaler knows: this cannot be tried."""
    return Proposal(
        RemedyKind.FIX_ADMISSION_CHECK,
        Doer.PLATFORM,
        f"make the nodes available that {request.name} asks for, and let the check {each.said.name} be asked again",
        reference_of(each.workload),
        Patch(PatchOp.SIGNAL, {"controller": each.controller, "check": each.said.name}),
        cost=1,
    )


def _waiting(each: AwaitedCheck, request: ProvisioningRequest | None) -> Proposal:
    target = reference_of(each.workload if request is None else request)
    what = "wait until the autoscaler has provided the nodes"
    return Proposal(
        RemedyKind.WAIT_FOR_CAPACITY, Doer.USER, what, target, Patch(PatchOp.WAIT, {"event": "Provisioned"})
    )


def _without(case: Case, each: AwaitedCheck) -> tuple[Proposal, ...]:
    anew = each.said.state not in {PENDING, ""}
    return () if each.queue is None else (taken_out(case, each.queue, each.said.name, anew=anew),)

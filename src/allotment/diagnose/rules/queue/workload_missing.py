"""Work that is kept back for its queue, and of which Kueue makes no Workload: it is not there, or leaves it alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.queue import pod_groups
from allotment.diagnose.rules.queue.queued import kueue_absent
from allotment.diagnose.tried_before import of_kueue
from allotment.errors import quoted_message
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.labels import KUEUE_QUEUE
from allotment.model.moments import seconds
from allotment.model.observed.base import Object
from allotment.model.observed.pods import Pod
from allotment.model.observed.work import Job

_LONG: Final = 30.0
"""Seconds after which Kueue has certainly seen new work: it makes a Workload within one."""
_GROUP: Final = "kueue.x-k8s.io/pod-group-name"
_TOTAL: Final = "kueue.x-k8s.io/pod-group-total-count"
_SAID: Final = ("ErrWorkloadCompose", "JobNestingTooDeep")
"""Reasons of Kueue's events about work that it makes no Workload of."""
_PREBUILT: Final = "kueue.x-k8s.io/prebuilt-workload-name"
_GATE: Final = "kueue.x-k8s.io/admission"


def find(case: Case) -> Finding | None:
    """A Job that is suspended for its queue, or a pod with Kueue's gate, that has no Workload."""
    held = None if case.supposed or case.workload is not None or not case.queue_name else _held(case)
    if held is None or not case.seen("workloads"):
        return None
    if kueue_absent(case):
        return _finding(
            case, held, "Kueue is not installed in this cluster", Confidence.SURE, tuple(_without(case, held))
        )
    named = held.metadata.labels.get(_PREBUILT, "")
    if named:
        return None if f"{case.namespace}/{named}" in case.index.workloads else _not_built(case, held, named)
    fresh = case.now - seconds(held.metadata.creation_timestamp) < _LONG
    if case.local_queue is None or fresh or of_kueue(case) is not None or pod_groups.find(case) is not None:
        return None
    told = _told(case, held)
    if told is not None:
        return told
    why = f"Kueue has made no Workload of it: its controller does not run, or leaves {_kind(held)} alone"
    return _finding(case, held, why, Confidence.LIKELY, tuple(_looked_at(held)))


def _not_built(case: Case, held: Object, named: str) -> Finding:
    """Its label names the Workload that somebody else is to make."""
    found = _finding(
        case, held, f"its label {_PREBUILT} names the Workload {named}, which does not exist", Confidence.SURE, ()
    )
    body = {"metadata": {"labels": {_PREBUILT: None}}}
    what = f"take the label {_PREBUILT} off: Kueue makes a Workload of it then"
    return replace(
        found,
        verdict=CauseVerdict.MISCONFIGURED,
        facts={**found.facts, "prebuilt_workload": named},
        evidence=(Evidence(reference_of(held), f"metadata.labels[{_PREBUILT}]", named, "no such Workload"),),
        proposals=(Proposal(RemedyKind.FIX_LABEL, Doer.USER, what, reference_of(held), Patch(PatchOp.MERGE, body)),)
        if isinstance(held, Job)
        else (),
    )


def _told(case: Case, held: Object) -> Finding | None:
    """What pods of a group contradict each other in; else what Kueue itself says of why it could make none."""
    group = held.metadata.labels.get(_GROUP, "") if isinstance(held, Pod) else ""
    pods = [each for each in case.index.objects.pods if each.namespace == case.namespace and not each.ended]
    members = [each for each in pods if group and each.metadata.labels.get(_GROUP) == group]
    for field, values in (
        (f"annotation {_TOTAL}", {each.metadata.annotations.get(_TOTAL, "") for each in members}),
        (f"label {KUEUE_QUEUE}", {each.metadata.labels.get(KUEUE_QUEUE, "") for each in members}),
    ):
        if len(values) > 1:
            said = ", ".join(sorted(each or "none" for each in values))
            why = f"Kueue makes no Workload of the group {group}, whose pods differ in the {field}: {said}"
            return replace(
                _finding(case, held, why, Confidence.SURE, (_by_its_user(held, f"give all of them the same {field}"),)),
                verdict=CauseVerdict.MISCONFIGURED,
            )
    about = (held, *members) if members else (held,)
    events = (event for each in about for event in case.events(each) if event.reason in _SAID)
    event = max(events, key=lambda each: each.at, default=None)
    if event is None:
        return None
    why = f"Kueue could make no Workload of it: {quoted_message(event.message)}"
    mended = _by_its_user(held, "mend what Kueue names, and submit it again")
    found = _finding(case, held, why, Confidence.LIKELY, (mended,))
    where = Evidence(reference_of(held), f"events[{event.reason}].message", event.message, "as Kueue says")
    return replace(found, verdict=CauseVerdict.MISCONFIGURED, evidence=(*found.evidence, where))


def _by_its_user(held: Object, what: str) -> Proposal:
    return Proposal(RemedyKind.OTHER, Doer.USER, what, reference_of(held), Patch(PatchOp.SIGNAL, {}))


def _held(case: Case) -> Object | None:
    """What is kept from running until Kueue lets it."""
    job = case.work
    if isinstance(job, Job) and job.spec.suspend:
        return job
    return next(
        (
            pod
            for pod in case.waiting_pods
            if any(each.name == _GATE for each in pod.spec.scheduling_gates)
            and not case.index.workloads_of.get(pod.metadata.uid)
        ),
        None,
    )


def _kind(held: Object) -> str:
    return "pods" if isinstance(held, Pod) else "Jobs"


def _finding(case: Case, held: Object, why: str, sure: Confidence, proposals: tuple[Proposal, ...]) -> Finding:
    field, value = ("spec.schedulingGates", _GATE) if isinstance(held, Pod) else ("spec.suspend", "true")
    return Finding(
        "workload-missing",
        CauseVerdict.BROKEN,
        f"{held.name} is kept back for the queue {case.queue_name}, and {why}",
        facts={"queue": case.queue_name, "kueue_installed": not kueue_absent(case), "kept_back": held.name},
        evidence=(Evidence(reference_of(held), field, value, "it waits to be let go, and nobody is there to do so"),),
        confidence=sure,
        proposals=proposals,
    )


def _without(case: Case, held: Object) -> Iterator[Proposal]:
    """Without the label nobody keeps it back."""
    if isinstance(held, Job) and held is case.top:
        body = {"metadata": {"labels": {KUEUE_QUEUE: None}}, "spec": {"suspend": False}}
        what = "let it run without a queue: take the queue label off and resume it"
        yield Proposal(RemedyKind.UNSUSPEND, Doer.USER, what, reference_of(held), Patch(PatchOp.MERGE, body))
    yield Proposal(
        RemedyKind.OTHER,
        Doer.PLATFORM,
        "install Kueue again, and wait until it runs",
        None,
        Patch(PatchOp.SIGNAL, {"installed": "kueue"}),
    )


def _looked_at(held: Object) -> Iterator[Proposal]:
    kind = "pod" if isinstance(held, Pod) else "batch/job"
    yield Proposal(
        RemedyKind.OTHER,
        Doer.PLATFORM,
        f"look why Kueue passes it over: whether its controller runs, and has {kind} among its integrations",
        None,
        Patch(PatchOp.SIGNAL, {"integration": kind}),
        command="kubectl -n kueue-system logs deployment/kueue-controller-manager --tail 50",
    )

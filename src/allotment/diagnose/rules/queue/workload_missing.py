"""Work that is kept back for its queue, and of which Kueue makes no Workload: it is not there, or leaves it alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.queue.queued import kueue_absent
from allotment.diagnose.tried_before import of_kueue
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.labels import KUEUE_QUEUE
from allotment.model.moments import seconds
from allotment.model.observed.base import Object
from allotment.model.observed.pods import Pod
from allotment.model.observed.work import Job

_LONG: Final = 30.0
"""Seconds after which Kueue has certainly seen new work: it makes a Workload within one."""
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
    if case.local_queue is None or fresh or of_kueue(case) is not None:
        return None
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

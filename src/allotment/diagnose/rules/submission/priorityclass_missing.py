"""The work names a PriorityClass, or a WorkloadPriorityClass of Kueue, that does not exist."""

from __future__ import annotations

from typing import Final

from allotment.diagnose.amending import amended, sent_again, worked_on
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.queue.queued import kueue_absent
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.labels import KUEUE_PRIORITY
from allotment.model.observed.base import Object, Reference
from allotment.model.spelling import nearest

_BUILT_IN: Final = frozenset({"system-cluster-critical", "system-node-critical"})
_MOST: Final = 3
"""Other classes that are proposed."""


def find(case: Case) -> Finding | None:
    """A name with no class behind it, where the classes could be read."""
    if any(pod.spec.node_name for pod in case.pods):
        return None
    return _of_pods(case) or _of_kueue(case)


def _of_pods(case: Case) -> Finding | None:
    classes = case.index.priority_classes
    if not case.seen("priorityclasses"):
        return None
    for part in case.to_come:
        name = part.template.spec.priority_class_name
        if name and name not in classes and name not in _BUILT_IN:
            return _finding(case, "PriorityClass", name, sorted(set(classes) - _BUILT_IN))
    return None


def _of_kueue(case: Case) -> Finding | None:
    classes = case.index.workload_priority_classes
    sent = case.submission.manifest if case.submission else None
    top = case.top or sent
    name = top.metadata.labels.get(KUEUE_PRIORITY, "") if top is not None else ""
    if not name or name in classes or not case.queue_name or not case.seen("workloadpriorityclasses"):
        return None
    if case.workload is not None or kueue_absent(case):
        return None
    return _finding(case, "WorkloadPriorityClass", name, sorted(classes))


def _finding(case: Case, kind: str, name: str, known: list[str]) -> Finding:
    work = worked_on(case)
    target = case.reference if work is None else reference_of(work)
    there = f"there are {', '.join(known)}" if known else "there is none"
    field = "priorityClassName" if kind == "PriorityClass" else f"metadata.labels[{KUEUE_PRIORITY}]"
    return Finding(
        "priorityclass-missing",
        CauseVerdict.MISCONFIGURED,
        f"the {kind} {name} does not exist; {there}",
        facts={"priority_class": name, "kind": kind, "existing": known},
        evidence=(Evidence(target, field, name, f"no such {kind}"),),
        proposals=(*_renamed(case, kind, name, known), _created(case, kind, name)),
    )


def _renamed(case: Case, kind: str, name: str, known: list[str]) -> list[Proposal]:
    meant = nearest(name, known)
    order: list[str | None] = [meant, None] if meant else [None]
    order += [each for each in known if each != meant][:_MOST]
    found = []
    for position, other in enumerate(order):
        target, patch = _amended(case, kind, other)
        what = f"use the {kind} {other}" if other else f"leave the {kind} out"
        # Kueue's class is named by a label.
        kind_of_act = RemedyKind.OTHER if kind == "PriorityClass" else RemedyKind.FIX_LABEL
        found.append(Proposal(kind_of_act, Doer.USER, what, target, patch, cost=position))
    return found


def _amended(case: Case, kind: str, name: str | None) -> tuple[Reference, Patch]:
    if kind == "PriorityClass":
        # The number that admission resolved goes with the name.
        return amended(case, {"priorityClassName": name, "priority": None})
    top: Object | None = case.top
    target = case.reference if top is None else reference_of(top)
    op = PatchOp.RESUBMIT if case.subject is None else PatchOp.MERGE
    return target, Patch(op, {"metadata": {"labels": {KUEUE_PRIORITY: name}}})


def _created(case: Case, kind: str, name: str) -> Proposal:
    version = "scheduling.k8s.io/v1" if kind == "PriorityClass" else "kueue.x-k8s.io/v1beta2"
    body = {"apiVersion": version, "kind": kind, "metadata": {"name": name}, "value": 0}
    return Proposal(
        RemedyKind.OTHER,
        Doer.PLATFORM,
        f"create the {kind} {name}, with the value it is to have",
        Reference(api_version=version, kind=kind, name=name),
        Patch(PatchOp.CREATE, body),
        effect=sent_again(case),
    )

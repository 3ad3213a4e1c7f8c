"""A pod has a scheduling gate that nobody takes away."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from allotment.diagnose.amending import changed_pods, template_of
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.reach import held_back
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.moments import seconds
from allotment.model.observed.pods import PodSpec

_OF_KUEUE: Final = "kueue.x-k8s.io/"
"""Kueue's own gates: the causes of its layers say why they stand."""
_NEW: Final = 60.0
"""Seconds in which a controller that works has opened a gate, or will."""


def find(case: Case) -> Finding | None:
    """Gates of a waiting pod, or of the template of pods that are to come."""
    for pod in case.waiting_pods:
        gates = _gates(pod.spec)
        if not gates:
            continue
        evidence = Evidence(reference_of(pod), "spec.schedulingGates", gates, "the scheduler does not look at it")
        finding = _finding(case, gates, f"the pod {pod.name}", evidence, (_opened(case, pod.name, gates),))
        if _put_in(case, gates):
            return replace(finding, verdict=CauseVerdict.WAITING, proposals=(_asked(gates), *finding.proposals[1:]))
        new = case.now - seconds(pod.metadata.creation_timestamp, case.now) < _NEW
        return replace(finding, confidence=Confidence.LIKELY) if new else finding
    if case.pods or (case.subject is None and not case.to_come):
        return None
    for part in case.to_come:
        gates = _gates(part.template.spec)
        if gates:
            about, path = template_of(case)
            evidence = Evidence(about, f"{path}.schedulingGates", gates, "the scheduler will not look at its pods")
            return _finding(case, gates, "every pod of it", evidence, ())
    return None


def _put_in(case: Case, gates: list[str]) -> bool:
    """Whether a gate is none of the work's own: a webhook has put it in, and would put it in again."""
    own = {each.name for part in case.to_come for each in part.template.spec.scheduling_gates}
    return case.work is not None and bool(case.to_come) and not own.intersection(gates)


def _asked(gates: list[str]) -> Proposal:
    named = ", ".join(gates)
    return Proposal(
        RemedyKind.OTHER,
        Doer.PLATFORM,
        f"see what the controller of the gate {named} waits for: a webhook has put the gate in",
        None,
        Patch(PatchOp.SIGNAL, {"gate": named}),
    )


def _gates(spec: PodSpec) -> list[str]:
    return [each.name for each in spec.scheduling_gates if not each.name.startswith(_OF_KUEUE)]


def _finding(case: Case, gates: list[str], who: str, evidence: Evidence, opened: tuple[Proposal, ...]) -> Finding:
    named = ", ".join(gates)
    return Finding(
        "scheduling-gated",
        CauseVerdict.MISCONFIGURED,
        f"{who} has the scheduling gate {named}, and no controller has taken it away",
        facts={
            "gate": gates[0] if len(gates) == 1 else gates,
            "pod": case.waiting_pods[0].name if case.waiting_pods else None,
            "reason": "SchedulingGated",
            "message": "Scheduling is blocked due to non-empty scheduling gates",
        },
        evidence=(evidence,),
        confidence=Confidence.LIKELY if held_back(case) and not case.waiting_pods else Confidence.SURE,
        proposals=(
            changed_pods(
                RemedyKind.OTHER, f"submit it again without the gate {named}", case, {"schedulingGates": None}
            ),
            *opened,
        ),
    )


def _opened(case: Case, name: str, gates: list[str]) -> Proposal:
    """What the gate's controller should have done; pods of the subject that have the same gate go along."""
    pods = [pod for pod in case.waiting_pods if _gates(pod.spec)]
    first = next(pod for pod in pods if pod.name == name)
    body = {"spec": {"schedulingGates": None}}
    more = f" and {len(pods) - 1} more" if pods[1:] else ""
    return Proposal(
        RemedyKind.OTHER,
        Doer.PLATFORM,
        f"take the gate {', '.join(gates)} from the pod {name}{more}, as its controller should have",
        reference_of(first),
        Patch(PatchOp.MERGE, body),
        then=tuple((reference_of(pod), Patch(PatchOp.MERGE, body)) for pod in pods if pod is not first),
        cost=5,
    )

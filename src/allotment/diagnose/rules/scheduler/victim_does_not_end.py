"""A node is kept for the pod by preemption, and who has to leave it does not end."""

from __future__ import annotations

from typing import Final

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.others import called
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.moments import seconds
from allotment.model.observed.base import condition
from allotment.model.observed.pods import Pod

_DISRUPTED: Final = "DisruptionTarget"
_GRACE: Final = 30
"""Seconds a pod has to end, if it says nothing else."""


def find(case: Case) -> Finding | None:
    """Pods on the nominated node were told to end and still hold what they have."""
    pod = next((each for each in case.waiting_pods if each.status.nominated_node_name), None)
    if pod is None:
        return None
    node = pod.status.nominated_node_name
    leaving = [each for each in case.index.pods_on.get(node, ()) if each.metadata.deletion_timestamp]
    marked = [each for each in leaving if condition(each.status.conditions, _DISRUPTED) is not None]
    if marked:  # kube-scheduler marks whom it takes away; the others leave for reasons of their own
        leaving = [each for each in marked if _by_scheduler(each)]
    if not leaving:
        return None
    over = max(case.now - seconds(each.metadata.deletion_timestamp) for each in leaving)
    late = over > _GRACE
    names = ", ".join(dict.fromkeys(called(case, each) for each in leaving[:3]))
    wait = Proposal(
        RemedyKind.WAIT_FOR_CAPACITY,
        Doer.USER,
        f"wait until {names} has left {node}",
        reference_of(leaving[0]),
        Patch(PatchOp.WAIT, {"until": "deleted"}),
    )
    return Finding(
        "victim-does-not-end",
        CauseVerdict.BROKEN if late else CauseVerdict.WAITING,
        f"node {node} is kept for the pod; {names} {'was' if len(leaving) == 1 else 'were'} "
        f"{'preempted for it' if marked else 'told to leave it'} and "
        f"{f'should have ended {int(over)} s ago' if late else 'is ending'}",
        facts={"node": node, "overdue_seconds": max(int(over), 0), "ending": len(leaving)},
        evidence=tuple(
            Evidence(reference_of(e), "metadata.deletionTimestamp", e.metadata.deletion_timestamp) for e in leaving[:4]
        ),
        confidence=Confidence.SURE if marked or late else Confidence.LIKELY,
        proposals=(wait, *(_forced(each) for each in leaving[:1] if late)),
    )


def _by_scheduler(pod: Pod) -> bool:
    said = condition(pod.status.conditions, _DISRUPTED)
    return said is not None and said.reason == "PreemptionByScheduler"


def _forced(pod: Pod) -> Proposal:
    held = f", and take its finalizers {', '.join(pod.metadata.finalizers)} off" if pod.metadata.finalizers else ""
    return Proposal(
        RemedyKind.OTHER,
        Doer.PLATFORM,
        f"see why the kubelet of {pod.spec.node_name} does not end it{held}",
        reference_of(pod),
        Patch(PatchOp.SIGNAL, {"end": pod.name}),
        effect=((reference_of(pod), Patch(PatchOp.DELETE)),),
        cost=10,
    )

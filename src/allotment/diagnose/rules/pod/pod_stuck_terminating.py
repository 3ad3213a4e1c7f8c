"""A pod that is being deleted does not go, and what should come in its place waits for it."""

from __future__ import annotations

from typing import Final

from allotment.diagnose import by_hand
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.reach import missing_pods
from allotment.diagnose.rules.node.defects import defects_of, sound
from allotment.diagnose.rules.node.mending import whole
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.moments import seconds
from allotment.model.observed.pods import Pod

_PATIENCE: Final = 60.0
"""Seconds past the time of deletion (which has the grace period in it) after which a pod is said to hang."""
_TRACKING: Final = "batch.kubernetes.io/job-tracking"
"""The Job controller's own finalizer goes by itself."""


def find(case: Case) -> Finding | None:
    """A pod of the subject past its time, while one is missing or nothing runs."""
    for pod in case.pods:
        gone_at = pod.metadata.deletion_timestamp
        if not gone_at or case.now - seconds(gone_at) < _PATIENCE:
            continue
        if not (isinstance(case.subject, Pod) or missing_pods(case) or not case.running_pods):
            continue
        return _finding(case, pod, gone_at)
    return None


def _finding(case: Case, pod: Pod, gone_at: str) -> Finding:
    held = [each for each in pod.metadata.finalizers if each != _TRACKING]
    node = case.index.nodes.get(pod.spec.node_name)
    lost = bool(pod.spec.node_name) and case.seen("nodes") and (node is None or not node.ready)
    target = reference_of(pod)
    if held:
        why = f"the finalizer {', '.join(held)} holds it"
    elif lost:
        state = "is gone" if node is None else "is not ready"
        why = f"its node {pod.spec.node_name} {state} and cannot say that it has ended"
    else:
        why = "its containers do not end"
    return Finding(
        "pod-stuck-terminating",
        CauseVerdict.BROKEN,
        f"the pod {pod.name} is being deleted since {gone_at} and does not go: {why}",
        facts={
            "pod": pod.name,
            "node": pod.spec.node_name or None,
            "deletion_timestamp": gone_at,
            "finalizers": held,
            "node_ready": not lost,
        },
        evidence=(Evidence(target, "metadata.deletionTimestamp", gone_at, why),),
        confidence=Confidence.SURE if held or lost else Confidence.LIKELY,
        proposals=(_let_go(case, pod, held, lost=lost),),
    )


def _let_go(case: Case, pod: Pod, held: list[str], *, lost: bool) -> Proposal:
    target = reference_of(pod)
    gone = ((target, Patch(PatchOp.DELETE)),)
    if held:
        return Proposal(
            RemedyKind.OTHER,
            Doer.USER,
            f"take the finalizer {', '.join(held)} from it, if its controller is gone",
            target,
            Patch(PatchOp.MERGE, {"metadata": {"finalizers": None}}),
            effect=gone,
        )
    node = case.index.nodes.get(pod.spec.node_name)
    if lost and node is not None:
        # Whoever deletes the pod alone does not know whether it still runs there.
        return Proposal(
            RemedyKind.REPAIR_NODE,
            Doer.PLATFORM,
            f"bring the node {node.name} back, or delete it if it is gone for good",
            reference_of(node),
            Patch(PatchOp.SIGNAL, {"node": node.name}),
            effect=((reference_of(node), whole(sound(node, defects_of(node)))), *gone),
        )
    return Proposal(
        RemedyKind.OTHER,
        Doer.USER,
        f"delete it at once: {by_hand.deletion_of(pod)}",
        target,
        Patch(PatchOp.DELETE),
        command=by_hand.deletion_of(pod),  # without force it waits for the kubelet as before
    )

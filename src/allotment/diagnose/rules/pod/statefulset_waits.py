"""A StatefulSet makes its pods one after the other, and an earlier one is not ready."""

from __future__ import annotations

import re

from allotment.diagnose import by_hand
from allotment.diagnose.case import Case, pod_ready, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.pods import Pod
from allotment.model.observed.work import Replicas


def find(case: Case) -> Finding | None:
    """Fewer pods than replicas, in order, and the last that is there is not ready; why it is not, comes before this."""
    each = case.work
    if not isinstance(each, Replicas) or each.kind != "StatefulSet" or each.spec.pod_management_policy == "Parallel":
        return None
    wanted = 1 if each.spec.replicas is None else each.spec.replicas
    pods = sorted((pod for pod in case.index.pods_under(each.metadata.uid) if not pod.ended), key=_ordinal)
    blocking = next((pod for pod in pods if not pod_ready(pod)), None)
    if blocking is None or len(pods) >= wanted or blocking is case.subject:
        return None
    target = reference_of(blocking)
    return Finding(
        "statefulset-waits-for-earlier",
        CauseVerdict.WAITING,
        f"the StatefulSet {each.name} has {len(pods)} of {wanted} pods: the next is made when {blocking.name} is ready",
        facts={"pod": blocking.name, "pods": len(pods), "replicas": wanted, "pod_management_policy": "OrderedReady"},
        evidence=(Evidence(target, "status.phase", blocking.status.phase, "is not ready"),),
        # It only follows from what keeps the earlier pod: any cause of that comes first.
        confidence=Confidence.LIKELY,
        proposals=(
            Proposal(
                RemedyKind.FINISH_DEPENDENCY,
                Doer.USER,
                f"bring {blocking.name} up: {by_hand.why_of('pod', blocking)}",
                target,
                Patch(PatchOp.SIGNAL, {"until": "ready"}),
            ),
        ),
    )


def _ordinal(pod: Pod) -> int:
    number = re.search(r"-(\d{1,9})$", pod.name)
    return int(number[1]) if number is not None else 0

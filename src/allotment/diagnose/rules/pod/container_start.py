"""Pods that have a node and whose containers are not started yet: refused by the runtime, or still on the way."""

from __future__ import annotations

from typing import Final

from allotment.diagnose.amending import runs
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.pod.containers import statuses, stuck
from allotment.diagnose.rules.pod.crash_loop import corrected
from allotment.errors import quoted_message
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import Reference

_REFUSED: Final = frozenset({"CreateContainerError", "RunContainerError", "StartError", "ContainerCannotRun"})


def refused(case: Case) -> Finding | None:
    """The container runtime does not start the container."""
    for each in stuck(case):
        if each.reason not in _REFUSED:
            continue
        return Finding(
            "container-start-failed",
            CauseVerdict.MISCONFIGURED,
            f"the container {each.status.name} of {each.pod.name} cannot be started: "
            f"{quoted_message(each.message or each.reason)}",
            facts={**each.facts(), "reason": each.reason, "message": each.message},
            evidence=(each.evidence("state.waiting", each.reason, each.message),),
            proposals=(corrected(case, each),),
        )
    return None


def no_sandbox(case: Case) -> Finding | None:
    """The node cannot make a place for the pod: network or runtime."""
    for pod in case.starting_pods:
        newest = next(
            (each for each in reversed(case.events(pod)) if each.reason not in {"Scheduled", "SuccessfulAttachVolume"}),
            None,
        )
        if newest is None or newest.reason != "FailedCreatePodSandBox" or pod.status.phase != "Pending":
            continue
        node = pod.spec.node_name
        return Finding(
            "pod-sandbox-failed",
            CauseVerdict.BROKEN,
            f"the node {node} cannot set {pod.name} up: {quoted_message(newest.message)}",
            facts={"pod": pod.name, "node": node, "message": newest.message},
            evidence=(Evidence(reference_of(pod), "events[FailedCreatePodSandBox].message", newest.message),),
            proposals=(
                Proposal(
                    RemedyKind.REPAIR_NODE,
                    Doer.PLATFORM,
                    f"mend the network or the container runtime of {node}",
                    Reference(api_version="v1", kind="Node", name=node),
                    Patch(PatchOp.SIGNAL, {"message": newest.message}),
                    effect=runs(case.starting_pods),
                ),
            ),
        )
    return None


def on_the_way(case: Case) -> Finding | None:
    """The image is being pulled, or the containers are being made: nothing has failed."""
    for pod in case.starting_pods:
        reasons = {each.reason for each in statuses(pod)} - {""}
        if pod.status.phase != "Pending" or not reasons <= {"ContainerCreating", "PodInitializing"}:
            continue
        if any(each.status.state.running is not None for each in statuses(pod)):
            continue
        events = [each.reason for each in case.events(pod)]
        pulling = "Pulling" in events and "Pulled" not in events
        target = reference_of(pod)
        return Finding(
            "pod-starting",
            CauseVerdict.WAITING,
            f"the pod {pod.name} is starting on {pod.spec.node_name}"
            + (": its image is being pulled" if pulling else ": its containers are being made"),
            facts={"pod": pod.name, "node": pod.spec.node_name, "pulling": pulling},
            evidence=(Evidence(target, "status.phase", "Pending", "nothing has failed"),),
            confidence=Confidence.SURE if pulling else Confidence.LIKELY,
            proposals=(
                Proposal(
                    RemedyKind.OTHER,
                    Doer.USER,
                    "wait for its containers to start",
                    target,
                    Patch(PatchOp.WAIT, {"until": "running"}),
                ),
            ),
        )
    return None

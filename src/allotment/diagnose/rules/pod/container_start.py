"""Pods that have a node and whose containers are not started yet: refused by the runtime, or still on the way."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Final

from allotment.diagnose.amending import amended, mended_on, runs
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.pod.containers import REFUSED, Stuck, crashed, statuses, stuck
from allotment.diagnose.rules.pod.crash_loop import corrected
from allotment.diagnose.rules.pod.init_containers import PATIENCE
from allotment.diagnose.rules.pod.probes import budget, may_load
from allotment.errors import quoted_message
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.moments import seconds
from allotment.model.observed.base import Reference, condition
from allotment.model.observed.pods import Pod

_TOOLKIT: Final = "nvidia-container-cli: "
_DRIVER_OLD: Final = re.compile(rf"{_TOOLKIT}requirement error")
_OF_NODE: Final = re.compile(
    rf"{_TOOLKIT}|context deadline exceeded|is reserved for|no space left on device|too many open files|"
    r"device or resource busy|failed to (?:mount|create) .*(?:rootfs|overlay|snapshot)"
)
"""Words of the runtime for what is the node's matter, whatever was to be started."""
_NOT_SET_UP: Final = {
    "FailedCreatePodSandBox": "the network or the container runtime",
    "FailedPrepareDynamicResources": "the driver of the devices",
}
"""Events by which a kubelet says that it cannot make a place for a pod → what is to be mended."""
_BEGINS_WITHIN: Final = 120.0
"""Seconds in which a kubelet has begun with a pod."""
_PULLED: Final = "its image is being pulled"


def refused(case: Case) -> Finding | None:
    """The container runtime does not start the container: for what it is to start, or for what its node is like."""
    for each in (*stuck(case), *crashed(case)):
        said = each.said
        fault, driver = _OF_NODE.search(said), _DRIVER_OLD.search(said)
        # In a loop its exit code tells what is wrong with a program; what is wrong with a node, it does not.
        if not said or each.wrong_machine or (each.reason not in REFUSED and fault is None and driver is None):
            continue
        node = each.pod.spec.node_name
        # Of the layers that pass an error on, the toolkit of the devices has the last word.
        at = max(said.find(_TOOLKIT), 0)
        found = Finding(
            "container-start-failed",
            CauseVerdict.MISCONFIGURED,
            f"the container {each.status.name} of {each.pod.name} cannot be started: {quoted_message(said[at:])}",
            facts={**each.facts(), "reason": each.reason, "message": said},
            evidence=(each.evidence("state.waiting", each.reason, said),),
            proposals=(corrected(case, each),),
        )
        if driver is not None:
            what = f"use an image for an older CUDA, or have a newer driver put on {node}"
            image = Proposal(RemedyKind.FIX_IMAGE, Doer.USER, what, amended(case, {})[0], Patch(PatchOp.SIGNAL, {}))
            return replace(found, proposals=(image,))
        return (
            found if fault is None else replace(found, verdict=CauseVerdict.BROKEN, proposals=(_repaired(case, each),))
        )
    return None


def by_node(each: Stuck) -> bool:
    """Whether it could not be started for what its node is like."""
    return _OF_NODE.search(each.said) is not None and _DRIVER_OLD.search(each.said) is None


def _repaired(case: Case, each: Stuck) -> Proposal:
    node = each.pod.spec.node_name
    return mended_on(case, node, f"mend the container runtime or the driver of {node}", {"message": each.said})


def no_sandbox(case: Case) -> Finding | None:
    """The node cannot make a place for the pod: network or runtime."""
    for pod in case.starting_pods:
        newest = next(
            (each for each in reversed(case.events(pod)) if each.reason not in {"Scheduled", "SuccessfulAttachVolume"}),
            None,
        )
        if newest is None or newest.reason not in _NOT_SET_UP or pod.status.phase != "Pending":
            silent = _silent(case, pod)
            if silent is not None:
                return silent
            continue
        node, what = pod.spec.node_name, _NOT_SET_UP[newest.reason]
        return Finding(
            "pod-sandbox-failed",
            CauseVerdict.BROKEN,
            f"the node {node} cannot set {pod.name} up: {quoted_message(newest.message)}",
            facts={"pod": pod.name, "node": node, "message": newest.message},
            evidence=(Evidence(reference_of(pod), f"events[{newest.reason}].message", newest.message),),
            confidence=Confidence.LIKELY,
            proposals=(mended_on(case, node, f"mend {what} of {node}", {"message": newest.message}),),
        )
    return None


def _silent(case: Case, pod: Pod) -> Finding | None:
    """The node was given the pod and has not begun with it."""
    placed = condition(pod.status.conditions, "PodScheduled")
    if pod.status.phase != "Pending" or pod.status.start_time or pod.status.container_statuses or placed is None:
        return None
    waited = case.now - seconds(placed.last_transition_time, case.now)
    if not placed.true or waited < _BEGINS_WITHIN:
        return None
    node = Reference(api_version="v1", kind="Node", name=pod.spec.node_name)
    return Finding(
        "pod-sandbox-failed",
        CauseVerdict.BROKEN,
        f"the node {node.name} was given {pod.name} {int(waited)} s ago and has not begun with it",
        facts={"pod": pod.name, "node": node.name, "message": None},
        evidence=(Evidence(reference_of(pod), "status.startTime", None, "its kubelet has not taken it"),),
        confidence=Confidence.LIKELY,
        proposals=(
            Proposal(
                RemedyKind.REPAIR_NODE,
                Doer.PLATFORM,
                f"see why the kubelet of {node.name} takes no pods",
                node,
                Patch(PatchOp.SIGNAL, {"kubelet": "takes pods"}),
                effect=runs(case.starting_pods),
            ),
        ),
    )


@dataclass(frozen=True, slots=True)
class OnTheWay:
    """What a pod that has not failed is at; `until` is what to wait for."""

    words: str
    sure: bool
    until: str = "running"


def on_the_way(case: Case) -> Finding | None:
    """The image is being pulled, the containers are being made, or they are loading: nothing has failed."""
    for pod in case.starting_pods:
        at = _at(case, pod)
        if at is None:
            continue
        target = reference_of(pod)
        return Finding(
            "pod-starting",
            CauseVerdict.WAITING,
            f"the pod {pod.name} is starting on {pod.spec.node_name}: {at.words}",
            facts={"pod": pod.name, "node": pod.spec.node_name, "pulling": at.words == _PULLED},
            evidence=(Evidence(target, "status.phase", pod.status.phase, "nothing has failed"),),
            confidence=Confidence.SURE if at.sure else Confidence.LIKELY,
            proposals=(
                Proposal(
                    RemedyKind.OTHER,
                    Doer.USER,
                    "wait for its containers to start" if at.until == "running" else "wait until it is ready",
                    target,
                    Patch(PatchOp.WAIT, {"until": at.until}),
                ),
            ),
        )
    return None


def _at(case: Case, pod: Pod) -> OnTheWay | None:
    if pod.status.phase == "Running":
        return _loading(case, pod)
    reasons = {each.reason for each in statuses(pod)} - {""}
    if pod.status.phase != "Pending" or not reasons <= {"ContainerCreating", "PodInitializing"}:
        return None
    running = next((each for each in statuses(pod) if each.status.state.running is not None and each.passing), None)
    if running is not None and not 0 < running.age(case.now) < PATIENCE:
        return None
    if running is not None:
        since = running.status.state.running.started_at if running.status.state.running is not None else ""
        return OnTheWay(f"its init container {running.status.name} is at work since {since}", sure=False)
    events = [each.reason for each in case.events(pod)]
    pulling = "Pulling" in events and "Pulled" not in events
    return OnTheWay(_PULLED if pulling else "its containers are being made", sure=False)


def _loading(case: Case, pod: Pod) -> OnTheWay | None:
    """All that is not ready runs for so short that it may still be loading."""
    late = [each for each in statuses(pod) if not each.passing and not each.status.ready]
    if not late or not all(may_load(case, each) for each in late):
        return None
    first = late[0]
    probe = first.container.startup_probe
    trying = probe is not None and not first.status.started
    allowed = f", and its startup probe gives it {budget(probe)} s" if trying and probe is not None else ""
    words = f"its container {first.status.name} runs since {int(first.age(case.now))} s and is not ready yet{allowed}"
    return OnTheWay(words, sure=trying, until="ready")

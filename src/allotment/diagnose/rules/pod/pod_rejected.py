"""The kubelet did not take the pod, or gave it up: the scheduler chose the node, and the node refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from allotment.diagnose.amending import amended
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.reach import over
from allotment.diagnose.rules.pod.containers import newest_failed
from allotment.errors import quoted_message, spelled
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import Reference
from allotment.model.observed.pods import Pod
from allotment.model.observed.work import Job

_DEVICES: Final = "UnexpectedAdmissionError"
_TOPOLOGY: Final = "TopologyAffinityError"
_LEFT: Final = frozenset({"NodeShutdown", "Terminated", "Preempting"})
"""The node was shut down, or needed the room for what runs it."""
_REASONS: Final = _LEFT | {
    _DEVICES,
    _TOPOLOGY,
    "NodeAffinity",
    "NodePorts",
    "InvalidNodeInfo",
    "PodOSNotSupported",
    "SysctlForbidden",
    "AppArmor",
}
_SHORT: Final = "OutOf"
"""Begins the reason of a pod for which too little of a resource was left, and ends with the resource."""


def rejected(pod: Pod | None) -> bool:
    """Whether a pod failed because its node did not take or keep it, whatever its program does."""
    if pod is None or pod.status.phase != "Failed":
        return False
    return pod.status.reason in _REASONS or pod.status.reason.startswith(_SHORT)


def find(case: Case) -> Finding | None:
    """The newest pod was refused by its node, and none has come to run since."""
    pod = newest_failed(case)
    if pod is None or not rejected(pod) or case.running_pods or case.starting_pods:
        return None
    if isinstance(case.work, Job) and over(case.work):
        return None
    reason, node = pod.status.reason, pod.spec.node_name
    alike = [each for each in case.pods if rejected(each) and each.spec.node_name == node]
    more = f", and so were {len(alike) - 1} more of its pods" if len(alike) > 1 else ""
    what = "was ended with its node" if reason in _LEFT else "was refused by its node"
    return Finding(
        "pod-rejected-by-node",
        CauseVerdict.MISCONFIGURED if reason == _TOPOLOGY else CauseVerdict.BROKEN,
        f"the pod {pod.name} {what} {node} ({spelled(reason)}){more}: {quoted_message(pod.status.message)}",
        facts={"pod": pod.name, "node": node, "reason": reason, "message": pod.status.message, "rejected": len(alike)},
        evidence=(Evidence(reference_of(pod), "status.reason", reason, pod.status.message),),
        # Another has been made since: whether it finds a place is another matter.
        confidence=Confidence.LIKELY if case.waiting_pods else Confidence.SURE,
        proposals=tuple(after(case, pod)),
    )


def after(case: Case, pod: Pod) -> Iterator[Proposal]:
    """What helps a pod that its node has refused."""
    reason, name = pod.status.reason, pod.spec.node_name
    node = Reference(api_version="v1", kind="Node", name=name)
    if reason == _DEVICES:
        yield Proposal(
            RemedyKind.REPAIR_DEVICE_PLUGIN,
            Doer.PLATFORM,
            f"see to the devices of {name} and to their plugin; until then cordon it, or it gets the next pod too",
            node,
            Patch(PatchOp.SIGNAL, {"node": name, "message": pod.status.message}),
        )
    elif reason == _TOPOLOGY:
        yield Proposal(
            RemedyKind.REDUCE_REQUEST,
            Doer.USER,
            f"ask for as many CPUs and devices as one NUMA node of {name} has free: its Topology Manager gives no "
            "others, and the scheduler does not know",
            amended(case, {})[0],
            Patch(PatchOp.SIGNAL, {"topology": "one NUMA node"}),
            cost=1,
        )
    made_again = not (isinstance(case.work, Job) and over(case.work)) and pod.metadata.controller is not None
    target, patch = amended(case, {})
    if reason == _TOPOLOGY:
        return
    if made_again:
        words, patch = "wait: its controller makes another pod", Patch(PatchOp.WAIT, {"until": "another pod"})
    else:
        words = "submit it again: nothing is wrong with it"
    yield Proposal(RemedyKind.OTHER, Doer.USER, words, target, patch)

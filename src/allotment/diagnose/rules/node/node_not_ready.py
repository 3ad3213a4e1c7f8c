"""A node that would do, or that has the subject's pod, is not ready: its kubelet or its network is down."""

from __future__ import annotations

from typing import Final

from allotment.diagnose.amending import runs
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.node.defects import DefectKind, defects_of, sound, unready
from allotment.diagnose.rules.node.mending import about_node, defective, repair_of, seen_on, whole
from allotment.diagnose.rules.scheduler.node_missing import was_there
from allotment.errors import quoted_message, spelled
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import condition
from allotment.model.observed.nodes import Node
from allotment.model.observed.pods import Pod

_REPAIR: Final = "bring {} back: see its kubelet, container runtime and network"


def find(case: Case) -> Finding | None:
    """Were it ready, the subject would start, or do its work there."""
    found = defective(case, DefectKind.NOT_READY)
    if found is None:
        return _below(case)
    broken, defect, node = found
    status, reason, message, since = _said(node)
    what = _REPAIR.format(node.name)
    return about_node(
        case,
        "node-not-ready",
        f"node {node.name}, on which it would fit, is not ready since {since or 'some time'}"
        + (f" ({spelled(reason)}: {quoted_message(message)})" if reason else ""),
        broken,
        repair_of(broken, RemedyKind.REPAIR_NODE, what, Patch(PatchOp.SIGNAL, {"node": "Ready"}), ()),
        {"ready": status, "reason": reason, "node_message": message, "taint_key": defect.detail},
        seen_on(node, "status.conditions[Ready]", status, message or "the node has the taint of one that is not ready"),
    )


def _said(node: Node) -> tuple[str, str, str, str]:
    """Status, reason, message and time of what the node says of itself."""
    ready = condition(node.status.conditions, "Ready")
    if ready is None:
        return "Unknown", "", "", ""
    return ready.status, ready.reason, ready.message, ready.last_transition_time


def _below(case: Case) -> Finding | None:
    """Pods of the subject that have such a node and so cannot do their work."""
    for pod in case.starting_pods:
        node = case.index.nodes.get(pod.spec.node_name)
        if pod.metadata.deletion_timestamp:
            continue
        if node is None and case.seen("nodes") and case.index.nodes and was_there(pod):
            return _gone(pod)
        if node is None or not unready(node):
            continue
        status, reason, message, since = _said(node)
        mended = sound(node, defects_of(node))
        there = tuple(each for each in case.starting_pods if each.spec.node_name == node.name)
        return Finding(
            "node-not-ready",
            CauseVerdict.BROKEN,
            f"the pod {pod.name} has node {node.name}, which is not ready since {since or 'some time'}"
            + (f" ({spelled(reason)}: {quoted_message(message)})" if reason else ""),
            facts={"node": node.name, "pod": pod.name, "ready": status, "reason": reason, "node_message": message},
            evidence=seen_on(node, "status.conditions[Ready]", status, message or "no pod on it does its work"),
            proposals=(
                Proposal(
                    RemedyKind.REPAIR_NODE,
                    Doer.PLATFORM,
                    _REPAIR.format(node.name),
                    reference_of(node),
                    Patch(PatchOp.SIGNAL, {"node": "Ready"}),
                    effect=((reference_of(node), whole(mended)), *runs(there)),
                ),
            ),
        )
    return None


def _gone(pod: Pod) -> Finding:
    """A node that was taken away with the pod still on it."""
    target, node = reference_of(pod), pod.spec.node_name
    return Finding(
        "node-not-ready",
        CauseVerdict.BROKEN,
        f"the node {node}, which the pod {pod.name} was on, is gone",
        facts={"node": node, "pod": pod.name, "ready": "gone", "reason": "", "node_message": ""},
        evidence=(Evidence(target, "spec.nodeName", node, "there is no such node any more"),),
        proposals=(
            Proposal(
                RemedyKind.OTHER,
                Doer.USER,
                f"delete the pod {pod.name}, if the cluster does not do so within a minute"
                + ("" if pod.metadata.controller is not None else ", and create it again"),
                target,
                Patch(PatchOp.DELETE),
            ),
        ),
    )

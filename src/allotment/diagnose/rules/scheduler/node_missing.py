"""The pod names one node, and there is no such node."""

from __future__ import annotations

from typing import Final

from allotment.diagnose.amending import changed_pods
from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding
from allotment.diagnose.rules.scheduler.answering import about_room
from allotment.diagnose.rules.scheduler.keeping import Keeper, kept
from allotment.diagnose.rules.scheduler.placing import placing
from allotment.diagnose.rules.scheduler.selecting import named_nodes, selector_fixes, unmatched
from allotment.model.explanation import CauseVerdict, RemedyKind
from allotment.model.observed.base import condition
from allotment.model.observed.pods import Pod
from allotment.model.spelling import nearest

_HOST: Final = "kubernetes.io/hostname"


def was_there(pod: Pod) -> bool:
    """Whether its node once had the pod, or the scheduler gave it one: then it is no name that was never there."""
    placed = condition(pod.status.conditions, "PodScheduled")
    return bool(pod.status.start_time) or (placed is not None and placed.true)


def find(case: Case) -> Finding | None:
    """None of the nodes that it names is there."""
    lost = [pod for pod in case.starting_pods if pod.spec.node_name not in case.index.nodes]
    # Of a pod that was on its node, it is the node that has gone.
    bound = [pod for pod in lost if not was_there(pod) and not pod.metadata.deletion_timestamp]
    it = placing(case)
    if bound and case.seen("nodes") and case.index.nodes:
        names: tuple[str, ...] = tuple(dict.fromkeys(pod.spec.node_name for pod in bound))
    elif kept(case).by is Keeper.NO_NODE_MATCHES and it.refused is not None:
        names = named_nodes(it.refused.pod.spec)
    else:
        return None
    if not names:
        return None
    hosts = {node.metadata.labels.get(_HOST, node.name) for node in case.index.nodes.values()}
    gone = [name for name in names if name not in case.index.nodes and name not in hosts]
    if not gone or len(gone) < len(names):
        return None
    near = nearest(gone[0], sorted(case.index.nodes))
    proposals = [each for one in unmatched(case) if one.key == _HOST for each in selector_fixes(case, one)]
    if not proposals:
        what = f"name {near} in place of {gone[0]}" if near else "name no node"
        proposals = [changed_pods(RemedyKind.FIX_SELECTOR, what, case, {"nodeName": near or None})]
        drop = {"nodeName": None, "affinity": {"nodeAffinity": None}}
        proposals.append(changed_pods(RemedyKind.FIX_SELECTOR, "name no node", case, drop, 5))
    return about_room(
        "node-missing",
        CauseVerdict.MISCONFIGURED,
        f"the pod can run on {', '.join(gone)} alone, and there is no such node",
        it,
        proposals,
        {"named": gone, "nearest": near},
    )

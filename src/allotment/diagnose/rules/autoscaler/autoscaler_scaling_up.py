"""The autoscaler has asked for nodes on which the subject fits; they are on their way."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.machines import pool_of
from allotment.diagnose.node_groups import (
    autoscaler_of,
    by_name,
    could_make_others,
    events_of_pods,
    groups_of_nodes,
    planned,
)
from allotment.diagnose.rules.node.defects import DefectKind, joining
from allotment.diagnose.rules.scheduler.answering import about_room, together
from allotment.diagnose.rules.scheduler.holders import waits
from allotment.diagnose.rules.scheduler.karpenter import (
    POOL,
    claims_on_their_way,
    first_willing,
    pool_views,
    size_of,
)
from allotment.diagnose.rules.scheduler.keeping import Keeper, kept
from allotment.diagnose.rules.scheduler.placing import placing
from allotment.diagnose.rules.scheduler.rooms import listed
from allotment.errors import spelled
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.moments import seconds
from allotment.model.observed.base import Reference, condition

_PATIENCE: Final = 1200.0
"""Seconds after which nodes that were asked for are no longer on their way, where the status does not say so."""
_LOOKS_WITHIN: Final = 60.0
"""Seconds in which Karpenter has looked at a pod that has no node."""
_STEPS: Final = ("Launched", "Registered", "Initialized")
"""Conditions of a node claim in the order in which they come to hold."""
_OTHERS: Final = frozenset({Keeper.NO_NODE_MATCHES, Keeper.TOO_LARGE, Keeper.SHAPE})
"""What only nodes of another kind than those that are there would answer to."""
_ROOM: Final = frozenset({Keeper.RESOURCE, Keeper.SEVERAL, Keeper.POD_LIMIT, Keeper.NO_NODE_MATCHES})


@dataclass(frozen=True, slots=True)
class _Growth:
    name: str
    size: int
    target: int
    most: int
    evidence: tuple[Evidence, ...]
    words: str = ""
    sure: bool = True


def find(case: Case) -> Finding | None:
    """Nodes were asked for because of it, or of their kind, and have not all come."""
    it = placing(case)
    if it.refused is None:
        return None
    new = _by_new_node(case) or _by_empty_group(case)
    if new is not None:
        return new
    growth = _by_claim(case) or _by_node_pool(case)
    if growth is None and kept(case).by in _ROOM:
        growth = _by_event(case) or _by_status(case)
    if growth is None:
        return None
    target = Reference(kind="NodeGroup", name=growth.name)
    wait = Proposal(
        RemedyKind.WAIT_FOR_CAPACITY,
        Doer.USER,
        f"wait until the new node of {spelled(growth.name)} joins (a few minutes)",
        target,
        Patch(PatchOp.WAIT, {"until": "node joins"}),
    )
    finding = about_room(
        "autoscaler-scaling-up",
        CauseVerdict.WAITING,
        f"the autoscaler is adding nodes to {spelled(growth.name)}: {growth.size} → {growth.target}"
        + (f" (at most {growth.most})" if growth.most else "")
        + growth.words,
        it,
        together((wait,), waits(it)),
        {"node_group": growth.name, "size": growth.size, "target": growth.target, "max_size": growth.most},
        growth.evidence,
    )
    return finding if growth.sure else replace(finding, confidence=Confidence.LIKELY)


def _by_new_node(case: Case) -> Finding | None:
    """A node has just joined and is not finished; once it is, the subject starts."""
    it, then = placing(case), joining(case.index)
    if then is None or it.by_volume or not it.fits(view=then.view):
        return None
    name, lacks = min(then.defects.items())
    node, defect = case.index.nodes[name], lacks[0]
    age = int(case.now - seconds(node.metadata.creation_timestamp))
    plugin = defect.kind is DefectKind.PLUGIN_MISSING
    what = f"does not offer its {defect.detail} yet" if plugin else "is not ready yet"
    path = f"status.allocatable[{defect.detail}]" if plugin else "spec.taints"
    wait = Proposal(
        RemedyKind.WAIT_FOR_CAPACITY,
        Doer.USER,
        f"wait until {name} is finished (a few minutes)",
        reference_of(node),
        Patch(PatchOp.WAIT, {"until": "node joins"}),
    )
    return about_room(
        "autoscaler-scaling-up",
        CauseVerdict.WAITING,
        f"node {name}, on which it would fit, joined {age} s ago and {what}",
        it,
        together((wait,), waits(it)),
        {"node": name, "joined_seconds_ago": age, "node_group": pool_of(node)},
        (Evidence(reference_of(node), path, defect.detail, what),),
    )


def _by_empty_group(case: Case) -> Finding | None:
    """A group that is at zero may make a node, and the cluster-autoscaler has not looked yet."""
    if case.supposed or not case.waiting_pods or kept(case).by not in _OTHERS:
        return None
    groups = could_make_others(case)
    since = max(seconds(pod.metadata.creation_timestamp) for pod in case.waiting_pods)
    if not groups or case.now - since >= _LOOKS_WITHIN:
        return None
    names = listed(each.name for each in groups)
    wait = Proposal(
        RemedyKind.WAIT_FOR_CAPACITY,
        Doer.USER,
        "wait for what the autoscaler says: it looks within a minute",
        groups[0].reference,
        Patch(PatchOp.WAIT, {"until": "node joins"}),
    )
    finding = about_room(
        "autoscaler-scaling-up",
        CauseVerdict.WAITING,
        f"no node that is there would do; {names} {'is' if len(groups) == 1 else 'are'} at zero and may make one that "
        "does, and the autoscaler has said nothing of the pod yet",
        placing(case),
        (wait,),
        {"node_group": groups[0].name, "size": 0, "max_size": groups[0].most},
    )
    return replace(finding, confidence=Confidence.LIKELY)


def _by_event(case: Case) -> _Growth | None:
    groups = by_name(autoscaler_of(case.index).groups)
    for event in events_of_pods(case, "TriggeredScaleUp"):
        for name, before, after, most in planned(event):
            group = groups.get(name)
            size = group.size if group is not None else before
            if (group is not None and group.scaling == "Backoff") or size >= after:
                continue
            asked = group is not None and group.target > group.size
            if asked or case.now - seconds(event.at) < _PATIENCE:
                pod = reference_of(case.waiting_pods[0])
                said = Evidence(pod, "events[TriggeredScaleUp].message", event.message, "the autoscaler says so")
                return _Growth(name, size, after, most, (said,), sure=asked)
    return None


def _by_claim(case: Case) -> _Growth | None:
    """Karpenter has asked the cloud for a node that a pod of the subject is meant for."""
    claims = claims_on_their_way(case)
    if not claims:
        return None
    claim = claims[0]
    pool = claim.metadata.labels.get(POOL, claim.name)
    size = size_of(case, pool)
    alike = [each for each in claims if each.metadata.labels.get(POOL, each.name) == pool]
    steps = (condition(claim.status.conditions, each) for each in _STEPS)
    missing = next((each for each in steps if each is not None and not each.true), None)
    path = "status.conditions" if missing is None else f"status.conditions[{missing.type}].message"
    said = Evidence(reference_of(claim), path, "" if missing is None else missing.message, "this node is on its way")
    return _Growth(pool, size, size + len(alike), 0, (said,), f", node claim {claim.name}")


def _by_node_pool(case: Case) -> _Growth | None:
    """A NodePool may make a node, and Karpenter has not looked yet: what is only supposed, or has just been made."""
    views = pool_views(case)
    willing = first_willing(views)
    if willing is None or views.word is not None:
        return None
    since = max((seconds(pod.metadata.creation_timestamp) for pod in case.waiting_pods), default=case.now)
    if not case.supposed and case.now - since >= _LOOKS_WITHIN:
        return None
    size = size_of(case, willing.name)
    said = Evidence(reference_of(willing.pool), "spec.template", willing.name, "nodes of this pool may do")
    return _Growth(willing.name, size, size + 1, 0, (said,), sure=case.supposed)


def _by_status(case: Case) -> _Growth | None:
    for group in groups_of_nodes(case, placing(case).able):
        late = bool(group.since) and case.now - seconds(group.since, case.now) > _PATIENCE
        if group.target > group.size and group.scaling != "Backoff" and not late:
            status = Reference(
                api_version="v1", kind="ConfigMap", namespace="kube-system", name="cluster-autoscaler-status"
            )
            said = Evidence(status, f"nodeGroups[{group.name}].health.cloudProviderTarget", group.target, "asked for")
            return _Growth(group.name, group.size, group.target, group.most, (said,))
    return None

"""The node groups that could take the subject are as large as they may be."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.machines import new_node
from allotment.diagnose.node_groups import (
    NodeGroup,
    autoscaler_of,
    could_make_others,
    events_of_pods,
    group_of,
    groups_of_nodes,
)
from allotment.diagnose.rules.autoscaler.pool_limits import pool_at_limit
from allotment.diagnose.rules.scheduler.answering import about_room, together
from allotment.diagnose.rules.scheduler.holders import holders, waits
from allotment.diagnose.rules.scheduler.holding import called_all
from allotment.diagnose.rules.scheduler.keeping import Keeper, kept
from allotment.diagnose.rules.scheduler.placing import Placing, placing
from allotment.diagnose.rules.scheduler.shaping import raised_priority, reduced
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind

_ROOM: Final = frozenset({Keeper.RESOURCE, Keeper.SEVERAL, Keeper.POD_LIMIT})
_SAID: Final = ("max node group size reached", "max limit reached")
_MOST_NODES: Final = 8
"""Nodes that a proposal adds at most."""


def find(case: Case) -> Finding | None:
    """One more node of the kind would do, and there may be none."""
    it = placing(case)
    if it.refused is None:
        return None
    grouped = _group_at_max(it) if kept(case).by in _ROOM else None
    return grouped or pool_at_limit(it)


def _group_at_max(it: Placing) -> Finding | None:
    case = it.case
    able = groups_of_nodes(case, it.able)
    full = [each for each in able if each.most and each.size >= each.most]
    events = events_of_pods(case, "NotTriggerScaleUp")
    saying = next((each for each in events if any(word in each.message for word in _SAID)), None)
    if not full and saying is not None and not able:
        at_most = [each for each in autoscaler_of(case.index).groups if each.most and each.size >= each.most]
        full = at_most if len(at_most) == 1 else []
    if not full or len(full) < len(able):
        return None
    group = full[0]
    evidence: tuple[Evidence, ...] = ()
    if saying is not None:
        pod = reference_of(case.waiting_pods[0])
        evidence = (Evidence(pod, "events[NotTriggerScaleUp].message", saying.message, "the autoscaler says so"),)
    facts = {
        "node_group": group.name,
        "size": group.size,
        "max_size": group.most,
        "event": saying.message if saying is not None else "",
        "holders": called_all(case, holders(case, it.able, it.device)),
    }
    finding = about_room(
        "autoscaler-at-max",
        CauseVerdict.WAITING,
        f"all that would do is in use, and node group {group.name} has {group.size} nodes, as many as it may",
        it,
        together(
            waits(it),
            reduced(it, it.device, 25) if it.device else (),
            raised_priority(it),
            _raised(it, group),
        ),
        facts,
        evidence,
    )
    # Another group, which is at zero, may make such nodes as well.
    return replace(finding, confidence=Confidence.LIKELY) if could_make_others(case) else finding


def _raised(it: Placing, group: NodeGroup) -> Iterator[Proposal]:
    """The smallest maximum with which all find a place."""
    index = it.case.index
    like = next((node for node in it.able if group_of(node, autoscaler_of(index).groups) == group), None)
    like = like or next(iter(it.able), None)
    if like is None:
        return
    for more in range(1, _MOST_NODES + 1):
        effect = tuple(new_node(like, number) for number in range(1, more + 1))
        if more == 1 or len(it.pods) > 1:
            yield Proposal(
                RemedyKind.RAISE_AUTOSCALER_MAX,
                Doer.PLATFORM,
                f"raise the maximum of node group {group.name} from {group.most} to {group.most + more}",
                group.reference,
                Patch(PatchOp.SIGNAL, {"maxSize": group.most + more}),
                effect=effect,
                cost=more,
            )
        if len(it.pods) == 1 or more * _per_node(it, like.name) >= len(it.pods):
            return


def _per_node(it: Placing, name: str) -> int:
    """How many pods of the subject an empty node takes, by what it has."""
    return max(1, min(it.allocatable(name, resource) // amount for resource, amount in it.requests.items()))

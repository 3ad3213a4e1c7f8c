"""No node group of the autoscaler makes nodes on which the pod may run."""

from __future__ import annotations

from typing import Final

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.autoscaler.groups import autoscaler_of, events_of_pods
from allotment.diagnose.rules.scheduler.answering import about_room
from allotment.diagnose.rules.scheduler.keeping import Keeper, kept
from allotment.diagnose.rules.scheduler.placing import placing
from allotment.diagnose.rules.scheduler.selecting import meant_another, selector_fixes, unmatched
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind

_MAY_GROW: Final = ("max node group size reached", "in backoff")


def find(case: Case) -> Finding | None:
    """Neither nodes that are there nor those that could be made match; the asker's own selector says so."""
    it, groups = placing(case), autoscaler_of(case.index)
    if kept(case).by is not Keeper.NO_NODE_MATCHES or it.refused is None or not groups.seen:
        return None
    asked = [each for each in unmatched(case) if each.alone] or list(unmatched(case))
    if not asked or all(meant_another(case, each) for each in asked):
        return None
    events = events_of_pods(case, "NotTriggerScaleUp")
    if any(word in event.message for event in events for word in _MAY_GROW):
        return None
    if not events and any(not group.size for group in groups.groups):
        return None
    first = asked[0]
    evidence = tuple(
        Evidence(reference_of(pod), "events[NotTriggerScaleUp].message", events[0].message, "the autoscaler says so")
        for pod in case.waiting_pods[:1]
        if events
    )
    add = Proposal(
        RemedyKind.ADD_NODE,
        Doer.PLATFORM,
        f"add a node group whose nodes have {first.key}={first.value}",
        None,
        Patch(PatchOp.SIGNAL, {"labels": {first.key: first.value}}),
        cost=10,
    )
    return about_room(
        "autoscaler-no-group-matches",
        CauseVerdict.MISCONFIGURED,
        f"the pod runs only on nodes with {first.key}={first.value}, which no node has and no node group makes",
        it,
        [*(each for one in asked for each in selector_fixes(case, one)), add],
        {
            "selector_key": first.key,
            "selector_value": first.value,
            "node_groups": [each.name for each in groups.groups],
            "event": events[0].message if events else "",
        },
        evidence,
    )

"""No node group of the autoscaler makes nodes on which the pod may run."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.node_groups import autoscaler_of, events_of_pods
from allotment.diagnose.rules.autoscaler.no_pool_matches import no_pool_matches
from allotment.diagnose.rules.scheduler.answering import about_room
from allotment.diagnose.rules.scheduler.karpenter import could_grow
from allotment.diagnose.rules.scheduler.keeping import Keeper, kept
from allotment.diagnose.rules.scheduler.node_affinity_no_match import affinity_fixes
from allotment.diagnose.rules.scheduler.placing import placing
from allotment.diagnose.rules.scheduler.selecting import meant_another, selector_fixes, unmatched, unmet
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.spelling import nearest

Wanted = tuple[str, str, Iterable[Proposal]]
"""A label that no node has, its value, and what the asker can do about it."""
_MAY_GROW: Final = ("max node group size reached", "in backoff")


def find(case: Case) -> Finding | None:
    """Neither nodes that are there nor those that could be made match; the asker's own selector says so."""
    return _by_groups(case) or no_pool_matches(case)


def _by_groups(case: Case) -> Finding | None:
    it, groups = placing(case), autoscaler_of(case.index)
    if kept(case).by is not Keeper.NO_NODE_MATCHES or it.refused is None or not groups.seen or could_grow(case):
        return None
    wanted = _by_selector(case) or _by_affinity(case)
    if wanted is None:
        return None
    events = events_of_pods(case, "NotTriggerScaleUp")
    if any(word in event.message for event in events for word in _MAY_GROW):
        return None
    if not events and any(not group.size for group in groups.groups):
        return None
    key, value, fixes = wanted
    evidence = tuple(
        Evidence(reference_of(pod), "events[NotTriggerScaleUp].message", events[0].message, "the autoscaler says so")
        for pod in case.waiting_pods[:1]
        if events
    )
    add = Proposal(
        RemedyKind.ADD_NODE,
        Doer.PLATFORM,
        f"add a node group whose nodes have {key}={value}",
        None,
        Patch(PatchOp.SIGNAL, {"labels": {key: value}}),
        cost=10,
    )
    return about_room(
        "autoscaler-no-group-matches",
        CauseVerdict.MISCONFIGURED,
        f"the pod runs only on nodes with {key}={value}, which no node has and no node group makes",
        it,
        [*fixes, add],
        {
            "selector_key": key,
            "selector_value": value,
            "node_groups": [each.name for each in groups.groups],
            "event": events[0].message if events else "",
        },
        evidence,
    )


def _by_selector(case: Case) -> Wanted | None:
    asked = [each for each in unmatched(case) if each.alone] or list(unmatched(case))
    if not asked or all(meant_another(case, each) for each in asked):
        return None
    return asked[0].key, asked[0].value, [each for one in asked for each in selector_fixes(case, one)]


def _by_affinity(case: Case) -> Wanted | None:
    """The same wish as a node affinity."""
    guilty = [] if unmatched(case) else [each for each in unmet(case) if each.operator == "In" and each.values]
    if not guilty or not any(events_of_pods(case, "NotTriggerScaleUp")):
        return None
    first = guilty[0]
    known = sorted(case.index.node_labels.get(first.key, frozenset()) - {""})
    if any(nearest(value, known) for value in first.values):
        return None
    return first.key, first.values[0], affinity_fixes(placing(case), guilty)

"""The pod has a higher priority than who holds the room, and its class preempts nobody."""

from __future__ import annotations

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding
from allotment.diagnose.others import called
from allotment.diagnose.rules.scheduler.answering import about_room, more_nodes, together
from allotment.diagnose.rules.scheduler.holders import holders, waits
from allotment.diagnose.rules.scheduler.keeping import Keeper, kept
from allotment.diagnose.rules.scheduler.placing import Placing, placing
from allotment.diagnose.rules.scheduler.shaping import raised_priority, reduced
from allotment.model.explanation import CauseVerdict


def find(case: Case) -> Finding | None:
    """Could it preempt, it would start."""
    it = placing(case)
    if it.refused is None or kept(case).by not in {Keeper.RESOURCE, Keeper.SEVERAL, Keeper.POD_LIMIT}:
        return None
    pod = it.refused.pod
    if not pod.waiting.pod.never_preempts:
        return None
    ranked = tuple(each.ranked(each.waiting.pod.priority) for each in it.pods)
    if not Placing(case, ranked).fits():
        return None
    lower = [
        each
        for each in holders(case, it.able)
        if max(one.spec.priority or 0 for one in each.pods) < pod.waiting.pod.priority
    ]
    name = pod.spec.priority_class_name
    return about_room(
        "priority-preempts-nothing",
        CauseVerdict.WAITING,
        f"its priority {pod.waiting.pod.priority}{f' ({name})' if name else ''} is above that of who holds the room, "
        "but its preemptionPolicy is Never: it takes nothing from anybody",
        it,
        together(waits(it), raised_priority(it), reduced(it, it.device, 45) if it.device else (), more_nodes(it)),
        {
            "priority_class": name,
            "preemption_policy": "Never",
            "holders": [f"{called(case, each.pods[0])} ({each.pods[0].spec.priority_class_name})" for each in lower],
        },
    )

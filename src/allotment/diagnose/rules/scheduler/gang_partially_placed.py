"""Some pods of a job that needs all of them run; there is no room for the rest."""

from __future__ import annotations

from dataclasses import replace

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding
from allotment.diagnose.gangs import all_at_once, in_turns
from allotment.diagnose.rules.scheduler.answering import about_room, more_nodes, together
from allotment.diagnose.rules.scheduler.holders import holders, waits
from allotment.diagnose.rules.scheduler.holding import called_all
from allotment.diagnose.rules.scheduler.keeping import Keeper, kept
from allotment.diagnose.rules.scheduler.placing import placing
from allotment.diagnose.rules.scheduler.shaping import fewer, raised_priority, reduced, reduced_alone
from allotment.model.explanation import CauseVerdict


def find(case: Case) -> Finding | None:
    """Pods of it have a node, others find none, for want of room."""
    bound = [pod for pod in case.pods if pod.bound]
    it = placing(case)
    if it.refused is None or not all_at_once(case) or not (bound or it.refused.placed):
        return None
    if kept(case).by not in {Keeper.RESOURCE, Keeper.SEVERAL, Keeper.POD_LIMIT}:
        return None
    total, resource = len(bound) + len(it.pods), kept(case).resource or "pods"
    never = not it.fits(gone=[pod.key for each in holders(case, it.able) for pod in each.pods])
    have = len(bound) + it.refused.placed
    held = "have a node and hold what they asked for" if bound else "find a node"
    finding = about_room(
        "gang-partially-placed",
        CauseVerdict.MISCONFIGURED if never else CauseVerdict.WAITING,
        f"{have} of {total} pods {held}; for the other {total - have} there is not enough {resource}"
        + (", and would not be if nothing else ran there" if never else " free"),
        it,
        together(
            fewer(it, 1 if never else 0),
            waits(it) if in_turns(case) or not never else (),
            reduced(it, resource, 0 if never else 25),
            reduced_alone(it, (resource,), 2) if never else (),
            raised_priority(it),
            more_nodes(it),
        ),
        {
            "pods": total,
            "running": len(bound),
            "pending": len(it.pods),
            "holders": called_all(case, holders(case, it.able, it.device)),
        },
    )
    return replace(finding, never=never and not in_turns(case))

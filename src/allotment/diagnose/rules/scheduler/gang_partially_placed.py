"""Some pods of a job that needs all of them run; there is no room for the rest."""

from __future__ import annotations

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding
from allotment.diagnose.rules.scheduler.answering import about_room, more_nodes, together
from allotment.diagnose.rules.scheduler.holders import holders, waits
from allotment.diagnose.rules.scheduler.holding import called_all
from allotment.diagnose.rules.scheduler.keeping import Keeper, gang, kept
from allotment.diagnose.rules.scheduler.placing import placing
from allotment.diagnose.rules.scheduler.shaping import fewer, raised_priority, reduced
from allotment.model.explanation import CauseVerdict


def find(case: Case) -> Finding | None:
    """Pods of it have a node, others find none, for want of room."""
    bound = [pod for pod in case.pods if pod.bound]
    it = placing(case)
    if not bound or it.refused is None or not gang(case):
        return None
    if kept(case).by not in {Keeper.RESOURCE, Keeper.SEVERAL, Keeper.POD_LIMIT}:
        return None
    total, resource = len(bound) + len(it.pods), kept(case).resource or "pods"
    return about_room(
        "gang-partially-placed",
        CauseVerdict.WAITING,
        f"{len(bound)} of {total} pods have a node and hold what they asked for; for the other {len(it.pods)} "
        f"there is not enough {resource} free",
        it,
        together(fewer(it), waits(it), reduced(it, resource, 25), raised_priority(it), more_nodes(it)),
        {
            "pods": total,
            "running": len(bound),
            "pending": len(it.pods),
            "holders": called_all(case, holders(case, it.able)),
        },
    )

"""All accelerators that the subject could have are in use."""

from __future__ import annotations

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding
from allotment.diagnose.machines import pool_of
from allotment.diagnose.rules.scheduler.answering import about_room, more_nodes, together
from allotment.diagnose.rules.scheduler.holders import holders, is_overdue, outside_queues, waits
from allotment.diagnose.rules.scheduler.holding import called_all, devices_short
from allotment.diagnose.rules.scheduler.leftovers import leftovers, overdue
from allotment.diagnose.rules.scheduler.placing import placing
from allotment.diagnose.rules.scheduler.rooms import free_by_node, listed
from allotment.diagnose.rules.scheduler.shaping import fewer, other_pools, raised_priority, reduced
from allotment.diagnose.rules.scheduler.tainted import of_devices_tolerated
from allotment.model.explanation import CauseVerdict
from allotment.model.grammar import count
from allotment.scheduling.snapshot.pods import pod_requests


def find(case: Case) -> Finding | None:
    """Too few are free, on all nodes together."""
    short = devices_short(case)
    if short is None or short.spread_out:
        return None
    it = placing(case)
    device, asked = it.device, it.requests[it.device]
    free = sum(free_by_node(it, it.able, device).values())
    total = sum(it.allocatable(node.name, device) for node in it.able)
    pools = listed(sorted({pool_of(node) for node in it.able} - {""}))
    where = f" of pool {pools}" if pools else f" on {count(len(it.able), 'node')}"
    where += " where its volume can be used" if it.near_volumes else ""
    holding = holders(case, it.able, device)
    unqueued = outside_queues(case, holding, it.able, device)
    held = sum(unqueued.values())
    said = f"; pods that no queue admitted hold {held} of them" if held else ""
    there = {node.name for node in it.able}
    late = [pod for each in holding for pod in each.pods if pod.spec.node_name in there and is_overdue(case, pod)]
    stuck = sum(pod_requests(pod.spec).get(device, 0) for pod in late)
    said += f"; pods that should have ended hold {stuck}" if stuck else ""
    return about_room(
        "gpu-all-in-use",
        CauseVerdict.WAITING,
        f"a pod asks for {asked} {device}; of the {total}{where} {free} {'is' if free == 1 else 'are'} free{said}",
        it,
        together(
            waits(it),
            reduced(it, device, 25),
            fewer(it, 26),
            other_pools(it),
            raised_priority(it),
            leftovers(it),
            of_devices_tolerated(it),
            overdue(it),
            more_nodes(it),
        ),
        {"holders": called_all(case, holding), "outside_queues": unqueued},
    )

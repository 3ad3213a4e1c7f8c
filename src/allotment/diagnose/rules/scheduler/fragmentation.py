"""Enough accelerators are free in total, but on no node as many as one pod needs."""

from __future__ import annotations

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding
from allotment.diagnose.rules.scheduler.answering import about_room, more_nodes, together
from allotment.diagnose.rules.scheduler.defragmenting import moves
from allotment.diagnose.rules.scheduler.holders import waits
from allotment.diagnose.rules.scheduler.holding import devices_short
from allotment.diagnose.rules.scheduler.leftovers import leftovers
from allotment.diagnose.rules.scheduler.placing import placing
from allotment.diagnose.rules.scheduler.rooms import free_by_node
from allotment.diagnose.rules.scheduler.shaping import other_pools, raised_priority, reduced, split
from allotment.diagnose.rules.scheduler.tainted import of_devices_tolerated
from allotment.model.explanation import CauseVerdict
from allotment.model.grammar import being


def find(case: Case) -> Finding | None:
    """Free ones are scattered over nodes."""
    short = devices_short(case)
    if short is None or not short.spread_out:
        return None
    it = placing(case)
    device, asked = it.device, it.requests[it.device]
    free = free_by_node(it, it.able, device)
    largest = max(free.values())
    some = sum(1 for amount in free.values() if amount > 0)
    return about_room(
        "fragmentation",
        CauseVerdict.WAITING,
        f"a pod asks for {asked} {device} on one node; {being(sum(free.values()))} free, on {some} nodes, "
        f"and at most {largest} on one of them",
        it,
        together(
            split(it),
            reduced(it, device, 25),
            waits(it),
            other_pools(it),
            raised_priority(it),
            leftovers(it),
            of_devices_tolerated(it),
            moves(it),
            more_nodes(it),
        ),
        {"largest_free_on_one_node": largest},
    )

"""What the rules about one short resource beside the accelerator share."""

from __future__ import annotations

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding
from allotment.diagnose.rules.scheduler.answering import about_room, more_nodes, together
from allotment.diagnose.rules.scheduler.holders import holders, waits
from allotment.diagnose.rules.scheduler.holding import called_all
from allotment.diagnose.rules.scheduler.keeping import Keeper, kept
from allotment.diagnose.rules.scheduler.placing import placing
from allotment.diagnose.rules.scheduler.rooms import free_by_node, told
from allotment.diagnose.rules.scheduler.shaping import fewer, raised_priority, reduced
from allotment.model.explanation import CauseVerdict
from allotment.model.grammar import be, being


def short_of(case: Case, cause: str, resource: str, *, beside_devices: bool) -> Finding | None:
    """One resource, by its name, is all taken on nodes that have the rest.

    Args:
        case: the subject.
        cause: what it is called.
        resource: which.
        beside_devices: whether accelerators are asked for, and free.
    """
    held, it = kept(case), placing(case)
    if held.by is not Keeper.RESOURCE or held.resource != resource or bool(it.device) is not beside_devices:
        return None
    free = free_by_node(it, it.able, resource)
    devices = free_by_node(it, it.able, it.device) if it.device else {}
    largest = max(free.values(), default=0)
    rest = f", though {sum(devices.values())} {it.device} {be(sum(devices.values()))} free there" if devices else ""
    return about_room(
        cause,
        CauseVerdict.WAITING,
        f"a pod asks for {told(resource, it.requests[resource])} and at most {being(told(resource, largest))} free "
        f"on one node{rest}",
        it,
        together(reduced(it, resource), waits(it), fewer(it, 26), raised_priority(it), more_nodes(it)),
        {
            "short": resource,
            "requested_of_it": told(resource, it.requests[resource]),
            "free_of_it_by_node": {name: told(resource, amount) for name, amount in free.items()},
            "holders": called_all(case, holders(case, it.able, resource)),
        },
    )

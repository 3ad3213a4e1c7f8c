"""What the rules about requests above every node share."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from allotment.diagnose.case import Case
from allotment.diagnose.emptied import grows
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.scheduler.answering import about_room, together
from allotment.diagnose.rules.scheduler.karpenter import kept_off, may_grow, may_offer
from allotment.diagnose.rules.scheduler.keeping import Keeper, kept, over
from allotment.diagnose.rules.scheduler.placing import Placing, of_device_class, placing
from allotment.diagnose.rules.scheduler.rooms import told
from allotment.diagnose.rules.scheduler.shaping import other_pools, reduced, reduced_alone, split
from allotment.diagnose.rules.scheduler.smaller import besides
from allotment.model.explanation import CauseVerdict, Confidence


def too_large(case: Case, cause: str, resources: Collection[str]) -> Finding | None:
    """A pod asks for more of a resource than any node that it may use has in all."""
    held, it = kept(case), placing(case)
    if held.by is not Keeper.TOO_LARGE or held.resource not in resources or of_device_class(case, held.resource):
        return None
    resource = held.resource
    name, most = it.once(("largest", resource), lambda: _largest(it, resource))
    if not most and resource != it.device and "/" in resource:
        return None
    size = f"the largest node that it may use, {name}, has {told(resource, most)} in all"
    finding = about_room(
        cause,
        CauseVerdict.MISCONFIGURED,
        f"a pod asks for {told(resource, it.requests[resource])}{_besides(it, resource)}; "
        + (size if most else f"no node that it may use, such as {name}, has any"),
        it,
        together(
            reduced(it, resource, 5),
            _some_day(it),
            split(it, 6) if resource == it.device else (),
            other_pools(it),
        ),
        {"largest_node": name, "largest_node_has": told(resource, most), "largest_node_gpus": most}
        if resource == it.device
        else {"largest_node": name, "largest_node_has": told(resource, most)},
    )
    # A NodePool may make larger ones than those that are there.
    joined = may_offer(case, resource)
    unsure = may_grow(case) or kept_off(case) or joined
    finding = replace(finding, confidence=Confidence.LIKELY) if unsure else finding
    return replace(finding, never=not grows(case.index) and not joined)


def _some_day(it: Placing) -> Iterator[Proposal]:
    yield from reduced_alone(it, over(it), 6)


def _besides(it: Placing, resource: str) -> str:
    return "" if it.refused is None else besides(it.refused.pod.spec, resource)


def _largest(it: Placing, resource: str) -> tuple[str, int]:
    """The node that has most of a resource in all, of those that the pod may use, and how much that is."""
    sizes = {node.name: it.allocatable(node.name, resource) for node in it.open or it.matching}
    name = max(sizes, key=lambda each: sizes[each])
    return name, sizes[name]

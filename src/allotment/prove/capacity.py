"""Is anything idle? Prove submits a real Job, and must not displace anybody's work by it.

Conservative: a Job is tried only where the team's own nominal quota has room, and where the sum of all queues of the
cluster stays within the sum of their nominal quotas, so that nothing lent has to be called back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

from allotment.model.manifest import Body
from allotment.model.quantity import parse_quantity


def has_room(queues: Iterable[Body], queue: str, needs: Mapping[str, Fraction]) -> bool:
    """Whether a Job with these needs would be admitted without displacing anything.

    Args:
        queues: all ClusterQueues of the cluster.
        queue: the one it goes through.
        needs: amount by resource.
    """
    bodies = tuple(queues)
    mine = next((body for body in bodies if body["metadata"]["name"] == queue), None)
    if mine is None:
        return True  # nobody to displace; that the queue is missing shows when the Job is tried
    return all(_fits(bodies, mine, resource, amount) for resource, amount in needs.items())


def _fits(queues: tuple[Body, ...], mine: Body, resource: str, amount: Fraction) -> bool:
    for flavor, nominal in _nominal(mine, resource).items():
        own = nominal - _reserved(mine, resource).get(flavor, Fraction(0))
        everywhere = sum(
            (
                _nominal(body, resource).get(flavor, Fraction(0)) - _reserved(body, resource).get(flavor, Fraction(0))
                for body in queues
            ),
            Fraction(0),
        )
        if min(own, everywhere) >= amount:
            return True
    return False


def _nominal(body: Body, resource: str) -> dict[str, Fraction]:
    groups = body.get("spec", {}).get("resourceGroups") or ()
    return {
        flavor["name"]: _quantity(item.get("nominalQuota"))
        for group in groups
        for flavor in group.get("flavors") or ()
        for item in flavor.get("resources") or ()
        if item.get("name") == resource
    }


def _reserved(body: Body, resource: str) -> dict[str, Fraction]:
    flavors = body.get("status", {}).get("flavorsReservation") or ()
    return {
        flavor["name"]: _quantity(item.get("total"))
        for flavor in flavors
        for item in flavor.get("resources") or ()
        if item.get("name") == resource
    }


def _quantity(value: object) -> Fraction:
    return Fraction(0) if value is None else parse_quantity(str(value))

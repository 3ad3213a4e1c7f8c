"""Running work that Kueue would no longer count: quota held in a flavor that its queue loses.

Kueue (0.19) neither stops nor moves such work, and a ResourceFlavor is "in use" for it only while a ClusterQueue names
it: a flavor taken out of a queue takes its use out of every account that people can read (``flavorsReservation``,
``flavorsUsage``), while the pods run on. Nobody can reclaim that use any more, and under another flavor's name the
same devices are promised again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from allotment.model.manifest import Body
from allotment.model.quantity import format_resource, parse_quantity

Held = tuple[str, str]
"""A flavor and a resource in it."""

_NAMED: Final = 5
"""Workloads that a sentence names."""


@dataclass(frozen=True, slots=True)
class Holding:
    """Quota that one workload holds in one flavor.

    Attributes:
        workload: ``namespace/name``; empty where only the queue's own sum is known.
        queue: the ClusterQueue it is charged to.
        amount: in the resource's own unit (CPU in cores, memory in bytes, devices).
        pods: that hold it.
    """

    workload: str
    queue: str
    flavor: str
    resource: str
    amount: Fraction
    pods: int

    @property
    def held(self) -> Held:
        """Flavor and resource."""
        return self.flavor, self.resource


def holdings(workloads: Iterable[Body]) -> Iterator[Holding]:
    """What Kueue's Workloads hold: those with reserved quota that have not ended, nothing of amount 0."""
    for body in workloads:
        status = body.get("status") or {}
        admission = status.get("admission")
        if admission and not _finished(status):
            yield from _of_workload(body, admission)


def _of_workload(body: Body, admission: Body) -> Iterator[Holding]:
    metadata = body["metadata"]
    for assignment in admission.get("podSetAssignments") or ():
        amounts = assignment.get("resourceUsage") or {}
        for resource, flavor in sorted((assignment.get("flavors") or {}).items()):
            amount = _amount(amounts.get(resource))
            if amount > 0:
                name = f"{metadata.get('namespace', '')}/{metadata['name']}"
                pods = int(assignment.get("count") or 0)
                yield Holding(name, str(admission.get("clusterQueue", "")), flavor, resource, amount, pods)


def _finished(status: Body) -> bool:
    conditions = status.get("conditions") or ()
    return any(item.get("type") == "Finished" and item.get("status") == "True" for item in conditions)


def _amount(value: object) -> Fraction:
    try:
        return Fraction(0) if value is None else parse_quantity(str(value))
    except ValueError:
        # What the server stores it has parsed; what only it can read is some amount, and not none.
        return Fraction(1)


def offered(queue: Body) -> frozenset[Held]:
    """Flavors and resources that a ClusterQueue counts."""
    return frozenset(
        (flavor["name"], resource["name"])
        for group in queue.get("spec", {}).get("resourceGroups") or ()
        for flavor in group.get("flavors") or ()
        for resource in flavor.get("resources") or ()
    )


def uncounted(queues: Iterable[Body], held: Iterable[Holding]) -> tuple[Holding, ...]:
    """What is held in flavors that these ClusterQueues do not count; other queues' work is left out."""
    counted = {queue["metadata"]["name"]: offered(queue) for queue in queues}
    return tuple(one for one in held if one.queue in counted and one.held not in counted[one.queue])


def told(found: Iterable[Holding]) -> str:
    """``4 nvidia.com/gpu in a100-spot by nlp/train (1 pod)``, the largest first, by flavor and resource."""
    by_kind: dict[Held, list[Holding]] = {}
    for one in found:
        by_kind.setdefault(one.held, []).append(one)
    return "; ".join(_sentence(kind, members) for kind, members in sorted(by_kind.items()))


def _sentence(kind: Held, members: list[Holding]) -> str:
    by_workload: dict[str, tuple[Fraction, int]] = {}
    for one in members:
        amount, pods = by_workload.get(one.workload, (Fraction(0), 0))
        by_workload[one.workload] = amount + one.amount, pods + one.pods
    ranked = sorted(by_workload.items(), key=lambda item: (-item[1][0], item[0]))
    named = [_holder(name, pods) for name, (_, pods) in ranked[:_NAMED]]
    more = f" and {len(ranked) - _NAMED} more" if len(ranked) > _NAMED else ""
    total = sum((one.amount for one in members), Fraction(0))
    return f"{format_resource(kind[1], total)} {kind[1]} in {kind[0]} by {', '.join(named)}{more}"


def _holder(workload: str, pods: int) -> str:
    if not workload:
        return "work that you may not list"
    return f"{workload} ({pods} pod{'' if pods == 1 else 's'})"


@dataclass(frozen=True, slots=True)
class InUse:
    """What running work holds, as the steps of one plan meet it.

    Attributes:
        held: everything that Kueue's workloads hold.
        losing: of that, what the declared queues would no longer count though the live ones do.
        going: ClusterQueues that the same plan deletes; it drains them first, so they keep nothing in use.
    """

    held: tuple[Holding, ...] = ()
    losing: tuple[Holding, ...] = ()
    going: frozenset[str] = frozenset()

    def lost_by(self, live: Body, after: Body) -> tuple[Holding, ...]:
        """What changing a ClusterQueue from `live` to `after` would take out of the accounts.

        Use of one queue stands against every queue that gives up the same flavor: the others lend what it has borrowed.
        """
        dropped = offered(live) - offered(after)
        return tuple(one for one in self.losing if one.held in dropped)

    def kept_by(self, flavor: str) -> tuple[Holding, ...]:
        """What is held in a ResourceFlavor that is to be deleted."""
        return tuple(one for one in self.held if one.flavor == flavor and one.queue not in self.going)


def in_use(queues: Iterable[tuple[Body, Body]], going: Iterable[str], held: Iterable[Holding]) -> InUse:
    """Sort what runs by what it means for the queues.

    Args:
        queues: the ClusterQueues that may change, (live, declared).
        going: names of ClusterQueues that are deleted.
        held: by the cluster's work.
    """
    pairs, everything = tuple(queues), tuple(held)
    counted = {live["metadata"]["name"]: offered(live) for live, _ in pairs}
    lost = uncounted((after for _, after in pairs), everything)
    return InUse(everything, tuple(one for one in lost if one.held in counted[one.queue]), frozenset(going))


def gives_up(live: Body, after: Body) -> bool:
    """Whether a ClusterQueue gives up a flavor or a resource: only then is it worth asking what runs."""
    return bool(offered(live) - offered(after))


def reserved(queue: Body) -> Iterator[Holding]:
    """What a ClusterQueue says of itself, for those who may not list its workloads."""
    for flavor in queue.get("status", {}).get("flavorsReservation") or ():
        for resource in flavor.get("resources") or ():
            amount = _amount(resource.get("total"))
            if amount > 0:
                yield Holding("", queue["metadata"]["name"], flavor["name"], resource["name"], amount, 0)

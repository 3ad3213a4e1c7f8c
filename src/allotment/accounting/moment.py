"""One moment: each device of a source with the one cause that its time goes to.

What a held device does is read from its pod; which free devices stand for what, from `unheld`. Each unit of a node is
told once: its held ones in the order of the pods' names, then what is broken, then what is free.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from allotment.accounting.belonging import OwnerLookup, kind_of_work
from allotment.accounting.capacity import DevicePart, devices_by_node
from allotment.accounting.claims import claimed_devices
from allotment.accounting.holdings import OTHERS, has_all
from allotment.accounting.idleness import USUAL_RULES, IdleRules, MeasuredUses, Use, use_of
from allotment.accounting.ledger import NOBODY, Belonging, CauseOfTime, Charge
from allotment.accounting.prices import NO_PRICES, DevicePrices
from allotment.accounting.unheld import FreeDevices, split_free
from allotment.model.observed.index import Index
from allotment.model.observed.nodes import Node
from allotment.model.observed.pods import ContainerStatus, Pod
from allotment.model.observed.work import CronJob, Job, Owner
from allotment.observe.anonymous import is_hidden
from allotment.scheduling.snapshot.pods import pod_requests

HIDING: Final = frozenset({"forbidden", "failed", "hidden"})
"""Reasons of gaps after which the objects may be there all the same."""


@dataclass(frozen=True, slots=True)
class CountingRules:
    """How devices are judged and priced.

    Attributes:
        teams: names of teams by id.
    """

    idle: IdleRules = USUAL_RULES
    prices: DevicePrices = NO_PRICES
    teams: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Portion:
    """Parts of devices that one charge has at a moment.

    Attributes:
        low: what tells one device of one holder, where it is below its threshold and not for long enough yet; empty
            otherwise. `low_ms` is how long it must be.
    """

    charge: Charge
    parts: int
    low: str = ""
    low_ms: int = 0


def portions(index: Index, now: int, rules: CountingRules) -> tuple[Portion, ...]:
    """Every device of a source; their parts sum to the devices.

    Args:
        index: the source.
        now: milliseconds since 1970.
        rules: how they are judged.
    """
    return tuple(_Counting(index, now, rules).all())


def pods_unseen(index: Index) -> bool:
    """Whether pods may be there that could not be read, so that nothing can be called free."""
    source = index.source
    return bool(source.namespaces) or any(each.what == "pods" and each.reason in HIDING for each in source.gaps)


@dataclass(frozen=True, slots=True)
class _UnitAtMoment:
    """What a unit of a resource is charged to."""

    cause: CauseOfTime
    owner: Belonging = NOBODY
    low: str = ""
    low_ms: int = 0


class _Counting:
    """One pass over a source."""

    def __init__(self, index: Index, now: int, rules: CountingRules) -> None:
        self.index = index
        self.now = now
        self.rules = rules
        self.belongings = OwnerLookup(index, rules.teams)
        self.devices = devices_by_node(index)
        self.claimed = claimed_devices(index)
        self.uses = MeasuredUses(index.source.device_use)

    def all(self) -> Iterator[Portion]:
        """Every device."""
        held: dict[tuple[str, str], list[_UnitAtMoment]] = {}
        free: list[FreeDevices] = []
        for name, parts in self.devices.items():
            node = self.index.nodes[name]
            pods = sorted(self.index.pods_on.get(name, ()), key=lambda pod: pod.key)
            for part in parts:
                units = list(self._held(node, part, pods))[: part.units]
                broken, left = _rest(node, part, len(units))
                held[name, part.resource] = units + [_UnitAtMoment(CauseOfTime.UNHEALTHY)] * broken
                if left:
                    free.append(FreeDevices(name, part.resource, left))
        unheld = {} if pods_unseen(self.index) else split_free(self.index, self.belongings, free)
        for name, parts in self.devices.items():
            for part in parts:
                units = held[name, part.resource]
                units += [_UnitAtMoment(cause, owner) for cause, owner in unheld.get((name, part.resource), ())]
                # What is neither held nor free for certain: hidden pods may hold it.
                units += [_UnitAtMoment(CauseOfTime.UNOBSERVED)] * (part.units - len(units))
                yield from self._portions(self.index.nodes[name], part, units)

    def _portions(self, node: Node, part: DevicePart, units: Sequence[_UnitAtMoment]) -> Iterator[Portion]:
        price = self.rules.prices.of(self.index.source.name, node)
        for at, unit in enumerate(units):
            charge = Charge(self.index.source.name, node.name, part.resource, part.model, unit.cause, unit.owner, price)
            yield Portion(charge, part.first(at + 1) - part.first(at), unit.low, unit.low_ms)

    def _held(self, node: Node, part: DevicePart, pods: Sequence[Pod]) -> Iterator[_UnitAtMoment]:
        # No pod holds more than the node has, whatever it asks for.
        holders = [(pod, count) for pod in pods if (count := min(self._asks(pod, part.resource), part.units)) > 0]
        for pod, count in holders:
            owner = self._owner(pod)
            if not node.ready:
                yield from [_UnitAtMoment(CauseOfTime.UNHEALTHY, owner)] * count
                continue
            cause = self._course(pod)
            if cause is None:
                yield from self._measured(node, pod, part.resource, count, alone=len(holders) == 1)
            else:
                yield from [_UnitAtMoment(cause, owner)] * count

    def _owner(self, pod: Pod) -> Belonging:
        return OTHERS if is_hidden(pod.metadata) else self.belongings.of_pod(pod)

    def _asks(self, pod: Pod, resource: str) -> int:
        return pod_requests(pod.spec).get(resource, 0) or self.claimed.get(pod.key, {}).get(resource, 0)

    def _course(self, pod: Pod) -> CauseOfTime | None:
        """What keeps a bound pod from work; None if it runs."""
        if any(_suspended(each) for each in self.index.chain(pod.metadata)):
            return CauseOfTime.SUSPENDED_HELD
        initial = [each.name for each in pod.spec.init_containers if not each.sidecar]
        states = {each.name: each for each in pod.status.init_container_statuses}
        if any(name in states and states[name].state.running for name in initial):
            return CauseOfTime.STAGING
        if pod.status.phase != "Running" or any(_is_starting(each) for each in pod.status.container_statuses):
            return CauseOfTime.STARTING
        return None

    def _measured(self, node: Node, pod: Pod, resource: str, count: int, *, alone: bool) -> Iterator[_UnitAtMoment]:
        owner = self._owner(pod)
        parts = self.devices[node.name]
        held = {each.resource: self._asks(pod, each.resource) for each in parts}
        uses = self.uses.of(node.name, pod.key, held, alone=alone and has_all(held, parts)).get(resource, ())
        rule = self.rules.idle.of(kind_of_work(self.index, pod))
        for use in uses[:count]:
            match use_of(use, rule, self.now):
                case Use.IDLE:
                    key = f"{node.name}/{use.device}/{pod.metadata.uid}"
                    yield _UnitAtMoment(CauseOfTime.IDLE_HELD, owner, key, rule.ms)
                case Use.LOW:
                    key = f"{node.name}/{use.device}/{pod.metadata.uid}"
                    yield _UnitAtMoment(CauseOfTime.PRODUCTIVE, owner, key, rule.ms)
                case Use.BUSY:
                    yield _UnitAtMoment(CauseOfTime.PRODUCTIVE, owner)
        yield from [_UnitAtMoment(CauseOfTime.UNMEASURED, owner)] * (count - len(uses[:count]))


def _rest(node: Node, part: DevicePart, held: int) -> tuple[int, int]:
    """Units that are broken, and that are free, of those nobody holds."""
    free = max(0, part.offered - held) if node.ready else 0
    return part.units - held - free, free


def _suspended(each: object) -> bool:
    if isinstance(each, Job | CronJob):
        return isinstance(each, Job) and each.spec.suspend
    return isinstance(each, Owner) and each.suspend is True


def _is_starting(status: ContainerStatus) -> bool:
    """Whether a container waits for its image, its files or its next try."""
    return status.state.waiting is not None

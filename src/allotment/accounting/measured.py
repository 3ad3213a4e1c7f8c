"""A ledger from measurements over time: what dcgm-exporter says of devices, kube-state-metrics of nodes and pods.

Devices of a node are those that were ever measured there, else as many as the node says it has. At each step a device
that was not seen is, where nodes are known, what its node says; where nothing is known at all, it is missing: its time
is `unobserved` if it comes back or if nothing else was seen since, and none of ours if others were seen and it was not.
What only objects tell (quota, reservations, what would fit) is not told here: such devices are `unallocated`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

import numpy as np
import numpy.typing as npt

from allotment.accounting.capacity import PER_DEVICE, largest_remainder
from allotment.accounting.idleness import IdleRule
from allotment.accounting.ledger import NOBODY, Belonging, CauseOfTime, Charge, Ledger, Tally
from allotment.accounting.moment import CountingRules
from allotment.model.observed.base import ObjectMeta
from allotment.model.observed.nodes import Node

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]

NO_HOLDER: Final = -1
NOT_TOLD: Final = -1
"""A number of devices that nobody said."""
_SLICE: Final = "/"
"""Between a device and its slice in the name of what is measured."""
_PRODUCT: Final = "nvidia.com/gpu.product"


class PodCourse(IntEnum):
    """What a pod does with its devices."""

    ABSENT = 0
    RUNS = 1
    STARTS = 2


@dataclass(frozen=True, slots=True)
class MeasuredPod:
    """A pod that asks for devices.

    Attributes:
        name: namespace/name.
        owner: whose it is.
        kind: of work, as idle rules name it.
    """

    name: str
    owner: Belonging
    kind: str = "job"


@dataclass(frozen=True, slots=True)
class DeviceTrack:
    """One device, step by step.

    Attributes:
        busy: 0 to 1; NaN where nothing was measured.
        holder: number of the pod in the piece, or `NO_HOLDER`.
        doubtful: where measurements contradict each other; None for nowhere.
    """

    busy: Floats
    holder: Numbers
    model: str = ""
    doubtful: npt.NDArray[np.bool_] | None = None

    def is_doubtful(self, at: int) -> bool:
        """Whether what is measured in a step is doubtful."""
        return self.doubtful is not None and bool(self.doubtful[at])


@dataclass(frozen=True, slots=True)
class NodeTrack:
    """One node, step by step, as kube-state-metrics has it.

    Attributes:
        capacity: devices; `NOT_TOLD` where nothing was said of the node.
        offered: of them, those that pods may have.
        ready, cordoned: 1 or 0.
        asked: by pods, by their number in the piece.
        course: of the same pods, a `PodCourse` a step.
        contested: where what is told of it, or of what its pods ask for, contradicts itself; None for nowhere.
    """

    capacity: Numbers
    offered: Numbers
    ready: Numbers
    cordoned: Numbers
    asked: Mapping[int, Numbers] = field(default_factory=dict)
    course: Mapping[int, Numbers] = field(default_factory=dict)
    resource: str = "nvidia.com/gpu"
    contested: npt.NDArray[np.bool_] | None = None

    def is_contested(self, at: int) -> bool:
        """Whether what is told in a step contradicts itself, so that nobody knows who holds what is not named."""
        return self.contested is not None and bool(self.contested[at])


@dataclass(frozen=True, slots=True)
class MeasuredPiece:
    """A stretch of time, in steps of one length.

    Attributes:
        since: milliseconds since 1970.
        step: milliseconds.
        count: of steps.
        pods: those that hold devices.
        devices: by node and device.
        nodes: by name.
        requests_known: whether it is known what pods ask for.
        holders_known: whether measurements of devices name pods.
    """

    since: int
    step: int
    count: int
    pods: tuple[MeasuredPod, ...]
    devices: Mapping[tuple[str, str], DeviceTrack]
    nodes: Mapping[str, NodeTrack]
    requests_known: bool
    holders_known: bool


@dataclass(slots=True)
class _Device:
    """What is carried from step to step.

    Attributes:
        parts: what it is of a device, in millionths, as it was seen last.
    """

    model: str = ""
    parts: int = PER_DEVICE
    seen: int = 0
    missing: int = 0
    low: str = ""
    low_since: int = 0
    idle: bool = False
    held: Counter[Charge] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True)
class _Unit:
    """A device in a run of steps in which nothing changes."""

    cause: CauseOfTime
    owner: Belonging = NOBODY
    low: str = ""
    rule: IdleRule | None = None
    doubtful: bool = False


class MeasuredLedger:
    """Takes pieces in the order of their times; `close` gives the ledger."""

    def __init__(self, rules: CountingRules, cluster: str = "") -> None:
        """Of nothing yet.

        Args:
            rules: how devices are judged and priced.
            cluster: whose devices they are.
        """
        self._rules = rules
        self._cluster = cluster
        self._tally = Tally()
        self._nodes: dict[str, dict[str, _Device]] = {}
        self._resources: dict[str, str] = {}
        self._first: int | None = None
        self._until = 0
        self._last_seen = 0

    @property
    def seen_anything(self) -> bool:
        """Whether there was any device."""
        return self._first is not None

    def add(self, piece: MeasuredPiece) -> None:
        """The next piece."""
        for node, device in piece.devices:
            known = self._nodes.setdefault(node, {})
            if any(name.startswith("#") for name in known):
                known.clear()  # counted only so far; they are measured from now on
            found = known.setdefault(device, _Device())
            found.model = piece.devices[node, device].model or found.model
        for node, track in piece.nodes.items():
            self._resources[node] = track.resource
            known = self._nodes.setdefault(node, {})
            if not known or any(name.startswith("#") for name in known):
                for number in range(int(track.capacity.max(initial=0))):
                    known.setdefault(f"#{number:04}", _Device())
        alive = _alive(piece)
        anything = _anything(piece, alive)
        if anything.any():
            last = piece.since + piece.step * (int(np.flatnonzero(anything)[-1]) + 1)
            if self._first is None:
                self._first = piece.since + piece.step * int(np.flatnonzero(anything)[0])
            self._last_seen = max(self._last_seen, last)
        if self._first is not None:
            for node in sorted(self._nodes):
                _NodeCounting(self, piece, node, alive).run()
        self._until = piece.since + piece.step * piece.count

    def close(self) -> Ledger:
        """What was charged, from the first moment at which anything was seen."""
        for node, devices in self._nodes.items():
            for device in devices.values():
                self.settle(device)
                if device.missing and device.seen >= self._last_seen:
                    self.charge(node, device, _Unit(CauseOfTime.UNOBSERVED), device.missing)
        first = self._until if self._first is None else self._first
        return self._tally.close(first, self._until)

    def devices_of(self, node: str) -> dict[str, _Device]:
        """By name."""
        return self._nodes[node]

    def begins(self) -> int:
        """Before which nothing is counted."""
        return self._first or 0

    @property
    def rules(self) -> CountingRules:
        """How devices are judged."""
        return self._rules

    def charge(self, node: str, device: _Device, unit: _Unit, ms: int) -> None:
        """Charge some of a device's time."""
        charge = self._charge(node, device, unit)
        if unit.low:
            device.held[charge] += device.parts * ms
        else:
            self._tally.add(charge, device.parts * ms)

    def settle(self, device: _Device, otherwise: CauseOfTime = CauseOfTime.PRODUCTIVE) -> None:
        """A stretch of little use is over: it was idle, or, not long enough for that, `otherwise`."""
        cause = CauseOfTime.IDLE_HELD if device.idle else otherwise
        for charge, amount in device.held.items():
            self._tally.add(charge.as_cause(cause), amount)
        device.held.clear()
        device.low, device.idle = "", False

    def _charge(self, node: str, device: _Device, unit: _Unit) -> Charge:
        marks = {_PRODUCT: device.model} if device.model else {}
        price = self._rules.prices.of(self._cluster, Node(metadata=ObjectMeta(name=node, labels=marks)))
        resource = self._resources.get(node, "nvidia.com/gpu")
        return Charge(self._cluster, node, resource, device.model, unit.cause, unit.owner, price)


def _alive(piece: MeasuredPiece) -> npt.NDArray[np.bool_]:
    """In which steps nodes are known."""
    alive = np.zeros(piece.count, dtype=bool)
    for track in piece.nodes.values():
        alive |= track.capacity != NOT_TOLD
    return alive


def _anything(piece: MeasuredPiece, alive: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    seen = alive.copy()
    for track in piece.devices.values():
        seen |= ~np.isnan(track.busy)
    return seen


def _parts(names: Iterable[str]) -> dict[str, int]:
    """What each is of its device, in millionths: slices (MIG) of one device are alike, and sum to it."""
    by_device: dict[str, list[str]] = {}
    for name in sorted(names):
        by_device.setdefault(name.partition(_SLICE)[0], []).append(name)
    shares = (largest_remainder(PER_DEVICE, dict.fromkeys(each, 1)) for each in by_device.values())
    return {name: parts for each in shares for name, parts in each.items()}


class _NodeCounting:
    """The devices of one node in one piece."""

    def __init__(self, ledger: MeasuredLedger, piece: MeasuredPiece, name: str, alive: npt.NDArray[np.bool_]) -> None:
        self.ledger = ledger
        self.piece = piece
        self.name = name
        self.alive = alive
        self.devices = sorted(ledger.devices_of(name))
        self.node = piece.nodes.get(name)
        nothing = DeviceTrack(np.full(piece.count, np.nan), np.full(piece.count, NO_HOLDER, dtype=np.int64))
        self.tracks = [piece.devices.get((name, device), nothing) for device in self.devices]

    def run(self) -> None:
        """Charge all of it, run by run of steps in which nothing changes."""
        piece, begins = self.piece, self.ledger.begins()
        for first, last in self._runs():
            start = max(piece.since + piece.step * first, begins)
            until = piece.since + piece.step * last
            if start < until:
                self._charge_run(first, start, until)

    def _runs(self) -> Iterator[tuple[int, int]]:
        thresholds = sorted({self.ledger.rules.idle.of(pod.kind).below for pod in self.piece.pods})
        rows: list[npt.NDArray[np.generic]] = [self.alive]
        for track in self.tracks:
            rows += [np.isnan(track.busy), track.holder]
            rows += [] if track.doubtful is None else [track.doubtful]
            rows += [np.nan_to_num(track.busy, nan=-1.0) >= each for each in thresholds]
        if self.node is not None:
            node = self.node
            rows += [node.capacity, node.offered, node.ready, node.cordoned, *node.asked.values()]
            rows += list(node.course.values())
            rows += [] if node.contested is None else [node.contested]
        changed = np.zeros(self.piece.count, dtype=bool)
        for row in rows:
            changed[1:] |= row[1:] != row[:-1]
        starts = [0, *np.flatnonzero(changed).tolist()]
        yield from zip(starts, [*starts[1:], self.piece.count], strict=True)

    def _charge_run(self, at: int, start: int, until: int) -> None:
        units = self._units(at)
        parts = _parts(units)
        known = self.ledger.devices_of(self.name)
        for name in self.devices:
            device = known[name]
            unit = units.get(name)
            if unit is None:
                self.ledger.settle(device)
                if self.alive[at]:
                    device.missing = 0  # its node says that it is not there
                elif device.seen:
                    device.missing += until - start
                continue
            if device.missing:
                self.ledger.charge(self.name, device, _Unit(CauseOfTime.UNOBSERVED), device.missing)
                device.missing = 0
            device.seen, device.parts = until, parts[name]
            self._charge_unit(device, unit, start, until)

    def _charge_unit(self, device: _Device, unit: _Unit, start: int, until: int) -> None:
        if device.low != unit.low:
            # What ends in doubt might have gone on: it counts as no work only because somebody says another use.
            unknown = unit.cause is CauseOfTime.UNMEASURED
            self.ledger.settle(device, CauseOfTime.UNMEASURED if unknown and unit.doubtful else CauseOfTime.PRODUCTIVE)
        if unit.low and not device.low:
            device.low, device.low_since = unit.low, start
        self.ledger.charge(self.name, device, unit, until - start)
        if unit.rule is not None and until - device.low_since >= unit.rule.ms:
            device.idle = True

    def _units(self, at: int) -> dict[str, _Unit]:
        """What each device that is there does; those that are not are left out."""
        there = self._there(at)
        node = self.node if self.node is not None and self.node.capacity[at] != NOT_TOLD else None
        holders = self._holders(at, there)
        broken = 0 if node is None else max(0, int(node.capacity[at]) - int(node.offered[at]))
        units: dict[str, _Unit] = {}
        for name, track in reversed(there):
            pod, measured = holders.get(name, (NO_HOLDER, False))
            doubtful = track.is_doubtful(at)
            contested = self.node is not None and self.node.is_contested(at)
            if pod == NO_HOLDER and (contested or (doubtful and not self._told(at))):
                units[name] = _Unit(CauseOfTime.UNMEASURED, doubtful=True)
            elif pod == NO_HOLDER:
                units[name] = _Unit(self._free(at, broken=broken > 0))
                broken -= 1
            elif node is not None and not node.ready[at]:
                units[name] = _Unit(CauseOfTime.UNHEALTHY, self.piece.pods[pod].owner)
            else:
                units[name] = self._held(at, pod, float(track.busy[at]) if measured else np.nan, doubtful=doubtful)
        return units

    def _there(self, at: int) -> list[tuple[str, DeviceTrack]]:
        pairs = list(zip(self.devices, self.tracks, strict=True))
        measured = [(name, track) for name, track in pairs if not np.isnan(track.busy[at])]
        if self.node is None or self.node.capacity[at] == NOT_TOLD:
            return measured
        seen = {name for name, _ in measured}
        others = [(name, track) for name, track in pairs if name not in seen]
        return [*measured, *others[: max(0, int(self.node.capacity[at]) - len(measured))]]

    def _holders(self, at: int, there: list[tuple[str, DeviceTrack]]) -> dict[str, tuple[int, bool]]:
        """The pod that has each device, and whether what is measured of the device is that pod's."""
        asked = {} if self.node is None else {pod: int(row[at]) for pod, row in self.node.asked.items() if row[at] > 0}
        told = self._told(at)
        named = Counter(int(track.holder[at]) for _, track in there)
        found: dict[str, tuple[int, bool]] = {}
        for name, track in there:
            pod = int(track.holder[at])
            # Where more devices name a pod than it asks for, nobody knows which of them are its own.
            # What pods ask for of slices is not asked.
            if pod != NO_HOLDER and (not told or _SLICE in name or named[pod] <= asked.get(pod, 0)):
                found[name] = (pod, not track.is_doubtful(at))
        for pod, _ in found.values():
            asked[pod] = max(0, asked.get(pod, 0) - 1)
        by_name = sorted(asked, key=lambda pod: self.piece.pods[pod].name)
        left = [pod for pod in by_name for _ in range(asked[pod])]
        free = [(name, track) for name, track in there if name not in found]
        # Without a name on it, a measurement is a pod's only where that pod has all there are.
        alone = len(set(left)) == 1 and len(left) == len(free) == len(there)
        for (name, track), pod in zip(free, left, strict=False):
            found[name] = (pod, alone and not track.is_doubtful(at))
        return found

    def _told(self, at: int) -> bool:
        """Whether it is told what pods ask for."""
        return self.piece.requests_known and bool(self.alive[at])

    def _free(self, at: int, *, broken: bool) -> CauseOfTime:
        node = self.node if self.node is not None and self.node.capacity[at] != NOT_TOLD else None
        if broken or (node is not None and not node.ready[at]):
            return CauseOfTime.UNHEALTHY
        if not self.piece.holders_known and not (self.piece.requests_known and self.alive[at]):
            return CauseOfTime.UNOBSERVED
        if node is not None and node.cordoned[at]:
            return CauseOfTime.CORDONED
        return CauseOfTime.UNALLOCATED

    def _held(self, at: int, pod: int, busy: float, *, doubtful: bool) -> _Unit:
        holder = self.piece.pods[pod]
        course = None if self.node is None else self.node.course.get(pod)
        if course is not None and course[at] == PodCourse.STARTS:
            return _Unit(CauseOfTime.STARTING, holder.owner)
        if np.isnan(busy):
            return _Unit(CauseOfTime.UNMEASURED, holder.owner, doubtful=doubtful)
        rule = self.ledger.rules.idle.of(holder.kind)
        if busy >= rule.below:
            return _Unit(CauseOfTime.PRODUCTIVE, holder.owner)
        return _Unit(CauseOfTime.PRODUCTIVE, holder.owner, holder.name, rule)

"""What is wrong with nodes, and whether mending one lets the subject start: tried on the twin as it would be."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

import msgspec

from allotment.diagnose.case import Case
from allotment.diagnose.machines import INSTANCE_TYPE, just_joined, pool_of
from allotment.diagnose.rules.scheduler.karpenter import is_coming
from allotment.diagnose.rules.scheduler.placing import Placing, is_accelerator, placing
from allotment.diagnose.twins import Twins
from allotment.model.moments import seconds
from allotment.model.observed.base import Amounts, condition
from allotment.model.observed.index import Index
from allotment.model.observed.nodes import Node
from allotment.scheduling.placement.cycle import Fits, Options, evaluate
from allotment.scheduling.snapshot.placement import FoundPlace, PlacementView, place, placement_view
from allotment.scheduling.snapshot.quantities import units

_COUNT_LABEL: Final = "nvidia.com/gpu.count"
_GPU: Final = "nvidia.com/gpu"
_LONGEST: Final = 6
"""Digits of a count that are read: no node has a million devices."""
_CORDON: Final = "node.kubernetes.io/unschedulable"
_UNREADY: Final = (
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/unreachable",
    "node.kubernetes.io/network-unavailable",
    "node.kubernetes.io/out-of-service",
)
_NOT_UP: Final = ("/agent-not-ready", "/not-ready")
"""End the taints that agents of networks and storage take off once they are up on a node."""
_NO_TYPES: Final = frozenset({"k3s", "rke2"})
"""Distributions that call every machine by their own name."""
_READY_WITHIN: Final = 300.0
"""Seconds in which a node that has joined becomes ready."""
NodeKind = tuple[str, str, int]
"""Machine type, pool and milli-CPU of nodes that are alike."""
PRESSURES: Final = {
    "node.kubernetes.io/disk-pressure": "DiskPressure",
    "node.kubernetes.io/memory-pressure": "MemoryPressure",
    "node.kubernetes.io/pid-pressure": "PIDPressure",
}
_LEAVING: Final = (
    "ToBeDeletedByClusterAutoscaler",
    "karpenter.sh/disrupted",
    "karpenter.sh/disruption",
    "karpenter.sh/unregistered",
    "aws-node-termination-handler/",
    "cloud.google.com/impending-node-termination",
)
"""Taints of nodes that are being taken away, or have not been taken in yet: nothing is to be mended there."""


class DefectKind(IntEnum):
    """What is wrong, the gravest first."""

    NOT_READY = 1
    PRESSURE = 2
    CORDONED = 3
    PLUGIN_MISSING = 4
    DEVICE_UNHEALTHY = 5


@dataclass(frozen=True, slots=True)
class Defect:
    """Something wrong with a node.

    Attributes:
        detail: the taint or resource that it is about.
        now, sound: amounts of a resource as they are and as they should be.
    """

    kind: DefectKind
    node: str
    detail: str = ""
    now: int = 0
    sound: int = 0


@dataclass(frozen=True, slots=True)
class Mended:
    """A source in which every defect is mended.

    Attributes:
        defects: of each node.
        nodes: those nodes as they would be.
    """

    defects: dict[str, tuple[Defect, ...]]
    nodes: dict[str, Node]
    view: PlacementView


@dataclass(frozen=True, slots=True)
class Broken:
    """Nodes that keep the subject from running by what is wrong with them.

    Attributes:
        defects: of the node that is named, the gravest first.
        nodes: all that have to be mended.
    """

    defects: tuple[Defect, ...]
    nodes: tuple[str, ...]
    mended: Mended


@dataclass(frozen=True, slots=True)
class _Asked:
    found: Broken | None


def broken(case: Case) -> Broken | None:
    """The nodes whose mending lets the subject start; None if it needs none, or that would not do."""
    found = case.beside.get(_Asked)
    if not isinstance(found, _Asked):
        it = placing(case)
        alike = None if it.refused is None else it.once(Broken, lambda: _broken(it))
        found = case.beside[_Asked] = _Asked(alike)
    return found.found


def _broken(it: Placing) -> Broken | None:
    mended = mended_of(it.case.index)
    if mended is None or not it.fits(view=mended.view):
        return None
    nodes = _needed(it, mended)
    if not nodes:
        return None
    worst = min(nodes, key=lambda name: (mended.defects[name][0].kind, name))
    return Broken(mended.defects[worst], nodes, mended)


def mended_of(index: Index) -> Mended | None:
    """The source with all nodes sound; None if they are. KeptBy beside the index."""
    if Mended not in index.beside:
        index.beside[Mended] = _mended(index)
    found = index.beside[Mended]
    return found if isinstance(found, Mended) else None


def _mended(index: Index) -> Mended | None:
    before = mended_of(index.before) if index.before is not None else None
    if before is not None and index.same("nodes"):
        objects = msgspec.structs.replace(index.objects, nodes=before.view.index.objects.nodes)
        source = msgspec.structs.replace(index.source, objects=objects)
        return Mended(before.defects, before.nodes, placement_view(Index(source, before.view.index), before.view))
    kinds = {node.name: _kind(node) for node in index.nodes.values()}
    expected, promised = _devices_of_like(index.nodes.values(), kinds), _promised(index)
    starting = _starting(index)
    defects = {
        name: tuple(sorted(_defects(node, expected.get(kinds[name], {}), promised.get(name, {})), key=_gravity))
        for name, node in index.nodes.items()
        if name not in starting
    }
    now, joined = seconds(index.source.observed_at), {node.name for node in just_joined(index)}
    new = {
        name: defects[name] for name in joined if defects.get(name) and _is_new(index.nodes[name], defects[name], now)
    }
    index.beside[NewNodes] = NewNodes(new)
    defects = {name: found for name, found in defects.items() if found and name not in new}
    return _with_sound(index, defects) if defects else None


class NewNodes(dict[str, tuple[Defect, ...]]):
    """Nodes that have just joined, with what they lack yet."""


def joining(index: Index) -> Mended | None:
    """The source with the nodes finished that have just joined it; None if there are none."""
    if _Joining not in index.beside:
        mended_of(index)
        new = index.beside.get(NewNodes)
        index.beside[_Joining] = _Joining(_with_sound(index, new) if isinstance(new, NewNodes) and new else None)
    found = index.beside[_Joining]
    return found.then if isinstance(found, _Joining) else None


@dataclass(frozen=True, slots=True)
class _Joining:
    then: Mended | None


def _is_new(node: Node, defects: tuple[Defect, ...], now: float) -> bool:
    """Whether what a node that has just joined lacks may still come."""
    if any(each.kind not in {DefectKind.NOT_READY, DefectKind.PLUGIN_MISSING} for each in defects):
        return False
    unready = any(each.kind is DefectKind.NOT_READY for each in defects)
    return not unready or now - seconds(node.metadata.creation_timestamp) < _READY_WITHIN


def _with_sound(index: Index, defects: dict[str, tuple[Defect, ...]]) -> Mended:
    nodes = {name: sound(index.nodes[name], found) for name, found in defects.items()}
    all_nodes = tuple(nodes.get(node.name, node) for node in index.objects.nodes)
    objects = msgspec.structs.replace(index.objects, nodes=all_nodes)
    source = msgspec.structs.replace(index.source, objects=objects)
    beside = index.beside.get(Twins)
    view = beside.placement if isinstance(beside, Twins) else None
    return Mended(defects, nodes, placement_view(Index(source, index), view))


def _gravity(defect: Defect) -> int:
    return defect.kind


def _needed(it: Placing, mended: Mended) -> tuple[str, ...]:
    """The defective nodes that are used when sound ones are filled first; the least and the lightest of them."""
    now, then = it.view, mended.view
    marks = now.state.checkpoint(), then.state.checkpoint()
    used: dict[str, None] = {}
    try:
        for each in it.pods:
            answer = place(now, each.waiting)
            if isinstance(answer, FoundPlace):
                node = answer.node
                now.state.add(each.waiting.pod, now.state.nodes.index[node])
            else:
                node = _mended_place(then, each.waiting.pod, mended, used)
                if not node:
                    return ()
                used[node] = None
            then.state.add(each.waiting.pod, then.state.nodes.index[node])
    finally:
        now.state.rollback(marks[0])
        then.state.rollback(marks[1])
    return tuple(used)


def _mended_place(view: PlacementView, pod: Any, mended: Mended, used: dict[str, None]) -> str:
    found = evaluate(view.state, pod, None, Options(sampled=False))
    if not isinstance(found, Fits):
        return ""
    names = [view.state.nodes.nodes[int(at)].name for at in found.feasible]
    ailing = [name for name in names if name in mended.defects]
    already = [name for name in ailing if name in used]
    lightest = sorted(ailing, key=lambda name: (len(mended.defects[name]), -mended.defects[name][0].kind, name))
    return next(iter([*already, *lightest]), "")


def _devices_of_like(nodes: Iterable[Node], kinds: Mapping[str, NodeKind]) -> dict[NodeKind, Amounts]:
    """The accelerators that nodes of one kind have when they are sound: what most of them have.

    A machine type has them or has not. Of nodes that only share a pool some may be made without: more than half
    have to have them. Nodes of no machine type and no pool are like nobody.
    """
    counts: dict[NodeKind, dict[str, dict[int, int]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(int)))
    sizes: dict[NodeKind, int] = defaultdict(int)
    for node in nodes:
        kind = kinds[node.name]
        sizes[kind] += 1
        for name, amount in node.status.capacity.items():
            if is_accelerator(name) and units(name, amount) > 0:
                counts[kind][name][units(name, amount)] += 1
    return {
        kind: {name: _commonest(by) for name, by in found.items() if kind[0] or 2 * sum(by.values()) > sizes[kind]}
        for kind, found in counts.items()
        if any(kind[:2])
    }


def _promised(index: Index) -> dict[str, Amounts]:
    """What the cloud says that a node has which Karpenter asked for, by its name."""
    return {claim.status.node_name: claim.status.capacity for claim in index.objects.node_claims}


def _starting(index: Index) -> frozenset[str]:
    """Nodes that Karpenter still waits for: what they do not have yet, or are not, is to come."""
    now = seconds(index.source.observed_at)
    return frozenset(each.status.node_name for each in index.objects.node_claims if is_coming(each, now))


def _commonest(counts: dict[int, int]) -> int:
    return max(sorted(counts), key=counts.__getitem__)


def _kind(node: Node) -> NodeKind:
    named = node.metadata.labels.get(INSTANCE_TYPE, "")
    return "" if named in _NO_TYPES else named, pool_of(node), units("cpu", node.status.capacity.get("cpu", 0))


def _defects(node: Node, expected: Amounts, promised: Amounts) -> Iterator[Defect]:
    keys = {taint.key for taint in node.spec.taints}
    if node.metadata.deletion_timestamp or any(key.startswith(_LEAVING) for key in keys):
        return
    if unready(node):
        yield Defect(DefectKind.NOT_READY, node.name, next(filter(_of_unready, sorted(keys)), _UNREADY[0]))
    for key in PRESSURES:
        if key in keys:
            yield Defect(DefectKind.PRESSURE, node.name, key)
    if node.spec.unschedulable:
        yield Defect(DefectKind.CORDONED, node.name, _CORDON)
    yield from _device_defects(node, expected, promised)


def unready(node: Node) -> bool:
    """Whether its kubelet or network is down, by what it says or by its taints."""
    ready = condition(node.status.conditions, "Ready")
    tainted = any(_of_unready(taint.key) for taint in node.spec.taints)
    return tainted or (ready is not None and not ready.true)


def defects_of(node: Node) -> tuple[Defect, ...]:
    """What is wrong with a node by itself, its devices apart."""
    return tuple(_defects(node, {}, {}))


def _device_defects(node: Node, expected: Amounts, promised: Amounts) -> Iterator[Defect]:
    labels, capacity, allocatable = node.metadata.labels, node.status.capacity, node.status.allocatable
    wanted = {name: int(amount) for name, amount in expected.items()}
    wanted |= {name: units(name, amount) for name, amount in promised.items() if is_accelerator(name) and amount}
    count = labels.get(_COUNT_LABEL, "")
    sliced = any("/mig-" in name or name.endswith(".shared") for name in capacity)
    if (
        count.isascii()
        and count.isdigit()
        and int(count[:_LONGEST])
        and labels.get("nvidia.com/mig.strategy", "none") in {"none", ""}
        and not sliced
    ):
        wanted[_GPU] = int(count[:_LONGEST])
    for name, sound_amount in wanted.items():
        there, usable = units(name, capacity.get(name, 0)), units(name, allocatable.get(name, 0))
        if not there and not usable and not sliced:
            yield Defect(DefectKind.PLUGIN_MISSING, node.name, name, 0, sound_amount)
    for name, amount in capacity.items():
        there, usable = units(name, amount), units(name, allocatable.get(name, 0))
        if is_accelerator(name) and usable < there:
            missing = usable == 0
            kind = DefectKind.PLUGIN_MISSING if missing else DefectKind.DEVICE_UNHEALTHY
            yield Defect(kind, node.name, name, usable, there)


def sound(node: Node, defects: tuple[Defect, ...]) -> Node:
    """A node with its defects mended."""
    status, spec = node.status, node.spec
    allocatable, capacity = dict(status.allocatable), dict(status.capacity)
    for each in defects:
        if each.kind in {DefectKind.PLUGIN_MISSING, DefectKind.DEVICE_UNHEALTHY}:
            allocatable[each.detail] = str(each.sound)
            capacity[each.detail] = str(max(each.sound, units(each.detail, capacity.get(each.detail, 0))))
    taints = tuple(each for each in spec.taints if not _of_defect(each.key))
    return msgspec.structs.replace(
        node,
        spec=msgspec.structs.replace(spec, unschedulable=False, taints=taints),
        status=msgspec.structs.replace(
            status, allocatable=allocatable, capacity=capacity, conditions=_sound_conditions(node)
        ),
    )


def _of_unready(key: str) -> bool:
    return key in _UNREADY or key.endswith(_NOT_UP)


def _of_defect(key: str) -> bool:
    return _of_unready(key) or key in PRESSURES or key == _CORDON


def _sound_conditions(node: Node) -> tuple[Any, ...]:
    good = {"Ready": "True", **dict.fromkeys(PRESSURES.values(), "False"), "NetworkUnavailable": "False"}
    return tuple(
        msgspec.structs.replace(each, status=good.get(each.type, each.status), reason="", message="")
        for each in node.status.conditions
    )

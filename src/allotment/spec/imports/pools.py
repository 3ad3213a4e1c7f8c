"""Nodes as they are → node pools, with devices of the catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from allotment.model import labels
from allotment.model.accelerator import CapacityType
from allotment.model.devices import MODEL_LABELS, names_a_part, words_of_model
from allotment.model.manifest import Body
from allotment.model.names import is_plain
from allotment.model.quantity import format_bytes, format_cpu, parse_bytes, parse_cpu
from allotment.spec.imports.live import Notes, marks_of, name_of
from allotment.spec.schema.accelerator import AcceleratorSpec

_POOL_LABELS: Final = (
    labels.NODE_POOL, "karpenter.sh/nodepool", "eks.amazonaws.com/nodegroup", "cloud.google.com/gke-nodepool",
    "kubernetes.azure.com/agentpool", "agentpool",
)  # fmt: skip
_PRODUCT_LABELS: Final = (
    # Our own word first: here it is what somebody declared, in a simulation the product tells more.
    labels.ACCELERATOR, *(label for label in MODEL_LABELS if label != labels.ACCELERATOR),
    "karpenter.k8s.aws/instance-gpu-name", "node.kubernetes.io/instance-type",
)  # fmt: skip
_CAPACITY_LABELS: Final = (labels.CAPACITY_TYPE, "karpenter.sh/capacity-type", "eks.amazonaws.com/capacityType")
_SPOT: Final = {"kubernetes.azure.com/scalesetpriority": "spot", "cloud.google.com/gke-spot": "true"}
_CONTROL_PLANE: Final = "node-role.kubernetes.io/control-plane"
_MACHINE: Final = "node.kubernetes.io/instance-type"
_TRANSIENT: Final = "node.kubernetes.io/"
_SPOT_WORDS: Final = frozenset({"spot", "preemptible", "preemptable"})

Taint = tuple[str, str, str]
"""Key, value and effect."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What nodes of one pool have in common."""

    accelerator: str | None
    per_node: int
    capacity: CapacityType
    machine: str
    label: str


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool as it is declared.

    Attributes:
        cpu: milli-CPU of its smallest node.
        memory: bytes of its smallest node.
        nodes: those that are there.
    """

    name: str
    shape: Shape
    cpu: int
    memory: int
    pods: int
    taints: tuple[Taint, ...]
    nodes: tuple[Body, ...]

    @property
    def flavor(self) -> str:
        """Usual name of its flavor."""
        accelerator = self.shape.accelerator
        return labels.CPU_FLAVOR if accelerator is None else f"{accelerator}-{self.shape.capacity.value}"

    def document(self, most: int) -> dict[str, Any]:
        """As the directory has it, with so many nodes at most."""
        return {
            "name": self.name,
            "accelerator": self.shape.accelerator,
            "acceleratorsPerNode": self.shape.per_node or None,
            "capacityType": self.shape.capacity.value,
            "cpu": _cpu(self.cpu),
            "memory": format_bytes(parse_bytes(str(self.memory))),
            "pods": self.pods,
            "minNodes": len(self.nodes),
            "maxNodes": most,
            "machineType": self.shape.machine or None,
            "taints": [
                {"key": key, **({"value": value} if value else {}), "effect": effect}
                for key, value, effect in self.taints
            ],
        }


def _cpu(amount: int) -> int | str:
    text = format_cpu(parse_cpu(f"{amount}m"))
    return int(text) if text.isdigit() else text


def pools_of(nodes: Iterable[Body], catalogue: Mapping[str, AcceleratorSpec], notes: Notes) -> tuple[Pool, ...]:
    """The pools that nodes belong to, in the order of their first nodes; nodes of the control plane are left out."""
    members: dict[Shape, list[Body]] = {}
    for node in nodes:
        if not _is_control_plane(node):
            members.setdefault(_shape(node, catalogue, notes), []).append(node)
    pools: list[Pool] = []
    for shape, found in members.items():
        pools.append(_pool(shape, found, {pool.name for pool in pools}, catalogue, notes))
    return tuple(pools)


def _is_control_plane(node: Body) -> bool:
    return any(taint.get("key") == _CONTROL_PLANE for taint in node.get("spec", {}).get("taints") or ())


def _shape(node: Body, catalogue: Mapping[str, AcceleratorSpec], notes: Notes) -> Shape:
    found = marks_of(node)
    accelerator, count = _device(node, catalogue, notes)
    label = next((found[key] for key in _POOL_LABELS if found.get(key)), "")
    return Shape(accelerator, count, _capacity(found), found.get(_MACHINE, ""), label)


def _device(node: Body, catalogue: Mapping[str, AcceleratorSpec], notes: Notes) -> tuple[str | None, int]:
    known = {spec.resource_name for spec in catalogue.values()}
    offered = {
        name: _count(amount)
        for name, amount in sorted((node.get("status", {}).get("allocatable") or {}).items())
        if "/" in name and _count(amount) and not name.startswith("hugepages-")
    }
    devices = [(name, count) for name, count in offered.items() if name in known]
    for name in offered.keys() - known:
        notes.add(node, f"{name} is no device of the catalogue: declare it (kind: Accelerator, or furtherResources)")
    for name, _ in devices[1:]:
        notes.add(node, f"{name} beside {devices[0][0]}: a pool declares one kind of device")
    if not devices:
        return None, 0
    resource, count = devices[0]
    name = accelerator_of(marks_of(node), resource, catalogue)
    if name is None:
        notes.add(node, f"its {count} {resource} are of no product that the catalogue knows: declare an Accelerator")
        return None, 0
    return name, count


def accelerator_of(found: Mapping[str, str], resource: str, catalogue: Mapping[str, AcceleratorSpec]) -> str | None:
    """The accelerator that a node's labels mean, among those with this resource name; None if no label tells."""
    candidates = {name: spec for name, spec in catalogue.items() if spec.resource_name == resource}
    if found.get(labels.ACCELERATOR) in candidates:
        return found[labels.ACCELERATOR]
    for key in _PRODUCT_LABELS:
        product = found.get(key, "")
        words = words_of_model(product)
        fitting = [name for name in candidates if words_of_model(name) <= words]
        if fitting and names_a_part(product):
            # MIG, strategy single, and time-slicing: as many are no whole devices, whatever the resource is called.
            return None
        if fitting:
            return max(fitting, key=lambda name: (len(name), name))
    return next(iter(candidates)) if len(candidates) == 1 else None


def _capacity(found: Mapping[str, str]) -> CapacityType:
    if any(found.get(key) == value for key, value in _SPOT.items()):
        return CapacityType.SPOT
    told = next((found[key] for key in _CAPACITY_LABELS if key in found), "")
    word = told.lower().replace("_", "-")
    return CapacityType(word) if word in {member.value for member in CapacityType} else CapacityType.ON_DEMAND


def _pool(
    shape: Shape, nodes: list[Body], taken: set[str], catalogue: Mapping[str, AcceleratorSpec], notes: Notes
) -> Pool:
    wished = shape.label.lower() if is_plain(shape.label.lower()) else shape.accelerator or "cpu"
    name = next(
        f"{wished}{suffix}" for suffix in ("", *(f"-{n}" for n in range(2, 1000))) if f"{wished}{suffix}" not in taken
    )
    allocatable = [node.get("status", {}).get("allocatable") or {} for node in nodes]
    own = catalogue[shape.accelerator].taint_key if shape.accelerator else ""
    carried = [_taints(node, own) for node in nodes]
    taints = [taint for taint in carried[0] if all(taint in each for each in carried)]
    _say_odd(name, nodes, carried, taints, notes)
    _say_spot(name, shape, nodes, notes)
    return Pool(
        name,
        shape,
        cpu=min(parse_cpu(str(one.get("cpu", "1"))) for one in allocatable),
        memory=min(parse_bytes(str(one.get("memory", "1Gi"))) for one in allocatable),
        pods=min(_count(one.get("pods", "110")) or 110 for one in allocatable),
        taints=tuple(taints),
        nodes=tuple(nodes),
    )


def _taints(node: Body, own: str) -> list[Taint]:
    """Those that somebody chose: neither the device's nor of a passing state."""
    return [
        (taint["key"], taint.get("value", ""), taint["effect"])
        for taint in node.get("spec", {}).get("taints") or ()
        if taint["key"] != own and not taint["key"].startswith((_TRANSIENT, f"{labels.DOMAIN}/"))
    ]


def _say_odd(
    pool: str, nodes: Sequence[Body], carried: Sequence[Sequence[Taint]], common: Sequence[Taint], notes: Notes
) -> None:
    """Note taints that only some nodes carry: declared, they would come on the others, and all work tolerate them."""
    odd = dict.fromkeys(taint for each in carried for taint in each if taint not in common)
    for key, value, effect in odd:
        names = [name_of(node) for node, each in zip(nodes, carried, strict=True) if (key, value, effect) in each]
        notes.warn(
            f"pool {pool}",
            f"{len(names)} of its {len(nodes)} nodes ({', '.join(names)}) carr{'y' if len(names) > 1 else 'ies'} the "
            f"taint {key}{f'={value}' if value else ''}:{effect}, the others do not: it is not declared, and work of "
            "the pool does not tolerate it. Make these nodes a pool of their own, or take the taint off",
        )


def _say_spot(pool: str, shape: Shape, nodes: Sequence[Body], notes: Notes) -> None:
    """Note nodes that look reclaimable where no label that is known says so."""
    if shape.capacity is not CapacityType.ON_DEMAND:
        return
    found = {name_of(node): word for node in nodes if (word := _word_of_spot(node))}
    if found:
        words = ", ".join(dict.fromkeys(found.values()))
        notes.warn(
            f"pool {pool}",
            f"{', '.join(found)} look{'s' if len(found) == 1 else ''} like spot capacity ({words}), and the pool is "
            "declared as on-demand: correct its capacityType if they can be reclaimed",
        )


def _word_of_spot(node: Body) -> str:
    """The label or taint that speaks of spot capacity; empty if none does."""
    marks = [(key, value, "label") for key, value in marks_of(node).items()]
    taints = node.get("spec", {}).get("taints") or ()
    marks += [(taint["key"], taint.get("value", ""), "taint") for taint in taints]
    for key, value, what in marks:
        words = set(re.split(r"[^a-z0-9]+", f"{key} {value}".lower()))
        if words & _SPOT_WORDS and value.lower() not in ("false", "no", "none", "regular", "on-demand"):
            return f"{what} {key}{f'={value}' if value else ''}"
    return ""


def _count(amount: object) -> int:
    text = str(amount)
    return int(text) if text.isdigit() else 0


def unlabelled(pools: Iterable[Pool], notes: Notes) -> None:
    """Note nodes that lack the labels by which flavors select them."""
    for pool in pools:
        lacking = [node for node in pool.nodes if labels.ACCELERATOR not in marks_of(node)]
        if lacking and pool.shape.accelerator is not None:
            notes.say(
                f"pool {pool.name}",
                f"{len(lacking)} of its nodes lack the labels that its flavor selects by: "
                f"{labels.label_command(pool.name, [name_of(node) for node in lacking])}",
            )


def nodes_with(selector: Mapping[str, str], pools: Iterable[Pool]) -> list[Pool]:
    """Pools with a node that carries these labels."""
    return [
        pool
        for pool in pools
        if any(all(marks_of(node).get(key) == value for key, value in selector.items()) for node in pool.nodes)
    ]

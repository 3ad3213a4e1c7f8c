"""Node pools amount to flavors: which there are in a cluster, and which one a team means by a word."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from allotment.model import labels
from allotment.model.accelerator import CapacityType
from allotment.model.cluster import Flavor, Taint, TaintEffect
from allotment.spec.schema.accelerator import AcceleratorSpec
from allotment.spec.schema.cluster import ClusterSpec, NodePoolSpec

TAINT_VALUE: Final = "present"

_ORDER: Final = {CapacityType.RESERVED: 0, CapacityType.ON_DEMAND: 1, CapacityType.SPOT: 2}

CPU: Final = Flavor(
    name=labels.CPU_FLAVOR,
    accelerator=None,
    capacity_type=CapacityType.ON_DEMAND,
    node_labels={},
    taints=(),
    capacity=0,
    dedicated_to=None,
)
"""CPU and memory of the whole cluster, whatever the nodes."""


@dataclass(frozen=True)
class Flavors:
    """The flavors of one cluster, in order of preference; the CPU flavor last."""

    ordered: tuple[Flavor, ...]

    @cached_property
    def by_name(self) -> Mapping[str, Flavor]:
        """Flavors by name."""
        return {flavor.name: flavor for flavor in self.ordered}

    @cached_property
    def by_accelerator(self) -> Mapping[str, tuple[Flavor, ...]]:
        """Flavors of each accelerator, in order."""
        found: dict[str, tuple[Flavor, ...]] = {}
        for flavor in self.ordered:
            if flavor.accelerator is not None:
                found[flavor.accelerator] = (*found.get(flavor.accelerator, ()), flavor)
        return found

    def meant(self, word: str, team: str) -> Flavor | None:
        """The flavor that the team of an id means by a flavor's or an accelerator's name.

        An accelerator's name means the team's own pool where it has one, else the first flavor in the cluster's order.
        """
        exact = self.by_name.get(word)
        if exact is not None:
            return exact if exact.accelerator is not None else None
        candidates = self.by_accelerator.get(word, ())
        own = [flavor for flavor in candidates if flavor.dedicated_to == team]
        shared = [flavor for flavor in candidates if flavor.dedicated_to is None]
        return next(iter(own + shared), None)

    def offered_to(self, team: str) -> list[str]:
        """Names that the team of an id may write, for messages."""
        usable = [f for f in self.ordered if f.accelerator is not None and f.dedicated_to in (None, team)]
        return [flavor.name for flavor in usable] + sorted({str(flavor.accelerator) for flavor in usable})


def flavor_name(cluster: ClusterSpec, pool: NodePoolSpec, ids: Mapping[str, str]) -> str:
    """Name of the flavor a pool belongs to."""
    usual = usual_name(pool, ids)
    return cluster.names.flavors.get(usual, usual)


def owner_of(pool: NodePoolSpec, ids: Mapping[str, str]) -> str | None:
    """The id of the team that alone may use the pool; the name that is written where there is no such team."""
    return None if pool.dedicated_to is None else ids.get(pool.dedicated_to, pool.dedicated_to)


def usual_name(pool: NodePoolSpec, ids: Mapping[str, str]) -> str:
    """Name of the flavor a pool belongs to, unless the cluster chooses another."""
    if pool.accelerator is None:
        return labels.CPU_FLAVOR
    name = f"{pool.accelerator}-{pool.capacity_type.value}"
    owner = owner_of(pool, ids)
    return name if owner is None else f"{name}-{owner}"


def pool_taints(
    pool: NodePoolSpec, accelerators: Mapping[str, AcceleratorSpec], ids: Mapping[str, str]
) -> tuple[Taint, ...]:
    """Every taint of a pool's nodes: the accelerator's, the dedicated pool's, and the pool's own."""
    taints: list[Taint] = []
    if pool.accelerator is not None:
        taints.append(Taint(accelerators[pool.accelerator].taint_key, TAINT_VALUE, TaintEffect.NO_SCHEDULE))
    owner = owner_of(pool, ids)
    if owner is not None:
        taints.append(Taint(labels.DEDICATED, owner, TaintEffect.NO_SCHEDULE))
    taints.extend(Taint(taint.key, taint.value or "", taint.effect) for taint in pool.taints)
    return tuple(dict.fromkeys(taints))


def flavors_of(cluster: ClusterSpec, accelerators: Mapping[str, AcceleratorSpec], ids: Mapping[str, str]) -> Flavors:
    """The flavors of a cluster. Pools with an unknown accelerator are left out: a check reports them.

    Args:
        cluster: its document.
        accelerators: the catalogue, by name.
        ids: of teams, by their names.
    """
    pools: dict[str, list[NodePoolSpec]] = {}
    for pool in cluster.node_pools:
        if pool.accelerator in accelerators:
            pools.setdefault(flavor_name(cluster, pool, ids), []).append(pool)
    derived = [_flavor(name, members, accelerators, ids) for name, members in pools.items()]
    first_pool: dict[str | None, int] = {}
    for index, pool in enumerate(cluster.node_pools):
        first_pool.setdefault(pool.accelerator, index)
    wanted = {name: index for index, name in enumerate(cluster.flavor_order)}
    derived.sort(
        key=lambda flavor: (
            wanted.get(flavor.name, len(wanted)),
            _ORDER[flavor.capacity_type],
            first_pool.get(flavor.accelerator, 0),
        )
    )
    return Flavors((*derived, replace(CPU, name=cluster.names.flavors.get(CPU.name, CPU.name))))


def _flavor(
    name: str, pools: list[NodePoolSpec], accelerators: Mapping[str, AcceleratorSpec], ids: Mapping[str, str]
) -> Flavor:
    first = pools[0]
    accelerator = first.accelerator or ""
    label = accelerators[accelerator].node_label
    node_labels = {label.key: label.value} if label is not None else {labels.ACCELERATOR: accelerator}
    node_labels[labels.CAPACITY_TYPE] = first.capacity_type.value
    owner = owner_of(first, ids)
    if owner is not None:
        node_labels[labels.DEDICATED] = owner
    # Pods of a flavor must tolerate whatever its pools carry: a taint that only one pool has is tolerated on all.
    taints = dict.fromkeys(taint for pool in pools for taint in pool_taints(pool, accelerators, ids))
    return Flavor(
        name=name,
        accelerator=first.accelerator,
        capacity_type=first.capacity_type,
        node_labels=node_labels,
        taints=tuple(taints),
        capacity=sum(devices_per_node(pool) * pool.max_nodes for pool in pools),
        dedicated_to=owner,
    )


def devices_per_node(pool: NodePoolSpec) -> int:
    """Devices a node of the pool offers."""
    if pool.accelerator is None:
        return 0
    return 1 if pool.accelerators_per_node is None else pool.accelerators_per_node

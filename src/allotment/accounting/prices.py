"""What a device costs an hour, as a platform directory declares it: its pool's price, else its accelerator's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from allotment.model import labels
from allotment.model.accelerator import CapacityType
from allotment.model.cluster import Cluster, NodePool
from allotment.model.observed.nodes import Node
from allotment.model.platform import Platform


@dataclass(frozen=True, slots=True)
class DevicePrices:
    """Prices of devices by cluster.

    Attributes:
        currency: empty where nothing is priced.
        clusters: by each name that a source may have: the cluster's, or its context's.
        by_pool: millionths of the currency for a device and hour, by cluster and pool.
    """

    currency: str = ""
    clusters: Mapping[str, Cluster] = field(default_factory=dict)
    by_pool: Mapping[tuple[str, str], int | None] = field(default_factory=dict)

    def of_several(self) -> DevicePrices:
        """The same for several sources: none of them is taken to be the only cluster that is declared."""
        return replace(self, clusters={name: each for name, each in self.clusters.items() if name})

    def of(self, source: str, node: Node) -> int | None:
        """The price of a device of a node; None where it is not known."""
        cluster = self.clusters.get(source) or self.clusters.get("")
        pool = None if cluster is None else pool_of(cluster, node)
        return None if cluster is None or pool is None else self.by_pool.get((cluster.name, pool.name))


NO_PRICES: Final = DevicePrices()


def prices_of(platform: Platform, cluster: str = "") -> DevicePrices:
    """Prices of a platform.

    Args:
        platform: as declared.
        cluster: the one that every source is, where the user said so; the platform's only one is taken without.
    """
    only = platform.cluster(cluster) if cluster else platform.clusters[0] if len(platform.clusters) == 1 else None
    named = {name: each for each in platform.clusters for name in (each.context, each.name) if name}
    if only is not None:
        named[""] = only
    prices = {
        (each.name, pool.name): _per_device(platform, pool) for each in platform.clusters for pool in each.node_pools
    }
    return DevicePrices(platform.currency, named, prices)


def is_priced(platform: Platform) -> bool:
    """Whether anything of a platform has a price: where nothing has, no sum of money is known, and none is 0."""
    classes = any(each.price_per_hour for each in platform.accelerators.values())
    return classes or any(each is not None for each in prices_of(platform).by_pool.values())


ClassPrices = Mapping[str, Mapping[CapacityType, int]]
"""Of a device and hour, in millionths of the currency, by class of the catalogue and how it is bought."""
NO_CLASS_PRICES: Final[ClassPrices] = MappingProxyType({})


def class_prices(platform: Platform, cluster: Cluster | None = None) -> ClassPrices:
    """What jobs pay that are known by their class alone: what its pools cost if they all cost the same.

    Args:
        platform: as declared.
        cluster: whose pools they are; the catalogue alone counts without one.
    """
    found = {name: dict(each.price_per_hour) for name, each in platform.accelerators.items()}
    pools: dict[tuple[str, CapacityType], set[int | None]] = {}
    for pool in () if cluster is None else cluster.node_pools:
        if pool.accelerator is not None:
            pools.setdefault((pool.accelerator, pool.capacity_type), set()).add(_per_device(platform, pool))
    for (accelerator, capacity), costs in pools.items():
        (cost,) = costs if len(costs) == 1 else (None,)
        if cost is not None:
            found.setdefault(accelerator, {})[capacity] = cost
    return found


def pool_of(cluster: Cluster, node: Node) -> NodePool | None:
    """The declared pool that a node is of: by its label, else the only one whose flavor's labels the node has."""
    name = node.metadata.labels.get(labels.NODE_POOL)
    if name:
        return next((pool for pool in cluster.node_pools if pool.name == name), None)
    fitting = [
        pool
        for pool in cluster.node_pools
        if pool.accelerator is not None
        and cluster.flavor(pool.flavor).node_labels
        and cluster.flavor(pool.flavor).node_labels.items() <= node.metadata.labels.items()
    ]
    return fitting[0] if len(fitting) == 1 else None


def _per_device(platform: Platform, pool: NodePool) -> int | None:
    if pool.accelerator is None or not pool.accelerators_per_node:
        return None
    accelerator = platform.accelerators.get(pool.accelerator)
    whole_node = pool.price_per_hour
    if whole_node is None:
        each = None if accelerator is None else accelerator.price_per_hour.get(pool.capacity_type)
        whole_node = None if each is None else each * pool.accelerators_per_node
    # A pool of slices offers several for each device that it has.
    devices = -(-pool.accelerators_per_node // (accelerator.partitions if accelerator is not None else 1))
    return None if whole_node is None else round(whole_node / devices)

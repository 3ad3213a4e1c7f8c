"""How many devices a flavor's pools hold at least and at most: as declared, else as an autoscaler says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from allotment.accounting.capacity import DevicePart
from allotment.model.cluster import Cluster
from allotment.model.devices import is_device
from allotment.model.observed.index import Index
from allotment.model.observed.nodes import KarpenterNodePool, Node
from allotment.model.observed.queueing import ResourceFlavor
from allotment.scheduling.snapshot.quantities import units

Devices = Mapping[str, tuple[DevicePart, ...]]
"""Devices of nodes by name."""

_STATUS: Final = "kube-system/cluster-autoscaler-status"
_GROUP_LABELS: Final = (
    "eks.amazonaws.com/nodegroup",
    "cloud.google.com/gke-nodepool",
    "kubernetes.azure.com/agentpool",
    "agentpool",
)
"""Node labels by which clouds name the group that a node is of; the autoscaler's name of the group holds the value."""
_KARPENTER: Final = "karpenter.sh/nodepool"
_GROUP: Final = re.compile(
    r"^\s*(?:- name|Name):\s*(\S+)\s*$(.*?)(?=^\s*(?:- name|Name):|\Z)", re.MULTILINE | re.DOTALL
)
_LEAST: Final = re.compile(r"minSize[:=]\s*(\d{1,7})")
_MOST: Final = re.compile(r"maxSize[:=]\s*(\d{1,7})")


@dataclass(frozen=True, slots=True)
class DeviceBounds:
    """Devices of a flavor and resource.

    Attributes:
        least: at the pools' minimum; None where nobody says.
        most: at their maximum; None where nobody says, or there is no end.
        by: who says so: ``directory``, ``cluster-autoscaler``, ``Karpenter``; empty where nobody does.
    """

    least: int | None = None
    most: int | None = None
    by: str = ""


def declared_bounds(cluster: Cluster) -> Mapping[str, DeviceBounds]:
    """By flavor, as a platform directory declares its pools."""
    found: dict[str, DeviceBounds] = {}
    for flavor in cluster.flavors:
        pools = [pool for pool in cluster.node_pools if pool.flavor == flavor.name and pool.accelerator is not None]
        least = sum(pool.min_nodes * pool.accelerators_per_node for pool in pools)
        most = sum(pool.max_nodes * pool.accelerators_per_node for pool in pools)
        found[flavor.name] = DeviceBounds(least, most, "directory")
    return found


def observed_bounds(index: Index, flavor: ResourceFlavor, resource: str, devices: Devices) -> DeviceBounds:
    """As autoscalers say; nodes that none of them makes count as they are.

    Args:
        index: the source.
        flavor: whose pools.
        resource: of its devices.
        devices: of each node.
    """
    wanted = flavor.spec.node_labels
    nodes = [node for node in index.objects.nodes if wanted.items() <= node.metadata.labels.items()]
    if not is_device(resource):
        return DeviceBounds()
    pools = [pool for pool in index.objects.karpenter_node_pools if _makes(pool, wanted, nodes)]
    if pools:
        return _of_karpenter(devices, pools, nodes, resource)
    groups = dict(_groups(index))
    return _of_groups(devices, groups, nodes, resource) if groups and nodes else DeviceBounds()


def _makes(pool: KarpenterNodePool, wanted: Mapping[str, str], nodes: list[Node]) -> bool:
    if any(node.metadata.labels.get(_KARPENTER) == pool.name for node in nodes):
        return True
    labels = {**pool.spec.template.metadata.labels, _KARPENTER: pool.name}
    for each in pool.spec.template.spec.requirements:
        values = each.get("values")
        if each.get("operator") == "In" and isinstance(values, list) and len(values) == 1:
            labels[str(each.get("key"))] = str(values[0])
    return bool(wanted) and wanted.items() <= labels.items()


def _of_karpenter(found: Devices, pools: list[KarpenterNodePool], nodes: list[Node], resource: str) -> DeviceBounds:
    limits = [pool.spec.limits.get(resource) for pool in pools]
    made = {pool.name for pool in pools}
    others = [node for node in nodes if node.metadata.labels.get(_KARPENTER) not in made]
    fixed = sum(_devices(found, node, resource) for node in others)
    if any(limit is None for limit in limits):
        return DeviceBounds(fixed, None, "Karpenter")
    return DeviceBounds(fixed, fixed + sum(units(resource, limit or 0) for limit in limits), "Karpenter")


def _of_groups(found: Devices, groups: Mapping[str, tuple[int, int]], nodes: list[Node], resource: str) -> DeviceBounds:
    least = most = 0
    per_group: dict[str, int] = {}
    for node in nodes:
        group = _group_of(node, groups)
        devices = _devices(found, node, resource)
        if group is None:
            least, most = least + devices, most + devices
        else:
            per_group[group] = max(per_group.get(group, 0), devices)
    for group, devices in per_group.items():
        low, high = groups[group]
        least, most = least + low * devices, most + high * devices
    return DeviceBounds(least, most, "cluster-autoscaler") if per_group else DeviceBounds()


def _groups(index: Index) -> Iterator[tuple[str, tuple[int, int]]]:
    status = index.config_maps.get(_STATUS)
    for name, told in _GROUP.findall(status.data.get("status", "") if status is not None else ""):
        least, most = _LEAST.search(told), _MOST.search(told)
        if most is not None:
            yield name, (int(least[1]) if least is not None else 0, int(most[1]))


def _group_of(node: Node, groups: Mapping[str, tuple[int, int]]) -> str | None:
    values = [value for label in _GROUP_LABELS if (value := node.metadata.labels.get(label))]
    for value in values:
        if value in groups:
            return value
        holding = [name for name in groups if value in re.split(r"[/_.:]", name) or f"-{value}-" in f"-{name}-"]
        if len(holding) == 1:
            return holding[0]
    return None


def _devices(found: Devices, node: Node, resource: str) -> int:
    return sum(part.units for part in found.get(node.name, ()) if part.resource == resource)

"""Declared node pools against the nodes that are there: what would leave the next job without a place.

A flavor is a promise about nodes: Kueue admits work to it and the scheduler looks for nodes with its labels. Nobody but
us compares the two, so a label removed by hand shows only as pods that wait for ever.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Any, Final

from allotment.model import labels
from allotment.model.cluster import Cluster, NodePool, Taint, TaintEffect
from allotment.model.manifest import ObjectKey
from allotment.model.platform import Platform
from allotment.model.quantity import Bytes, MilliCpu, parse_quantity

Node = Mapping[str, Any]
"""A Node as JSON."""

_NAMED: Final = 5
"""Nodes that a sentence names."""

_TRANSIENT: Final = (
    "node.kubernetes.io/",
    "node.cloudprovider.kubernetes.io/",
    "ToBeDeletedByClusterAutoscaler",
    "DeletionCandidateOfClusterAutoscaler",
    "karpenter.sh/",
)
_STARTING: Final = "/agent-not-ready"
"""Taints that Kubernetes, autoscalers and drivers put on nodes that are busy dying, starting or cordoned: they pass."""


class NodeFault(StrEnum):
    """How nodes differ from what is declared."""

    NO_POOL = "no-pool"
    """Devices that no declared pool has: nothing is ever placed on them."""
    NAME = "name"
    """The pool's own label is missing, or names a pool that nobody declares."""
    LABEL = "label"
    TAINT_MISSING = "taint-missing"
    TAINT_UNDECLARED = "taint-undeclared"
    FEWER_DEVICES = "fewer-devices"
    FEWER_NODES = "fewer-nodes"


@dataclass(frozen=True, slots=True)
class DeclaredPool:
    """A pool as its nodes should show it.

    Attributes:
        resource: extended resource of its devices; empty for a CPU pool.
        devices: that a node offers.
        cpu: allocatable CPU per node.
        memory: allocatable memory per node, bytes.
        selected: labels that the flavor selects nodes by.
        labels: every label that its nodes carry, the selected ones included.
        taints: that its nodes carry.
        tolerated: taints that pods of its flavor tolerate: those of all pools of the flavor.
    """

    name: str
    flavor: str
    resource: str
    devices: int
    cpu: MilliCpu
    memory: Bytes
    selected: Mapping[str, str]
    labels: Mapping[str, str]
    taints: tuple[Taint, ...]
    tolerated: tuple[Taint, ...]
    min_nodes: int


@dataclass(frozen=True, slots=True)
class DeclaredNodes:
    """All pools of a cluster, and the resources that count as devices."""

    cluster: str
    pools: tuple[DeclaredPool, ...]
    resources: frozenset[str]


@dataclass(frozen=True, slots=True)
class NodeFinding:
    """Something about nodes that is not as declared.

    Attributes:
        pool: declared pool; empty if the nodes belong to none.
        nodes: names, sorted; none if nodes are missing.
        what: what is wrong with each of them.
        why: what follows from it.
        fix: what to do.
    """

    fault: NodeFault
    pool: str
    nodes: tuple[str, ...]
    what: str
    why: str
    fix: str

    @property
    def key(self) -> ObjectKey:
        """The node if it is one, else the pool (which is no object, but has a name)."""
        if len(self.nodes) == 1:
            return ObjectKey("", "Node", "", self.nodes[0])
        return ObjectKey("", "NodePool", "", self.pool or "none")

    def __str__(self) -> str:
        """In one sentence, with the nodes."""
        named = ", ".join(self.nodes[:_NAMED])
        more = f" and {len(self.nodes) - _NAMED} more" if len(self.nodes) > _NAMED else ""
        pool = f"pool {self.pool}" if self.pool else "no pool"
        who = f"{pool} ({named}{more})" if self.nodes else pool
        return f"{who}: {self.what}; {self.why}"


@dataclass(frozen=True, slots=True)
class _Fault:
    """What one node has; nodes that have the same are one finding.

    Attributes:
        label_as: pools that labelling can make it a node of, the likeliest first.
        fix: what else to do; it ends the sentence that begins with the command that labels, if there is one.
    """

    fault: NodeFault
    pool: str
    what: str
    why: str
    fix: str
    label_as: tuple[str, ...] = ()

    def of(self, nodes: tuple[str, ...]) -> NodeFinding:
        fix = self.fix
        if self.label_as:
            others = f" (or with --pool {' or '.join(self.label_as[1:])})" if len(self.label_as) > 1 else ""
            fix = f"{labels.label_command(self.label_as[0], nodes)}{others}{fix}"
        return NodeFinding(self.fault, self.pool, nodes, self.what, self.why, fix)


def declared_nodes(platform: Platform, cluster: Cluster) -> DeclaredNodes:
    """What a cluster's nodes should look like."""
    resources = {accelerator.resource_name for accelerator in platform.accelerators.values()}
    pools = tuple(_declared(platform, cluster, pool) for pool in cluster.node_pools)
    return DeclaredNodes(cluster.name, pools, frozenset(resources))


def _declared(platform: Platform, cluster: Cluster, pool: NodePool) -> DeclaredPool:
    accelerator = platform.accelerators[pool.accelerator] if pool.accelerator else None
    flavor = cluster.flavor(pool.flavor)
    mates = [other for other in cluster.node_pools if other.flavor == pool.flavor]
    return DeclaredPool(
        name=pool.name,
        flavor=pool.flavor,
        resource=accelerator.resource_name if accelerator else "",
        devices=pool.accelerators_per_node,
        cpu=pool.cpu,
        memory=pool.memory,
        selected=flavor.node_labels,
        labels={**pool.labels, **flavor.node_labels},
        taints=pool.taints,
        tolerated=tuple(dict.fromkeys(taint for mate in mates for taint in mate.taints)),
        min_nodes=pool.min_nodes,
    )


def compare_nodes(declared: DeclaredNodes, nodes: Iterable[Node]) -> tuple[NodeFinding, ...]:
    """What is not as declared, by pool; the same fault of several nodes once.

    Nodes that are being deleted count for nothing. A pool whose minimum is 0 may have no nodes.
    """
    found: dict[_Fault, list[str]] = {}
    present: dict[str, int] = {}
    for node in nodes:
        if "deletionTimestamp" in node["metadata"]:
            continue
        pool = pool_of(declared, node)
        if pool is not None:
            present[pool.name] = present.get(pool.name, 0) + 1
        faults = _homeless(declared, node) if pool is None else _differences(declared, pool, node)
        for fault in faults:
            found.setdefault(fault, []).append(node["metadata"]["name"])
        if pool is None and _is_plain(declared, node):
            present[""] = present.get("", 0) + 1
    told = [fault.of(tuple(sorted(names))) for fault, names in found.items()]
    told += _missing(declared, present)
    order = {pool.name: index for index, pool in enumerate(declared.pools)}
    return tuple(sorted(told, key=lambda one: (order.get(one.pool, len(order)), one.fault, one.nodes, one.what)))


def pool_of(declared: DeclaredNodes, node: Node) -> DeclaredPool | None:
    """The pool a node belongs to: by its pool label, else one whose flavor selects it, of several one of its size.

    A dedicated pool's nodes carry what the flavor beside it selects, and more: the flavor that asks for most is theirs.
    """
    found = labels_of(node)
    named = next((pool for pool in declared.pools if pool.name == found.get(labels.NODE_POOL)), None)
    if named is not None:
        return named
    selecting = (pool for pool in declared.pools if pool.selected and _carries(found, pool.selected))
    candidates = sorted(selecting, key=lambda pool: -len(pool.selected))
    alike = (pool for pool in candidates if devices_of(node, pool.resource) == pool.devices)
    return next(alike, candidates[0] if candidates else None)


def recognised(declared: DeclaredNodes, nodes: Iterable[Node]) -> bool:
    """Whether some node is of a declared pool by its labels; by its shape alone, nodes are alike everywhere."""
    found = ((pool_of(declared, node), node) for node in nodes)
    return any(pool is not None and not misfit(declared, pool, node) for pool, node in found)


def labels_of(node: Node) -> Mapping[str, str]:
    """A node's labels."""
    return node["metadata"].get("labels") or {}


def _carries(found: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    return all(found.get(key) == value for key, value in wanted.items())


def devices_of(node: Node, resource: str) -> int:
    """Devices that a node offers to pods; none of no resource."""
    return int(_amount(node, "allocatable", resource) or 0)


def _amount(node: Node, part: str, resource: str) -> Fraction | None:
    """What a part of the node's status says of a resource; None if nothing that can be read."""
    amount = ((node.get("status") or {}).get(part) or {}).get(resource)
    try:
        return None if amount is None else parse_quantity(str(amount))
    except ValueError:
        return None


def misfit(declared: DeclaredNodes, pool: DeclaredPool, node: Node) -> str:
    """How a node's devices differ from those that the pool's nodes have; empty if they do not."""
    offered = _offered(declared, node)
    wanted = {pool.resource: pool.devices} if pool.resource else {}
    if offered == wanted:
        return ""
    return f"offers {_devices(offered) or 'no devices'}, the pool declares {_devices(wanted) or 'none'}"


def _devices(amounts: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {resource}" for resource, number in sorted(amounts.items()))


def _suiting(declared: DeclaredNodes, node: Node) -> list[DeclaredPool]:
    """Pools that a node can belong to by its devices, CPU and memory, the likeliest first."""
    found = labels_of(node)
    pools = [pool for pool in declared.pools if not misfit(declared, pool, node) and _can_have(pool, node)]
    return sorted(pools, key=lambda pool: -sum(found.get(key) == value for key, value in pool.labels.items()))


def alike(declared: DeclaredNodes, pool: DeclaredPool, nodes: Iterable[Node]) -> tuple[str, ...]:
    """Names of nodes that belong to no pool yet and can be this one's by devices, CPU and memory."""
    return tuple(
        sorted(
            node["metadata"]["name"]
            for node in nodes
            if pool_of(declared, node) is None and pool in _suiting(declared, node)
        )
    )


def _can_have(pool: DeclaredPool, node: Node) -> bool:
    """Whether a node has the CPU and memory that are declared, and no other device by its own discovered labels."""
    # Declared is what pods can have, which what the system reserves takes from: the whole node bounds it.
    for resource, wanted in (("cpu", Fraction(pool.cpu, 1000)), ("memory", Fraction(pool.memory))):
        has = _amount(node, "capacity", resource) or _amount(node, "allocatable", resource)
        if has is not None and has < wanted:
            return False
    found = labels_of(node)
    discovered = {key: value for key, value in pool.selected.items() if not key.startswith(f"{labels.DOMAIN}/")}
    return all(found.get(key, value) == value for key, value in discovered.items())


def taints_of(node: Node) -> tuple[Taint, ...]:
    """A node's taints; what the API server may add in future is left out."""
    known = {effect.value for effect in TaintEffect}
    return tuple(
        Taint(item["key"], item.get("value") or "", TaintEffect(item["effect"]))
        for item in (node.get("spec") or {}).get("taints") or ()
        if item.get("effect") in known
    )


def _is_plain(declared: DeclaredNodes, node: Node) -> bool:
    """A node for CPU work: without devices, and open to pods that tolerate nothing."""
    closed = any(taint.effect is not TaintEffect.PREFER_NO_SCHEDULE for taint in _lasting(taints_of(node)))
    return not closed and not _offered(declared, node)


def _offered(declared: DeclaredNodes, node: Node) -> dict[str, int]:
    return {resource: number for resource in sorted(declared.resources) if (number := devices_of(node, resource))}


def _homeless(declared: DeclaredNodes, node: Node) -> Iterator[_Fault]:
    name = labels_of(node).get(labels.NODE_POOL)
    suiting = tuple(pool.name for pool in _suiting(declared, node))
    fix = ", or declare their pool" if suiting else _UNLIKE_ALL
    offered = _offered(declared, node)
    for resource, number in offered.items():
        where = f"{labels.NODE_POOL} is {name}, which nobody declares" if name else "its labels fit no declared pool"
        what = f"offers {number} {resource}, but {where}"
        yield _Fault(NodeFault.NO_POOL, "", what, "no flavor selects it, so nobody gets its devices", fix, suiting)
    if name and not offered:
        # Nodes for CPU work need no label, but a wrong one is what is left of a pool under its former name.
        yield _Fault(NodeFault.NAME, "", _misnamed(name), _UNFOUND, fix, suiting)


_UNLIKE_ALL: Final = "declare their pool: no declared one has their devices, CPU and memory"
_UNFOUND: Final = "work that selects its pool by that label is accepted, and finds no node here"


def _misnamed(name: str) -> str:
    return f"label {labels.NODE_POOL} is {name}, which nobody declares"


def _name_faults(declared: DeclaredNodes, pool: DeclaredPool, node: Node) -> Iterator[_Fault]:
    """A node that its flavor selects, but whose pool's own label is not there or says another name."""
    name = labels_of(node).get(labels.NODE_POOL)
    if name == pool.name:
        return
    mates = [mate for mate in _suiting(declared, node) if mate.flavor == pool.flavor] or [pool]
    what = _misnamed(name) if name else f"label {labels.NODE_POOL} is missing"
    declare = f"; or declare pool {name} again" if name else ""
    pools = tuple(mate.name for mate in mates)
    yield _Fault(NodeFault.NAME, pool.name, what, _UNFOUND, _TEMPLATE_LABEL + declare, pools)


_TEMPLATE_LABEL: Final = ", and give the label to the pool's own template"


def _differences(declared: DeclaredNodes, pool: DeclaredPool, node: Node) -> Iterator[_Fault]:
    yield from _name_faults(declared, pool, node)
    yield from _label_faults(pool, labels_of(node))
    yield from _taint_faults(pool, _lasting(taints_of(node)))
    number = devices_of(node, pool.resource)
    if number < pool.devices:
        what = f"offers {number} {pool.resource}, declared are {pool.devices}"
        fix = f"look at its device plug-in and driver, or declare acceleratorsPerNode: {number} if that is what it has"
        yield _Fault(NodeFault.FEWER_DEVICES, pool.name, what, _BEYOND, fix)
    if not pool.resource and (offered := _offered(declared, node)):
        what = f"offers {_devices(offered)}, but its pool is declared without accelerators"
        fix = "declare the pool's accelerator, or label the node for the pool it belongs to"
        yield _Fault(NodeFault.NO_POOL, pool.name, what, "no flavor selects its devices", fix)


_BEYOND: Final = "work is admitted for devices that are not there, and its pods wait"


def _label_faults(pool: DeclaredPool, found: Mapping[str, str]) -> Iterator[_Fault]:
    for key, value in sorted(pool.labels.items()):
        live = found.get(key)
        if live == value:
            continue
        what = f"label {key} is {'missing' if live is None else live}, declared is {value}"
        selected = key in pool.selected
        why = (
            f"work admitted to {pool.flavor} finds no node here, and its pods wait"
            if selected
            else "pods that select it do not come here"
        )
        own = key.startswith(f"{labels.DOMAIN}/") or not selected
        cure = f"whatever sets {key} (feature discovery) has to; or correct the accelerator's nodeLabel"
        fix, label_as = (_TEMPLATE_LABEL, (pool.name,)) if own else (cure, ())
        yield _Fault(NodeFault.LABEL, pool.name, what, why, fix, label_as)
    stray = found.get(labels.DEDICATED)
    if stray is not None and labels.DEDICATED not in pool.labels:
        what = f"label {labels.DEDICATED} is {stray}, but the pool is dedicated to nobody"
        why = f"work of {stray}'s own flavor may land on a node that others use"
        yield _Fault(NodeFault.LABEL, pool.name, what, why, f"kubectl label node NAME {labels.DEDICATED}-")


def _taint_faults(pool: DeclaredPool, found: tuple[Taint, ...]) -> Iterator[_Fault]:
    for taint in pool.taints:
        if taint not in found:
            why = "work without devices may fill it"
            if taint.key == labels.DEDICATED:
                why = f"pods of other teams may land on the nodes of {taint.value}"
            fix = ", and give the taint to the pool's own template"
            yield _Fault(NodeFault.TAINT_MISSING, pool.name, f"taint {taint} is missing", why, fix, (pool.name,))
    for taint in found:
        if taint not in pool.tolerated and taint.effect is not TaintEffect.PREFER_NO_SCHEDULE:
            what = f"taint {taint} is not declared"
            why = f"pods of {pool.flavor} do not tolerate it, and wait"
            fix = "declare it in the pool's taints, or take it off"
            yield _Fault(NodeFault.TAINT_UNDECLARED, pool.name, what, why, fix)


def _lasting(taints: tuple[Taint, ...]) -> tuple[Taint, ...]:
    return tuple(
        taint for taint in taints if not taint.key.startswith(_TRANSIENT) and not taint.key.endswith(_STARTING)
    )


def _missing(declared: DeclaredNodes, present: Mapping[str, int]) -> Iterator[NodeFinding]:
    # CPU work runs on any node without devices, labelled or not: such nodes make up for what a CPU pool lacks.
    spare = present.get("", 0)
    for pool in declared.pools:
        there = present.get(pool.name, 0)
        if not pool.resource:
            borrowed = min(spare, max(0, pool.min_nodes - there))
            spare, there = spare - borrowed, there + borrowed
        if there < pool.min_nodes:
            what = f"{there} of at least {pool.min_nodes} nodes are there"
            why = _BEYOND if pool.resource else "work is admitted for CPU that is not there, and its pods wait"
            fix = "start them, label them with `allot nodes label`, or lower minNodes"
            yield NodeFinding(NodeFault.FEWER_NODES, pool.name, (), what, why, fix)

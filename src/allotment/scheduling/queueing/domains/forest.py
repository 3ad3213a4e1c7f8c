"""The domain trees of one topology flavor: static structure with scratch counters for one search."""

from __future__ import annotations

from typing import Final

from allotment.scheduling.queueing.indices import NO_LEAF, Leaf
from allotment.scheduling.queueing.inputs import Node, ResourceFlavor, Topology

HOSTNAME: Final = "kubernetes.io/hostname"


class Domain:
    """A topology domain.

    Scratch fields, valid during one search: how many pods (and whole slices) fit, without a leader and beside one
    ("led"), and whether a leader fits; in the descent, how many are assigned.
    """

    __slots__ = ("children", "leaders", "leaf", "led_pods", "led_slices", "parent", "pods", "slices", "values")

    def __init__(self, values: tuple[str, ...]) -> None:
        self.values: tuple[str, ...] = values
        self.children: list[Domain] = []
        self.parent: Domain | None = None
        self.leaf: Leaf = NO_LEAF
        self.pods: int = 0
        self.slices: int = 0
        self.led_pods: int = 0
        self.led_slices: int = 0
        self.leaders: int = 0

    def clear(self) -> None:
        """Reset the scratch fields."""
        self.pods = self.slices = self.led_pods = self.led_slices = self.leaders = 0


class Forest:
    """All domains of a topology flavor.

    Attributes:
        levels: label keys, widest first.
        by_level: domains of each level, sorted by values.
        leaves: domains of the lowest level; a leaf's index addresses its capacity.
        nodes: per leaf the nodes in it (one, if the lowest level is the hostname).
        by_hostname: the lowest level is the node itself.
    """

    def __init__(self, flavor: ResourceFlavor, topology: Topology, nodes: tuple[Node, ...]) -> None:
        """Forest of the nodes that match the flavor's labels and carry every level label."""
        self.flavor: ResourceFlavor = flavor
        self.topology: str = topology.name
        self.levels: tuple[str, ...] = topology.levels
        self.by_hostname: bool = topology.levels[-1] == HOSTNAME
        self.by_level: list[list[Domain]] = [[] for _ in topology.levels]
        self.nodes: list[list[Node]] = []
        found: dict[tuple[str, ...], Domain] = {}
        for node in nodes:
            labels = dict(node.labels)
            if all(labels.get(key) == value for key, value in flavor.node_labels) and all(
                key in labels for key in topology.levels
            ):
                self._add(node, tuple(labels[key] for key in topology.levels), found)
        for domains in self.by_level:
            domains.sort(key=lambda domain: domain.values)
        self.leaves: list[Domain] = [Domain(()) for _ in self.nodes]
        for domain in self.by_level[-1]:
            self.leaves[domain.leaf] = domain

    def _add(self, node: Node, values: tuple[str, ...], found: dict[tuple[str, ...], Domain]) -> None:
        parent: Domain | None = None
        for level in range(len(values)):
            path = values[: level + 1]
            domain = found.get(path)
            if domain is None:
                domain = found[path] = Domain(path)
                self.by_level[level].append(domain)
                if parent is not None:
                    parent.children.append(domain)
                    domain.parent = parent
                if level == len(values) - 1:
                    domain.leaf = Leaf(len(self.nodes))
                    self.nodes.append([])
            parent = domain
        if parent is not None:
            self.nodes[parent.leaf].append(node)

    def copy_domains(self) -> list[list[Domain]]:
        """The domains of each level once more, with counters of their own."""
        copies: dict[Domain, Domain] = {}
        for domains in self.by_level:
            for domain in domains:
                copy = copies[domain] = Domain(domain.values)
                copy.leaf = domain.leaf
                if domain.parent is not None:
                    copy.parent = copies[domain.parent]
        for domain, copy in copies.items():
            copy.children = [copies[child] for child in domain.children]
        return [[copies[domain] for domain in domains] for domains in self.by_level]

    def level_of(self, key: str | None) -> int | None:
        """Index of a level, None if the topology lacks it."""
        return self.levels.index(key) if key in self.levels else None

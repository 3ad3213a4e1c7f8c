"""The node table: what does not change while pods come and go, as arrays over node indices.

Nodes are indexed in snapshot order (round-robin over zones), which is the order kube-scheduler searches in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allotment.model.cluster import Taint
from allotment.scheduling.placement.model import CPU, EPHEMERAL_STORAGE, MEMORY, PODS, Node
from allotment.scheduling.placement.sampling import snapshot_order

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class LabelColumn:
    """One label over all nodes: code 0 where it is absent, else 1 + index of the value.

    Attributes:
        codes: the code of every node.
        size: number of codes including 0, the length of arrays indexed by code.
        values: the code of each value.
    """

    codes: Ints
    size: int
    values: Mapping[str, int]


class NodeTable:
    """Immutable facts about the nodes; `absent` is the column of a label that none has."""

    __slots__ = (
        "_columns",
        "_keys",
        "_names",
        "absent",
        "count",
        "image_sizes",
        "index",
        "input_order",
        "nodes",
        "pod_limit",
        "taint_code",
        "taint_sets",
    )

    def __init__(self, nodes: Sequence[Node]) -> None:
        order = snapshot_order([n.labels for n in nodes])
        self.nodes: list[Node] = [nodes[i] for i in order]
        self.count = len(nodes)
        self.index: dict[str, int] = {n.name: i for i, n in enumerate(self.nodes)}
        # Answers list nodes as the caller gave them, whatever order the search uses.
        self.input_order: Ints = np.array(order, dtype=np.int64)
        self.pod_limit: Ints = np.array([n.allocatable.get(PODS, 0) for n in self.nodes], dtype=np.int64)
        self._columns: dict[str, LabelColumn] = {}
        self._keys: set[str] = {key for n in self.nodes for key in n.labels}
        self._names: LabelColumn | None = None
        self.absent: LabelColumn = LabelColumn(np.zeros(self.count, dtype=np.int64), 1, {})
        sets: dict[tuple[Taint, ...], int] = {}
        self.taint_code: Ints = np.array([sets.setdefault(n.taints, len(sets)) for n in self.nodes], dtype=np.int64)
        self.taint_sets: list[tuple[Taint, ...]] = list(sets)
        self.image_sizes: dict[str, Ints] = {}
        # The scheduler keeps one size for an image name: that of the node that reported it first.
        sizes: dict[str, int] = {}
        for node in nodes:
            for image, size in (node.images or {}).items():
                sizes.setdefault(image, size)
        for image, size in sizes.items():
            self.image_sizes[image] = np.array([size * (image in (n.images or ())) for n in self.nodes], dtype=np.int64)

    def column(self, key: str) -> LabelColumn:
        """The label as codes; built at first use, kept."""
        if key not in self._keys:
            return self.absent  # anybody may name a label that no node has
        found = self._columns.get(key)
        if found is None:
            values: dict[str, int] = {}
            codes = [
                0 if (v := n.labels.get(key)) is None else values.setdefault(v, len(values) + 1) for n in self.nodes
            ]
            found = LabelColumn(np.array(codes, dtype=np.int64), len(values) + 1, values)
            self._columns[key] = found
        return found

    def names(self) -> LabelColumn:
        """The nodes' names, as if they were a label; built at first use, kept."""
        if self._names is None:
            codes = {name: at + 1 for name, at in self.index.items()}
            named = np.array([codes[n.name] for n in self.nodes], dtype=np.int64)
            self._names = LabelColumn(named, self.count + 1, codes)
        return self._names

    def one(self, node: int) -> Ints:
        """The array of just this node."""
        return np.array([node], dtype=np.int64)

    def resource_names(self) -> list[str]:
        """Every resource a node offers, the three built-in ones first (`pods` is kept apart)."""
        names = {CPU: 0, MEMORY: 1, EPHEMERAL_STORAGE: 2}
        for node in self.nodes:
            for name in node.allocatable:
                if name != PODS:
                    names.setdefault(name, len(names))
        return list(names)

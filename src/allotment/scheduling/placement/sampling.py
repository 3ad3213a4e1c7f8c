"""How kube-scheduler limits its search in large clusters.

Nodes are listed round-robin over zones in first-seen order. The search starts where the last one stopped and ends
as soon as enough feasible nodes are known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from allotment.scheduling.placement.model import REGION_LABEL, ZONE_LABEL

MIN_FEASIBLE: Final = 100
"""Clusters below this size are always searched in full, larger ones never stop before this many."""


def snapshot_order(labels: Sequence[Mapping[str, str]]) -> list[int]:
    """Indices of the nodes, one zone after the other in turn."""
    zones: dict[tuple[str, str], list[int]] = {}
    for i, node_labels in enumerate(labels):
        zone = (node_labels.get(REGION_LABEL, ""), node_labels.get(ZONE_LABEL, ""))
        zones.setdefault(zone, []).append(i)
    queues = list(zones.values())
    longest = max((len(q) for q in queues), default=0)
    return [q[turn] for turn in range(longest) for q in queues if turn < len(q)]


def feasible_wanted(nodes: int) -> int:
    """How many feasible nodes end the search: all below 100 nodes, else at least 100 and 5-50 % of them."""
    if nodes < MIN_FEASIBLE:
        return nodes
    percentage = max(5, 50 - nodes // 125)
    return max(MIN_FEASIBLE, nodes * percentage // 100)


def search_window(feasible: NDArray[np.int64], nodes: int, start: int, wanted: int) -> tuple[NDArray[np.int64], int]:
    """The feasible nodes a sequential search from `start` meets, and where the next search starts.

    The search only knows that it has enough when it meets one feasible node more, so the next one starts there.

    Args:
        feasible: indices of all feasible nodes, ascending.
        nodes: number of nodes in the cluster.
        start: index of the first node looked at.
        wanted: stop after this many feasible nodes.
    """
    if wanted >= nodes or len(feasible) <= wanted:
        # Every node is looked at, so the next search starts at the same place.
        return feasible, start
    first = int(np.searchsorted(feasible, start))
    window = feasible[first : first + wanted]
    if len(window) < wanted:
        window = np.concatenate((window, feasible[: wanted - len(window)]))
    return window, int(feasible[(first + wanted) % len(feasible)])

"""The weighted sum of the score plugins over the feasible nodes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from allotment.scheduling.placement.affinity import affinity_score
from allotment.scheduling.placement.nodes import Ints
from allotment.scheduling.placement.reasons import Plugin
from allotment.scheduling.placement.resources import MAX_SCORE, FitStrategy, refresh_fit
from allotment.scheduling.placement.shapes import CompiledShape
from allotment.scheduling.placement.spread import spread_score
from allotment.scheduling.placement.state import ClusterState

WEIGHTS = {
    Plugin.TAINT_TOLERATION: 3,
    Plugin.NODE_AFFINITY: 2,
    Plugin.POD_TOPOLOGY_SPREAD: 2,
    Plugin.INTER_POD_AFFINITY: 2,
    Plugin.NODE_RESOURCES_FIT: 1,
    Plugin.BALANCED_ALLOCATION: 1,
    Plugin.IMAGE_LOCALITY: 1,
}
"""Weights of the default profile."""

_MEBIBYTE = 1024 * 1024
_IMAGE_MIN = 23 * _MEBIBYTE
_IMAGE_MAX_PER_CONTAINER = 1000 * _MEBIBYTE


@dataclass(frozen=True, slots=True)
class Scores:
    """Weighted scores per plugin and in total, aligned with the window. A plugin that gives 0 to all is absent."""

    window: Ints
    total: Ints
    plugins: dict[Plugin, Ints]

    def best(self) -> Ints:
        """The nodes with the highest total."""
        best: Ints = self.window[self.total == self.total.max()]
        return best


def taint_score(compiled: CompiledShape, window: Ints) -> Ints | None:
    """100 minus the share of intolerable PreferNoSchedule taints; `None` means 100 everywhere."""
    if compiled.taint_score is None:
        return None
    counts = compiled.taint_score[window]
    highest = int(counts.max())
    return MAX_SCORE - MAX_SCORE * counts // highest if highest else None


def node_affinity_score(compiled: CompiledShape, window: Ints) -> Ints | None:
    """Weights of the preferred terms, scaled to the best node; `None` means 0 everywhere."""
    if compiled.node_score is None:
        return None
    weights = compiled.node_score[window]
    highest = int(weights.max())
    return MAX_SCORE * weights // highest if highest else None


def image_score(state: ClusterState, compiled: CompiledShape, window: Ints) -> Ints | None:
    """How much of the pod's images (bytes, weighted by how widespread they are) is on the node already."""
    sizes = [s for image in compiled.shape.images if (s := state.nodes.image_sizes.get(image)) is not None]
    if not sizes:
        return None
    total = np.zeros(len(window), dtype=np.int64)
    for size in sizes:
        spread = int((size > 0).sum()) / state.nodes.count
        total += (size[window] * spread).astype(np.int64)
    ceiling = _IMAGE_MAX_PER_CONTAINER * len(compiled.shape.images)
    clipped = np.clip(total, _IMAGE_MIN, ceiling)
    scores: Ints = MAX_SCORE * (clipped - _IMAGE_MIN) // (ceiling - _IMAGE_MIN)
    return scores


def score_nodes(
    state: ClusterState, compiled: CompiledShape, window: Ints, strategy: FitStrategy = FitStrategy.LEAST_ALLOCATED
) -> Scores:
    """Score the feasible nodes `window` for a pod of this shape."""
    refresh_fit(state, compiled, strategy)
    taint = taint_score(compiled, window)
    raw: dict[Plugin, Ints | None] = {
        Plugin.INTER_POD_AFFINITY: affinity_score(state, compiled, window),
        Plugin.NODE_AFFINITY: node_affinity_score(compiled, window),
        Plugin.BALANCED_ALLOCATION: None if compiled.best_effort else compiled.fit_balance[window],
        Plugin.NODE_RESOURCES_FIT: compiled.fit_level[window],
        Plugin.POD_TOPOLOGY_SPREAD: spread_score(compiled, window),
        Plugin.TAINT_TOLERATION: np.full(len(window), MAX_SCORE, dtype=np.int64) if taint is None else taint,
        Plugin.IMAGE_LOCALITY: image_score(state, compiled, window),
    }
    total = np.zeros(len(window), dtype=np.int64)
    plugins: dict[Plugin, Ints] = {}
    for plugin, scores in raw.items():
        if scores is not None and scores.any():
            weighted = scores * WEIGHTS[plugin]
            plugins[plugin] = weighted
            total += weighted
    return Scores(window, total, plugins)

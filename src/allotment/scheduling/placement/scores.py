"""The weighted sum of the score plugins over the feasible nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from allotment.model.quantity import MIB
from allotment.scheduling.placement.affinity import affinity_score
from allotment.scheduling.placement.nodes import Ints
from allotment.scheduling.placement.reasons import Plugin
from allotment.scheduling.placement.resources import MAX_SCORE, FitStrategy, refresh_fit
from allotment.scheduling.placement.shapes import CompiledShape
from allotment.scheduling.placement.spread import spread_score
from allotment.scheduling.placement.state import ClusterState

WEIGHTS: Final = {
    Plugin.TAINT_TOLERATION: 3,
    Plugin.NODE_AFFINITY: 2,
    Plugin.POD_TOPOLOGY_SPREAD: 2,
    Plugin.INTER_POD_AFFINITY: 2,
    Plugin.NODE_RESOURCES_FIT: 1,
    Plugin.BALANCED_ALLOCATION: 1,
    Plugin.IMAGE_LOCALITY: 1,
}
"""Weights of the default profile."""

_IMAGE_MIN: Final = 23 * MIB
_IMAGE_MAX_PER_CONTAINER: Final = 1000 * MIB


@dataclass(frozen=True, slots=True)
class Scores:
    """Weighted scores per plugin and in total, aligned with the window."""

    window: Ints
    total: Ints
    parts: tuple[tuple[Plugin, Ints], ...]

    def best(self) -> Ints:
        """The nodes with the highest total."""
        best: Ints = self.window[self.total == self.total.max()]
        return best

    def plugins(self) -> dict[Plugin, Ints]:
        """Weighted scores by plugin; one that gives 0 to all is absent."""
        return {plugin: scores for plugin, scores in self.parts if scores.any()}


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


def normalized_image(name: str) -> str:
    """The name nodes report: a tag is added where none is given."""
    return name if name.rfind(":") > name.rfind("/") else f"{name}:latest"


def image_score(state: ClusterState, compiled: CompiledShape, window: Ints) -> Ints | None:
    """How much of the pod's images (bytes, weighted by how widespread they are) is on the node already."""
    known = state.nodes.image_sizes
    sizes = [s for image in compiled.shape.images if (s := known.get(normalized_image(image))) is not None]
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
    fit = compiled.fit_level[window]
    parts = [(Plugin.NODE_RESOURCES_FIT, fit)]
    total = fit.copy()
    if not compiled.best_effort:
        balance = compiled.fit_balance[window]
        parts.append((Plugin.BALANCED_ALLOCATION, balance))
        total += balance
    taint = taint_score(compiled, window)
    if taint is None:
        taint = np.full(len(window), MAX_SCORE, dtype=np.int64)
    optional = (
        (Plugin.TAINT_TOLERATION, taint),
        (Plugin.NODE_AFFINITY, node_affinity_score(compiled, window)),
        (Plugin.POD_TOPOLOGY_SPREAD, spread_score(compiled, window)),
        (Plugin.INTER_POD_AFFINITY, affinity_score(state, compiled, window)),
        (Plugin.IMAGE_LOCALITY, image_score(state, compiled, window)),
    )
    for plugin, scores in optional:
        if scores is not None:
            weighted = scores * WEIGHTS[plugin]
            parts.append((plugin, weighted))
            total += weighted
    return Scores(window, total, tuple(parts))

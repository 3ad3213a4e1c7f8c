"""The placement policies one can choose by name, as options of a scheduling cycle."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

import numpy as np

from allotment.errors import UsageError
from allotment.scheduling.placement.cycle import Options
from allotment.scheduling.placement.gpu.cluster import ClusterGpuScorer
from allotment.scheduling.placement.gpu.fragmentation import TypicalPod
from allotment.scheduling.placement.gpu.model import Chance
from allotment.scheduling.placement.gpu.policies import GpuPolicy
from allotment.scheduling.placement.nodes import Ints
from allotment.scheduling.placement.resources import FitStrategy
from allotment.scheduling.placement.shapes import CompiledShape
from allotment.scheduling.placement.state import ClusterState


class PlacementPolicy(Enum):
    """All policies; the first is kube-scheduler's default."""

    LEAST_ALLOCATED = "least-allocated"
    MOST_ALLOCATED = "most-allocated"
    FGD = "fgd"
    BEST_FIT = "best-fit"
    DOT_PRODUCT = "dot-product"
    GPU_PACKING = "gpu-packing"
    GPU_CLUSTERING = "gpu-clustering"
    RANDOM = "random"


class RandomScorer:
    """Lets one feasible node win, each with the same chance."""

    def __init__(self, chance: Chance) -> None:
        self._chance = chance

    def __call__(self, compiled: CompiledShape, window: Ints) -> Ints:  # noqa: ARG002  the signature of a scorer
        """1 for the winner, 0 for the others."""
        scores = np.zeros(len(window), dtype=np.int64)
        scores[self._chance.randrange(len(window))] = 1
        return scores


def options_for(
    policy: PlacementPolicy, state: ClusterState, chance: Chance | None = None, typical: Iterable[TypicalPod] = ()
) -> Options:
    """The options that make `place` follow a policy on a cluster.

    Args:
        policy: which.
        state: the cluster that will be placed on; the GPU policies follow its changes.
        chance: source of randomness, needed by `RANDOM`.
        typical: typical pods for `FGD`; those that run now if empty.

    Raises:
        UsageError: `RANDOM` without a source of randomness.
    """
    if policy is PlacementPolicy.LEAST_ALLOCATED:
        return Options()
    if policy is PlacementPolicy.MOST_ALLOCATED:
        return Options(strategy=FitStrategy.MOST_ALLOCATED)
    if policy is PlacementPolicy.RANDOM:
        if chance is None:
            raise UsageError("the random policy needs a source of randomness", fix="pass a seeded generator")
        return Options(scorer=RandomScorer(chance), sampled=False)
    return Options(scorer=ClusterGpuScorer(state, GpuPolicy(policy.value), typical), sampled=False)

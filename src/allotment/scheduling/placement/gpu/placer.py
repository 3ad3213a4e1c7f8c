"""Places pods by a policy, remembering for each shape the score of every node until that node changes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from allotment.errors import UsageError
from allotment.scheduling.placement.gpu.fleet import Bools, GpuFleet, Ints
from allotment.scheduling.placement.gpu.fragmentation import FragmentationMeter, TypicalPod
from allotment.scheduling.placement.gpu.model import GpuShape, RandomIndices
from allotment.scheduling.placement.gpu.policies import (
    INFEASIBLE,
    SCORES,
    GpuPolicy,
    fgd,
    fgd_scores,
    free_gpus,
    random_gpu,
    tightest_gpu,
)


class _Remembered:
    """Scores of one shape, and up to which change of the fleet they hold; None = there are none yet."""

    __slots__ = ("accepted", "scores", "seen")

    def __init__(self, accepted: Bools) -> None:
        self.accepted = accepted
        self.scores: Ints = np.full(len(accepted), INFEASIBLE, dtype=np.int64)
        self.seen: int | None = None


class GpuPlacer:
    """One policy on one fleet.

    Args:
        fleet: the cluster; changes made elsewhere are noticed.
        policy: how to choose.
        ranks: the node with the lowest rank wins among equals; a permutation of the node indices.
        chance: needed by `RANDOM` only.
        typical: the typical pods, needed by `FGD` only.

    Raises:
        UsageError: the policy lacks what it needs.
    """

    def __init__(
        self,
        fleet: GpuFleet,
        policy: GpuPolicy,
        ranks: Sequence[int],
        chance: RandomIndices | None = None,
        typical: Sequence[TypicalPod] = (),
    ) -> None:
        if policy is GpuPolicy.RANDOM and chance is None:
            raise UsageError("the random policy needs a source of randomness", fix="pass a seeded generator")
        if policy is GpuPolicy.FGD and not typical:
            raise UsageError("FGD needs typical pods", fix="pass typical_pods() of the expected workload")
        self.fleet = fleet
        self.policy = policy
        self._chance = chance
        self._meter = FragmentationMeter(fleet.models, typical)
        self._known: dict[GpuShape, _Remembered] = {}
        self._scale = len(fleet.nodes) + 1
        self._ranks: Ints = np.array(ranks, dtype=np.int64)

    def _refreshed(self, shape: GpuShape) -> Ints:
        known = self._known.get(shape)
        fleet = self.fleet
        if known is None:
            known = self._known[shape] = _Remembered(fleet.accepts_model(shape))
        if known.seen is None or len(fleet.changed) - known.seen > len(fleet.nodes):
            at = np.flatnonzero(known.accepted)
        else:
            at = np.array(sorted(set(fleet.changed[known.seen :])), dtype=np.int64)
            at = at[known.accepted[at]]
        known.seen = len(fleet.changed)
        if len(at):
            known.scores[at] = INFEASIBLE
            at = at[fleet.has_room(shape, at)]
            if len(at):
                known.scores[at] = self._score(shape, at)
        return known.scores

    def _score(self, shape: GpuShape, at: Ints) -> Ints:
        if self.policy is GpuPolicy.RANDOM:
            return np.zeros(len(at), dtype=np.int64)
        if self.policy is GpuPolicy.FGD:
            return fgd(self.fleet, shape, at, self._meter)
        return SCORES[self.policy](self.fleet, shape, at)

    def choose(self, shape: GpuShape) -> int | None:
        """The node for a pod of this shape; `None` if it fits nowhere."""
        scores = self._refreshed(shape)
        if self._chance is not None and self.policy is GpuPolicy.RANDOM:
            feasible = np.flatnonzero(scores != INFEASIBLE)
            return int(feasible[self._chance.randrange(len(feasible))]) if len(feasible) else None
        if not len(scores):
            return None
        node = int(np.argmax(scores * self._scale - self._ranks))
        return None if scores[node] == INFEASIBLE else node

    def gpus_on(self, shape: GpuShape, node: int) -> tuple[int, ...]:
        """The GPUs the pod gets on that node."""
        if not shape.shared:
            return free_gpus(self.fleet, shape, node) if shape.gpus else ()
        if self.policy is GpuPolicy.FGD:
            return (int(np.argmax(fgd_scores(self.fleet, shape, np.array([node]), self._meter)[0])),)
        if self._chance is not None and self.policy is GpuPolicy.RANDOM:
            return (random_gpu(self.fleet, shape, node, self._chance),)
        return (tightest_gpu(self.fleet, shape, node),)

    def place(self, name: str, shape: GpuShape) -> int | None:
        """Place a pod; returns its node, or `None` if it fits nowhere."""
        node = self.choose(shape)
        if node is not None:
            self.fleet.place(name, shape, node, self.gpus_on(shape, node))
        return node

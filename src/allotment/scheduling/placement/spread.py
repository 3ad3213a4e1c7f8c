"""PodTopologySpread: hard constraints as a filter, soft ones as a score."""

from __future__ import annotations

import math

import numpy as np

from allotment.scheduling.placement.domains import DomainCounts
from allotment.scheduling.placement.model import HOSTNAME_LABEL
from allotment.scheduling.placement.nodes import Bools, Ints
from allotment.scheduling.placement.reasons import Kind
from allotment.scheduling.placement.resources import MAX_SCORE
from allotment.scheduling.placement.shapes import CompiledShape, CompiledSpread
from allotment.scheduling.placement.state import ClusterState, Running


def _pod_counts(spread: CompiledSpread) -> Ints:
    counts = spread.counter.per_node
    return np.zeros_like(counts) if spread.matches_empty else counts


class _Constraint:
    """One hard constraint with its counts per domain."""

    __slots__ = ("counts", "present", "spread")

    def __init__(self, spread: CompiledSpread) -> None:
        self.spread = spread
        self.counts = DomainCounts(spread.column, np.where(spread.included, _pod_counts(spread), 0))
        present = np.bincount(spread.column.codes[spread.included], minlength=spread.column.size) > 0
        self.present: Bools = present

    def highest_allowed(self) -> int:
        """The count a domain may have before the pod arrives."""
        constraint = self.spread.constraint
        domains = self.counts.totals[self.present]
        lowest = 0 if len(domains) < constraint.min_domains else int(domains.min())
        return constraint.max_skew + lowest - int(self.spread.selects_self)


class SpreadCheck:
    """The filter for one incoming pod. Counts can be shifted for dry runs."""

    __slots__ = ("_constraints", "_incoming")

    def __init__(self, incoming: CompiledShape) -> None:
        self._incoming = incoming
        self._constraints = [_Constraint(s) for s in incoming.hard_spread]

    @property
    def trivial(self) -> bool:
        """Whether every node passes."""
        return not self._constraints

    def failing(self) -> list[tuple[Kind, Bools]]:
        """Nodes that fail, by kind; the first constraint that fails on a node decides between the kinds."""
        masks: list[tuple[Kind, Bools]] = []
        for constraint in self._constraints:
            codes = constraint.counts.codes
            masks.append((Kind.SPREAD_LABEL, codes == 0))
            masks.append((Kind.SPREAD_SKEW, constraint.counts.totals[codes] > constraint.highest_allowed()))
        return masks

    def refuses(self, node: int) -> Kind | None:
        """The first kind that refuses one node."""
        for constraint in self._constraints:
            if not constraint.counts.codes[node]:
                return Kind.SPREAD_LABEL
            if constraint.counts.at(node) > constraint.highest_allowed():
                return Kind.SPREAD_SKEW
        return None

    def shift(self, state: ClusterState, running: Running, delta: int) -> None:
        """Pretend that a running pod left (-1) or came back (+1)."""
        counters = state.index.counters_of(running.compiled.labels)
        for constraint in self._constraints:
            spread = constraint.spread
            if spread.counter in counters and spread.included[running.node]:
                constraint.counts.shift(running.node, delta)


def spread_score(incoming: CompiledShape, window: Ints) -> Ints | None:
    """Score 0-100 for the nodes of the window; `None` if the pod has no soft constraint."""
    constraints = incoming.soft_spread
    if not constraints:
        return None
    qualified = np.ones(len(window), dtype=np.bool_)
    for spread in constraints:
        qualified &= spread.column.codes[window] > 0
    raw = np.zeros(len(window), dtype=np.float64)
    for spread in constraints:
        codes = spread.column.codes[window]
        if spread.constraint.topology_key == HOSTNAME_LABEL:
            domains = int(qualified.sum())
            counts = _pod_counts(spread)[window]
        else:
            domains = len(np.unique(codes[qualified]))
            included = np.where(spread.included, _pod_counts(spread), 0)
            counts = DomainCounts(spread.column, included).totals[codes]
        raw += counts * math.log(domains + 2) + (spread.constraint.max_skew - 1)
    # Half away from zero, as Go rounds; raw is never negative.
    rounded = np.floor(raw + 0.5).astype(np.int64)
    known = rounded[qualified]
    if not len(known):
        return np.zeros(len(window), dtype=np.int64)
    highest, lowest = int(known.max()), int(known.min())
    if not highest:
        scores = np.full(len(window), MAX_SCORE, dtype=np.int64)
    else:
        scores = MAX_SCORE * (highest + lowest - rounded) // highest
    result: Ints = np.where(qualified, scores, 0)
    return result

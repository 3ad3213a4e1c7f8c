"""InterPodAffinity: required (anti-)affinity in both directions as a filter, preferences as a score."""

from __future__ import annotations

import numpy as np

from allotment.scheduling.placement.domains import DomainCounts
from allotment.scheduling.placement.matching import CarriedKind, Carrier
from allotment.scheduling.placement.nodes import Bools, Ints
from allotment.scheduling.placement.reasons import Kind
from allotment.scheduling.placement.resources import MAX_SCORE
from allotment.scheduling.placement.shapes import CompiledShape
from allotment.scheduling.placement.state import ClusterState, Running


def _carried(state: ClusterState, carrier: Carrier) -> DomainCounts:
    return DomainCounts(state.nodes.column(carrier.term.topology_key), carrier.per_node)


class AffinityCheck:
    """The filter for one incoming pod. Counts can be shifted for dry runs."""

    __slots__ = ("_affinity", "_anti", "_existing", "_incoming", "_nodes")

    def __init__(self, state: ClusterState, incoming: CompiledShape) -> None:
        self._incoming = incoming
        self._nodes = state.nodes.count
        self._affinity = [DomainCounts(t.column, t.counter.per_node) for t in incoming.affinity]
        self._anti = [DomainCounts(t.column, t.counter.per_node) for t in incoming.anti_affinity]
        carriers = [c for c in state.index.carriers_about(incoming.labels) if c.term.kind is CarriedKind.REQUIRED_ANTI]
        self._existing = {c: _carried(state, c) for c in carriers if c.total}
        if not (self._affinity or self._anti or any(d.totals.any() for d in self._existing.values())):
            # The scheduler then leaves the whole plugin out, also where promised pods carry terms.
            self._existing = {}
        elif state.promised:
            self._existing |= {c: _carried(state, c) for c in carriers if not c.total}

    @property
    def trivial(self) -> bool:
        """Whether every node passes."""
        return not (self._affinity or self._anti or self._existing)

    def _is_first_of_its_group(self) -> bool:
        # A pod that matches its own affinity may start the group: otherwise the first could never run.
        return self._incoming.matches_own_affinity and not any(d.totals.any() for d in self._affinity)

    def failing(self) -> list[tuple[Kind, Bools]]:
        """Nodes that fail, by kind, in the order the filter looks."""
        masks: list[tuple[Kind, Bools]] = []
        if self._affinity:
            first = self._is_first_of_its_group()
            failed = np.zeros(self._nodes, dtype=np.bool_)
            for counts in self._affinity:
                failed |= (counts.codes == 0) if first else (counts.totals[counts.codes] <= 0)
            masks.append((Kind.POD_AFFINITY, failed))
        for kind, group in (
            (Kind.POD_ANTI_AFFINITY, self._anti),
            (Kind.EXISTING_ANTI_AFFINITY, list(self._existing.values())),
        ):
            if group:
                failed = np.zeros(self._nodes, dtype=np.bool_)
                for counts in group:
                    failed |= counts.totals[counts.codes] > 0
                masks.append((kind, failed))
        return masks

    def refuses(self, node: int) -> Kind | None:
        """The first kind that refuses one node."""
        if self._affinity:
            if any(not d.codes[node] for d in self._affinity):
                return Kind.POD_AFFINITY
            if any(d.at(node) <= 0 for d in self._affinity) and not self._is_first_of_its_group():
                return Kind.POD_AFFINITY
        if any(d.at(node) > 0 for d in self._anti):
            return Kind.POD_ANTI_AFFINITY
        if any(d.at(node) > 0 for d in self._existing.values()):
            return Kind.EXISTING_ANTI_AFFINITY
        return None

    def shift(self, state: ClusterState, running: Running, delta: int) -> None:
        """Pretend that a running pod left (-1) or came back (+1)."""
        counters = state.index.counters_of(running.compiled.labels)
        for terms, domains in (
            (self._incoming.affinity, self._affinity),
            (self._incoming.anti_affinity, self._anti),
        ):
            for term, counts in zip(terms, domains, strict=True):
                if term.counter in counters:
                    counts.shift(running.node, delta)
        if self._existing:
            for carrier in running.compiled.carried:
                held = self._existing.get(carrier)
                if held is not None:
                    held.shift(running.node, delta)


def affinity_score(state: ClusterState, incoming: CompiledShape, window: Ints) -> Ints | None:
    """Score 0-100 for the nodes of the window; `None` if nothing prefers anything."""
    contributions = [(t.column, t.counter.per_node, t.weight) for t in incoming.preferred if t.counter.total]
    contributions += [
        (state.nodes.column(c.term.topology_key), c.per_node, c.term.weight)
        for c in state.index.carriers_about(incoming.labels)
        if c.total and c.term.weight
    ]
    if not contributions:
        return None
    raw = np.zeros(len(window), dtype=np.int64)
    for column, per_node, weight in contributions:
        counts = DomainCounts(column, per_node)
        raw += weight * counts.totals[counts.codes[window]]
    lowest = int(raw.min())
    span = int(raw.max()) - lowest
    if not span:
        return None
    # Floating point, in this order of operations: the scheduler truncates 100 * (x / span).
    return (MAX_SCORE * ((raw - lowest) / span)).astype(np.int64)

"""The filters over all nodes at once: who is feasible, and why not."""

from __future__ import annotations

import numpy as np

from allotment.scheduling.placement.affinity import AffinityCheck
from allotment.scheduling.placement.model import MissingClaim
from allotment.scheduling.placement.nodes import Bools, Ints
from allotment.scheduling.placement.reasons import Kind, Refusal, refusal
from allotment.scheduling.placement.resources import FitStrategy, explain_misfit, refresh_fit
from allotment.scheduling.placement.shapes import CompiledShape
from allotment.scheduling.placement.spread import SpreadCheck
from allotment.scheduling.placement.state import ClusterState


def rejected_outright(compiled: CompiledShape) -> Refusal | None:
    """Why no node at all can take the pod (PreFilter), before any node is looked at."""
    if compiled.named is not None and not compiled.named:
        return refusal(Kind.AFFINITY_CONFLICT)
    problem = compiled.shape.volume_problem
    if problem is None:
        return None
    return refusal(Kind.CLAIM_MISSING if isinstance(problem, MissingClaim) else Kind.CLAIM_UNBOUND, problem.claim)


class Screening:
    """The filters for one incoming pod against the current state."""

    __slots__ = ("_state", "affinity", "compiled", "considered", "ports", "spread")

    def __init__(self, state: ClusterState, compiled: CompiledShape, strategy: FitStrategy) -> None:
        self._state = state
        self.compiled = compiled
        refresh_fit(state, compiled, strategy)
        self.spread = SpreadCheck(compiled)
        self.affinity = AffinityCheck(state, compiled)
        self.ports = state.port_conflicts(compiled.shape.host_ports)
        # Required affinity to node names limits the search itself; the others are not even looked at.
        self.considered: Bools | None = None
        if compiled.named is not None:
            mask = np.zeros(state.nodes.count, dtype=np.bool_)
            mask[[state.nodes.index[n] for n in compiled.named if n in state.nodes.index]] = True
            self.considered = mask

    def feasible(self) -> Ints:
        """Indices of the nodes that pass every filter, ascending."""
        state, compiled = self._state, self.compiled
        ok = compiled.fit_ok & compiled.statically_ok
        if not compiled.tolerates_cordon and state.cordoned:
            ok &= ~state.unschedulable
        if self.considered is not None:
            ok &= self.considered
        if self.ports:
            ok[list(self.ports)] = False
        if not self.spread.trivial:
            for _, failed in self.spread.failing():
                ok &= ~failed
        if not self.affinity.trivial:
            for _, failed in self.affinity.failing():
                ok &= ~failed
        return np.flatnonzero(ok)

    def refusals(self) -> dict[int, Refusal]:
        """The first failing filter of every node that was looked at and fails."""
        state, compiled = self._state, self.compiled
        count = state.nodes.count
        kinds = np.zeros(count, dtype=np.int64)
        taken = np.zeros(count, dtype=np.bool_)
        taken[list(self.ports)] = True
        cordoned = np.zeros(count, dtype=np.bool_) if compiled.tolerates_cordon else state.unschedulable
        ordered = [
            (Kind.CORDONED, cordoned),
            (Kind.TAINTED, compiled.tainted),
            (Kind.NODE_AFFINITY, ~compiled.admitted),
            (Kind.PORTS, taken),
            (Kind.RESOURCE, ~compiled.fit_ok),
            *self.spread.failing(),
            *self.affinity.failing(),
        ]
        for kind, failed in ordered:
            kinds[(kinds == 0) & failed] = kind
        if self.considered is not None:
            kinds[~self.considered] = 0
        plain = {kind: refusal(kind) for kind, _ in ordered}
        found: dict[int, Refusal] = {}
        for node in np.flatnonzero(kinds):
            kind = Kind(int(kinds[node]))
            misfit = explain_misfit(state, compiled, int(node)) if kind is Kind.RESOURCE else None
            found[int(node)] = misfit or plain[kind]
        return found

    def refuses(self, node: int) -> Refusal | None:
        """The verdict on one node alone."""
        state, compiled = self._state, self.compiled
        kind: Kind | None = None
        if state.unschedulable[node] and not compiled.tolerates_cordon:
            kind = Kind.CORDONED
        elif compiled.tainted[node]:
            kind = Kind.TAINTED
        elif not compiled.admitted[node]:
            kind = Kind.NODE_AFFINITY
        elif node in self.ports:
            kind = Kind.PORTS
        elif not compiled.fit_ok[node]:
            return explain_misfit(state, compiled, node)
        else:
            kind = self.spread.refuses(node) or self.affinity.refuses(node)
        return None if kind is None else refusal(kind)

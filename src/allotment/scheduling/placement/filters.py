"""The filters over all nodes at once: who is feasible, and why not."""

from __future__ import annotations

import numpy as np

from allotment.scheduling.placement.affinity import AffinityCheck
from allotment.scheduling.placement.model import MissingClaim
from allotment.scheduling.placement.nodes import Bools, Ints
from allotment.scheduling.placement.reasons import Kind, Refusal, refusal
from allotment.scheduling.placement.resources import FitStrategy, explain_misfits, refresh_fit
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
        compiled.look_around(state.nodes, state.index)
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

    def refusals(self, *, between_pods: bool = True) -> dict[Refusal, Ints]:
        """The first failing filter of every node that was looked at and fails; nodes grouped by what they say.

        Args:
            between_pods: whether (anti-)affinity between pods is looked at.
        """
        state, compiled = self._state, self.compiled
        count = state.nodes.count
        taken = np.zeros(count, dtype=np.bool_)
        taken[list(self.ports)] = True
        cordoned = np.zeros(count, dtype=np.bool_) if compiled.tolerates_cordon else state.unschedulable
        undecided = np.ones(count, dtype=np.bool_) if self.considered is None else self.considered.copy()
        found: dict[Refusal, Ints] = {}
        for kind, failed in (
            (Kind.CORDONED, cordoned),
            (Kind.TAINTED, compiled.tainted),
            (Kind.NODE_AFFINITY, ~compiled.admitted),
            (Kind.PORTS, taken),
            (Kind.RESOURCE, ~compiled.fit_ok),
            *compiled.volume_faults,
            *self.spread.failing(),
            *(self.affinity.failing() if between_pods else ()),
        ):
            nodes = np.flatnonzero(undecided & failed)
            if not len(nodes):
                continue
            undecided[nodes] = False
            if kind is Kind.RESOURCE:
                found |= explain_misfits(state, compiled, nodes)
                continue
            # Two volumes or two spread constraints can refuse for the same reason.
            same = found.get(refusal(kind))
            found[refusal(kind)] = nodes if same is None else np.sort(np.concatenate((same, nodes)))
        return found

    def passes(self, node: int) -> bool:
        """The verdict on one node alone."""
        state, compiled = self._state, self.compiled
        if state.unschedulable[node] and not compiled.tolerates_cordon:
            return False
        if not (compiled.statically_ok[node] and compiled.fit_ok[node]) or node in self.ports:
            return False
        return self.spread.refuses(node) is None and self.affinity.refuses(node) is None

"""Default preemption: which pods of lower priority must go so that a pod fits, and on which node that hurts least.

Per node all pods of lower priority are removed, then given back from the most important one on while the incoming
pod still fits; those covered by an exhausted PodDisruptionBudget are given back first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from allotment.scheduling.placement.cycle import Unschedulable
from allotment.scheduling.placement.diagnosis import NEVER_PREEMPTS, NO_VICTIMS, preemption_text
from allotment.scheduling.placement.filters import Screening
from allotment.scheduling.placement.model import DisruptionBudget, Pod
from allotment.scheduling.placement.promises import promised_before
from allotment.scheduling.placement.reasons import Code, Kind, Reason, Refusal, refusal
from allotment.scheduling.placement.selectors import selector_matches
from allotment.scheduling.placement.state import ClusterState, Running, ports_conflict

MIN_CANDIDATES: Final = 100
CANDIDATE_PERCENTAGE: Final = 10
_KINDS_KEPT: Final = 16
"""Kinds of preemptor (priority and budgets) per shape whose outcomes are kept."""
_PRIORITY_OFFSET: Final = 1 << 31
"""Added per victim, so that more victims never have the smaller sum because of negative priorities."""


Harm = tuple[int, int, int, int, float]
"""What the choice between candidates looks at, in this order; less is better."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A node on which preemption works: its victims, most important first, and how much it hurts."""

    node: int
    victims: tuple[Running, ...]
    violations: int
    harm: Harm


@dataclass(frozen=True, slots=True)
class PreemptionResult:
    """The outcome.

    Attributes:
        candidates: every node found to work, in the order they were tried.
        best: those that hurt least; usually one.
        failed: the outcome on nodes that were tried in vain.
        report: what the event says about it; `None` if there are candidates.
        tried: whether the pod was allowed to preempt at all.
    """

    candidates: tuple[Candidate, ...]
    best: tuple[Candidate, ...]
    failed: dict[Refusal, list[int]]
    report: str | None
    tried: bool = True


def _importance(running: Running) -> tuple[int, float]:
    return -running.pod.priority, running.pod.start


def split_by_budget(
    pods: Sequence[Running], budgets: Sequence[DisruptionBudget]
) -> tuple[list[Running], list[Running]]:
    """Pods whose disruption would exceed a budget, and the others.

    Budgets count down over all given pods in their order, whether or not a pod ends up as a victim.
    """
    left = [b.allowed for b in budgets]
    violating: list[Running] = []
    others: list[Running] = []
    for running in pods:
        shape = running.pod.shape
        violated = False
        for i, budget in enumerate(budgets):
            covers_something = budget.selector is not None and bool(budget.selector.requirements)
            if budget.namespace != shape.namespace or not shape.labels or not covers_something:
                continue
            if selector_matches(budget.selector, running.compiled.labels.labels):
                left[i] -= 1
                violated = violated or left[i] < 0
        (violating if violated else others).append(running)
    return violating, others


class _DryRun:
    """One node with some of its pods taken away; the shared counts of the screening are restored at the end."""

    __slots__ = ("_compiled", "_free", "_held", "_node", "_other_rules", "_promised", "_screening", "_state")

    def __init__(self, state: ClusterState, screening: Screening, node: int, promised: Sequence[Running]) -> None:
        self._state = state
        self._screening = screening
        self._compiled = screening.compiled
        self._node = node
        self._promised = promised
        self._held = dict(state.pods_on[node])
        self._other_rules = not (screening.spread.trivial and screening.affinity.trivial)
        self._free = {
            row: state.alloc[row].item(node) - state.used[row].item(node) for row, _ in self._compiled.requests
        }

    def shift(self, running: Running, delta: int) -> None:
        """Remove (-1) or give back (+1) a pod."""
        if delta < 0:
            del self._held[running.pod.key]
        else:
            self._held[running.pod.key] = running
        free = self._free
        for row, amount in running.compiled.requests:
            if row in free:
                free[row] -= delta * amount
        if self._other_rules:
            self._screening.spread.shift(self._state, running, delta)
            self._screening.affinity.shift(self._state, running, delta)

    def _port_taken(self) -> bool:
        held = [p for r in self._held.values() for p in r.pod.shape.host_ports]
        return any(ports_conflict(ask, p) for ask in self._compiled.shape.host_ports for p in held)

    def fits(self) -> bool:
        """Whether the filters that depend on other pods pass now; the others passed already.

        Where room is promised to other pods they must pass with those and without them.
        """
        if not self._promised:
            return self._fits()
        self._shift_promised(1)
        with_promised = self._fits()
        self._shift_promised(-1)
        return with_promised and self._fits()

    def refusal(self) -> Refusal:
        """Why it does not fit."""
        self._shift_promised(1)
        said = None if self._fits() else self._refusal()
        self._shift_promised(-1)
        return said or self._refusal()

    def _shift_promised(self, delta: int) -> None:
        for running in self._promised:
            self.shift(running, delta)

    def _fits(self) -> bool:
        if len(self._held) >= self._state.nodes.pod_limit.item(self._node):
            return False
        free = self._free
        for row, amount in self._compiled.requests:
            if amount > free[row]:
                return False
        if self._compiled.shape.host_ports and self._port_taken():
            return False
        if not self._other_rules:
            return True
        node, screening = self._node, self._screening
        return screening.spread.refuses(node) is None and screening.affinity.refuses(node) is None

    def _refusal(self) -> Refusal:
        if self._compiled.shape.host_ports and self._port_taken():
            return refusal(Kind.PORTS)
        misfit = self._misfit()
        if misfit is not None:
            return misfit
        kind = self._screening.spread.refuses(self._node) or self._screening.affinity.refuses(self._node)
        return NO_VICTIMS if kind is None else refusal(kind)

    def _misfit(self) -> Refusal | None:
        state, node = self._state, self._node
        short: list[Reason] = []
        if len(self._held) >= state.nodes.pod_limit[node]:
            short.append(Reason(Kind.POD_LIMIT))
        code = Code.UNSCHEDULABLE
        for row, amount in self._compiled.requests:
            if amount > self._free[row]:
                short.append(Reason(Kind.RESOURCE, state.resource_name(row)))
                if amount > state.alloc[row][node]:
                    code = Code.UNRESOLVABLE
        return Refusal(tuple(short), code) if short else None


def victims_on(
    state: ClusterState,
    screening: Screening,
    pod: Pod,
    node: int,
    budgets: Sequence[DisruptionBudget],
    promised: Sequence[Running] = (),
) -> Candidate | Refusal:
    """The pods that must leave one node, or why even that does not help."""
    lower = sorted((r for r in state.pods_on[node].values() if r.pod.priority < pod.priority), key=_importance)
    if not lower:
        return NO_VICTIMS
    run = _DryRun(state, screening, node, promised)
    for running in lower:
        run.shift(running, -1)
    if not run.fits():
        refused = run.refusal()
        for running in lower:
            run.shift(running, 1)
        return refused
    victims: list[Running] = []
    violations = 0
    violating, others = split_by_budget(lower, budgets) if budgets else ([], lower)
    for group in (violating, others):
        for running in group:
            run.shift(running, 1)
            if not run.fits():
                run.shift(running, -1)
                victims.append(running)
                violations += group is violating
    for running in victims:
        run.shift(running, 1)
    victims.sort(key=_importance)
    return Candidate(node, tuple(victims), violations, _harm(victims, violations))


def _harm(victims: Sequence[Running], violations: int) -> Harm:
    if not victims:
        return violations, 0, 0, 0, 0.0
    highest = victims[0].pod.priority
    earliest = min(v.pod.start for v in victims if v.pod.priority == highest)
    weight = sum(v.pod.priority + _PRIORITY_OFFSET for v in victims)
    return violations, highest, weight, len(victims), -earliest


def least_harmful(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """The candidates to choose from.

    Fewest budget violations, then lowest top priority, smallest sum of priorities, fewest victims, and the latest
    start among the victims of the highest priority.
    """
    least = min((c.harm for c in candidates), default=None)
    return tuple(c for c in candidates if c.harm == least)


class _Outcomes:
    """Outcomes per node for one kind of preemptor, kept until the node changes.

    Only used while nothing but the pods of the node itself decides, which is when no affinity or spread rule matters.
    """

    __slots__ = ("_seen", "_version", "by_node")

    def __init__(self, state: ClusterState) -> None:
        self.by_node: dict[int, Candidate | Refusal] = {}
        self._seen = len(state.changed)
        self._version = state.version

    def refresh(self, state: ClusterState) -> None:
        """Forget the nodes that changed."""
        if state.version != self._version:
            self.by_node.clear()
            self._version = state.version
        else:
            for node in state.changed[self._seen :]:
                self.by_node.pop(node, None)
        self._seen = len(state.changed)


def _outcomes(
    state: ClusterState, screening: Screening, pod: Pod, budgets: Sequence[DisruptionBudget]
) -> dict[int, Candidate | Refusal]:
    if state.promised or not (screening.spread.trivial and screening.affinity.trivial):
        return {}
    kinds = screening.compiled.dry_runs
    key = (pod.priority, tuple(budgets))
    kept = kinds.get(key)
    if not isinstance(kept, _Outcomes):
        if len(kinds) >= _KINDS_KEPT:
            kinds.clear()
        kept = kinds[key] = _Outcomes(state)
    kept.refresh(state)
    return kept.by_node


def preempt(
    state: ClusterState, pod: Pod, refused: Unschedulable, budgets: Sequence[DisruptionBudget] = (), offset: int = 0
) -> PreemptionResult:
    """Look for victims after a pod was refused. Nothing is changed.

    Args:
        state: the cluster, unchanged since `refused`.
        pod: the pod that wants in.
        refused: its refusal.
        budgets: the PodDisruptionBudgets.
        offset: where in the list of helpful nodes to begin (at random in kube-scheduler); it matters only where
            there are more than 100, because the search ends after 100 candidates or 10 % of the nodes.
    """
    screening = refused.screening
    if screening is None:
        return PreemptionResult((), (), {}, None, tried=False)
    if pod.never_preempts:
        return PreemptionResult((), (), {}, NEVER_PREEMPTS, tried=False)
    groups = [nodes for r, nodes in refused.diagnosis.refusals.items() if r.code is Code.UNSCHEDULABLE]
    helpful: list[int] = sorted(node for nodes in groups for node in nodes.tolist())
    start = offset % len(helpful) if helpful else 0
    wanted = max(MIN_CANDIDATES, len(helpful) * CANDIDATE_PERCENTAGE // 100)
    known = _outcomes(state, screening, pod, budgets)
    promised = promised_before(state, pod) if state.promised else {}
    candidates: list[Candidate] = []
    failed: dict[Refusal, list[int]] = {}
    harmless = False
    for node in helpful[start:] + helpful[:start]:
        outcome = known.get(node)
        if outcome is None:
            outcome = known[node] = victims_on(state, screening, pod, node, budgets, promised.get(node, ()))
        if isinstance(outcome, Refusal):
            failed.setdefault(outcome, []).append(node)
            continue
        candidates.append(outcome)
        harmless = harmless or not outcome.violations
        if harmless and len(candidates) >= wanted:
            break
    report = None if candidates else preemption_text(state.nodes.count, failed)
    return PreemptionResult(tuple(candidates), least_harmful(candidates), failed, report)

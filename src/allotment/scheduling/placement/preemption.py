"""Default preemption: which pods of lower priority must go so that a pod fits, and on which node that hurts least.

Per node all pods of lower priority are removed, then given back from the most important one on while the incoming
pod still fits; those covered by an exhausted PodDisruptionBudget are given back first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from allotment.scheduling.placement.cycle import Refused
from allotment.scheduling.placement.diagnosis import NEVER_PREEMPTS, NO_VICTIMS, preemption_text
from allotment.scheduling.placement.filters import Screening
from allotment.scheduling.placement.model import DisruptionBudget, Pod
from allotment.scheduling.placement.reasons import Code, Kind, Reason, Refusal, refusal
from allotment.scheduling.placement.selectors import selector_matches
from allotment.scheduling.placement.state import ClusterState, Running, ports_conflict

MIN_CANDIDATES = 100
CANDIDATE_PERCENTAGE = 10
_PRIORITY_OFFSET = 1 << 31
"""Added per victim, so that more victims never have the smaller sum because of negative priorities."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A node on which preemption works: its victims, most important first."""

    node: int
    victims: tuple[Running, ...]
    violations: int


@dataclass(frozen=True, slots=True)
class Preemption:
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
    failed: dict[int, Refusal]
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

    __slots__ = ("_free", "_held", "_node", "_screening", "_state")

    def __init__(self, state: ClusterState, screening: Screening, node: int) -> None:
        self._state = state
        self._screening = screening
        self._node = node
        self._held = dict(state.pods_on[node])
        self._free = {
            row: int(state.alloc[row][node] - state.used[row][node]) for row, _ in screening.compiled.requests
        }

    def shift(self, running: Running, delta: int) -> None:
        """Remove (-1) or give back (+1) a pod."""
        if delta < 0:
            del self._held[running.pod.key]
        else:
            self._held[running.pod.key] = running
        for row, amount in running.compiled.requests:
            if row in self._free:
                self._free[row] -= delta * amount
        self._screening.spread.shift(self._state, running, delta)
        self._screening.affinity.shift(self._state, running, delta)

    def refuses(self) -> Refusal | None:
        """What the filters that depend on other pods say now; the others passed already."""
        compiled = self._screening.compiled
        for ask in compiled.shape.host_ports:
            held = (p for r in self._held.values() for p in r.pod.shape.host_ports)
            if any(ports_conflict(ask, p) for p in held):
                return refusal(Kind.PORTS)
        misfit = self._misfit()
        if misfit is not None:
            return misfit
        kind = self._screening.spread.refuses(self._node) or self._screening.affinity.refuses(self._node)
        return None if kind is None else refusal(kind)

    def _misfit(self) -> Refusal | None:
        state, node = self._state, self._node
        short: list[Reason] = []
        if len(self._held) + 1 > state.nodes.pod_limit[node]:
            short.append(Reason(Kind.POD_LIMIT))
        code = Code.UNSCHEDULABLE
        for row, amount in self._screening.compiled.requests:
            if amount > self._free[row]:
                short.append(Reason(Kind.RESOURCE, state.resource_name(row)))
                if amount > state.alloc[row][node]:
                    code = Code.UNRESOLVABLE
        return Refusal(tuple(short), code) if short else None


def victims_on(
    state: ClusterState, screening: Screening, pod: Pod, node: int, budgets: Sequence[DisruptionBudget]
) -> Candidate | Refusal:
    """The pods that must leave one node, or why even that does not help."""
    lower = sorted((r for r in state.pods_on[node].values() if r.pod.priority < pod.priority), key=_importance)
    if not lower:
        return NO_VICTIMS
    run = _DryRun(state, screening, node)
    for running in lower:
        run.shift(running, -1)
    victims: list[Running] = []
    violations = 0
    refused = run.refuses()
    if refused is None:
        violating, others = split_by_budget(lower, budgets)
        for group in (violating, others):
            for running in group:
                run.shift(running, 1)
                if run.refuses() is not None:
                    run.shift(running, -1)
                    victims.append(running)
                    violations += group is violating
        lower = victims
    for running in lower:
        run.shift(running, 1)
    return refused or Candidate(node, tuple(sorted(victims, key=_importance)), violations)


def _least_harm(candidate: Candidate) -> tuple[int, int, int, int, float]:
    victims = candidate.victims
    if not victims:
        return candidate.violations, 0, 0, 0, 0.0
    highest = victims[0].pod.priority
    earliest = min(v.pod.start for v in victims if v.pod.priority == highest)
    weight = sum(v.pod.priority + _PRIORITY_OFFSET for v in victims)
    return candidate.violations, highest, weight, len(victims), -earliest


def least_harmful(candidates: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """The candidates to choose from.

    Fewest budget violations, then lowest top priority, smallest sum of priorities, fewest victims, and the latest
    start among the victims of the highest priority.
    """
    if not candidates:
        return ()
    least = min(_least_harm(c) for c in candidates)
    return tuple(c for c in candidates if _least_harm(c) == least)


def preempt(
    state: ClusterState, pod: Pod, refused: Refused, budgets: Sequence[DisruptionBudget] = (), offset: int = 0
) -> Preemption:
    """Look for victims after a pod was refused. Nothing is changed.

    Args:
        state: the cluster, unchanged since `refused`.
        pod: the pod that wants in.
        refused: its refusal.
        budgets: the PodDisruptionBudgets.
        offset: where in the list of helpful nodes to begin (at random in kube-scheduler); it matters only where
            there are more than 100, because the search ends after 100 candidates or 10 % of the nodes.
    """
    count = state.nodes.count
    if refused.screening is None:
        return Preemption((), (), {}, None, tried=False)
    if pod.never_preempts:
        return Preemption((), (), {}, NEVER_PREEMPTS, tried=False)
    helpful = [node for node, r in refused.diagnosis.refusals.items() if r.code is Code.UNSCHEDULABLE]
    wanted = max(MIN_CANDIDATES, len(helpful) * CANDIDATE_PERCENTAGE // 100)
    candidates: list[Candidate] = []
    failed: dict[int, Refusal] = {}
    harmless = False
    for i in range(len(helpful)):
        outcome = victims_on(state, refused.screening, pod, helpful[(offset + i) % len(helpful)], budgets)
        if isinstance(outcome, Refusal):
            failed[helpful[(offset + i) % len(helpful)]] = outcome
            continue
        candidates.append(outcome)
        harmless = harmless or not outcome.violations
        if harmless and len(candidates) >= wanted:
            break
    report = None if candidates else preemption_text(count, failed)
    return Preemption(tuple(candidates), least_harmful(candidates), failed, report)

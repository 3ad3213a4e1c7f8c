"""One scheduling cycle for one pod: screen, score, name the best nodes; or say why there is none."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from allotment.scheduling.placement.diagnosis import Diagnosis
from allotment.scheduling.placement.filters import Screening, rejected_outright
from allotment.scheduling.placement.model import Pod
from allotment.scheduling.placement.nodes import Ints
from allotment.scheduling.placement.promises import barred
from allotment.scheduling.placement.reasons import Refusal
from allotment.scheduling.placement.resources import FitStrategy
from allotment.scheduling.placement.sampling import feasible_wanted, search_window
from allotment.scheduling.placement.scores import Scores, score_nodes
from allotment.scheduling.placement.state import ClusterState, Running

Chooser = Callable[[Ints], int]
"""Picks one of several equally good nodes: the one place where chance (or a record) comes in."""


def first_of(best: Ints) -> int:
    """The chooser without chance: the first in search order."""
    return int(best[0])


@dataclass(frozen=True, slots=True)
class Fits:
    """Where the pod can go.

    Attributes:
        feasible: the nodes that were found, in search order.
        best: those with the highest score.
        scores: `None` if there was only one, which is taken unscored.
        on_nominated: only the nominated node was looked at.
    """

    feasible: Ints
    best: Ints
    scores: Scores | None
    on_nominated: bool = False


@dataclass(frozen=True, slots=True)
class Unschedulable:
    """No node: what they answered, and the screening to try preemption with."""

    diagnosis: Diagnosis
    screening: Screening | None = field(repr=False, default=None)


@dataclass(frozen=True, slots=True)
class Options:
    """How to place.

    Attributes:
        strategy: what NodeResourcesFit prefers.
        sampled: stop searching large clusters early, as kube-scheduler does; otherwise look at every node.
    """

    strategy: FitStrategy = FitStrategy.LEAST_ALLOCATED
    sampled: bool = True


DEFAULT: Final = Options()


def evaluate(
    state: ClusterState, pod: Pod, nominated: int | None = None, options: Options = DEFAULT
) -> Fits | Unschedulable:
    """Find the best nodes for a pod without placing it.

    Args:
        state: the cluster; only its search position moves.
        pod: the pod.
        nominated: the node an earlier preemption made room on: taken at once if it passes.
        options: how to place.
    """
    compiled = state.compiled(pod.shape)
    count = state.nodes.count
    if not count:
        return Unschedulable(Diagnosis(0, None, {}))
    rejection = rejected_outright(compiled)
    if rejection is not None:
        return Unschedulable(Diagnosis(count, rejection, {}))
    refused = barred(state, pod, options.strategy) if state.promised else {}
    screening = Screening(state, compiled, options.strategy)
    if nominated is not None and nominated not in refused and screening.passes(nominated):
        only = state.nodes.one(nominated)
        return Fits(only, only, None, on_nominated=True)
    feasible = screening.feasible()
    if refused:
        feasible = feasible[~np.isin(feasible, list(refused))]
    if options.sampled:
        feasible = _searched(state, screening, feasible)
    if not len(feasible):
        return Unschedulable(
            Diagnosis(count, None, _answers(screening, refused), limited_by_name=screening.considered is not None),
            screening,
        )
    if len(feasible) == 1:
        return Fits(feasible, feasible, None)
    scores = score_nodes(state, compiled, feasible, options.strategy)
    return Fits(feasible, scores.best(), scores)


def _answers(screening: Screening, refused: Mapping[int, Refusal]) -> dict[Refusal, Ints]:
    """What the nodes say; one that promised its room answers as if the promised pods were there."""
    said = screening.refusals()
    if not refused:
        return said
    considered = screening.considered
    by_node = {int(node): refusal for refusal, nodes in said.items() for node in nodes}
    by_node |= {node: refusal for node, refusal in refused.items() if considered is None or considered[node]}
    grouped: dict[Refusal, list[int]] = {}
    for node in sorted(by_node):
        grouped.setdefault(by_node[node], []).append(node)
    return {refusal: np.array(nodes, dtype=np.int64) for refusal, nodes in grouped.items()}


def _searched(state: ClusterState, screening: Screening, feasible: Ints) -> Ints:
    """The feasible nodes the search gets to see; it moves on by the nodes it looked at."""
    count = state.nodes.count
    if screening.considered is not None:
        # The pod names its nodes: only those are looked at.
        state.search_from((state.next_start + int(screening.considered.sum())) % count)
        return feasible
    window, start = search_window(feasible, count, state.next_start, feasible_wanted(count))
    state.search_from(start)
    return window


def place(
    state: ClusterState, pod: Pod, choose: Chooser = first_of, options: Options = DEFAULT
) -> Running | Unschedulable:
    """Place a pod on one of its best nodes."""
    found = evaluate(state, pod, None, options)
    if isinstance(found, Unschedulable):
        return found
    return state.add(pod, int(found.best[0]) if len(found.best) == 1 else choose(found.best))

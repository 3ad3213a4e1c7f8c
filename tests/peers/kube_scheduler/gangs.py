"""Gangs: all or nothing, as Volcano's `minAvailable` and the gang plugin of Kubernetes 1.36.

The pods are placed one by one on the same state, each seeing those before it. If at least `min_count` find a node, all
that did stay; otherwise the state is as if none had been tried.
"""

from __future__ import annotations

from dataclasses import dataclass

from allotment.errors import UsageError
from allotment.scheduling.placement.cycle import DEFAULT, Chooser, Options, Unschedulable, first_of, place
from allotment.scheduling.placement.diagnosis import Diagnosis
from allotment.scheduling.placement.model import Pod
from allotment.scheduling.placement.state import ClusterState, Running


@dataclass(frozen=True, slots=True)
class Gang:
    """Pods that start together.

    Attributes:
        min_count: how many must be placed; between 1 and the number of pods.
    """

    name: str
    pods: tuple[Pod, ...]
    min_count: int

    def __post_init__(self) -> None:
        if not 1 <= self.min_count <= len(self.pods):
            raise UsageError(
                f"gang {self.name} needs {self.min_count} of {len(self.pods)} pods",
                fix="set min_count between 1 and the number of pods",
            )


@dataclass(frozen=True, slots=True)
class GangPlaced:
    """The gang runs; `left_out` are pods beyond the minimum that found no node."""

    running: tuple[Running, ...]
    left_out: tuple[tuple[Pod, Diagnosis], ...]


@dataclass(frozen=True, slots=True)
class GangRefused:
    """Nothing was placed: only `fitted` pods would have found a node together."""

    fitted: int
    left_out: tuple[tuple[Pod, Diagnosis], ...]


def place_gang(
    state: ClusterState, gang: Gang, choose: Chooser = first_of, options: Options = DEFAULT
) -> GangPlaced | GangRefused:
    """Place a gang, pods of higher priority first, otherwise in the given order."""
    running: list[Running] = []
    left_out: list[tuple[Pod, Diagnosis]] = []
    mark = state.checkpoint()
    for pod in sorted(gang.pods, key=lambda p: -p.priority):
        outcome = place(state, pod, choose, options)
        if isinstance(outcome, Unschedulable):
            left_out.append((pod, outcome.diagnosis))
        else:
            running.append(outcome)
    if len(running) < gang.min_count:
        state.rollback(mark)
        return GangRefused(len(running), tuple(left_out))
    state.release(mark)
    return GangPlaced(tuple(running), tuple(left_out))

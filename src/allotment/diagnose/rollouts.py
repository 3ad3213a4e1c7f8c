"""How far the rolling update of a Deployment comes: old pods go only when as many new ones are ready."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from allotment.model.observed.base import Object
from allotment.model.observed.work import Replicas

_DEFAULT: Final = "25%"
_MOST_STEPS: Final = 32
"""Steps of a rollout that are looked at: one that has come so far goes on."""


@dataclass(frozen=True, slots=True)
class RollingPace:
    """Bounds of a rollout, in pods.

    Attributes:
        wanted: replicas.
        surge: how many more than these may be there.
        missing: how many of these may be away.
        surge_text: as it is written.
    """

    wanted: int
    surge: int
    missing: int
    surge_text: int | str


def pace_of(work: Object | None) -> RollingPace | None:
    """The bounds of a Deployment; None for what is none, or takes all old pods away first."""
    if not isinstance(work, Replicas) or work.kind != "Deployment" or work.spec.strategy.type == "Recreate":
        return None
    wanted = 1 if work.spec.replicas is None else work.spec.replicas
    rolling = work.spec.strategy.rolling_update
    most, away = (rolling.max_surge, rolling.max_unavailable) if rolling is not None else (None, None)
    surge, missing = _share(most, wanted, math.ceil), _share(away, wanted, math.floor)
    # Of a share that comes to nothing both ways the controller takes one pod away.
    return RollingPace(wanted, surge, missing or int(surge == 0), _DEFAULT if most is None else most)


def _share(value: int | str | None, replicas: int, rounded: Callable[[float], int]) -> int:
    value = _DEFAULT if value is None else value
    if isinstance(value, int):
        return value
    number = value.removesuffix("%")
    return rounded(int(number) * replicas / 100) if number.isdecimal() else 0


def held_back(pace: RollingPace, old: Sequence[str], placed: Callable[[int, Sequence[str]], int]) -> Sequence[str]:
    """Old pods that stay for good, because the new ones that would let them go find no place; none if it goes through.

    Args:
        pace: the bounds.
        old: ready pods of an earlier template, in the order in which they go.
        placed: how many of so many new pods find a place once these old ones are gone.
    """
    left = list(old)
    for _ in range(_MOST_STEPS):
        gone = old[: len(old) - len(left)]
        most = min(pace.wanted, max(0, pace.wanted + pace.surge - len(left)))
        new = placed(most, gone)
        may_go = len(left) + new - (pace.wanted - pace.missing)
        if new >= pace.wanted or not left:
            return ()
        if may_go <= 0:
            return left
        left = left[may_go:]
    return ()

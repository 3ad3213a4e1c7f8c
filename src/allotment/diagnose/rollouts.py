"""How far the rolling update of a Deployment comes: old pods go only when as many new ones are ready."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from allotment.diagnose.case import pod_ready
from allotment.model.observed.base import Object
from allotment.model.observed.index import Index
from allotment.model.observed.pods import Pod
from allotment.model.observed.work import Replicas

_DEFAULT: Final = "25%"
_REVISION: Final = "deployment.kubernetes.io/revision"
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


def of_earlier_template(index: Index, work: Replicas) -> set[str]:
    """Pods (namespace/name) of a Deployment that its rollout replaces.

    Args:
        index: of the source.
        work: the Deployment; pods that stand directly below it are of a trial, which makes those of its present
            template so.
    """
    uid = work.metadata.uid
    pods = index.pods_under(uid)
    sets = [each for each in index.work_under.get(uid, ()) if isinstance(each, Replicas)]
    newest = max(
        sets, key=lambda each: (_revision(each), each.metadata.creation_timestamp, _alike(each, work)), default=None
    )
    own = {uid}
    if newest is not None and (_alike(newest, work) or not any(_owner(pod) == uid for pod in pods)):
        own.add(newest.metadata.uid)
    return {pod.key for pod in pods if _owner(pod) not in own}


def old_ready(index: Index, work: Replicas) -> list[Pod]:
    """Those of them that do their work."""
    earlier = of_earlier_template(index, work)
    return [pod for pod in index.pods_under(work.metadata.uid) if pod.key in earlier and pod.bound and pod_ready(pod)]


def _owner(pod: Pod) -> str:
    return pod.metadata.controller.uid if pod.metadata.controller is not None else ""


def _revision(each: Replicas) -> int:
    told = each.metadata.annotations.get(_REVISION, "")
    return int(told) if told.isdecimal() else 0


def _alike(each: Replicas, work: Replicas) -> bool:
    return each.spec.template.spec == work.spec.template.spec


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

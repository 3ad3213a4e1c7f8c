"""A changed Deployment on trial: its old pods stay until new ones are ready, and for good where those find no room."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from allotment.diagnose.case import Case, pod_ready
from allotment.diagnose.rollouts import held_back, pace_of
from allotment.model.observed.index import Index
from allotment.model.observed.pods import Pod
from allotment.model.observed.snapshot import Objects, Source
from allotment.model.observed.work import Work
from allotment.scheduling.snapshot.placement import is_waiting, placement_view, waiting_pod
from allotment.scheduling.snapshot.placement_trials import tried


def with_old_pods(case: Case, objects: Objects, now: Work | Pod) -> Objects:
    """The objects with the old pods that the rollout does not get rid of.

    Args:
        case: before the change.
        objects: after it, with all pods made anew.
        now: the changed work.
    """
    pace = pace_of(now)
    uid = now.metadata.uid
    old = [pod for pod in case.index.pods_under(uid) if pod.bound and pod_ready(pod)] if pace is not None else []
    new = [pod for pod in objects.pods if pod.metadata.controller is not None and pod.metadata.controller.uid == uid]
    if pace is None or not old or not new:
        return objects
    if any(pod.spec.scheduling_gates for pod in new):
        return objects if pace.missing else _beside_old(case, objects, old)
    new = [pod for pod in new if is_waiting(pod)]
    both = msgspec.structs.replace(objects, pods=(*objects.pods, *old))
    view = placement_view(Index(Source(objects=both), case.index), case.twins.placement)
    waiting = [waiting_pod(view, pod) for pod in new]

    def placed(most: int, gone: Sequence[str]) -> int:
        trial = tried(view, waiting[:most], gone)
        return len(waiting[:most]) if trial.refused is None else trial.placed

    old.sort(key=lambda pod: pod.metadata.creation_timestamp, reverse=True)
    stay = set(held_back(pace, [pod.key for pod in old], placed))
    return msgspec.structs.replace(objects, pods=(*objects.pods, *(pod for pod in old if pod.key in stay)))


def _beside_old(case: Case, objects: Objects, old: Sequence[Pod]) -> Objects:
    """The objects with all old pods and what they hold of their queue: none goes before a new one has got its own."""
    kept = [each for pod in old for each in case.index.workloads_of.get(pod.metadata.uid, ())]
    return msgspec.structs.replace(objects, pods=(*objects.pods, *old), workloads=(*objects.workloads, *kept))

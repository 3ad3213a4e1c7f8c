"""A changed Deployment on trial: its old pods stay until new ones are ready, and for good where those find no room."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from allotment.diagnose.case import Case, pod_ready
from allotment.diagnose.rollouts import held_back, of_earlier_template, pace_of
from allotment.diagnose.rules.policy.quota_use import room_for
from allotment.model.observed.index import Index
from allotment.model.observed.pods import Pod
from allotment.model.observed.snapshot import Objects, Source
from allotment.model.observed.work import Replicas, Work
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
    old = _old(case, now) if pace is not None else []
    new = [pod for pod in objects.pods if pod.metadata.controller is not None and pod.metadata.controller.uid == uid]
    if pace is None or not old or not new:
        return objects
    if any(pod.spec.scheduling_gates for pod in new):
        return objects if pace.missing else _beside_old(case, objects, old)
    new = [pod for pod in new if is_waiting(pod)]
    both = msgspec.structs.replace(objects, pods=(*objects.pods, *old))
    view = placement_view(Index(Source(objects=both), case.index), case.twins.placement)
    waiting = [waiting_pod(view, pod) for pod in new]

    made = {pod.key for pod in new}
    without_new = msgspec.structs.replace(both, pods=tuple(pod for pod in both.pods if pod.key not in made))
    beside = Index(Source(objects=without_new), case.index)

    def placed(most: int, gone: Sequence[str]) -> int:
        some = waiting[: _bounded(beside, new, most, gone)]
        trial = tried(view, some, gone)
        return len(some) if trial.refused is None else trial.placed

    old.sort(key=lambda pod: pod.metadata.creation_timestamp, reverse=True)
    left = held_back(pace, [pod.key for pod in old], placed)
    if not left:
        return objects
    stay = set(left)
    gone = [pod.key for pod in old if pod.key not in stay]
    never = {pod.key for pod in new[_bounded(beside, new, len(new), gone) :]}
    pods = (*(pod for pod in objects.pods if pod.key not in never), *(pod for pod in old if pod.key in stay))
    return msgspec.structs.replace(objects, pods=pods)


def _old(case: Case, now: Work | Pod) -> list[Pod]:
    """Ready pods of an earlier template than the one that is to be."""
    uid = now.metadata.uid
    ready = [pod for pod in case.index.pods_under(uid) if pod.bound and pod_ready(pod)]
    before = next((each for each in case.index.objects.replicas if each.metadata.uid == uid), None)
    if before is None or not isinstance(now, Replicas) or before.spec.template != now.spec.template:
        return ready
    earlier = of_earlier_template(case.index, before)
    return [pod for pod in ready if pod.key in earlier]


def _bounded(index: Index, new: Sequence[Pod], most: int, gone: Sequence[str]) -> int:
    """Of so many new pods those that quotas of the namespace allow, with some of the old gone."""
    room = room_for(index, new[0].namespace, new[0].spec, gone) if new else None
    return most if room is None else min(most, room)


def _beside_old(case: Case, objects: Objects, old: Sequence[Pod]) -> Objects:
    """The objects with all old pods and what they hold of their queue: none goes before a new one has got its own."""
    kept = [each for pod in old for each in case.index.workloads_of.get(pod.metadata.uid, ())]
    return msgspec.structs.replace(objects, pods=(*objects.pods, *old), workloads=(*objects.workloads, *kept))

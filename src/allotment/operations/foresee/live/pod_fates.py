"""What becomes of a pod that has to leave its node: whether one is made in its place, and where that goes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from allotment.errors import shown
from allotment.model.grammar import count
from allotment.model.observed.index import Index
from allotment.model.observed.pods import Pod
from allotment.model.observed.work import CronJob, Job
from allotment.observe.anonymous import is_hidden
from allotment.scheduling.snapshot.placement import DEFAULT_SCHEDULER
from allotment.simulation.live.nodes import ActedNode, ChangedNodes, NodeAct
from allotment.simulation.live.places import PodPlace

_GROUP: Final = "kueue.x-k8s.io/pod-group-name"
_TAS: Final = "kueue.x-k8s.io/tas"
_OF_A_POD_SET: Final = "kueue.x-k8s.io/podset-"
_USUAL_FAILURES: Final = 6
"""Failures of pods that a Job allows if it does not say."""
_OVER: Final = frozenset({"Complete", "Failed", "SuccessCriteriaMet", "FailureTarget"})
"""Conditions of a Job that makes no more pods."""
_DISRUPTED: Final = "DisruptionTarget"
"""The condition of a pod that ends for its node's sake."""


class PodFate(StrEnum):
    """What becomes of a pod that has to leave its node."""

    PLACED = "placed"
    """A pod is made in its place and finds another node."""
    WAITS = "waits"
    """A pod is made in its place and finds none."""
    LOST = "lost"
    """It has no controller, or its Job has ended: nobody makes it anew."""
    JOB_FAILS = "job-fails"
    """Its Job allows no more failures, and ends as failed."""
    QUEUES = "queues-anew"
    """The pod in its place is a Workload of its own, which has to get its quota first."""
    AWAITS_NODE = "awaits-node"
    """A StatefulSet makes no other before the node is back, or gone for good."""
    HELD = "held"
    """A PodDisruptionBudget lets nobody evict it: it stays, and the drain waits."""
    STAYS = "stays"
    """It tolerates a node that is down."""
    UNKNOWN = "unknown"
    """What it asks for is not modelled, or another scheduler places it."""


STAYING: Final = frozenset({PodFate.HELD, PodFate.STAYS})


@dataclass(frozen=True, slots=True)
class MovedPod:
    """A pod of a node that is changed.

    Attributes:
        pod: its name.
        node: that it is on.
        runs: it is past its start.
        to: the node that the one in its place finds; empty if none.
        message: why it finds none, or why that is not known.
        victims: running pods (namespace/name) that lose their place to it.
    """

    pod: str
    node: str
    runs: bool
    fate: PodFate
    to: str = ""
    message: str = ""
    victims: tuple[str, ...] = ()


class PodFates:
    """What becomes of pods that leave, but for where they go."""

    def __init__(self, index: Index, changed: ChangedNodes) -> None:
        self._index = index
        self._act = {id(pod): act.act for act in changed.acted for pod in act.leaving}
        self._held = {id(pod): each for act in changed.acted for each in act.budgets for pod in each.pods}
        self._failing = self._failing_jobs(changed.leaving)
        self._left = {id(pod) for pod in changed.leaving}
        self.made_anew = tuple(each for each in changed.leaving if self._ended(each) is None)
        """Pods in whose place another is made at once."""

    def _failing_jobs(self, leaving: Sequence[Pod]) -> dict[str, str]:
        """Jobs that end as failed, by uid, and why."""
        counts = Counter(each.uid for pod in leaving if (each := pod.metadata.controller) is not None)
        found: dict[str, str] = {}
        for uid, number in counts.items():
            job = self._index.work.get(uid)
            above = [] if job is None else self._index.chain(job.metadata)
            # What stands above a Job may make it anew: that is for its own controller to decide.
            if isinstance(job, Job) and all(isinstance(each, CronJob) for each in above):
                why = _fails(job, number)
                if why:
                    rest = sum(each.bound for each in self._index.pods_of.get(uid, ())) - number
                    found[uid] = (
                        f"{why}; {count(rest, 'pod')} of it elsewhere end{'s' * (rest == 1)}, too" if rest else why
                    )
        return found

    def going_on(self, waiting: Iterable[Pod]) -> list[Pod]:
        """Of pods that wait those whose Job does not fail by the changes."""
        return [
            each
            for each in waiting
            if (controller := each.metadata.controller) is None or controller.uid not in self._failing
        ]

    def _ended(self, pod: Pod) -> tuple[PodFate, str] | None:
        """Its fate, if no pod is made in its place at once, or it is not known where that goes."""
        if is_hidden(pod.metadata):
            return PodFate.UNKNOWN, ""
        return self._not_made(pod) or _not_known(pod)

    def _not_made(self, pod: Pod) -> tuple[PodFate, str] | None:
        controller = pod.metadata.controller
        if controller is None:
            return PodFate.LOST, "it has no controller: nobody makes it anew"
        job = self._index.work.get(controller.uid)
        if isinstance(job, Job) and any(each.true and each.type in _OVER for each in job.status.conditions):
            return PodFate.LOST, "its Job has ended: nobody makes it anew"
        if controller.uid in self._failing:
            return PodFate.JOB_FAILS, self._failing[controller.uid]
        if self._act.get(id(pod)) is NodeAct.DOWN and controller.kind == "StatefulSet":
            return PodFate.AWAITS_NODE, "its StatefulSet makes no other before the node is back, or gone for good"
        if pod.metadata.uid in self._index.workloads_of and _GROUP not in pod.metadata.labels:
            return PodFate.QUEUES, "the pod in its place has to get its quota first"
        return None

    def of(self, pod: Pod, act: ActedNode, place: PodPlace | None) -> tuple[Pod, MovedPod]:
        """One pod of a changed node, with where the one in its place goes."""
        if id(pod) not in self._left or self._act[id(pod)] is not act.act:
            return pod, self._staying(pod, act)
        ended = self._ended(pod)
        if ended is not None:
            fate, why = ended
            return pod, _moved(pod, act, fate, message=why)
        if place is None:
            return pod, _moved(pod, act, PodFate.UNKNOWN, message="not all nodes and pods were seen")
        if not place.node:
            return pod, _moved(pod, act, PodFate.WAITS, message=place.message)
        if place.unmodelled:
            unseen = "; ".join(place.unmodelled)
            return pod, _moved(pod, act, PodFate.UNKNOWN, message=f"not modelled: {unseen}")
        return pod, _moved(pod, act, PodFate.PLACED, place.node, victims=place.victims)

    def _staying(self, pod: Pod, act: ActedNode) -> MovedPod:
        budget = self._held.get(id(pod))
        if act.act is NodeAct.DRAIN and budget is not None:
            named = f"PodDisruptionBudget {budget.budget.name}"
            return _moved(pod, act, PodFate.HELD, message=f"{named} lets nobody evict it")
        return _moved(pod, act, PodFate.STAYS, message="it tolerates a node that is down")


def _moved(
    pod: Pod, act: ActedNode, fate: PodFate, to: str = "", message: str = "", victims: tuple[str, ...] = ()
) -> MovedPod:
    return MovedPod(pod.name, act.node, pod.status.phase == "Running", fate, to, message, victims)


def _not_known(pod: Pod) -> tuple[PodFate, str] | None:
    if _by_topology(pod):
        return PodFate.UNKNOWN, "Kueue chooses its node by topology: it puts another in the node's place, or evicts it"
    if pod.spec.scheduler_name not in {"", DEFAULT_SCHEDULER}:
        return PodFate.UNKNOWN, f"the scheduler {shown(pod.spec.scheduler_name)} places it"
    return None


def _by_topology(pod: Pod) -> bool:
    marked = (*pod.metadata.labels, *pod.metadata.annotations)
    return _TAS in marked or any(each.startswith(_OF_A_POD_SET) and "topology" in each for each in marked)


def _fails(job: Job, more: int) -> str:
    """Why a Job fails if so many more of its pods do; empty if it does not."""
    policy = job.spec.pod_failure_policy
    for rule in policy.rules if policy is not None else ():
        if any(each.type == _DISRUPTED and each.status == "True" for each in rule.on_pod_conditions):
            if rule.action == "FailJob":
                return "its Job fails with the first pod that is disrupted (podFailurePolicy)"
            if rule.action == "Ignore":
                return ""
            break
    if job.spec.backoff_limit_per_index is not None:
        return ""
    limit = _USUAL_FAILURES if job.spec.backoff_limit is None else job.spec.backoff_limit
    failed = job.status.failed + more
    if failed <= limit:
        return ""
    return f"its Job fails: it allows {count(limit, 'failed pod')} (backoffLimit), and has {failed:,} then"

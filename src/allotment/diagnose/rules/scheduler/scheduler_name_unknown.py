"""The pod names a scheduler that does not run here: nobody looks at it."""

from __future__ import annotations

from typing import Final

from allotment.diagnose.amending import changed_pods
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding
from allotment.errors import spelled
from allotment.model.explanation import CauseVerdict, Confidence, Evidence, RemedyKind
from allotment.model.moments import seconds
from allotment.scheduling.snapshot.placement import DEFAULT_SCHEDULER

_NEW: Final = 60.0
"""Seconds in which a scheduler that works has said something of a pod."""


def find(case: Case) -> Finding | None:
    """A scheduler of that name has placed nothing, and said nothing of this pod."""
    pod = next((each for each in case.waiting_pods if each.spec.scheduler_name not in {"", DEFAULT_SCHEDULER}), None)
    if pod is None or pod.spec.scheduling_gates or not case.seen("pods"):
        return None
    name = pod.spec.scheduler_name
    objects = case.index.objects
    if any(other.spec.scheduler_name == name and other.spec.node_name for other in objects.pods):
        return None
    if any(name in {each.reporting_component, each.source.component} for each in objects.events):
        return None
    if any(each.type == "PodScheduled" for each in pod.status.conditions):
        return None
    new = case.now - seconds(pod.metadata.creation_timestamp, case.now) < _NEW
    unsure = new or not case.seen_everywhere("pods") or _runs(case, name)
    return Finding(
        "scheduler-name-unknown",
        CauseVerdict.MISCONFIGURED,
        f"pod {pod.name} asks for the scheduler {spelled(name)}, which has placed no pod in this cluster: nobody looks "
        "at it",
        facts={"scheduler_name": name, "pod": pod.name, "pod_scheduled_condition": None},
        evidence=(Evidence(reference_of(pod), "spec.schedulerName", name, "no such scheduler is seen at work"),),
        confidence=Confidence.LIKELY if unsure else Confidence.SURE,
        proposals=(
            changed_pods(
                RemedyKind.OTHER,
                f"schedulerName: {DEFAULT_SCHEDULER}",
                case,
                {"schedulerName": DEFAULT_SCHEDULER},
            ),
        ),
    )


def _runs(case: Case, name: str) -> bool:
    """Whether something runs that is called like a scheduler of that name: it may have placed what is over by now."""
    stem = name.removesuffix("-scheduler")
    named = (pod.name for pods in case.index.pods_on.values() for pod in pods)
    return any(stem in each and "scheduler" in each for each in named)

"""The pod names a scheduler that does not run here: nobody looks at it."""

from __future__ import annotations

from allotment.diagnose.amending import changed_pods
from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding
from allotment.errors import spelled
from allotment.model.explanation import CauseVerdict, Confidence, Evidence, RemedyKind
from allotment.scheduling.snapshot.placement import DEFAULT_SCHEDULER


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
    narrow = bool(case.source.namespaces)
    return Finding(
        "scheduler-name-unknown",
        CauseVerdict.MISCONFIGURED,
        f"pod {pod.name} asks for the scheduler {spelled(name)}, which has placed no pod in this cluster: nobody looks "
        "at it",
        facts={"scheduler_name": name, "pod": pod.name, "pod_scheduled_condition": None},
        evidence=(Evidence(reference_of(pod), "spec.schedulerName", name, "no such scheduler is seen at work"),),
        confidence=Confidence.LIKELY if narrow else Confidence.SURE,
        proposals=(
            changed_pods(
                RemedyKind.OTHER,
                f"schedulerName: {DEFAULT_SCHEDULER}",
                case,
                {"schedulerName": DEFAULT_SCHEDULER},
            ),
        ),
    )

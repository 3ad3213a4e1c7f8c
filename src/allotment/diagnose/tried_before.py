"""What was mended after a controller had last tried: it tries again by itself, at intervals that grow."""

from __future__ import annotations

from dataclasses import dataclass

from allotment.diagnose.case import Case
from allotment.diagnose.reach import makers, refusals
from allotment.model.labels import KUEUE_PRIORITY
from allotment.model.moments import milliseconds
from allotment.model.observed.base import Object, Reference


@dataclass(frozen=True, slots=True)
class EarlierTry:
    """A try that failed of what is there now.

    Attributes:
        by: the object on whose behalf it was made, whose change makes its controller try again at once.
        at: RFC 3339, when it was; empty where that is not known.
        message: the server's words; empty where they were not seen.
        mended: what has come since, where that is known.
        field: of `object` that tells it.
        value: of that field.
    """

    by: Object
    at: str
    message: str
    mended: str
    object: Reference
    field: str
    value: str


def of_pods(case: Case) -> EarlierTry | None:
    """The newest try to make a pod, while one is missing."""
    said = refusals(case)
    if case.subject is None or not said or not said[0].by_event:
        return None
    first = said[0]
    by = next((each for each in makers(case) if each.name == first.object.name), case.work)
    return None if by is None else EarlierTry(by, first.at, first.message, "", first.object, first.field, first.message)


def of_kueue(case: Case) -> EarlierTry | None:
    """Kueue made no Workload for want of a priority class that is there now."""
    top = case.top
    if top is None or case.workload is not None or not case.queue_name or case.local_queue is None:
        return None
    found = case.index.workload_priority_classes.get(top.metadata.labels.get(KUEUE_PRIORITY, ""))
    if found is None:
        return None
    since = milliseconds(found.metadata.creation_timestamp)
    if not since or since <= milliseconds(top.metadata.creation_timestamp):
        return None
    target = Reference(api_version="kueue.x-k8s.io/v1beta2", kind="WorkloadPriorityClass", name=found.name)
    made = found.metadata.creation_timestamp
    mended = f"the WorkloadPriorityClass {found.name}, which is there since {made}"
    return EarlierTry(top, "", "", mended, target, "metadata.creationTimestamp", made)

"""A pod of the subject was preempted by one of higher priority, which still has the room."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding
from allotment.diagnose.others import called, reference_above
from allotment.diagnose.rules.scheduler.answering import about_room, more_nodes, together
from allotment.diagnose.rules.scheduler.holders import holders, waits
from allotment.diagnose.rules.scheduler.placing import placing
from allotment.diagnose.rules.scheduler.shaping import raised_priority, reduced
from allotment.model.explanation import CauseVerdict, Evidence
from allotment.model.observed.namespaced import Event
from allotment.model.observed.pods import Pod

_BY: Final = re.compile(r"[Pp]reempted by (?:a )?pod ([0-9a-f-]{36}|\S+)(?: on node (\S+))?")


def find(case: Case) -> Finding | None:
    """The pod that preempted it still runs, and the subject finds no place meanwhile."""
    it = placing(case)
    if it.refused is None:
        return None
    for event in _events(case):
        match = _BY.search(event.message)
        by = _preemptor(case, match.group(1)) if match else None
        # Anybody can have written an event; nobody is preempted by what has no higher priority.
        if by is None or match is None or not _is_above(by.spec.priority, it.refused.pod.spec.priority):
            continue
        holder = next((each for each in holders(case, it.able) if by in each.pods), None)
        if holder is None:
            continue
        above = called(case, by)
        return about_room(
            "preempted-by-kube-scheduler",
            CauseVerdict.WAITING,
            f"pod {event.involved_object.name} was preempted at {event.at} by {above} of priority "
            f"{by.spec.priority or 0}, which still runs on {by.spec.node_name}",
            it,
            together(
                waits(it, first=holder if holder.ends and it.goes_on(gone=[pod.key for pod in holder.pods]) else None),
                reduced(it, it.device, 25) if it.device else (),
                raised_priority(it),
                more_nodes(it),
            ),
            {
                "preempted_pod": event.involved_object.name,
                "preemptor": above,
                "preemptor_priority_class": by.spec.priority_class_name,
                "subject_priority_class": it.refused.pod.spec.priority_class_name,
            },
            (Evidence(reference_above(case, by), "spec.priority", by.spec.priority, event.message),),
        )
    return None


def _is_above(one: int | None, other: int | None) -> bool:
    """Whether a priority is higher than another, so far as both are known."""
    return one is None or other is None or one > other


def _events(case: Case) -> Iterator[Event]:
    """Preemptions of pods of the subject, those that are gone included; the newest first."""
    names = {pod.name for pod in case.pods}
    made = {owner.name for pod in case.pods if (owner := pod.metadata.controller)}
    found = [
        each
        for each in case.index.objects.events
        if each.reason in {"Preempted", "PreemptedByPod"}
        and each.involved_object.kind == "Pod"
        and each.involved_object.namespace == case.namespace
        and (each.involved_object.name in names or each.involved_object.name.rpartition("-")[0] in made)
    ]
    yield from sorted(found, key=lambda each: each.at, reverse=True)


def _preemptor(case: Case, named: str) -> Pod | None:
    """The pod that an event names by uid, or by namespace and name."""
    for pods in case.index.pods_on.values():
        for pod in pods:
            if named in {pod.metadata.uid, pod.key, pod.name}:
                return pod
    return None

"""What kube-scheduler wrote about a pod, taken apart: which of its reasons the twin does not look at."""

from __future__ import annotations

import re
from typing import Final

from allotment.diagnose.case import Case, reference_of
from allotment.model.explanation import Evidence
from allotment.model.observed.base import condition
from allotment.scheduling.placement.reasons import Kind, Reason

_HEAD: Final = re.compile(r"^0/\d+ nodes are available: ")
_COUNTED: Final = re.compile(r"^(\d+) (.+)$")
_KNOWN: Final = tuple(Reason(kind, "").text.rstrip(" {}") for kind in Kind if kind is not Kind.CLAIM_MISSING)
_OLDER: Final = ("node(s) had untolerated taint", "node(s) had taint", "Insufficient ", "node(s) were unschedulable")


def foreign_reasons(message: str) -> tuple[str, ...]:
    """Reasons of a message that are none of the twin's: what it does not look at keeps the pod there."""
    head = _HEAD.match(message)
    if head is None:
        return (message,) if message else ()
    histogram = message[head.end() :].partition(". ")[0].rstrip(".")
    reasons = [found.group(2) for part in histogram.split(", ") if (found := _COUNTED.match(part))]
    return tuple(each for each in reasons if not each.startswith((*_KNOWN, *_OLDER)))


def said_of(case: Case) -> tuple[str, Evidence] | None:
    """The scheduler's words about a pod of the subject that waits, with where they stand."""
    for pod in case.waiting_pods:
        said = condition(pod.status.conditions, "PodScheduled")
        if said is not None and said.message:
            where = Evidence(reference_of(pod), "status.conditions[PodScheduled].message", said.message)
            return said.message, where
    return None

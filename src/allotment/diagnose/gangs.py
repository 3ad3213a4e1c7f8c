"""Whether the pods of a subject are of use only together, or each does its part as room for it gets free.

A batch Job alone is no gang: its controller makes pods, and each runs when there is room for it and ends. All at once
are needed where something lets all in together (Kueue, another gang scheduler), and in the kinds whose processes wait
for each other. Pods of a service run one by one too, but do not end: none makes room for the next.
"""

from __future__ import annotations

from typing import Final

from allotment.diagnose.case import Case
from allotment.model.observed.work import CronJob, Job, Owner

_GROUPS: Final = (
    "kueue.x-k8s.io/pod-group-name",
    "pod-group.scheduling.sigs.k8s.io",
    "scheduling.x-k8s.io/pod-group",
    "scheduling.k8s.io/group-name",
)
"""Labels and annotations by which schedulers place the pods of a group together or not at all."""


def all_at_once(case: Case) -> bool:
    """Whether several pods of the subject are needed at once."""
    return isinstance(case.work, Job | Owner) and not one_by_one(case) and sum(each.count for each in case.to_come) > 1


def one_by_one(case: Case) -> bool:
    """Whether its pods run and end each by itself: then it is done some day if only one of them ever has room."""
    return isinstance(case.work, Job | CronJob) and not _of_a_group(case) and not _let_in_together(case)


def in_turns(case: Case) -> bool:
    """Whether pods of it run that end each by itself, and make room for the rest that no room is left for.

    So it is of a Job alone whose pods have no ranks, even where a queue let in all of them at once; but not where Kueue
    waits for all of its pods to be ready, for then it takes the quota back after a time.
    """
    work, workload = case.work, case.workload
    if not isinstance(work, Job) or not case.running_pods or _of_a_group(case) or _placed_together(case):
        return False
    watched = workload is not None and workload.condition("PodsReady") is not None
    return one_by_one(case) or (work.spec.completion_mode != "Indexed" and not watched)


def _of_a_group(case: Case) -> bool:
    """Whether it is part of what makes several kinds of processes: they wait for each other."""
    return case.work is not None and any(isinstance(each, Owner) for each in case.index.chain(case.work.metadata))


def _let_in_together(case: Case) -> bool:
    if case.workload is not None or (case.queue_name and not case.seen("workloads")):
        return True
    return _placed_together(case)


def _placed_together(case: Case) -> bool:
    marks = [each.template.metadata for each in case.to_come]
    return any(key in mark.labels or key in mark.annotations for mark in marks for key in _GROUPS)

"""Who holds quota in vain: its pods wait for nodes, and no node could take them even with nobody else there."""

from __future__ import annotations

from typing import Final

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Proposal
from allotment.diagnose.never import fleet_of
from allotment.diagnose.others import called, deletion, listed, pods_of
from allotment.model.observed.pods import PodTemplate
from allotment.model.observed.queueing import Workload
from allotment.scheduling.snapshot.placement import is_waiting

_MOST_PODS: Final = 64
"""Pods of one workload that are asked about; its others are like them."""


class _NeverRuns(dict[str, bool]):
    """What has been found out, by workload."""


def never_runs(case: Case, workload: Workload) -> bool:
    """Whether a workload holds quota and can never use it; found out once for a source."""
    kept = case.index.beside.once(_NeverRuns, _NeverRuns)
    if workload.key not in kept:
        kept[workload.key] = _never_runs(case, workload)
    return kept[workload.key]


def _never_runs(case: Case, workload: Workload) -> bool:
    pods = [pod for pod in pods_of(case, workload) if not pod.ended]
    if not workload.holds_quota or not pods or not all(is_waiting(pod) for pod in pods):
        return False
    parts = [(PodTemplate(metadata=pod.metadata, spec=pod.spec), 1) for pod in pods[:_MOST_PODS]]
    return bool(fleet_of(case).nodes_refuse(workload.namespace, parts))


def given_up(case: Case, workloads: list[Workload], then: str = "", cost: int = 0) -> Proposal:
    """That work which holds quota in vain is deleted by its owner.

    Args:
        case: the subject.
        workloads: what is to be deleted.
        then: what has to happen besides, a clause.
        cost: among the proposals of the same doer.
    """
    one = len(workloads) == 1
    them = listed(list(dict.fromkeys(called(case, each) for each in workloads)))
    said = "it holds quota and can never run" if one else "they hold quota and can never run"
    return deletion(
        case,
        workloads,
        f"delete {them}: {said}, for no node would take {'its' if one else 'their'} pods{then}",
        [end for each in workloads for end in (each, *pods_of(case, each))],
        cost,
    )

"""Elastic work that runs and waits to grow: Kueue queues what it is to become beside what it is."""

from __future__ import annotations

from typing import Final

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Proposal
from allotment.model.explanation import PatchOp, RemedyKind
from allotment.model.observed.queueing import Workload
from allotment.scheduling.snapshot.workloads import earlier_slice

_FIXED: Final = frozenset({RemedyKind.FIX_QUEUE_NAME, RemedyKind.RAISE_PRIORITY})
"""What cannot be changed of work that has been let in."""


def grows_from(case: Case) -> Workload | None:
    """What the subject holds already and is to take over; None where it does not run yet."""
    return None if case.workload is None else earlier_slice(case.workload, case.index)


def pods_of_slice(held: Workload) -> int:
    """Pods that it runs with."""
    admission = held.status.admission
    given = () if admission is None else admission.pod_set_assignments
    counts = {each.name: each.count for each in held.spec.pod_sets}
    return sum(counts.get(each.name, 0) if each.count is None else each.count for each in given)


def ends_what_runs(case: Case, proposal: Proposal) -> bool:
    """Whether a proposal makes work anew that only waits to grow, or changes of it what is fixed while it runs."""
    if grows_from(case) is None:
        return False
    anew = proposal.patch is not None and proposal.patch.op is PatchOp.RESUBMIT
    return anew or proposal.kind in _FIXED

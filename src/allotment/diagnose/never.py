"""Whether a subject can start at all: what its cause says, and what both twins say of an emptied fleet."""

from __future__ import annotations

from allotment.diagnose.case import Case
from allotment.diagnose.emptied import EmptiedFleet
from allotment.diagnose.finding import Finding
from allotment.model.explanation import CauseVerdict


def never_starts(case: Case, finding: Finding) -> bool:
    """Whether even an emptied fleet would refuse it.

    What is broken is expected to be repaired. Where only the cause is asked for, it alone is believed: emptying a large
    fleet takes longer.
    """
    if finding.never:
        return True
    if case.brief or case.one_of_many or finding.verdict is CauseVerdict.BROKEN:
        return False
    return _refused(case)


def _refused(case: Case) -> bool:
    fleet = fleet_of(case)
    workload = case.workload
    if workload is not None:
        return workload.key in fleet.hopeless([workload.key])
    if case.queue_name:
        return False
    parts = [(each.template, each.count) for each in case.to_come]
    return bool(parts) and bool(fleet.nodes_refuse(case.namespace, parts))


def fleet_of(case: Case) -> EmptiedFleet:
    """Emptied once for all subjects of a source."""
    found = case.index.beside.get(EmptiedFleet)
    if not isinstance(found, EmptiedFleet):
        found = case.index.beside[EmptiedFleet] = EmptiedFleet(case.index, case.twins.queueing)
    return found

"""Whether a subject can start at all: what its cause says, and what both twins say of an emptied fleet."""

from __future__ import annotations

from allotment.diagnose.case import Case
from allotment.diagnose.emptied import EmptiedFleet, HopelessFor
from allotment.diagnose.finding import Finding
from allotment.diagnose.gangs import in_turns, one_by_one
from allotment.diagnose.twins import Twins, twins_of
from allotment.model.explanation import CauseVerdict, Confidence
from allotment.model.observed.index import Index


def never_starts(case: Case, finding: Finding) -> bool:
    """Whether even an emptied fleet would refuse it.

    What is broken is expected to be repaired, and what waits to run by itself: where an emptied fleet refuses, the
    cause is no longer said to wait (`impossible`). Where only the cause is asked for, it alone is believed: emptying a
    large fleet takes longer.
    """
    if finding.never:
        return True
    if case.brief or case.one_of_many or finding.verdict is not CauseVerdict.MISCONFIGURED:
        return False
    by = hopeless(case)
    # What quota refuses is no surer than what is known of the quota.
    return by is not None and (finding.confidence is Confidence.SURE or by.by != "quota")


def hopeless(case: Case) -> HopelessFor | None:
    """Who refuses the subject with nobody else there, all its pods at once; None if nobody does."""
    fleet = fleet_of(case)
    workload = case.workload
    if in_turns(case):
        return None
    if workload is not None:
        return fleet.hopeless([workload.key]).get(workload.key)
    if case.queue_name:
        return None
    # Of a Job that runs pod by pod one is enough: where it has room, the next has it after that.
    alone = one_by_one(case)
    parts = [(each.template, min(each.count, 1) if alone else each.count) for each in case.to_come]
    message = fleet.nodes_refuse(case.namespace, parts) if parts else ""
    return HopelessFor("nodes", message) if message else None


def fleet_of(case: Case) -> EmptiedFleet:
    """Emptied once for all subjects of a source."""
    return _fleet(case.index, case.twins)


def _fleet(index: Index, twins: Twins) -> EmptiedFleet:
    found = index.beside.get(EmptiedFleet)
    if not isinstance(found, EmptiedFleet):
        before = None if index.before is None else _fleet(index.before, twins_of(index.before, twins.now))
        found = index.beside[EmptiedFleet] = EmptiedFleet(index, twins.queueing, before)
    return found

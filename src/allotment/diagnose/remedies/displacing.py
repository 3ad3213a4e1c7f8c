"""Who loses what they hold if the subject starts now."""

from __future__ import annotations

from allotment.diagnose.case import Case
from allotment.diagnose.others import called


def displaced(case: Case) -> tuple[str, ...]:
    """Work that is preempted for the subject's quota or its nodes, as names that the asker may see."""
    workload = case.workload
    if workload is None or workload.holds_quota:
        return case.displaced
    names = []
    for victim in case.twins.attempt(workload.key).victims:
        found = case.index.workloads.get(victim.workload)
        names.append(victim.workload if found is None else called(case, found))
    return (*dict.fromkeys(names), *case.displaced)

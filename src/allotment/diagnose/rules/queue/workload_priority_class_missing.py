"""The priority label names a WorkloadPriorityClass that does not exist: Kueue makes no Workload."""

from __future__ import annotations

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.queue.queued import kueue_absent
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.labels import KUEUE_PRIORITY
from allotment.model.spelling import nearest


def find(case: Case) -> Finding | None:
    """Work with a queue label and no Workload, whose priority label leads nowhere."""
    work = case.top
    if work is None or case.workload is not None or not case.queue_name or not case.seen("workloadpriorityclasses"):
        return None
    if kueue_absent(case):
        return None
    name = work.metadata.labels.get(KUEUE_PRIORITY, "")
    known = case.index.workload_priority_classes
    if not name or name in known or case.running_pods:
        return None
    order = sorted(known, key=lambda each: (each != nearest(name, known), -known[each].value))
    target = reference_of(work)
    said = f"; there are {', '.join(sorted(known))}" if known else "; there is none at all"
    return Finding(
        "workload-priority-class-missing",
        CauseVerdict.MISCONFIGURED,
        f"the WorkloadPriorityClass {name} does not exist{said}: Kueue makes no Workload for {work.name}",
        facts={"priority_class": name, "known": sorted(known)},
        evidence=(Evidence(target, f"metadata.labels[{KUEUE_PRIORITY}]", name, "no such WorkloadPriorityClass"),),
        proposals=tuple(
            Proposal(
                RemedyKind.FIX_LABEL,
                Doer.USER,
                f"set the priority label to {each}",
                target,
                Patch(PatchOp.MERGE, {"metadata": {"labels": {KUEUE_PRIORITY: each}}}),
                cost=position,
            )
            for position, each in enumerate(order[:3])
        ),
    )

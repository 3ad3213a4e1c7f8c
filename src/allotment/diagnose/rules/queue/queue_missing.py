"""The queue label names a LocalQueue that does not exist in the namespace."""

from __future__ import annotations

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.labels import KUEUE_QUEUE
from allotment.model.spelling import nearest


def find(case: Case) -> Finding | None:
    """A label without a queue behind it; the queue that was probably meant is proposed first."""
    work = case.top
    if work is None or not case.queue_name or case.local_queue is not None or not case.seen("localqueues"):
        return None
    if case.workload is not None and case.workload.holds_quota:
        return None
    known = sorted(each.name for each in case.index.objects.local_queues if each.namespace == case.namespace)
    meant = nearest(case.queue_name, known)
    order = [meant, *(name for name in known if name != meant)] if meant else known
    said = f"; there {'is' if len(known) == 1 else 'are'} {', '.join(known)}" if known else "; there is none at all"
    target = reference_of(work)
    return Finding(
        "queue-missing",
        CauseVerdict.MISCONFIGURED,
        f"the LocalQueue {case.queue_name} does not exist in namespace {case.namespace}{said}",
        facts={"queue": case.queue_name, "namespace": case.namespace, "existing_queues": known},
        evidence=(Evidence(target, f"metadata.labels[{KUEUE_QUEUE}]", case.queue_name, "no such LocalQueue"),),
        proposals=tuple(
            Proposal(
                RemedyKind.FIX_QUEUE_NAME,
                Doer.USER,
                f"set the queue label to {name}",
                target,
                Patch(PatchOp.MERGE, {"metadata": {"labels": {KUEUE_QUEUE: name}}}),
                cost=position,
            )
            for position, name in enumerate(order)
        ),
    )

"""The queue label names a LocalQueue that does not exist in the namespace."""

from __future__ import annotations

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding
from allotment.diagnose.reach import active_runs
from allotment.diagnose.rules.queue.new_local_queue import new_local_queues
from allotment.diagnose.rules.queue.queued import kueue_absent, may_be_kept, queue_label
from allotment.model.explanation import CauseVerdict, Evidence
from allotment.model.labels import KUEUE_QUEUE
from allotment.model.observed.pods import Pod
from allotment.model.observed.work import CronJob
from allotment.model.spelling import nearest


def find(case: Case) -> Finding | None:
    """A label without a queue behind it; the queue that was probably meant is proposed first."""
    work = case.top or (case.subject if isinstance(case.subject, Pod) else None)
    if work is None or not case.queue_name or case.local_queue is not None or not case.seen("localqueues"):
        return None
    if kueue_absent(case):
        return None
    if not _held_for_it(case):
        return None
    known = sorted(each.name for each in case.index.objects.local_queues if each.namespace == case.namespace)
    meant = nearest(case.queue_name, known)
    order = [meant, *(name for name in known if name != meant)] if meant else known
    said = f"; there {'is' if len(known) == 1 else 'are'} {', '.join(known)}" if known else "; there is none at all"
    target = reference_of(work)
    field = f"metadata.labels[{KUEUE_QUEUE}]"
    if isinstance(work, CronJob):
        field = f"spec.jobTemplate.{field}"
    above = case.index.owner(work.metadata.controller, work.metadata)
    then = f", and in the template of the CronJob {above.name} for later runs" if isinstance(above, CronJob) else ""
    return Finding(
        "queue-missing",
        CauseVerdict.MISCONFIGURED,
        f"the LocalQueue {case.queue_name} does not exist in namespace {case.namespace}{said}",
        facts={"queue": case.queue_name, "namespace": case.namespace, "existing_queues": known},
        evidence=(Evidence(target, field, case.queue_name, "no such LocalQueue"),),
        proposals=(
            *(queue_label(work, name, position, then) for position, name in enumerate(order)),
            *new_local_queues(case),
        ),
    )


def _held_for_it(case: Case) -> bool:
    """Whether anything of it waits for the queue: what was let in before the queue went is let be."""
    if case.workload is not None and case.workload.holds_quota:
        return False
    if isinstance(case.subject, CronJob):
        # Of a run that is on, the run itself is asked.
        return not active_runs(case.subject, case)
    if case.running_pods or case.starting_pods:
        return any(pod.spec.scheduling_gates for pod in case.waiting_pods)
    return case.workload is not None or may_be_kept(case)

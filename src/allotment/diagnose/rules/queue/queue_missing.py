"""The queue label names a LocalQueue that does not exist in the namespace."""

from __future__ import annotations

from collections.abc import Iterator

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.queue.queued import kueue_absent, queue_label, usable
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.labels import KUEUE_QUEUE
from allotment.model.observed.base import Reference
from allotment.model.observed.pods import Pod
from allotment.model.observed.queueing import LocalQueue
from allotment.model.observed.work import CronJob
from allotment.model.spelling import nearest


def find(case: Case) -> Finding | None:
    """A label without a queue behind it; the queue that was probably meant is proposed first."""
    work = case.top or (case.subject if isinstance(case.subject, Pod) else None)
    if work is None or not case.queue_name or case.local_queue is not None or not case.seen("localqueues"):
        return None
    if kueue_absent(case):
        return None
    if case.workload is not None and case.workload.holds_quota:
        return None
    known = sorted(each.name for each in case.index.objects.local_queues if each.namespace == case.namespace)
    meant = nearest(case.queue_name, known)
    order = [meant, *(name for name in known if name != meant)] if meant else known
    said = f"; there {'is' if len(known) == 1 else 'are'} {', '.join(known)}" if known else "; there is none at all"
    target = reference_of(work)
    above = case.index.owner(work.metadata.controller, work.metadata)
    then = f", and in the template of the CronJob {above.name} for later runs" if isinstance(above, CronJob) else ""
    return Finding(
        "queue-missing",
        CauseVerdict.MISCONFIGURED,
        f"the LocalQueue {case.queue_name} does not exist in namespace {case.namespace}{said}",
        facts={"queue": case.queue_name, "namespace": case.namespace, "existing_queues": known},
        evidence=(Evidence(target, f"metadata.labels[{KUEUE_QUEUE}]", case.queue_name, "no such LocalQueue"),),
        proposals=(
            *(queue_label(work, name, position, then) for position, name in enumerate(order)),
            *_created(case),
        ),
    )


def _created(case: Case) -> Iterator[Proposal]:
    """The LocalQueue as it was named, to the ClusterQueue that the namespace uses already."""
    used = sorted({each.spec.cluster_queue for each in case.index.objects.local_queues if usable_here(case, each)})
    for position, behind in enumerate(used[:2]):
        version = next((each.api_version for each in case.index.objects.local_queues if each.api_version), "")
        version = version or "kueue.x-k8s.io/v1beta2"
        body = {
            "apiVersion": version,
            "kind": "LocalQueue",
            "metadata": {"name": case.queue_name, "namespace": case.namespace},
            "spec": {"clusterQueue": behind},
        }
        yield Proposal(
            RemedyKind.OTHER,
            Doer.TEAM_OWNER,
            f"create a LocalQueue {case.queue_name} in {case.namespace} that points to {behind}",
            Reference(api_version=version, kind="LocalQueue", namespace=case.namespace, name=case.queue_name),
            Patch(PatchOp.CREATE, body),
            cost=position,
        )


def usable_here(case: Case, queue: LocalQueue) -> bool:
    """Whether a LocalQueue of the subject's namespace leads somewhere."""
    return queue.namespace == case.namespace and usable(case, queue)

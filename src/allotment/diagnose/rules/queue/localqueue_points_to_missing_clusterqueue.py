"""The LocalQueue names a ClusterQueue that does not exist."""

from __future__ import annotations

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.queue.queued import admits_namespace, other_queues, waits_for_quota
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.base import Reference
from allotment.model.spelling import nearest


def find(case: Case) -> Finding | None:
    """A LocalQueue that leads nowhere; the ClusterQueue that was probably meant is proposed first."""
    queue = case.local_queue
    if queue is None or case.cluster_queue is not None or not case.seen("clusterqueues"):
        return None
    if not waits_for_quota(case):
        return None
    named = queue.spec.cluster_queue
    target = reference_of(queue)
    meant = _meant(case, named)
    right = {"right_cluster_queue": meant[0]} if meant else {}
    return Finding(
        "localqueue-points-to-missing-clusterqueue",
        CauseVerdict.MISCONFIGURED,
        f"the LocalQueue {queue.name} in namespace {queue.namespace} points to the ClusterQueue {named}, "
        "which does not exist",
        facts={"local_queue": queue.name, "namespace": queue.namespace, "points_to": named, **right},
        evidence=(Evidence(target, "spec.clusterQueue", named, "no such ClusterQueue"),),
        proposals=(
            *other_queues(case, cost=1),
            *(
                Proposal(
                    RemedyKind.OTHER,
                    Doer.TEAM_OWNER,
                    f"delete the LocalQueue {queue.name} and create it again with clusterQueue {name}: the field cannot"
                    " be changed",
                    target,
                    Patch(PatchOp.RESUBMIT, {"spec": {"clusterQueue": name}}),
                    cost=position,
                )
                for position, name in enumerate(meant)
            ),
            Proposal(
                RemedyKind.OTHER,
                Doer.PLATFORM,
                f"make the ClusterQueue {named}",
                Reference(api_version=target.api_version, kind="ClusterQueue", name=named),
                Patch(PatchOp.SIGNAL, {"clusterQueue": named}),
            ),
        ),
    )


def _meant(case: Case, named: str) -> list[str]:
    """ClusterQueues that may have been meant, likeliest first: used beside it, called alike, open to the namespace."""
    own = case.namespace
    beside = [each.spec.cluster_queue for each in case.index.objects.local_queues if each.namespace == own]
    elsewhere = {each.spec.cluster_queue for each in case.index.objects.local_queues if each.namespace != own}
    known = [name for name, queue in sorted(case.index.cluster_queues.items()) if admits_namespace(case, queue, own)]
    beside = [name for name in beside if name in known]
    unused = [name for name in known if name not in elsewhere]
    found = [*beside, nearest(named, unused), nearest(named, known)]
    words = own.replace("_", "-").split("-")
    found += [name for name in unused if set(name.split("-")) & set(words) - {"team", "ns", "cq"}]
    return [name for name in dict.fromkeys(found) if name][:3]

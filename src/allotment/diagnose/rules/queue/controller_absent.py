"""Nobody makes the pods: the controller that is to do so is not there, or has not taken the work up."""

from __future__ import annotations

from typing import Final

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.moments import seconds
from allotment.model.observed.pods import Pod
from allotment.model.observed.work import Job, Owner
from allotment.scheduling.snapshot.queues import MULTI_KUEUE, checks_of

_CAUSE: Final = "controller-absent"
_BUILT_IN: Final = frozenset({"", "kubernetes.io/job-controller"})
_LONG: Final = 30.0
"""Seconds after which a controller that runs has certainly seen what it is to do."""
_MINUTES: Final = 120.0
"""Seconds from which on a time is told in minutes."""


def find(case: Case) -> Finding | None:
    """A Job that names another controller, or work of a further kind that was let in and has made nothing."""
    work = case.work
    if case.supposed or case.elsewhere or case.pods or work is None or not case.seen("pods"):
        return None
    return _named(case, work) if isinstance(work, Job) else _let_in(case, work) if isinstance(work, Owner) else None


def _named(case: Case, job: Job) -> Finding | None:
    by = job.spec.managed_by
    if by in _BUILT_IN or job.status.start_time or job.status.conditions:
        return None
    sends = by == MULTI_KUEUE
    if sends and case.queue_name and (case.cluster_queue is None or any(checks_of(case.cluster_queue))):
        return None
    if not sends and case.now - seconds(job.metadata.creation_timestamp) < _LONG:
        return None
    why = "no queue of it sends work to other clusters" if sends else "that has done nothing with it"
    target = reference_of(job)
    made = Proposal(
        RemedyKind.OTHER,
        Doer.USER,
        "submit it without spec.managedBy: it runs in this cluster then",
        target,
        Patch(PatchOp.RESUBMIT, {"spec": {"managedBy": None}}),
    )
    return Finding(
        _CAUSE,
        CauseVerdict.MISCONFIGURED,
        f"the Job {job.name} is left to the controller {by} (spec.managedBy), and {why}: nobody makes its pods",
        facts={"managed_by": by},
        evidence=(Evidence(target, "spec.managedBy", by, "Kubernetes' own controller leaves it alone"),),
        confidence=Confidence.SURE if sends else Confidence.LIKELY,
        proposals=(made,),
    )


def _of_unseen(case: Case, pod: Pod) -> bool:
    """Whether a pod of the namespace was made by what was not seen."""
    if pod.namespace != case.namespace or pod.ended:
        return False
    last = (pod, *case.index.chain(pod.metadata))[-1]
    return last.metadata.controller is not None


def _let_in(case: Case, work: Owner) -> Finding | None:
    workload = case.workload
    let_in = None if workload is None or not workload.holds_quota else workload.condition("Admitted")
    if workload is None or let_in is None or not let_in.true or workload.says("Finished"):
        return None
    since = case.now - seconds(let_in.last_transition_time)
    told = any("kueue" not in (each.reporting_component or each.source.component) for each in case.events(work))
    if since < _LONG or told or case.index.work_under.get(work.metadata.uid):
        return None
    if workload.says("PodsReady") or any(_of_unseen(case, pod) for pod in case.index.objects.pods):
        return None  # they may be its own, by way of a kind that may not be read
    kind = reference_of(work).kind
    ago = f"{int(since // 60)} min" if since >= _MINUTES else f"{int(since)} s"
    what = (
        f"see whether the operator that makes the pods of a {kind} is installed and runs, and what it logs: it may be "
        "refused what it makes"
    )
    return Finding(
        _CAUSE,
        CauseVerdict.BROKEN,
        f"the {kind} {work.name} was admitted {ago} ago, and nobody has made a pod of it or said why not: the operator "
        f"of its kind does not run, leaves it alone, or is refused what it makes",
        facts={"kind": kind, "admitted_at": let_in.last_transition_time},
        evidence=(
            Evidence(reference_of(workload), "status.conditions[Admitted]", "True", let_in.last_transition_time),
        ),
        proposals=(Proposal(RemedyKind.OTHER, Doer.PLATFORM, what, None, Patch(PatchOp.SIGNAL, {"operator": kind})),),
    )

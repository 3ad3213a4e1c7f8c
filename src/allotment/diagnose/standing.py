"""Where a subject stands before anybody asks for causes: done, running, waiting; looked at yet; how many are ahead."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding
from allotment.diagnose.never import never_starts
from allotment.diagnose.others import called
from allotment.diagnose.queued_pods import queued_one_by_one
from allotment.diagnose.reach import ended_badly, wanted_pods
from allotment.diagnose.rules.quota.preempted_again import loops_of
from allotment.diagnose.rules.scheduler.placing import placing
from allotment.diagnose.rules.scheduler.verdicts import said_of
from allotment.diagnose.unseen import unseen_by
from allotment.errors import quoted_message
from allotment.model.explanation import Confidence, Evidence, Explanation, QueuePosition, StartWindow
from allotment.model.observed.base import condition, is_true
from allotment.model.observed.pods import Pod
from allotment.model.observed.queueing import Workload
from allotment.model.observed.snapshot import Source
from allotment.model.observed.work import CronJob, Job, Owner, Replicas

_OVER: Final = ("Complete", "Completed", "Succeeded")
"""Conditions by which kinds with a controller of their own say that they are done."""

_MOST_NODES: Final = 3
"""Nodes that are named."""


@dataclass(frozen=True, slots=True)
class SubjectStanding:
    """Where a subject stands.

    Attributes:
        settled: what is to be said if nothing keeps it: it runs, or is done; empty where it waits or has failed.
        considered: whether Kueue or the scheduler has looked at it.
        position: its place in its ClusterQueue, if it waits there.
        unseen: what could not be read and bears on the answer.
    """

    settled: str
    considered: bool
    position: QueuePosition | None
    unseen: tuple[str, ...]

    def start(self, case: Case, finding: Finding) -> StartWindow | None:
        """When it starts, as far as a moment alone can tell."""
        return StartWindow(never=True) if never_starts(case, finding) else None

    def without_cause(self, case: Case) -> Explanation:
        """What to say where no rule found anything."""
        settled = bool(self.settled)
        said, evidence = ("", ()) if settled else _untold(case)
        return Explanation(
            subject=case.reference,
            observed_at=case.snapshot.taken_at,
            cause="none" if settled else "unknown",
            code="",
            layer=None,
            verdict=None,
            confidence=Confidence.SURE if settled else Confidence.UNSURE,
            summary=self.settled or said,
            evidence=evidence,
            considered=self.considered,
            position=self.position,
            unseen=self.unseen,
        )


def _untold(case: Case) -> tuple[str, tuple[Evidence, ...]]:
    """What is known all the same where no rule found anything: the words of its scheduler, or of the twin."""
    said = said_of(case)
    if said is not None:
        message, where = said
        return f"no rule knows what keeps it; its scheduler says {quoted_message(message)}", (where,)
    refused = placing(case).refused
    if refused is not None:
        return f"no rule knows what keeps it; no node takes it: {quoted_message(refused.answer.message)}", ()
    return "nothing that was seen keeps it from running", ()


def standing(case: Case) -> SubjectStanding:
    """Where the subject stands; found out once."""
    kept = case.beside.get(SubjectStanding)
    if not isinstance(kept, SubjectStanding):
        kept = case.beside[SubjectStanding] = SubjectStanding(
            _settled(case), _considered(case), _position(case), unseen_by(case)
        )
    return kept


def _settled(case: Case) -> str:
    return _over(case) or _finished(case) or _handed_on(case) or _at_work(case)


def _finished(case: Case) -> str:
    """Of a Workload, what Kueue says of its end; how its job failed is a cause, and so is that it could not start."""
    finished = case.subject.condition("Finished") if isinstance(case.subject, Workload) else None
    if finished is None or not finished.true or finished.reason == "FailedToStart" or ended_badly(case):
        return ""
    return f"it has ended: {finished.message or finished.reason}"


def _handed_on(case: Case) -> str:
    """What others see to: another cluster, or the newer state of a Deployment."""
    subject, workload = case.subject, case.workload
    given = workload is not None and workload.says("Admitted") and not workload.says("Finished")
    if given and workload is not None and workload.status.cluster_name and not ended_badly(case):
        return f"it was given to the worker cluster {workload.status.cluster_name}: ask there how it runs"
    above = subject.metadata.controller if isinstance(subject, Replicas) and subject.kind == "ReplicaSet" else None
    if above is not None and isinstance(subject, Replicas) and subject.spec.replicas == 0:
        return f"the {above.kind} {above.name} has no pods of it"
    return ""


def _over(case: Case) -> str:
    subject = case.subject
    match subject:
        case Job() if is_true(subject.status.conditions, "Complete"):
            return _succeeded_job(subject)
        case Job() if is_true(subject.status.conditions, "SuccessCriteriaMet"):
            return "it is done: as many have succeeded as it needs (successPolicy), and its last pods end"
        case Pod() if subject.status.phase == "Succeeded":
            return "it is done"
        case Owner() if any(is_true(subject.status.conditions, each) for each in _OVER) or _succeeded(subject):
            return "it is done"
        case Owner() if subject.kind == "LeaderWorkerSet" and is_true(subject.status.conditions, "Available"):
            return "it runs: all its groups are ready"
        case Replicas() if _rolled_out(subject):
            number = subject.status.ready_replicas
            return "its replica runs" if number == 1 else f"all {number} replicas run"
    return ""


def _at_work(case: Case) -> str:
    subject = case.subject
    live = [pod for pod in case.pods if not pod.ended]
    if (
        all(pod.metadata.deletion_timestamp for pod in live)
        and case.workload is not None
        and case.workload.says("Evicted")
    ):
        return ""  # they run to their end
    if not live or isinstance(subject, Replicas | CronJob):
        # That a run of a CronJob is on says nothing of the one that is due.
        return ""
    if len(case.running_pods) == len(live) >= wanted_pods(case):
        return f"it runs: {len(live)} pod{'s' if len(live) > 1 else ''} on {_nodes(live)}" + "".join(
            f"; {each}" for each in (*_fewer(case), *_resizing(live), *_displaced(case))
        )
    return ""


def _succeeded_job(job: Job) -> str:
    at = f" at {job.status.completion_time}" if job.status.completion_time else ""
    number = job.status.succeeded
    return f"it has succeeded{at}{f': all {number:,} pods' if number > 1 else ''}"


def _nodes(pods: list[Pod]) -> str:
    """Where they are, of many nodes the first."""
    names = sorted({pod.spec.node_name for pod in pods})
    more = len(names) - _MOST_NODES
    return ", ".join(names) if more <= 0 else f"{', '.join(names[:_MOST_NODES])} and {more:,} more"


def _fewer(case: Case) -> Iterator[str]:
    """Pods that were asked for and not admitted, for it is content with fewer."""
    workload = case.workload
    if workload is None or workload.status.admission is None or workload.says("Finished"):
        return
    given = {each.name: each.count for each in workload.status.admission.pod_set_assignments}
    for each in workload.spec.pod_sets:
        count = given.get(each.name)
        if each.min_count is not None and count is not None and count < each.count:
            yield f"Kueue has admitted {count} of the {each.count} pods that it asks for (partial admission)"


def _displaced(case: Case) -> Iterator[str]:
    """That it runs between two of many times."""
    own = next((each for each in loops_of(case.index) if case.workload is each.workload), None)
    if own is not None:
        name = called(case, own.by)
        yield f"it is displaced again and again, {own.times} times so far, the last time for {name}, which waits yet"


def _resizing(pods: list[Pod]) -> Iterator[str]:
    """The first resize in place that is not done."""
    for pod in pods:
        said = condition(pod.status.conditions, "PodResizePending")
        if said is not None and said.true:
            yield f"the resize of {pod.name} waits ({said.reason}): {quoted_message(said.message)}"
            return


def _succeeded(each: Owner) -> bool:
    """Whether a kind that has no such condition says so in a word; a RayCluster alone is no job."""
    words = (each.status.job_status, each.status.phase)
    return any(word.lower() == "succeeded" for word in words)


def _rolled_out(each: Replicas) -> bool:
    """Whether all replicas are ready and of the present template: old ones count as ready, too."""
    wanted, status = 1 if each.spec.replicas is None else each.spec.replicas, each.status
    ready = status.ready_replicas >= max(wanted, status.replicas)
    return wanted > 0 and ready and (each.kind == "ReplicaSet" or status.updated_replicas >= wanted)


def _considered(case: Case) -> bool:
    if case.submission is not None and case.subject is None:
        return True
    workload = case.workload
    if workload is not None and not case.pods:
        return workload.condition("QuotaReserved") is not None
    if case.waiting_pods:
        return any(
            each.type == "PodScheduled" and each.status for pod in case.waiting_pods for each in pod.status.conditions
        )
    return True


def _position(case: Case) -> QueuePosition | None:
    workload, queue = case.workload, case.cluster_queue
    if workload is None:
        workload = next((each for _, each in queued_one_by_one(case)), None)
    if workload is None or queue is None or workload.holds_quota:
        return None
    kept = case.index.beside.once(_Positions, lambda: _Positions(_positions(case.source)))
    return kept.get((queue.name, workload.key))


class _Positions(dict[tuple[str, str], QueuePosition]):
    """Places in line, by ClusterQueue and workload (namespace/name)."""


def _positions(source: Source) -> Iterator[tuple[tuple[str, str], QueuePosition]]:
    for order in source.order:
        for item in order.items:
            place = QueuePosition(order.cluster_queue, item.position_in_cluster_queue, len(order.items))
            yield (order.cluster_queue, f"{item.namespace}/{item.name}"), place

"""Nothing is in the way, and yet it was not admitted: just queued, behind others in line, or passed over."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.others import called
from allotment.diagnose.rules.queue.line import attempt_of
from allotment.diagnose.shortage import book_of, shortage_of, waiting_in
from allotment.diagnose.twins import Twins
from allotment.diagnose.unseen import places_unseen
from allotment.model.explanation import CauseVerdict, Confidence, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.moments import seconds, written
from allotment.model.observed.queueing import Workload
from allotment.scheduling.snapshot.attempts import AttemptOutcome

_NAMED: Final = 3
"""Workloads that a summary names."""
_TWO_CYCLES: Final = 5.0
"""Seconds after which Kueue has certainly looked again: cycles take milliseconds, and a wake-up is batched for one."""


class _Lines:
    """Who waits in each ClusterQueue, in order, and who of them starts at this moment."""

    def __init__(self, twins: Twins) -> None:
        self.places: dict[str, int] = {}
        self._twins = twins
        self._names: dict[str, list[str]] = {}
        self._starting: dict[str, list[str]] = {}
        self._around: dict[str, list[str]] = {}
        for each in twins.queueing.pending:
            line = self._names.setdefault(each.cluster_queue, [])
            self.places[each.name] = len(line)
            line.append(each.name)

    def length(self, queue: str) -> int:
        """How many wait in a ClusterQueue."""
        return len(self._names.get(queue, ()))

    def starting(self, queue: str) -> list[str]:
        """Who of a ClusterQueue starts; only its part of the moment has to be settled for that."""
        if queue not in self._starting:
            self._starting[queue] = [
                name
                for name in self._names.get(queue, ())
                if self._twins.attempt(name).outcome is AttemptOutcome.STARTS
            ]
        return self._starting[queue]

    def starting_around(self, queue: str) -> list[str]:
        """Who starts of a ClusterQueue, and of those that share its cohort."""
        if queue not in self._around:
            order = (queue, *sorted(book_of(self._twins).tree_of(queue) - {queue}))
            self._around[queue] = [name for each in order for name in self.starting(each)]
        return self._around[queue]


def _lines(case: Case) -> _Lines:
    return case.index.beside.once(_Lines, lambda: _Lines(case.twins))


def behind_in_line(case: Case) -> Finding | None:
    """It would fit, and others who wait take what is free: those before it in its queue, or of its cohort."""
    attempt = attempt_of(case)
    if attempt is None or attempt.outcome not in (AttemptOutcome.REFUSED, AttemptOutcome.NOT_REACHED):
        return None
    if shortage_of(case) is not None:
        return None
    own = waiting_in(case.twins).get(attempt.workload)
    if own is None:
        return None
    lines = _lines(case)
    starting = lines.starting_around(own.cluster_queue)
    if not starting:
        return None
    ahead, length = lines.places[own.name], lines.length(own.cluster_queue)
    names = []
    for name in starting[:_NAMED]:
        found = case.index.workloads.get(name)
        names.append(name if found is None else called(case, found))
    more = f" and {len(starting) - _NAMED} more" if len(starting) > _NAMED else ""
    return Finding(
        "behind-in-line",
        CauseVerdict.WAITING,
        f"it would fit, but {ahead} stand before it in the ClusterQueue {own.cluster_queue}, and "
        f"{', '.join(dict.fromkeys(names))}{more} will take what is free",
        facts={"cluster_queue": own.cluster_queue, "ahead": ahead, "of": length, "starting_first": names},
        evidence=(Evidence(case.reference, "position", ahead, "by priority, then by the time of queueing"),),
        confidence=_sure_of_order(case, own.cluster_queue),
        proposals=() if case.brief else (_wait_for_them(case),),
    )


def _wait_for_them(case: Case) -> Proposal:
    return Proposal(
        RemedyKind.WAIT_FOR_QUOTA,
        Doer.USER,
        "wait until those before it have ended",
        case.reference,
        Patch(PatchOp.WAIT, {"event": "completes"}),
    )


def _sure_of_order(case: Case, queue: str) -> Confidence:
    """By past use of LocalQueues, which is not known, others may stand first."""
    found = case.index.cluster_queues.get(queue)
    scope = None if found is None else found.spec.admission_scope
    by_use = scope is not None and scope.admission_mode == "UsageBasedAdmissionFairSharing"
    return Confidence.LIKELY if by_use else Confidence.SURE


def preempting(case: Case) -> Finding | None:
    """It starts as soon as the workloads that are preempted for it have stopped."""
    if case.supposed:
        return None
    attempt = attempt_of(case)
    if attempt is None or attempt.outcome is not AttemptOutcome.STARTS or not attempt.victims:
        return None
    names = []
    for victim in attempt.victims[:_NAMED]:
        found = case.index.workloads.get(victim.workload)
        names.append(victim.workload if found is None else called(case, found))
    reasons = sorted({victim.reason.value for victim in attempt.victims})
    return Finding(
        "preemption-pending",
        CauseVerdict.WAITING,
        f"it starts once {_stopped(len(attempt.victims))}: {', '.join(names)}",
        facts={"victims": len(attempt.victims), "reasons": reasons},
        evidence=(Evidence(case.reference, "twin", reasons, "whom Kueue preempts for it"),),
        confidence=Confidence.LIKELY,
        proposals=(
            Proposal(
                RemedyKind.WAIT_FOR_QUOTA,
                Doer.USER,
                "wait until their pods have stopped",
                case.reference,
                Patch(PatchOp.WAIT, {"event": "evicted"}),
            ),
        ),
    )


def stale(case: Case) -> Finding | None:
    """Quota is free for it, and what Kueue last wrote says otherwise, or nothing, for longer than it takes to look."""
    found = _admissible(case)
    if found is None or found[1] < _TWO_CYCLES + case.source.took:
        return None
    workload, waited = found
    quota = workload.condition("QuotaReserved")
    since = written((case.now - waited) * 1000)
    wrote = quota.message if quota is not None else ""
    return Finding(
        "stale-verdict",
        CauseVerdict.BROKEN,
        f"quota for it is free in the ClusterQueue {_queue(case)}, and Kueue has not admitted it for {round(waited)} s:"
        + (f" its last word was: {wrote}" if wrote else " it has not said a word"),
        facts={"cluster_queue": _queue(case), "since": since, "message": wrote, "waited_seconds": round(waited)},
        evidence=(
            Evidence(reference_of(workload), "status.conditions[QuotaReserved].message", wrote, "no longer true"),
        ),
        confidence=Confidence.LIKELY,
        proposals=tuple(_again(case)),
    )


def just_queued(case: Case) -> Finding | None:
    """Quota is free for it, and it was queued, or the quota came free, a moment ago."""
    found = _admissible(case)
    if found is None or found[1] >= _TWO_CYCLES + case.source.took:
        return None
    workload, waited = found
    created = workload.metadata.creation_timestamp
    return Finding(
        "not-looked-at-yet",
        CauseVerdict.WAITING,
        f"quota for it is free in the ClusterQueue {_queue(case)}: Kueue admits it when it looks next",
        facts={"cluster_queue": _queue(case), "waited_seconds": max(0, round(waited))},
        evidence=(Evidence(reference_of(workload), "metadata.creationTimestamp", created),),
        confidence=Confidence.LIKELY,
        proposals=(
            Proposal(
                RemedyKind.WAIT_FOR_QUOTA,
                Doer.USER,
                "wait a few seconds",
                reference_of(workload),
                Patch(PatchOp.WAIT, {"event": "admitted"}),
            ),
        ),
    )


def _admissible(case: Case) -> tuple[Workload, float] | None:
    """The workload, where nothing keeps it from its quota, and for how long that has been so at least."""
    workload, attempt = case.workload, attempt_of(case)
    if case.supposed or workload is None or attempt is None or not _complete(case):
        return None
    claims = any(each.template.spec.resource_claims for each in workload.spec.pod_sets)
    if claims and not workload.status.resource_requests:
        return None  # what its claims count for is not known
    if attempt.outcome is not AttemptOutcome.STARTS or attempt.victims:
        return None
    quota = workload.condition("QuotaReserved")
    told = seconds(quota.last_transition_time) if quota is not None else 0.0
    return workload, case.now - max(told, seconds(workload.metadata.creation_timestamp), _last_end(case))


def _queue(case: Case) -> str:
    return case.cluster_queue.name if case.cluster_queue is not None else "?"


def _complete(case: Case) -> bool:
    """Whether everything that an admission depends on was seen."""
    kinds = ("workloads", "clusterqueues", "localqueues", "cohorts", "resourceflavors")
    return all(case.seen_everywhere(kind) for kind in kinds) and not places_unseen(case)


def _last_end(case: Case) -> float:
    """When somebody last ended or was evicted, and may have made room."""
    kept = case.index.beside.get(_LastEnd)
    if not isinstance(kept, _LastEnd):
        ended = (
            seconds(each.last_transition_time)
            for workload in case.index.objects.workloads
            for each in workload.status.conditions
            if each.type in {"Finished", "Evicted"} and each.true
        )
        kept = case.index.beside[_LastEnd] = _LastEnd(max(ended, default=0.0))
    return kept


class _LastEnd(float):
    """Seconds since the epoch."""


def _again(case: Case) -> Iterator[Proposal]:
    work, queue = case.top, case.cluster_queue
    if work is not None:
        yield Proposal(
            RemedyKind.OTHER,
            Doer.USER,
            "delete it and submit it again: a new workload is looked at at once",
            reference_of(work),
            Patch(PatchOp.RESUBMIT, {}),
        )
    if queue is not None:
        yield Proposal(
            RemedyKind.OTHER,
            Doer.PLATFORM,
            f"make Kueue look again: restart its controller, or stop and start the ClusterQueue {queue.name}"
            " (stopPolicy Hold, then None)",
            reference_of(queue),
            Patch(PatchOp.SIGNAL, {"spec": {"stopPolicy": ["Hold", "None"]}}),
        )


def _stopped(victims: int) -> str:
    if victims == 1:
        return "1 workload that is preempted for it has stopped"
    return f"{victims} workloads that are preempted for it have stopped"

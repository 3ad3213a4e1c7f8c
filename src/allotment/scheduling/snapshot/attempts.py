"""What Kueue makes of the workloads of a moment: tried on the twin until nothing moves, all of them at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property
from typing import Final

from allotment.scheduling.queueing.cycle import CycleResult
from allotment.scheduling.queueing.inputs import PodSetAdmission, Workload
from allotment.scheduling.queueing.reasons import Cause, Refusal
from allotment.scheduling.queueing.records import PreemptionReason
from allotment.scheduling.queueing.settling import PATIENT, Bounds, Settled, settle
from allotment.scheduling.queueing.states import Place
from allotment.scheduling.snapshot.queueing import QueueingView, QuotaHolder, engine
from allotment.scheduling.snapshot.standing import IN_A_QUEUE, NotQueued

_CYCLES_EACH: Final = 4
"""Cycles that a waiting workload may take, on the mean, before the moment is said not to come to rest."""


class AttemptOutcome(StrEnum):
    """What becomes of a workload at this moment."""

    RUNS = "runs"
    """It holds quota already."""
    STARTS = "starts"
    """It gets quota, perhaps after others were preempted."""
    REFUSED = "refused"
    """It was tried and not admitted."""
    NOT_REACHED = "not-reached"
    """Its turn does not come: one before it in its queue is not admitted, or has the same shape and was refused."""
    OUT_OF_QUEUE = "out-of-queue"
    """It is not tried at all."""
    UNKNOWN = "unknown"
    """There is no such workload here."""


@dataclass(frozen=True, slots=True)
class Victim:
    """A workload that is preempted, and the rule by which."""

    workload: str
    reason: PreemptionReason


@dataclass(frozen=True, slots=True)
class Attempt:
    """What became of one workload.

    Attributes:
        workload: ``namespace/name``.
        outcome: how it went.
        pod_sets: what it holds or would get.
        cause: the dominant reason of one that is not admitted.
        refusal: everything its last attempt found out. Of one of the same shape where it was not tried itself.
        instead: whose refusal that is, or who stands before it in its queue; empty where it is its own.
        victims: who is preempted for it.
        absent: why it is not tried.
        settled: how the moment ended; `ENDLESS` = workloads preempt each other for ever.
    """

    workload: str
    outcome: AttemptOutcome
    pod_sets: tuple[PodSetAdmission, ...] = ()
    cause: Cause | None = None
    refusal: Refusal | None = None
    instead: str = ""
    victims: tuple[Victim, ...] = ()
    absent: NotQueued | None = None
    settled: Settled = Settled.AT_REST

    @property
    def message(self) -> str:
        """What Kueue writes, or would write, of why it waits; empty where it writes nothing."""
        if self.refusal is not None:
            return self.refusal.text
        return "" if self.absent is None else self.absent.message


class Settlement:
    """A moment after all of its cycles. Victims stop at once and queue again, so that it is seen who starts."""

    def __init__(self, view: QueueingView, *, evicting: bool = True) -> None:
        """Settle a view.

        Args:
            view: the moment.
            evicting: carry out what is preempted. Without it victims keep their quota, as in the first seconds, and
                whoever preempts stays refused with Kueue's "Pending the preemption of".
        """
        self.view = view
        self.engine, self.ids = engine(view)
        self._names = {index: name for name, index in self.ids.items()}
        self._victims: dict[str, list[Victim]] = {}
        self._evicting = evicting
        most = max(PATIENT.in_instant, _CYCLES_EACH * len(view.pending))
        self.settled = settle(self.engine, view.now, self._carry_out, Bounds(PATIENT.idle_cycles, most))

    def _carry_out(self, result: CycleResult) -> None:
        for preemption in result.preemptions:
            victims = self._victims.setdefault(self._names[preemption.preemptor], [])
            victims.append(Victim(self._names[preemption.workload], preemption.reason))
            self.engine.mark_evicted(preemption.workload)
            if self._evicting:
                self.engine.requeue_evicted(preemption.workload)

    @cached_property
    def _waiting(self) -> dict[str, Workload]:
        return {each.name: each for each in self.view.pending}

    @cached_property
    def _held(self) -> frozenset[str]:
        return frozenset(each.workload.name for each in self.view.running)

    @cached_property
    def _refused_shapes(self) -> dict[tuple[object, ...], str]:
        """Of each shape, who was refused."""
        found: dict[tuple[object, ...], str] = {}
        for each in self.view.pending:
            if self.engine.refusal(self.ids[each.name]) is not None:
                found.setdefault(_shape(each), each.name)
        return found

    @cached_property
    def _first(self) -> dict[str, str]:
        """Of each queue, who of those that wait stands first."""
        found: dict[str, str] = {}
        for each in self.view.pending:
            if self.engine.place(self.ids[each.name]) in (Place.ACTIVE, Place.INADMISSIBLE):
                found.setdefault(each.cluster_queue, each.name)
        return found

    def of(self, key: str) -> Attempt:
        """What became of a workload, ``namespace/name``."""
        return self.became(key, self.view.absent.get(key))

    def became(self, key: str, absent: NotQueued | None) -> Attempt:
        """The same, where it is known elsewhere why it is not tried."""
        index = self.ids.get(key)
        if absent is not None and (index is None or absent.reason in IN_A_QUEUE):
            cause = None if index is None else self.engine.cause(index)
            return Attempt(key, AttemptOutcome.OUT_OF_QUEUE, cause=cause, absent=absent, settled=self.settled)
        if index is None:
            return Attempt(key, AttemptOutcome.UNKNOWN, settled=self.settled)
        victims = tuple(self._victims.get(key, ()))
        if self.engine.place(index) is Place.RUNNING:
            outcome = AttemptOutcome.RUNS if key in self._held and not victims else AttemptOutcome.STARTS
            pod_sets = self.engine.granted(index)
            return Attempt(key, outcome, pod_sets, victims=victims, absent=absent, settled=self.settled)
        refusal, cause = self.engine.refusal(index), self.engine.cause(index)
        if refusal is not None:
            if refusal.cause.misconfigured:
                # Only its last flavors may have been looked at in the last attempt: a milder one may stand before them.
                afresh = self.engine.look_afresh(index)
                cause = Cause.WAITING_FOR_QUOTA if afresh is None else afresh.cause
            return Attempt(
                key, AttemptOutcome.REFUSED, cause=cause, refusal=refusal, victims=victims, settled=self.settled
            )
        return self._not_reached(key, cause)

    def _not_reached(self, key: str, cause: Cause | None) -> Attempt:
        attempt = Attempt(key, AttemptOutcome.NOT_REACHED, cause=cause, settled=self.settled)
        waiting = self._waiting.get(key)
        if waiting is None:
            return attempt
        peer = self._refused_shapes.get(_shape(waiting)) if cause is Cause.BEHIND_EQUAL_SHAPE else None
        if peer is not None:
            refusal = self.engine.refusal(self.ids[peer])
            return replace(attempt, refusal=refusal, instead=peer)
        first = self._first.get(waiting.cluster_queue, "")
        return replace(attempt, instead="" if first == key else first)


def _shape(workload: Workload) -> tuple[object, ...]:
    return workload.cluster_queue, workload.priority, workload.pod_sets


class Settlements:
    """A moment settled part by part, each when it is first asked for.

    A part is what shares quota: the queues below one root cohort, or one queue. Where flavors have a topology, nodes
    are shared across cohorts, and all is one part. A part that is as it was in the view before is not settled again.
    """

    def __init__(self, view: QueueingView, before: Settlements | None = None) -> None:
        """Of a view; `before` are those of the view that this one's source was made of by a change."""
        self.view = view
        self._before = before
        self._settled: dict[str, Settlement] = {}
        self._attempts: dict[str, Attempt] = {}

    @cached_property
    def _part_of_queue(self) -> dict[str, str]:
        state = self.view.state
        if any(each.topology for each in state.flavors):
            return {each.name: "" for each in state.cluster_queues}
        above = {each.name: each.parent for each in state.cohorts}
        found: dict[str, str] = {}
        for queue in state.cluster_queues:
            top = queue.cohort
            while top is not None and (higher := above.get(top)) is not None:
                top = higher
            found[queue.name] = f"queue {queue.name}" if top is None else f"cohort {top}"
        return found

    @cached_property
    def _parts(self) -> dict[str, tuple[list[QuotaHolder], list[Workload]]]:
        part_of = self._part_of_queue
        found: dict[str, tuple[list[QuotaHolder], list[Workload]]] = {each: ([], []) for each in part_of.values()}
        for holder in self.view.running:
            found[part_of[holder.workload.cluster_queue]][0].append(holder)
        for workload in self.view.pending:
            found[part_of[workload.cluster_queue]][1].append(workload)
        return found

    @cached_property
    def _queue_of(self) -> dict[str, str]:
        running = {each.workload.name: each.workload.cluster_queue for each in self.view.running}
        return running | {each.name: each.cluster_queue for each in self.view.pending}

    def of(self, key: str) -> Attempt:
        """What becomes of a workload, ``namespace/name``; found out once."""
        found = self._attempts.get(key)
        if found is None:
            found = self._attempts[key] = self._became(key)
        return found

    def _became(self, key: str) -> Attempt:
        absent = self.view.absent.get(key)
        queue = self._queue_of.get(key)
        if queue is None:
            outcome = AttemptOutcome.UNKNOWN if absent is None else AttemptOutcome.OUT_OF_QUEUE
            return Attempt(key, outcome, absent=absent)
        return self.settlement(self._part_of_queue[queue]).became(key, absent)

    def settlement(self, part: str) -> Settlement:
        """A part, settled."""
        found = self._settled.get(part)
        if found is None:
            before = self._before
            if before is not None and self._alike(part, before):
                found = before.settlement(part)
            else:
                running, pending = self._parts[part]
                found = Settlement(replace(self.view, running=tuple(running), pending=tuple(pending)))
            self._settled[part] = found
        return found

    def _alike(self, part: str, before: Settlements) -> bool:
        now, then = self.view, before.view
        if part not in before._parts or self._parts[part] != before._parts[part]:
            return False
        if (now.now, now.settings, now.favoured) != (then.now, then.settings, then.favoured):
            return False
        return now.state is then.state or self._declared(part) == before._declared(part)

    def _declared(self, part: str) -> tuple[object, ...]:
        """What is declared of a part, and of all."""
        state = self.view.state
        queues = [each for each in state.cluster_queues if self._part_of_queue[each.name] == part]
        return queues, state.cohorts, state.flavors, state.topologies, state.nodes, state.local_queues


def attempt(view: QueueingView, key: str, *, alone: bool = False) -> Attempt:
    """What becomes of one workload from this moment on.

    Args:
        view: the moment.
        key: ``namespace/name``.
        alone: as if nobody else waited: whether it would be admitted if its turn came.
    """
    if alone:
        view = replace(view, pending=tuple(each for each in view.pending if each.name == key))
    return Settlement(view).of(key)

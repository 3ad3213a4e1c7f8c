"""The present of a scenario at a moment, from what was decided until then: who runs, who waits, what the past shows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from allotment.errors import InputError
from allotment.scheduling.queueing.cycle import CycleResult
from allotment.scheduling.queueing.engine import QueueingEngine
from allotment.scheduling.queueing.inputs import ClusterState
from allotment.scheduling.queueing.reasons import Cause
from allotment.scheduling.queueing.settling import PATIENT, Settled, settle
from allotment.simulation.cluster import ChangingCluster
from allotment.simulation.estimate.forecast import RunningWorkload, Situation
from allotment.simulation.events import Eviction, QuotaChange, StopChange
from allotment.simulation.outcome import Admitted, Decision, Evicted, Finished, Moved
from allotment.simulation.scenario import Arrival, Scenario


@dataclass(frozen=True, slots=True)
class DecisionLog:
    """What was decided in a scenario, by a simulation or by a real Kueue; in order of time."""

    decisions: Sequence[Decision]
    moves: Sequence[Moved] = ()


@dataclass(frozen=True, slots=True)
class Ended:
    """A job that is done, when, and how long it ran in the end."""

    arrival: Arrival
    at: int
    runtime: int


@dataclass(frozen=True, slots=True)
class Present:
    """A moment.

    Attributes:
        situation: what an estimate starts from.
        submitted: all jobs that had come, by time of submission.
        ended: jobs that were done, by that time.
    """

    situation: Situation
    submitted: tuple[Arrival, ...]
    ended: tuple[Ended, ...]


def first_starts(course: DecisionLog) -> dict[str, int]:
    """When each job got quota first."""
    starts: dict[str, int] = {}
    for decision in course.decisions:
        if isinstance(decision, Admitted):
            starts.setdefault(decision.workload, decision.t)
    return starts


def present_at(scenario: Scenario, course: DecisionLog, now: int) -> Present:
    """The moment after everything that was decided at `now`.

    A job in its grace period counts as waiting: that it still holds quota for a moment is left out.

    Args:
        scenario: the workloads and the cluster.
        course: what was decided, at least until then.
        now: the moment.
    """
    submitted = sorted((each for each in scenario.arrivals if each.queued_at <= now), key=lambda each: each.queued_at)
    by_name = {each.workload.name: each for each in submitted}
    holds: dict[str, Admitted] = {}
    ended: list[Ended] = []
    done: set[str] = set()
    for decision in course.decisions:
        if decision.t > now:
            break
        match decision:
            case Admitted():
                holds[decision.workload] = decision
            case Evicted():
                holds.pop(decision.workload, None)
            case Finished():
                held = holds.pop(decision.workload, None)
                done.add(decision.workload)
                if held is not None and decision.workload in by_name:
                    ended.append(Ended(by_name[decision.workload], decision.t, max(1, decision.t - held.t)))
    moved = {each.workload: each for each in course.moves if each.t <= now}
    running = tuple(
        RunningWorkload(
            by_name[held.workload].workload,
            moved[held.workload].pod_sets
            if held.workload in moved and moved[held.workload].t >= held.t
            else held.pod_sets,
            held.t,
        )
        for held in holds.values()
        if held.workload in by_name
    )
    pending = tuple(each.workload for job, each in by_name.items() if job not in holds and job not in done)
    assumptions = scenario.assumptions
    situation = Situation(
        state_at(scenario, now),
        scenario.settings,
        now,
        running,
        pending,
        wakeup_delay=assumptions.wakeup_delay,
        eviction_latency=assumptions.eviction_latency,
    )
    return Present(situation, tuple(submitted), tuple(ended))


def state_at(scenario: Scenario, now: int) -> ClusterState:
    """The cluster after the scenario's events until then."""
    return _cluster_at(scenario, now).state


def declared_at(scenario: Scenario, now: int) -> ClusterState:
    """The same with all its nodes: those that are down or cordoned at that moment will be back."""
    return _cluster_at(scenario, now).declared


def _cluster_at(scenario: Scenario, now: int) -> ChangingCluster:
    cluster = ChangingCluster(scenario.state)
    for event in sorted(scenario.events, key=lambda each: each.t):
        if event.t > now:
            break
        match event:
            case QuotaChange():
                cluster = cluster.with_quota(event)
            case StopChange():
                cluster = cluster.with_stop(event)
            case Eviction():
                pass
            case _:
                cluster = cluster.with_node(event)
    return cluster


@dataclass(frozen=True, slots=True)
class WaitReason:
    """Why a job waits: the dominant cause, and Kueue's message."""

    cause: Cause
    message: str


def reasons(situation: Situation) -> dict[str, WaitReason]:
    """Why each pending job waits; one that would start at once has none.

    Raises:
        InputError: that moment does not come to rest.
    """
    engine = QueueingEngine(situation.state, situation.settings)
    for running in situation.running:
        engine.adopt(running.workload, running.pod_sets, running.since)
    indices = {engine.add(workload): workload.name for workload in situation.pending}

    def carry_out(result: CycleResult) -> None:
        for preemption in result.preemptions:
            engine.mark_evicted(preemption.workload)
            if not situation.eviction_latency:
                engine.requeue_evicted(preemption.workload)

    ended = settle(engine, situation.now, carry_out, PATIENT)
    if ended is Settled.ENDLESS:
        raise endless()
    if ended is not Settled.AT_REST:
        raise InputError(
            f"that moment does not come to rest in {PATIENT.in_instant:,} scheduling cycles",
            why="why jobs wait is known once nothing moves",
            fix="ask about another moment with --at",
        )
    found = {}
    for index, name in indices.items():
        refusal = engine.refusal(index)
        cause = engine.cause(index)
        if cause is not None:
            found[name] = WaitReason(cause, "" if refusal is None else refusal.text)
    return found


def endless() -> InputError:
    """What to say of jobs that preempt each other for ever."""
    return InputError(
        "jobs preempt each other for ever, so nobody can say when one starts for good",
        why="the preemption rules of their queues contradict each other, as Kueue's can",
        fix="look at the evictions of allot simulate; change reclaimWithinCohort or borrowWithinCohort",
    )

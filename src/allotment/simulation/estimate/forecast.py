"""When do pending workloads get their quota? The present played forward many times on the queueing engine.

What runs keeps its place and its drawn remaining run time; what waits competes as it would in Kueue; what will be
submitted meanwhile comes from a model of arrivals. Decisions are the engine's own, so quota, borrowing, gangs (a
workload is admitted as a whole or not at all), priorities and preemption count as they do on the cluster.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import Final

from allotment.scheduling.queueing.cycle import CycleResult
from allotment.scheduling.queueing.engine import QueueingEngine
from allotment.scheduling.queueing.indices import TreeId, TreeNode, WorkloadId
from allotment.scheduling.queueing.inputs import ClusterState, EngineSettings, PodSetAdmission, Workload
from allotment.scheduling.queueing.settling import PATIENT, Settled, settle
from allotment.simulation.chance import Chance
from allotment.simulation.estimate.interval import Interval, central_interval, quantile
from allotment.simulation.estimate.runtimes import RuntimeModel, Runtimes

_FINISH: Final = 0
_RELEASE: Final = 1
_ARRIVE: Final = 2
_WAKE: Final = 3


@dataclass(frozen=True, slots=True)
class RunningWorkload:
    """A workload that holds quota, and since when; `evicted` = on its way out, with its quota until its pods stop."""

    workload: Workload
    pod_sets: tuple[PodSetAdmission, ...]
    since: int
    evicted: bool = False


@dataclass(frozen=True, slots=True)
class FutureArrival:
    """A workload that may be submitted later; when, and how long it would run."""

    workload: Workload
    at: int
    runtime: int


Arrivals = Callable[[Chance, Runtimes], Iterable[FutureArrival]]
"""Draws one future from chance and that future's run times.

Workloads come by ascending time, all after now, with names of their own; it need not end.
"""


@dataclass(frozen=True, slots=True)
class Situation:
    """The present.

    Attributes:
        now: the present moment; all times in one unit of the caller's choice.
        pending: in queue order where queue-order timestamps tie.
        wakeup_delay: from a finish to the wake-up of what did not fit.
        eviction_latency: how long a preempted workload keeps its quota.
        favoured: names of those that stand first in their queue because they wait for those that they preempted.
    """

    state: ClusterState
    settings: EngineSettings
    now: int
    running: tuple[RunningWorkload, ...]
    pending: tuple[Workload, ...]
    wakeup_delay: int = 0
    eviction_latency: int = 0
    favoured: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, and how thoroughly it is answered.

    Attributes:
        asked: names of pending workloads.
        horizon: how far to look.
        coverage: share of the simulated waits an interval is to hold.
        repeats: number of simulations.
    """

    asked: tuple[str, ...]
    horizon: int
    coverage: float = 0.8
    repeats: int = 100


@dataclass(frozen=True, slots=True)
class StartEstimate:
    """When a pending workload starts, counted from now.

    Attributes:
        interval: holds the asked share of the simulated waits.
        median: half of them were shorter.
        never: share of simulations in which it did not start within the horizon, or before an instant that does not
            come to rest (jobs preempt each other for ever); those count as infinite waits.
        futures: number of simulations.
    """

    workload: str
    interval: Interval
    median: float
    never: float
    futures: int = 0


def estimate_starts(
    situation: Situation,
    question: Question,
    runtimes: RuntimeModel,
    chance: Chance,
    arrivals: Arrivals | None = None,
    go_on: Callable[[], bool] | None = None,
) -> tuple[StartEstimate, ...]:
    """When each asked workload starts, in the order asked.

    Intervals are as the simulation sees them. What they promise is kept only after correction by past starts, see
    `Calibration`.

    Args:
        situation: the present.
        question: which workloads, and how thoroughly.
        runtimes: makes the run times of each simulation.
        chance: source of randomness; the same seed gives the same answer.
        arrivals: what may be submitted meanwhile; None = nothing.
        go_on: asked before each instant; False ends it with the simulations that are complete. None among them = no
            estimates.

    Raises:
        InputError: the situation is inconsistent.
    """
    waits: dict[str, list[float]] = {name: [] for name in question.asked}
    done = 0
    for _ in range(question.repeats):
        future = Future(situation, runtimes(), chance, arrivals)
        starts = future.starts(question.asked, situation.now + question.horizon, go_on)
        if future.cut:
            break
        done += 1
        for name, values in waits.items():
            values.append(starts[name] - situation.now if name in starts else math.inf)
    if not done:
        return ()
    return tuple(
        StartEstimate(
            name,
            central_interval(values, question.coverage),
            quantile(sorted(values), 0.5),
            sum(value == math.inf for value in values) / done,
            done,
        )
        for name, values in waits.items()
    )


class Future:
    """One possible future of a situation. Use `estimate_starts` unless you want a single one.

    Attributes:
        cut: it was ended before its time, and says nothing of who had not started by then.
        known_until: the last moment of which it tells, where it was cut.
    """

    cut: bool = False
    known_until: int = 0

    def __init__(
        self, situation: Situation, runtimes: Runtimes, chance: Chance, arrivals: Arrivals | None = None
    ) -> None:
        """Nothing has happened yet."""
        self._situation = situation
        self._runtimes = runtimes
        self._chance = chance
        self._engine = QueueingEngine(situation.state, situation.settings)
        self._names: list[str] = []
        self._runtime: list[int] = []
        self._generation: list[int] = []
        self._events: list[tuple[int, int, int, int]] = []
        self._timers: set[TreeId] = set()
        self._starts: dict[str, int] = {}
        for running in situation.running:
            index = self._engine.adopt(running.workload, running.pod_sets, running.since, evicted=running.evicted)
            if running.evicted:
                self._know(running.workload.name, 0)
                heappush(self._events, (situation.now + situation.eviction_latency, _RELEASE, index, 0))
                continue
            left = self._draw(running.workload.name, situation.now - running.since)
            self._know(running.workload.name, situation.now - running.since + left)
            heappush(self._events, (situation.now + left, _FINISH, index, 0))
        for workload in situation.pending:
            index = self._engine.add(workload)
            self._know(workload.name, 0)
            if workload.name in situation.favoured:
                self._engine.favour(index)
        self._future = iter(arrivals(chance, runtimes) if arrivals is not None else ())
        self._coming: FutureArrival | None = None
        self._next_arrival()

    def starts(self, asked: Iterable[str], until: int, go_on: Callable[[], bool] | None = None) -> dict[str, int]:
        """When the asked workloads start; those that do not by `until` are missing.

        A future that does not come to rest at one instant ends there.

        Args:
            asked: names.
            until: how far to look.
            go_on: asked before each instant; False cuts it short.
        """
        missing = set(asked)
        now = self._situation.now
        while True:
            if go_on is not None and not go_on():
                self.cut, self.known_until = True, now - 1
                return self._starts
            ended = settle(self._engine, now, functools.partial(self._carry_out, now), PATIENT)
            missing -= self._starts.keys()
            if ended is not Settled.AT_REST or not missing or not self._events or self._events[0][0] > until:
                return self._starts
            now = self._events[0][0]
            while self._events and self._events[0][0] == now:
                _, kind, subject, generation = heappop(self._events)
                self._happen(now, kind, subject, generation)

    def _happen(self, now: int, kind: int, subject: int, generation: int) -> None:
        if kind == _FINISH:
            if self._generation[subject] == generation:  # else it was evicted meanwhile
                self._engine.finish(WorkloadId(subject))
                self._freed(now, WorkloadId(subject))
        elif kind == _RELEASE:
            self._engine.requeue_evicted(WorkloadId(subject))
            self._freed(now, WorkloadId(subject))
        elif kind == _ARRIVE:
            self._arrive()
        else:
            tree = TreeId(TreeNode(subject))
            self._timers.discard(tree)
            self._engine.wake(tree)

    def _carry_out(self, now: int, result: CycleResult) -> None:
        for index in result.admitted:
            self._start(now, index)
        for preemption in result.preemptions:
            self._evict(now, preemption.workload)

    def _start(self, now: int, index: WorkloadId) -> None:
        name = self._names[index]
        self._starts.setdefault(name, now)
        if self._runtime[index] == 0:
            self._runtime[index] = self._draw(name, 0)
        self._generation[index] += 1
        heappush(self._events, (now + self._runtime[index], _FINISH, index, self._generation[index]))

    def _evict(self, now: int, index: WorkloadId) -> None:
        self._generation[index] += 1
        latency = self._situation.eviction_latency
        if latency:
            self._engine.mark_evicted(index)
            heappush(self._events, (now + latency, _RELEASE, index, 0))
        else:
            self._engine.requeue_evicted(index)
            self._freed(now, index)

    def _freed(self, now: int, index: WorkloadId) -> None:
        tree = self._engine.tree_of(index)
        if tree not in self._timers:
            self._timers.add(tree)
            heappush(self._events, (now + self._situation.wakeup_delay, _WAKE, tree, 0))

    def _arrive(self) -> None:
        if self._coming is not None:
            self._engine.add(self._coming.workload)
            self._know(self._coming.workload.name, self._coming.runtime)
            self._next_arrival()

    def _next_arrival(self) -> None:
        """Only the next one is drawn: the future need not end."""
        self._coming = next(self._future, None)
        if self._coming is not None:
            heappush(self._events, (max(self._coming.at, self._situation.now), _ARRIVE, 0, 0))

    def _know(self, name: str, runtime: int) -> None:
        """Remember a workload under the index the engine gave it; a run time of 0 is drawn when it starts."""
        self._names.append(name)
        self._runtime.append(runtime)
        self._generation.append(0)

    def _draw(self, name: str, elapsed: int) -> int:
        return self._runtimes.remaining(name, elapsed, self._chance)

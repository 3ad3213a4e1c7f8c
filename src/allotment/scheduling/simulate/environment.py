"""Runs a scenario on the engine under a virtual clock: arrivals, finishes, evictions, wake-ups, cycles.

At one instant: finishes, releases of evicted workloads, changes of the cluster, arrivals, wake-ups (each by workload
index), a sample of usage, then cycles until nothing moves. Nothing else ever happens.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from allotment.scheduling.engine import CycleResult, QueueingEngine
from allotment.scheduling.inputs import PodSetAdmission
from allotment.scheduling.reasons import Cause
from allotment.scheduling.simulate.scenario import Scenario

# Kinds of events, in the order they are handled at one instant.
_EARLY_WAKE = 0
_FINISH = 1
_RELEASE = 2
_CHANGE = 3
_ARRIVE = 4
_WAKE = 5
_SAMPLE = 6
_ALL_TREES = -1


@dataclass(frozen=True, slots=True)
class Admitted:
    """A workload got its quota."""

    t: int
    cycle: int
    workload: str
    cluster_queue: str
    pod_sets: tuple[PodSetAdmission, ...]


@dataclass(frozen=True, slots=True)
class Evicted:
    """A workload was preempted."""

    t: int
    cycle: int
    workload: str
    cluster_queue: str
    reason: str
    preemptor: str


@dataclass(frozen=True, slots=True)
class Finished:
    """A workload ran to its end; `cycle` is the number of cycles run so far."""

    t: int
    cycle: int
    workload: str
    cluster_queue: str


Decision = Admitted | Evicted | Finished


@dataclass(frozen=True, slots=True)
class StillPending:
    """A workload that neither runs nor finished when the simulation ended.

    `queue` is "active", "inadmissible", or "none" if the simulation ended before it arrived.
    """

    workload: str
    cluster_queue: str
    ever_admitted: bool
    queue: str
    message: str
    cause: Cause


@dataclass(frozen=True, slots=True)
class MessageChange:
    """A pending workload got another message."""

    t: int
    cycle: int
    workload: str
    message: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """Everything a simulation decided, in order.

    Attributes:
        cycles: number of scheduling cycles.
        livelock: a cap on cycles was reached; the simulation stopped there.
    """

    decisions: tuple[Decision, ...]
    pending: tuple[StillPending, ...]
    pending_log: tuple[MessageChange, ...]
    cycles: int
    livelock: bool


def simulate(scenario: Scenario, *, messages: bool = True, until: int | None = None) -> Outcome:
    """Run a scenario to its end, or to a given time.

    Args:
        scenario: what to run.
        messages: also record every change of a pending message (costs time).
        until: last instant that is simulated, None for all.

    Raises:
        InputError: the scenario is inconsistent.
    """
    return Simulation(scenario, messages=messages).run(until)


class Simulation:
    """State of one run. Use `simulate` unless you want to step."""

    def __init__(self, scenario: Scenario, *, messages: bool = True) -> None:
        """Set up the engine and schedule all arrivals."""
        self._environment = scenario.environment
        self._arrivals = scenario.arrivals
        self.engine: QueueingEngine = QueueingEngine(scenario.state, scenario.settings)
        self._events: list[tuple[int, int, int, int]] = []
        count = len(scenario.arrivals)
        self._generation: list[int] = [0] * count
        self._ever_admitted: list[bool] = [False] * count
        self._finished: list[bool] = [False] * count
        self._shown: list[str] = [""] * count
        self._timers: set[int] = set()
        self._messages = messages
        self._decisions: list[Decision] = []
        self._log: list[MessageChange] = []
        self._livelock = False
        for arrival in scenario.arrivals:
            index = self.engine.register(arrival.workload)
            heappush(self._events, (arrival.queued_at, _ARRIVE, index, 0))
        sharing = scenario.settings.admission_fair_sharing
        self._sampling_interval: int = sharing.sampling_interval if sharing is not None else 0
        if self._sampling_interval > 0:
            heappush(self._events, (self._sampling_interval, _SAMPLE, 0, 0))
        self._changes = scenario.changes
        for number, change in enumerate(scenario.changes):
            heappush(self._events, (change.t, _CHANGE, number, 0))

    def run(self, until: int | None = None) -> Outcome:
        """Instant after instant until nothing is left to happen, or nothing up to `until`."""
        while self.next_instant is not None and (until is None or self.next_instant <= until):
            self.step()
        return self.outcome()

    @property
    def next_instant(self) -> int | None:
        """When something happens next; None at the end."""
        return self._events[0][0] if self._events and not self._livelock else None

    def step(self) -> None:
        """Simulate the next instant; nothing happens at the end."""
        now = self.next_instant
        if now is not None:
            self._instant(now)

    def outcome(self) -> Outcome:
        """Everything decided so far."""
        return Outcome(
            tuple(self._decisions),
            tuple(self._still_pending()),
            tuple(self._log),
            self.engine.cycles,
            self._livelock,
        )

    def _instant(self, now: int) -> None:
        while self._events and self._events[0][0] == now:
            _, kind, index, generation = heappop(self._events)
            if kind == _FINISH:
                self._finish(now, index, generation)
            elif kind == _RELEASE:
                self._release(now, index)
            elif kind == _CHANGE:
                self._change(index)
            elif kind == _ARRIVE:
                self.engine.arrive(index)
            elif kind == _SAMPLE:
                self._sample(now)
            else:
                self._wake(index)
        self._run_cycles(now)

    def _finish(self, now: int, index: int, generation: int) -> None:
        if self._generation[index] != generation:
            return  # evicted meanwhile
        self.engine.finish(index)
        self._finished[index] = True
        workload = self._arrivals[index].workload
        self._decisions.append(Finished(now, self.engine.cycles, workload.name, workload.cluster_queue))
        self._notify(now, index)

    def _release(self, now: int, index: int) -> None:
        self._shown[index] = ""
        self.engine.requeue_evicted(index)
        self._notify(now, index)

    def _notify(self, now: int, index: int) -> None:
        """Capacity of this workload's tree was freed: start the wake-up timer unless one runs."""
        tree = _ALL_TREES if self._environment.shared_wakeup else self.engine.tree_of(index)
        if tree not in self._timers:
            self._timers.add(tree)
            kind = _EARLY_WAKE if self._environment.wakeups_first else _WAKE
            heappush(self._events, (now + self._environment.wakeup_delay, kind, tree, 0))

    def _sample(self, now: int) -> None:
        """Let usage decay, and again after the interval while anything else can happen."""
        self.engine.sample_usage(now)
        if self._events:
            heappush(self._events, (now + self._sampling_interval, _SAMPLE, 0, 0))

    def _change(self, number: int) -> None:
        """Another cluster from now on. Nodes of the quota tree are renumbered, so running timers turn global."""
        self.engine = self.engine.with_state(self._changes[number].state)
        if self._timers:
            due = min(event for event in self._events if event[1] in (_WAKE, _EARLY_WAKE))
            self._events = [event for event in self._events if event[1] not in (_WAKE, _EARLY_WAKE)]
            heapify(self._events)
            heappush(self._events, (due[0], due[1], _ALL_TREES, 0))
            self._timers = {_ALL_TREES}

    def _wake(self, tree: int) -> None:
        self._timers.discard(tree)
        if tree == _ALL_TREES:
            self.engine.wake_all()
        else:
            self.engine.wake(tree)

    def _run_cycles(self, now: int) -> None:
        environment = self._environment
        idle = 0
        in_instant = 0
        while not self.engine.idle and idle < environment.idle_cycles:
            result = self.engine.run_cycle(now)
            in_instant += 1
            self._apply(now, result)
            idle = 0 if result.heaps_changed or result.preemptions else idle + 1
            if in_instant == environment.max_cycles_per_instant or result.number == environment.max_cycles_total:
                self._livelock = True
                return

    def _apply(self, now: int, result: CycleResult) -> None:
        if self._messages:
            self._record_messages(now, result)
        for index in sorted(result.admitted):
            self._admit(now, result.number, index)
        for preemption in sorted(result.preemptions, key=lambda each: each.workload):
            index = preemption.workload
            workload = self._arrivals[index].workload
            preemptor = self._arrivals[preemption.preemptor].workload.name
            self._generation[index] += 1
            self._decisions.append(
                Evicted(
                    now,
                    result.number,
                    workload.name,
                    workload.cluster_queue,
                    preemption.reason.value,
                    preemptor,
                )
            )
            latency = self._environment.eviction_latency
            if latency > 0:
                self.engine.mark_evicted(index)
                heappush(self._events, (now + latency, _RELEASE, index, 0))
            else:
                self._release(now, index)

    def _admit(self, now: int, cycle: int, index: int) -> None:
        arrival = self._arrivals[index]
        self._generation[index] += 1
        self._ever_admitted[index] = True
        self._shown[index] = ""
        workload = arrival.workload
        self._decisions.append(
            Admitted(now, cycle, workload.name, workload.cluster_queue, self.engine.admission(index))
        )
        heappush(self._events, (now + arrival.runtime, _FINISH, index, self._generation[index]))

    def _record_messages(self, now: int, result: CycleResult) -> None:
        for index in result.refused:
            refusal = self.engine.refusal(index)
            text = refusal.text if refusal is not None else ""
            if text != self._shown[index]:
                self._shown[index] = text
                self._log.append(MessageChange(now, result.number, self._arrivals[index].workload.name, text))

    def _still_pending(self) -> list[StillPending]:
        left: list[StillPending] = []
        for index, arrival in enumerate(self._arrivals):
            place = self.engine.place(index)
            if self._finished[index] or place == "running":
                continue
            refusal = self.engine.refusal(index)
            workload = arrival.workload
            left.append(
                StillPending(
                    workload.name,
                    workload.cluster_queue,
                    self._ever_admitted[index],
                    place or "none",
                    refusal.text if refusal is not None else "",
                    self.engine.cause(index) or Cause.NOT_EVALUATED,
                )
            )
        return left

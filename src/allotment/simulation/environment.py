"""Runs a scenario on the engine under a virtual clock: arrivals, finishes, evictions, wake-ups, cycles.

At one instant: finishes, releases of evicted workloads, events of the cluster (in their order), ends of tolerations,
arrivals, wake-ups, new statuses (each by workload index), a sample of usage, then cycles until nothing moves. Nothing
else ever happens.
"""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heappop, heappush
from typing import Final

from allotment.scheduling.queueing.choices import ChanceKind, Choice
from allotment.scheduling.queueing.cycle import CycleResult
from allotment.scheduling.queueing.engine import QueueingEngine
from allotment.scheduling.queueing.indices import NO_WORKLOAD, TreeId, TreeNode, WorkloadId
from allotment.scheduling.queueing.reasons import Cause
from allotment.scheduling.queueing.settling import Bounds, Settled, settle
from allotment.scheduling.queueing.states import Place
from allotment.simulation.cluster import ChangingCluster
from allotment.simulation.events import (
    Event,
    Eviction,
    NodeDown,
    NodeDrain,
    NodeEvent,
    NodeUp,
    QuotaChange,
    StopChange,
    StopPolicy,
)
from allotment.simulation.outages import Outages
from allotment.simulation.outcome import (
    Admitted,
    Decision,
    Evicted,
    EvictionReason,
    Finished,
    MessageChange,
    Moved,
    RandomChoice,
    RunOutcome,
    Standstill,
    StillPending,
)
from allotment.simulation.scenario import Scenario

# Kinds of events, in the order they are handled at one instant.
_EARLY_WAKE: Final = 0
_FINISH: Final = 1
_RELEASE: Final = 2
_EVENT: Final = 3
_LOST: Final = 4
_ARRIVE: Final = 5
_WAKE: Final = 6
_STATUS: Final = 7
_SAMPLE: Final = 8
_ALL_TREES: Final = TreeId(TreeNode(-1))
"""In place of a tree: one timer for all of them."""


def simulate(scenario: Scenario, *, messages: bool = True, until: int | None = None) -> RunOutcome:
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

    def __init__(self, scenario: Scenario, *, messages: bool = True, choices: bool = False) -> None:
        """Set up the engine and schedule all arrivals; `choices`: watch for what Kueue leaves to chance."""
        self._assumptions = assumptions = scenario.assumptions
        self._bounds: Bounds = Bounds(
            assumptions.idle_cycles, assumptions.max_cycles_per_instant, assumptions.max_cycles_total
        )
        self._arrivals = scenario.arrivals
        self.engine: QueueingEngine = QueueingEngine(scenario.state, scenario.settings, watching=choices)
        self._events: list[tuple[int, int, int, int]] = []
        count = len(scenario.arrivals)
        self._generation: list[int] = [0] * count
        self._ever_admitted: list[bool] = [False] * count
        self._finished: list[bool] = [False] * count
        self._shown: list[str] = [""] * count
        self._timers: set[TreeId] = set()
        self._stale: set[str] = set()
        self._messages = messages
        self._decisions: list[Decision] = []
        self._log: list[MessageChange] = []
        self._choices: dict[tuple[ChanceKind, str, tuple[str, ...], tuple[str, ...]], RandomChoice] = {}
        self._ended = Settled.AT_REST
        for arrival in scenario.arrivals:
            index = self.engine.register(arrival.workload)
            heappush(self._events, (arrival.queued_at, _ARRIVE, index, 0))
        sharing = scenario.settings.admission_fair_sharing
        self._sampling_interval: int = sharing.sampling_interval if sharing is not None else 0
        if self._sampling_interval > 0:
            heappush(self._events, (self._sampling_interval, _SAMPLE, 0, 0))
        self._cluster: ChangingCluster = ChangingCluster(scenario.state)
        self._outages: Outages = Outages(scenario.state.nodes)
        self._node_names: list[str] = []
        self._leaving: set[WorkloadId] = set()
        self._moves: list[Moved] = []
        self._happenings = sorted(scenario.events, key=lambda each: each.t)
        self._index_of = {arrival.workload.name: WorkloadId(i) for i, arrival in enumerate(scenario.arrivals)}
        for number, event in enumerate(self._happenings):
            heappush(self._events, (event.t, _EVENT, number, 0))

    def run(self, until: int | None = None) -> RunOutcome:
        """Instant after instant until nothing is left to happen, or nothing up to `until`."""
        while self.next_instant is not None and (until is None or self.next_instant <= until):
            self.step()
        return self.outcome()

    @property
    def next_instant(self) -> int | None:
        """When something happens next; None at the end."""
        return self._events[0][0] if self._events and self._ended is Settled.AT_REST else None

    def step(self) -> None:
        """Simulate the next instant; nothing happens at the end."""
        now = self.next_instant
        if now is not None:
            self._instant(now)

    def outcome(self) -> RunOutcome:
        """Everything decided so far."""
        return RunOutcome(
            tuple(self._decisions),
            tuple(self._still_pending()),
            tuple(self._log),
            self.engine.cycles,
            self._ended,
            tuple(
                Standstill(self._arrivals[index].workload.name, start, end)
                for index, start, end in self._outages.standstills()
            ),
            tuple(self._moves),
            tuple(self._choices.values()),
        )

    def _instant(self, now: int) -> None:
        while self._events and self._events[0][0] == now:
            _, kind, subject, generation = heappop(self._events)
            if kind == _FINISH:
                self._finish(now, WorkloadId(subject), generation)
            elif kind == _RELEASE:
                self._release(now, WorkloadId(subject))
            elif kind == _EVENT:
                self._happen(now, self._happenings[subject])
            elif kind == _LOST:
                self._give_up_node(now, self._node_names[subject], generation)
            elif kind == _ARRIVE:
                self._arrive(now, WorkloadId(subject))
            elif kind == _STATUS:
                self._update_status(now, WorkloadId(subject))
            elif kind == _SAMPLE:
                self._sample(now)
            else:
                self._wake(TreeId(TreeNode(subject)))
        self._run_cycles(now)

    def _arrive(self, now: int, index: WorkloadId) -> None:
        self.engine.arrive(index)
        self._outdate_status(now, index)

    def _finish(self, now: int, index: WorkloadId, generation: int) -> None:
        if self._generation[index] != generation:
            return  # evicted meanwhile
        self.engine.finish(index)
        self._finished[index] = True
        self._outages.ended(index, now)
        workload = self._arrivals[index].workload
        self._decisions.append(Finished(now, self.engine.cycles, workload.name, workload.cluster_queue))
        self._notify(now, index)

    def _release(self, now: int, index: WorkloadId) -> None:
        self._shown[index] = ""
        self._leaving.discard(index)
        self.engine.requeue_evicted(index)
        self._notify(now, index)

    def _notify(self, now: int, index: WorkloadId) -> None:
        """Capacity of this workload's tree was freed."""
        self._notify_tree(now, self.engine.tree_of(index))
        self._outdate_status(now, index)

    def _notify_tree(self, now: int, tree: TreeId) -> None:
        """Something may fit in this tree: start its wake-up timer unless one runs."""
        if self._assumptions.shared_wakeup:
            tree = _ALL_TREES
        if tree not in self._timers:
            self._timers.add(tree)
            kind = _EARLY_WAKE if self._assumptions.wakeups_first else _WAKE
            heappush(self._events, (now + self._assumptions.wakeup_delay, kind, tree, 0))

    def _outdate_status(self, now: int, index: WorkloadId) -> None:
        """The numbers of workloads in this one's ClusterQueue have changed; its status will follow."""
        delay, queue = self._assumptions.status_delay, self._arrivals[index].workload.cluster_queue
        if delay > 0 and queue not in self._stale and self.engine.nested(index):
            self._stale.add(queue)
            heappush(self._events, (now + delay, _STATUS, index, 0))

    def _update_status(self, now: int, index: WorkloadId) -> None:
        """A new status makes Kueue read the cohorts above the ClusterQueue again, all but the root."""
        self._stale.discard(self._arrivals[index].workload.cluster_queue)
        tree = self.engine.tree_of(index)
        self.engine.read_quotas_again(tree)
        self._notify_tree(now, tree)

    def _sample(self, now: int) -> None:
        """Let usage decay, and again after the interval while anything else can happen."""
        self.engine.sample_usage(now)
        if self._events:
            heappush(self._events, (now + self._sampling_interval, _SAMPLE, 0, 0))

    def _happen(self, now: int, event: Event) -> None:
        """Something happens to the cluster."""
        match event:
            case QuotaChange():
                self._become(self._cluster.with_quota(event))
                tree = self.engine.tree_of_cohort if event.of_cohort else self.engine.tree_of_queue
                self._notify_tree(now, tree(event.owner))
            case StopChange():
                self._stop(now, event)
            case Eviction():
                self._send_away([self._index_of[event.workload]], now, EvictionReason.REQUESTED, event.grace)
            case _:
                self._change_node(now, event)

    def _stop(self, now: int, event: StopChange) -> None:
        self._become(self._cluster.with_stop(event))
        self._notify_tree(now, self.engine.tree_of_queue(event.cluster_queue))
        if event.policy is StopPolicy.HOLD_AND_DRAIN:
            mine = [
                WorkloadId(i)
                for i, each in enumerate(self._arrivals)
                if each.workload.cluster_queue == event.cluster_queue
            ]
            self._send_away(mine, now, EvictionReason.CLUSTER_QUEUE_STOPPED, event.grace)

    def _change_node(self, now: int, event: NodeEvent) -> None:
        """Kueue wakes every queue after a change of a node that a topology flavor could use."""
        cluster = self._cluster.with_node(event)
        if cluster.state.nodes != self._cluster.state.nodes and cluster.uses_topology:
            self._become(cluster)
            self._notify_all(now)
        self._cluster = cluster
        if isinstance(event, NodeDrain):
            self._take_off(event.node, now, EvictionReason.DRAINED, event.grace)
        elif isinstance(event, NodeDown):
            stopped, failure = self._outages.fail(event.node, now)
            for index in stopped:
                self._generation[index] += 1  # does not finish while its node is down
            self._node_names.append(event.node)
            due = now + self._assumptions.not_ready_toleration
            heappush(self._events, (due, _LOST, len(self._node_names) - 1, failure))
        elif isinstance(event, NodeUp):
            for index, due in self._outages.repair(event.node, now):
                heappush(self._events, (due, _FINISH, index, self._generation[index]))

    def _give_up_node(self, now: int, node: str, failure: int) -> None:
        """Pods tolerate a node that is not ready only for a while; then their workloads lose it."""
        if self._outages.is_down(node, failure):
            self._take_off(node, now, EvictionReason.NODE_FAILURES, None)

    def _take_off(self, node: str, now: int, reason: EvictionReason, grace: int | None) -> None:
        """Jobs lose a node: their pods there get another one if Kueue finds one, else the whole job has to go.

        Kueue looks at them in no order; here the one that came first does, so that a file's order decides nothing.
        """
        for index in sorted(self._outages.on(node), key=self._came):
            if not self._replace(index, node, now):
                self._send_away([index], now, reason, grace)

    def _came(self, index: WorkloadId) -> tuple[int, str, str]:
        arrival = self._arrivals[index]
        return arrival.queued_at, arrival.workload.uid, arrival.workload.name

    def _replace(self, index: WorkloadId, node: str, now: int) -> bool:
        """Kueue replaces one lost node, not several."""
        outages = self._outages
        if not self._assumptions.node_replacement or index in self._leaving or outages.lost(index) - {node}:
            return False
        if not self.engine.replace_node(index, outages.host(node)):
            return False
        pod_sets = self.engine.granted(index)
        outages.moved(index, pod_sets)
        self._moves.append(Moved(now, self._arrivals[index].workload.name, node, pod_sets))
        if outages.stands_still(index):
            heappush(self._events, (outages.resume(index, now), _FINISH, index, self._generation[index]))
        return True

    def _become(self, cluster: ChangingCluster) -> None:
        """Another cluster from now on. No event moves a queue to another tree, so running timers stay good."""
        self._cluster = cluster
        self.engine = self.engine.with_state(cluster.state, wake=False)

    def _notify_all(self, now: int) -> None:
        for tree in self.engine.trees:
            self._notify_tree(now, tree)

    def _wake(self, tree: TreeId) -> None:
        self._timers.discard(tree)
        if tree == _ALL_TREES:
            self.engine.wake_all()
        else:
            self.engine.wake(tree)

    def _run_cycles(self, now: int) -> None:
        self._ended = settle(self.engine, now, lambda result: self._apply(now, result), self._bounds)

    def _apply(self, now: int, result: CycleResult) -> None:
        if self._messages:
            self._record_messages(now, result)
        for choice in result.choices:
            self._record_choice(now, result.number, choice)
        for index in sorted(result.admitted):
            self._admit(now, result.number, index)
        for preemption in sorted(result.preemptions, key=lambda each: each.workload):
            preemptor = self._arrivals[preemption.preemptor].workload.name
            latency = self._assumptions.eviction_latency
            self._evict(now, preemption.workload, preemption.reason.value, preemptor, latency)

    def _send_away(self, jobs: Iterable[WorkloadId], now: int, reason: EvictionReason, grace: int | None) -> None:
        """Evict those of the jobs that run and are not on their way out already."""
        latency = self._assumptions.eviction_latency if grace is None else grace
        for index in jobs:
            if self.engine.place(index) is Place.RUNNING and index not in self._leaving:
                self._evict(now, index, reason.value, "", latency)

    def _evict(self, now: int, index: WorkloadId, reason: str, preemptor: str, grace: int) -> None:
        """A running workload has to go; it keeps its quota for the grace period and then queues again."""
        workload = self._arrivals[index].workload
        self._generation[index] += 1
        self._outages.ended(index, now)
        self._decisions.append(
            Evicted(now, self.engine.cycles, workload.name, workload.cluster_queue, reason, preemptor, now + grace)
        )
        if grace > 0:
            self._leaving.add(index)
            self.engine.mark_evicted(index)
            heappush(self._events, (now + grace, _RELEASE, index, 0))
        else:
            self._release(now, index)

    def _admit(self, now: int, cycle: int, index: WorkloadId) -> None:
        arrival = self._arrivals[index]
        self._generation[index] += 1
        self._ever_admitted[index] = True
        self._shown[index] = ""
        workload = arrival.workload
        pod_sets = self.engine.admission(index)
        self._decisions.append(Admitted(now, cycle, workload.name, workload.cluster_queue, pod_sets))
        self._outdate_status(now, index)
        if self._happenings:
            self._outages.started(index, pod_sets, now + arrival.runtime)
        heappush(self._events, (now + arrival.runtime, _FINISH, index, self._generation[index]))

    def _record_choice(self, now: int, cycle: int, choice: Choice) -> None:
        """The first time only: a job that waits meets the same choice in every cycle."""
        what = choice.kind
        preemptor = self._arrivals[choice.preemptor].workload.name if choice.preemptor != NO_WORKLOAD else ""
        chosen, others = (
            tuple(self._arrivals[index].workload.name for index in indices)
            for indices in (choice.chosen, choice.others)
        )
        self._choices.setdefault(
            (what, preemptor, chosen, others), RandomChoice(now, cycle, what, preemptor, chosen, others)
        )

    def _record_messages(self, now: int, result: CycleResult) -> None:
        for index in result.refused:
            refusal = self.engine.refusal(index)
            text = refusal.text if refusal is not None else ""
            if text != self._shown[index]:
                self._shown[index] = text
                self._log.append(MessageChange(now, result.number, self._arrivals[index].workload.name, text))

    def _still_pending(self) -> list[StillPending]:
        left: list[StillPending] = []
        for number, arrival in enumerate(self._arrivals):
            index = WorkloadId(number)
            place = self.engine.place(index)
            if self._finished[index] or place is Place.RUNNING:
                continue
            refusal = self.engine.refusal(index)
            workload = arrival.workload
            cause = self.engine.cause(index) or Cause.NOT_EVALUATED
            text = refusal.text if refusal is not None else ""
            if cause is Cause.QUEUE_STOPPED:
                text = f"ClusterQueue {workload.cluster_queue} is stopped"
            left.append(
                StillPending(
                    workload.name,
                    workload.cluster_queue,
                    self._ever_admitted[index],
                    place.value or "none",
                    text,
                    cause,
                )
            )
        return left

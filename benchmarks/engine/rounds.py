"""Schedulers that decide in rounds and preempt: shortest remaining time or service first, least attained service.

Not Kueue: the twin of research schedulers whose runs on real GPUs are published, so that the method of estimating is
measured against starts that happened. Every `length` seconds, if a job came, ended or changed its queue, all jobs are
placed anew in the policy's order (who does not fit is skipped) and whoever got GPUs starts again from its checkpoint,
which costs its start-up time. Times are seconds.

Sources: Tiresias (NSDI'19) for the discretized least attained service; Muri (SIGCOMM'22) for rounds, the baselines and
jobs that share GPUs; see `fairness` for Themis and `sharing` for who shares with whom.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain

from benchmarks.engine.fairness import FairJob, FairRounds
from benchmarks.engine.sharing import Sharer, common_step, pack

_NODE_GPUS = 8


class RoundPolicy(StrEnum):
    """In which order jobs are placed."""

    SHORTEST_TIME = "SRTF"
    """Least remaining run time first."""
    SHORTEST_SERVICE = "SRSF"
    """Least remaining run time times GPUs first."""
    ATTAINED_SERVICE = "Tiresias"
    """By queue of attained GPU time, first come first served within one; who waits goes behind who runs."""
    LEAST_SERVICE = "LAS"
    """Least attained GPU time first."""
    FINISH_TIME_FAIRNESS = "Themis"
    """By the least share of time that keeps finish times fair, over how often a job was placed."""


@dataclass(frozen=True, slots=True)
class RoundJob:
    """A job.

    Attributes:
        submitted: when.
        gpus: how many it needs at once.
        runtime: how long it runs undisturbed.
        restart: seconds from a placement to the first step of work.
        step: seconds of one iteration (finish-time fairness and sharing).
        stages: seconds of one iteration on each kind of hardware (sharing).
    """

    submitted: float
    gpus: int
    runtime: float
    restart: float = 0.0
    step: float = 1.0
    stages: tuple[float, ...] = (1.0,)


@dataclass(frozen=True, slots=True)
class RoundCluster:
    """The hardware and the scheduler.

    Attributes:
        nodes: of eight GPUs each; a job of up to eight stays on one, a larger one takes whole nodes.
        policy: the order.
        length: of a round.
        service_limits: GPU seconds at which a job moves to the next queue (attained service only).
        sharing: how many jobs may run on the same GPUs.
    """

    nodes: int
    policy: RoundPolicy
    length: float = 360.0
    service_limits: tuple[float, ...] = (3250.0, 7200.0)
    sharing: int = 1

    @property
    def gpus(self) -> int:
        """In all."""
        return _NODE_GPUS * self.nodes


class RoundSimulation:
    """A cluster in time. Jobs are numbered in the order they are added, which is that of submission."""

    def __init__(self, cluster: RoundCluster, jobs: Sequence[RoundJob] = ()) -> None:
        """At time 0, with these jobs to come."""
        self._cluster = cluster
        self.now: float = 0.0
        self.jobs: list[RoundJob] = []
        self.started: list[float | None] = []
        self.ended: list[float | None] = []
        self.restarts: int = 0
        self._remaining: list[float] = []
        self._rank: list[float] = []
        self._attained: list[float] = []
        self._level: list[int] = []
        self._queues: list[list[int]] = [[] for _ in range(len(cluster.service_limits) + 1)]
        self._running: dict[int, float] = {}
        self._speed: dict[int, float] = {}
        self._fair = FairRounds(cluster.gpus) if cluster.policy is RoundPolicy.FINISH_TIME_FAIRNESS else None
        self._next: int = 0
        self._dirty: bool = False
        self._held: set[int] = set()
        for job in jobs:
            self.add(job)

    def add(self, job: RoundJob) -> int:
        """A job to come, not before any other that was added; returns its number."""
        self.jobs.append(job)
        self.started.append(None)
        self.ended.append(None)
        self._remaining.append(0.0)
        self._rank.append(0.0)
        self._attained.append(0.0)
        self._level.append(0)
        self._leave_to_do(len(self.jobs) - 1, job.runtime)
        return len(self.jobs) - 1

    def fork(self) -> RoundSimulation:
        """A copy that goes its own way; jobs still to come are left out."""
        other = RoundSimulation(self._cluster)
        other.now, other._next, other._dirty = self.now, self._next, self._dirty
        known = self._next
        other.jobs = self.jobs[:known]
        other._remaining, other._rank = self._remaining[:known], self._rank[:known]
        other.started, other.ended = self.started[:known], self.ended[:known]
        other._attained, other._level = self._attained[:known], self._level[:known]
        other._queues = [list(queue) for queue in self._queues]
        other._running, other._speed = dict(self._running), dict(self._speed)
        other._held = set(self._held)
        other._fair = None if self._fair is None else self._fair.copy()
        return other

    def scale_remaining(self, number: int, factor: float) -> None:
        """What is left of a job's run time turns out to be this much."""
        self._leave_to_do(number, self._remaining[number] * factor)

    def correct(self, number: int, *, started: bool, ended: bool) -> None:
        """What was seen of a job: a twin that erred is set right.

        A job that ended is dropped. One that did not, though the twin thought so, runs for another round. One that
        has not started has all its work before it.
        """
        if ended and self.ended[number] is None:
            self._leave(number)
            self.ended[number] = self.now
            self._dirty = True
        elif not ended and self.ended[number] is not None:
            self.ended[number] = None
            self._leave_to_do(number, self._cluster.length)
            self._queues[self._level[number]].append(number)
            self._dirty = True
        if not started and self.started[number] is not None and not ended:
            self.started[number] = None
            self._leave_to_do(number, self.jobs[number].runtime)
            self._running.pop(number, None)
            self._dirty = True

    def hold_back(self, number: int) -> None:
        """It was seen that a job that had not started was not placed in the round at `now` either."""
        self._held.add(number)
        self._dirty = True

    @property
    def done(self) -> bool:
        """Has everything ended?"""
        return self._next == len(self.jobs) and not any(self._queues)

    def run(self, *, until: float = math.inf, until_started: int | None = None) -> None:
        """Round after round to the end, to the first round at or after `until`, or to a job's start."""
        while not self.done and self.now < until:
            self._admit_submitted()
            if self._dirty:
                self._place()
            if until_started is not None and self.started[until_started] is not None:
                return
            self._advance(until)
            if self._held:
                self._held.clear()
                self._dirty = True

    def decide(self) -> None:
        """The round at `now`: jobs submitted by now are placed, no time passes."""
        self._admit_submitted()
        if self._dirty:
            self._place()

    def _admit_submitted(self) -> None:
        while self._next < len(self.jobs) and self.jobs[self._next].submitted <= self.now:
            self._queues[0].append(self._next)
            self._next += 1
            self._dirty = True

    def _place(self) -> None:
        self._order()
        self._running = {}
        self._speed = {}
        if self._cluster.sharing > 1:
            self._place_shared()
        else:
            self._place_alone()
        if self._cluster.policy is RoundPolicy.ATTAINED_SERVICE:
            for queue in self._queues:
                queue.sort(key=lambda number: number not in self._running)
        self._dirty = False

    def _order(self) -> None:
        """One queue is left sorted, so that sorting it again is cheap; queues of attained service keep their order."""
        if self._fair is not None:
            queue = self._queues[0]
            queue.sort(key=lambda number: -self.jobs[number].gpus)  # of equals, the larger is placed first
            self._queues[0] = self._fair.order([self._fair_job(number) for number in queue], self._cluster.length)
        elif self._cluster.policy is not RoundPolicy.ATTAINED_SERVICE:
            self._queues[0].sort(key=self._rank.__getitem__)

    def _fair_job(self, number: int) -> FairJob:
        job = self.jobs[number]
        return FairJob(number, job.gpus, self.now - job.submitted, self._remaining[number], job.step)

    def _place_alone(self) -> None:
        free = [_NODE_GPUS] * self._cluster.nodes
        left = self._cluster.gpus
        for number in chain.from_iterable(self._queues):
            if left == 0:
                break
            if number not in self._held and _take(free, self.jobs[number].gpus):
                left = sum(free)
                self._start(number)

    def _place_shared(self) -> None:
        """Every place that is found is one for several jobs of its size, in the policy's order."""
        by_size: dict[int, list[int]] = {}
        waiting = [number for number in chain.from_iterable(self._queues) if number not in self._held]
        for number in waiting:
            by_size.setdefault(self.jobs[number].gpus, []).append(number)
        chosen: set[int] = set()
        places: dict[int, int] = {}
        free = [_NODE_GPUS] * self._cluster.nodes
        for number in waiting:
            size = self.jobs[number].gpus
            if number not in chosen and _take(free, size):
                first = places.get(size, 0)
                chosen.update(by_size[size][first : first + self._cluster.sharing])
                places[size] = first + self._cluster.sharing
        sharers = [
            Sharer(number, self.jobs[number].gpus, self.jobs[number].step, self.jobs[number].stages)
            for number in waiting
            if number in chosen
        ]
        free = [_NODE_GPUS] * self._cluster.nodes
        sets = pack(sharers, self._cluster.gpus, self._cluster.sharing)
        for together in sorted(sets, key=lambda each: -each[0].gpus):
            if _take(free, together[0].gpus):
                step = common_step(together)
                for each in together:
                    self._start(each.number)
                    self._speed[each.number] = each.step / step

    def _start(self, number: int) -> None:
        self._running[number] = self.jobs[number].restart
        self.restarts += 1
        if self.started[number] is None:
            self.started[number] = self.now
        if self._fair is not None:
            self._fair.placed(number)

    def _advance(self, until: float) -> None:
        """To the next round at which something is different."""
        length = self._cluster.length
        steps = 1 if self._held else self._rounds_to_change()
        if until < math.inf:
            steps = min(steps, max(1, math.ceil((until - self.now) / length)))
        span = steps * length
        for number, warm_up in sorted(self._running.items()):  # of two that change queue, the older goes first
            speed = self._speed.get(number, 1.0)
            if warm_up + self._remaining[number] / speed <= span:
                self.ended[number] = self.now + warm_up + self._remaining[number] / speed
                self._leave(number)
                self._dirty = True
            else:
                done = max(0.0, span - warm_up) * speed
                self._running[number] = max(0.0, warm_up - span)
                self._attained[number] += span
                self._leave_to_do(number, self._remaining[number] - done)
                self._demote(number)
                if self._fair is not None:
                    self._fair.ran(number, span, done / self.jobs[number].step)
        self.now += span

    def _rounds_to_change(self) -> int:
        """Rounds until a job arrives, ends or changes its queue."""
        length = self._cluster.length
        speed = self._speed
        ahead = [
            warm_up + self._remaining[number] / speed.get(number, 1.0) for number, warm_up in self._running.items()
        ]
        if self._next < len(self.jobs):
            ahead.append(self.jobs[self._next].submitted - self.now)
        if self._cluster.policy is RoundPolicy.ATTAINED_SERVICE:
            limits = self._cluster.service_limits
            for number in self._running:
                if self._level[number] < len(limits):
                    due = limits[self._level[number]] / self.jobs[number].gpus
                    ahead.append(due - self._attained[number])
        return max(1, math.ceil(min(ahead, default=length) / length))

    def _demote(self, number: int) -> None:
        if self._cluster.policy is not RoundPolicy.ATTAINED_SERVICE:
            return
        limits = self._cluster.service_limits
        level = self._level[number]
        service = self._attained[number] * self.jobs[number].gpus
        while level < len(limits) and service >= limits[level]:
            level += 1
        if level != self._level[number]:
            self._queues[self._level[number]].remove(number)
            self._queues[level].append(number)
            self._level[number] = level
            self._dirty = True

    def _leave_to_do(self, number: int, remaining: float) -> None:
        """What is left of a job, and with it the place the policy gives it."""
        self._remaining[number] = remaining
        policy, gpus = self._cluster.policy, self.jobs[number].gpus
        if policy is RoundPolicy.SHORTEST_SERVICE:
            self._rank[number] = remaining * gpus
        elif policy is RoundPolicy.LEAST_SERVICE:
            self._rank[number] = self._attained[number] * gpus
        else:
            self._rank[number] = remaining

    def _leave(self, number: int) -> None:
        self._queues[self._level[number]].remove(number)
        self._running.pop(number, None)


def _take(free: list[int], gpus: int) -> bool:
    """Take GPUs from the first node that has them, or whole nodes for more than one node's worth."""
    if gpus <= _NODE_GPUS:
        for node, left in enumerate(free):
            if left >= gpus:
                free[node] -= gpus
                return True
        return False
    empty = [node for node, left in enumerate(free) if left == _NODE_GPUS]
    wanted = -(-gpus // _NODE_GPUS)
    if len(empty) < wanted:
        return False
    for node in empty[:wanted]:
        free[node] = 0
    return True

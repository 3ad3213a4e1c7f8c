"""What a simulation amounts to: waits, use, evictions, by queue and job, and courses over time for pictures.

Times are in the scenario's unit (milliseconds), amounts in the engine's (milli-CPU, bytes, devices).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from allotment.model.devices import DEVICE_RESOURCES, is_partition
from allotment.scheduling.queueing.inputs import PodSetAdmission, Workload
from allotment.scheduling.queueing.settling import Settled
from allotment.simulation.capacity import (
    Amounts,
    CapacityStep,
    means,
    node_steps,
    queue_quota_steps,
    quota_steps,
    total_quota,
)
from allotment.simulation.outcome import Admitted, Evicted, RandomChoice, RunOutcome, StillPending
from allotment.simulation.scenario import Scenario


@dataclass(frozen=True, slots=True)
class Span:
    """A time in which a job held quota; `lost` if an eviction ended it."""

    start: int
    end: int
    amounts: tuple[tuple[str, int], ...]
    lost: bool


@dataclass(frozen=True, slots=True)
class JobFigures:
    """One job.

    Attributes:
        submitted: when it entered its queue.
        started: when it got its quota first; None if never.
        finished: when it was done; None if it was not.
        waited: all the time it spent in the queue, that after evictions included.
        asked: what it asks for in all, by resource.
        spans: when it held quota.
        stalled: time in which it held quota without progress, because a node of its was down.
        moves: how often pods of it that lost their node got another one.
    """

    name: str
    queue: str
    submitted: int
    started: int | None
    finished: int | None
    waited: int
    evictions: int
    asked: tuple[tuple[str, int], ...]
    spans: tuple[Span, ...]
    stalled: int = 0
    moves: int = 0


@dataclass(frozen=True, slots=True)
class Waits:
    """Waits of a group of jobs that started; zeros if there are none. Percentiles are nearest-rank."""

    jobs: int
    mean: float
    p50: int
    p95: int
    longest: int


@dataclass(frozen=True, slots=True)
class QueueFigures:
    """One queue.

    Attributes:
        jobs: that came until the end of the simulation.
        pending: that wait at its end.
        quota: nominal quota by resource; where it changed, its mean over the time from 0 to the run's `end`.
        used: amount times time, by resource.
    """

    name: str
    jobs: int
    finished: int
    pending: int
    evictions: int
    waits: Waits
    quota: Amounts
    used: Amounts


@dataclass(frozen=True, slots=True)
class RunFigures:
    """One simulation.

    Attributes:
        until: where it was stopped; None if it ran to its end.
        end: its last instant: `until`, or when the last thing happened.
        makespan: when the last job finished; 0 if none did.
        resource: the one that figures of use are about: GPUs if there are any.
        capacity: all nominal quota by resource; where it changed, its mean over the time from 0 to `end`.
        capacity_steps: all nominal quota over time; the first step is at 0.
        node_steps: what nodes offered that were up and not cordoned; empty without nodes.
        pending: jobs that wait at the end, with their reason.
        ended: at rest, or what stopped it.
        choices: where Kueue would choose at random among equals; from the first on this is one course of several.
        remarks: what of its file was left out or changed.
    """

    scenario: str
    until: int | None
    end: int
    makespan: int
    cycles: int
    ended: Settled
    resource: str
    capacity: Amounts
    queues: tuple[QueueFigures, ...]
    jobs: tuple[JobFigures, ...]
    pending: tuple[StillPending, ...]
    capacity_steps: tuple[CapacityStep, ...] = ()
    node_steps: tuple[CapacityStep, ...] = ()
    choices: tuple[RandomChoice, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def waits(self) -> Waits:
        """Of all jobs."""
        return waits_of(self.jobs)

    @property
    def evictions(self) -> int:
        """Of all jobs."""
        return sum(queue.evictions for queue in self.queues)

    def utilisation(self, resource: str) -> float:
        """Share of the capacity over the time from 0 to `end` that was held, 0-1 (more if quota was lowered)."""
        room = self.capacity.get(resource, 0) * self.end
        return sum(queue.used.get(resource, 0) for queue in self.queues) / room if room else 0.0


def figures(scenario: Scenario, outcome: RunOutcome, until: int | None = None) -> RunFigures:
    """Sum a run up."""
    last = max((each.t for each in outcome.decisions), default=0)
    arrived = [each for each in scenario.arrivals if until is None or each.queued_at <= until]
    end = until if until is not None else max([last, *(each.queued_at for each in arrived)])
    books = {each.workload.name: _Book(each.workload, each.queued_at) for each in arrived}
    for decision in outcome.decisions:
        book = books[decision.workload]
        if isinstance(decision, Admitted):
            book.admit(decision.t, decision.pod_sets)
        elif isinstance(decision, Evicted):
            book.stop(min(decision.released, end), lost=True)
        else:
            book.stop(decision.t, lost=False)
    for each in outcome.standstills:
        books[each.workload].stalled += (end if each.end is None else each.end) - each.start
    for move in outcome.moves:
        books[move.workload].moves += 1
    jobs = tuple(book.close(end) for book in books.values())
    pending = tuple(each for each in outcome.pending if each.queue != "none")
    return RunFigures(
        scenario=scenario.id,
        until=until,
        end=end,
        makespan=max((job.finished for job in jobs if job.finished is not None), default=0),
        cycles=outcome.cycles,
        ended=outcome.ended,
        resource=_main_resource(scenario),
        capacity=means(quota_steps(scenario), end),
        queues=_queues(scenario, jobs, pending, end),
        jobs=jobs,
        pending=pending,
        capacity_steps=quota_steps(scenario),
        node_steps=node_steps(scenario),
        choices=outcome.choices,
        remarks=scenario.remarks,
    )


@dataclass(slots=True)
class _Book:
    """A job's course while the decisions are read."""

    workload: Workload
    queued: int
    waiting_since: int = 0
    holding_since: int | None = None
    held: tuple[tuple[str, int], ...] = ()
    waited: int = 0
    evictions: int = 0
    finished: int | None = None
    stalled: int = 0
    moves: int = 0
    spans: list[Span] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.waiting_since = self.queued

    def admit(self, t: int, pod_sets: Sequence[PodSetAdmission]) -> None:
        self.waited += t - self.waiting_since
        self.holding_since = t
        self.held = _sums(self.workload, {each.name: each.count for each in pod_sets})

    def stop(self, t: int, *, lost: bool) -> None:
        if self.holding_since is not None:
            self.spans.append(Span(self.holding_since, t, self.held, lost))
        self.holding_since = None
        self.waiting_since = t
        if lost:
            self.evictions += 1
        else:
            self.finished = t

    def close(self, end: int) -> JobFigures:
        if self.holding_since is not None:
            self.spans.append(Span(self.holding_since, end, self.held, lost=False))
        elif self.finished is None:
            self.waited += max(0, end - self.waiting_since)
        return JobFigures(
            name=self.workload.name,
            queue=self.workload.cluster_queue,
            submitted=self.queued,
            started=self.spans[0].start if self.spans else None,
            finished=self.finished,
            waited=self.waited,
            evictions=self.evictions,
            asked=_sums(self.workload, {each.name: each.count for each in self.workload.pod_sets}),
            spans=tuple(self.spans),
            stalled=self.stalled,
            moves=self.moves,
        )


def _sums(workload: Workload, counts: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    sums: dict[str, int] = {}
    for pod_set in workload.pod_sets:
        for resource, amount in pod_set.requests:
            sums[resource] = sums.get(resource, 0) + amount * counts.get(pod_set.name, 0)
    return tuple(sums.items())


def waits_of(jobs: Iterable[JobFigures]) -> Waits:
    """Waits of those that started."""
    waited = sorted(job.waited for job in jobs if job.started is not None)
    if not waited:
        return Waits(0, 0.0, 0, 0, 0)
    return Waits(len(waited), sum(waited) / len(waited), _rank(waited, 50), _rank(waited, 95), waited[-1])


def _rank(ordered: Sequence[int], percent: int) -> int:
    """Nearest rank: the smallest value that at least so many percent do not exceed."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]


def _queues(
    scenario: Scenario, jobs: Sequence[JobFigures], pending: Sequence[StillPending], end: int
) -> tuple[QueueFigures, ...]:
    by_queue: dict[str, list[JobFigures]] = {queue.name: [] for queue in scenario.state.cluster_queues}
    for job in jobs:
        by_queue[job.queue].append(job)
    waiting: dict[str, int] = {}
    for each in pending:
        waiting[each.cluster_queue] = waiting.get(each.cluster_queue, 0) + 1
    quotas = queue_quota_steps(scenario)
    result = []
    for queue in scenario.state.cluster_queues:
        members = by_queue[queue.name]
        used: dict[str, int] = {}
        for job in members:
            for span in job.spans:
                for resource, amount in span.amounts:
                    used[resource] = used.get(resource, 0) + amount * (span.end - span.start)
        result.append(
            QueueFigures(
                name=queue.name,
                jobs=len(members),
                finished=sum(job.finished is not None for job in members),
                pending=waiting.get(queue.name, 0),
                evictions=sum(job.evictions for job in members),
                waits=waits_of(members),
                quota=means(quotas[queue.name], end),
                used=used,
            )
        )
    return tuple(result)


def _main_resource(scenario: Scenario) -> str:
    """The devices that the most workloads ask for, else slices of them, else any resource."""
    capacity = total_quota(scenario.state)
    asked = dict.fromkeys(capacity, 0)
    for arrival in scenario.arrivals:
        for pod_set in arrival.workload.pod_sets:
            for resource, amount in pod_set.requests:
                if resource in asked and amount:
                    asked[resource] += 1
    return max(asked, key=lambda name: (_device_rank(name) if asked[name] else 0, asked[name]), default="")


def _device_rank(resource: str) -> int:
    return 2 if resource in DEVICE_RESOURCES else int(is_partition(resource))


# Courses over time


@dataclass(frozen=True, slots=True)
class Course:
    """Time means in equal steps, for one queue."""

    queue: str
    values: tuple[float, ...]


def courses_of_use(run: RunFigures, steps: int) -> tuple[Course, ...]:
    """What each queue held of the main resource."""
    changes: dict[str, list[tuple[int, int]]] = {queue.name: [] for queue in run.queues}
    for job in run.jobs:
        for span in job.spans:
            amount = dict(span.amounts).get(run.resource, 0)
            changes[job.queue] += [(span.start, amount), (span.end, -amount)]
    return tuple(Course(queue, _means(each, run.end, steps)) for queue, each in changes.items())


def courses_of_waiting(run: RunFigures, steps: int) -> tuple[Course, ...]:
    """How many jobs of each queue waited."""
    changes: dict[str, list[tuple[int, int]]] = {queue.name: [] for queue in run.queues}
    for job in run.jobs:
        since = job.submitted
        for span in job.spans:
            changes[job.queue] += [(since, 1), (span.start, -1)]
            since = span.end
        if job.finished is None and (not job.spans or job.spans[-1].lost):
            changes[job.queue].append((since, 1))
    return tuple(Course(queue, _means(each, run.end, steps)) for queue, each in changes.items())


def _means(changes: list[tuple[int, int]], end: int, steps: int) -> tuple[float, ...]:
    """Means of a step function over `steps` equal parts of 0..end."""
    if end <= 0:
        return (0.0,) * steps
    changes.sort()
    values = []
    level = position = 0
    at = 0.0
    for step in range(1, steps + 1):
        edge = end * step / steps
        area = 0.0
        while position < len(changes) and changes[position][0] <= edge:
            t, change = changes[position]
            area += level * (t - at)
            at = t
            level += change
            position += 1
        area += level * (edge - at)
        at = edge
        values.append(max(0.0, area * steps / end))
    return tuple(values)

"""Two runs side by side: who waits longer, who less, by how much. Times are seconds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from allotment.simulation.figures import RunFigures
from allotment.simulation.outcome import RandomChoice


@dataclass(frozen=True, slots=True)
class JobWait:
    """What a comparison needs to know of a job; `wait` of one that never started is only how long it waited so far."""

    job: str
    queue: str
    wait: float
    started: bool
    evictions: int


@dataclass(frozen=True, slots=True)
class RunSummary:
    """What a comparison needs to know of a run; `utilisation` is by resource, 0-1; `choices` as in `RunFigures`."""

    name: str
    jobs: tuple[JobWait, ...]
    makespan: float
    utilisation: tuple[tuple[str, float], ...]
    choices: tuple[RandomChoice, ...] = ()

    @property
    def evictions(self) -> int:
        """Of all jobs."""
        return sum(job.evictions for job in self.jobs)


@dataclass(frozen=True, slots=True)
class JobChange:
    """A job in both runs whose wait is another one, or that starts in one of them only."""

    job: str
    queue: str
    before: JobWait
    after: JobWait

    @property
    def change(self) -> float | None:
        """How much longer it waits; None if it does not start in both runs."""
        return self.after.wait - self.before.wait if self.before.started and self.after.started else None


@dataclass(frozen=True, slots=True)
class QueueChange:
    """A queue's jobs that are in both runs.

    Attributes:
        jobs: how many.
        before: mean wait of those that start in both runs; None if there are none.
        after: the same, in the other run.
        longer: jobs that wait longer.
        shorter: jobs that wait less.
        most: largest change of a single job, with its sign.
        newly_started: jobs that start only in the second run.
        no_longer_started: jobs that start only in the first.
        evictions: evictions more in the second run.
    """

    queue: str
    jobs: int
    before: float | None
    after: float | None
    longer: int
    shorter: int
    most: float
    newly_started: int
    no_longer_started: int
    evictions: int

    @property
    def change(self) -> float | None:
        """How much longer its jobs wait on average."""
        return None if self.before is None or self.after is None else self.after - self.before


@dataclass(frozen=True, slots=True)
class ChangedSetting:
    """A quota or a weight that was changed between the runs.

    Attributes:
        what: the change without its value, such as ``quota nlp/a100/nvidia.com/gpu``.
        before: as it was, as it is written.
        after: as it became.
        note: why the change is without effect; empty if it can have one.
    """

    what: str
    before: str
    after: str
    note: str


@dataclass(frozen=True, slots=True)
class RunDifference:
    """The second run against the first.

    Attributes:
        queues: every queue with jobs in both.
        jobs: those that changed, the largest changes first, jobs that start in one run only before all others.
        added: jobs that are only in the second run.
        removed: jobs that are only in the first.
        settings: what was changed between them, as far as it is known.
    """

    before: RunSummary
    after: RunSummary
    queues: tuple[QueueChange, ...]
    jobs: tuple[JobChange, ...]
    added: tuple[JobWait, ...]
    removed: tuple[JobWait, ...]
    settings: tuple[ChangedSetting, ...] = ()


def summary_of(run: RunFigures, name: str = "") -> RunSummary:
    """A run's figures as a comparison has them."""
    jobs = tuple(
        JobWait(each.name, each.queue, each.waited / 1000, each.started is not None, each.evictions)
        for each in run.jobs
    )
    utilisation = tuple((resource, run.utilisation(resource)) for resource in run.capacity)
    return RunSummary(name or run.scenario, jobs, run.makespan / 1000, utilisation, run.choices)


def difference(before: RunSummary, after: RunSummary) -> RunDifference:
    """Compare two runs, job by job, by name."""
    first = {job.job: job for job in before.jobs}
    second = {job.job: job for job in after.jobs}
    pairs = [JobChange(name, job.queue, job, second[name]) for name, job in first.items() if name in second]
    by_queue: dict[str, list[JobChange]] = {}
    for pair in pairs:
        by_queue.setdefault(pair.queue, []).append(pair)
    changed = [pair for pair in pairs if _differs(pair)]
    changed.sort(key=lambda pair: (pair.change is not None, -abs(pair.change or 0.0), pair.job))
    return RunDifference(
        before,
        after,
        tuple(_queue_change(queue, members) for queue, members in by_queue.items()),
        tuple(changed),
        tuple(job for name, job in second.items() if name not in first),
        tuple(job for name, job in first.items() if name not in second),
    )


def _differs(pair: JobChange) -> bool:
    if pair.before.started and pair.after.started:
        return pair.before.wait != pair.after.wait
    return pair.before.started != pair.after.started


def _queue_change(queue: str, pairs: Sequence[JobChange]) -> QueueChange:
    both = [pair for pair in pairs if pair.before.started and pair.after.started]
    changes = [pair.after.wait - pair.before.wait for pair in both]
    return QueueChange(
        queue=queue,
        jobs=len(pairs),
        before=sum(pair.before.wait for pair in both) / len(both) if both else None,
        after=sum(pair.after.wait for pair in both) / len(both) if both else None,
        longer=sum(change > 0 for change in changes),
        shorter=sum(change < 0 for change in changes),
        most=max(changes, key=abs, default=0.0),
        newly_started=sum(pair.after.started and not pair.before.started for pair in pairs),
        no_longer_started=sum(pair.before.started and not pair.after.started for pair in pairs),
        evictions=sum(pair.after.evictions - pair.before.evictions for pair in pairs),
    )

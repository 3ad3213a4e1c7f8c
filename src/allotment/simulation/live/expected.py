"""How long live work runs: like what ended before, and never beyond its limit."""

from __future__ import annotations

import functools
from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Final

from allotment.scheduling.queueing.inputs import Workload
from allotment.scheduling.snapshot.ended import EndedRun
from allotment.simulation.chance import Chance
from allotment.simulation.estimate.batches import BatchRuntimes, Submitted, batches
from allotment.simulation.estimate.forecast import RunningWorkload
from allotment.simulation.estimate.runtimes import RuntimeHistory, RuntimeModel, Runtimes
from allotment.simulation.live.seen import SeenCluster, SeenJob

ENOUGH_ENDED: Final = 5
"""Run times that have to be known before any interval rests on them."""
BATCH_GAP: Final = 600_000
"""Milliseconds between workloads of one sweep."""
_ALL: Final = "all"


class MovingPast:
    """Run times of what had ended by a moment. Moments only go forward."""

    def __init__(self, seen: SeenCluster) -> None:
        """Before anything has ended."""
        numbers = batches((Submitted(job.name, job.submitted, _kind(job.workload)) for job in seen.jobs), BATCH_GAP)
        self._groups = {job.name: groups_of(job.workload, numbers[job.name]) for job in seen.jobs}
        self._history = RuntimeHistory(enough=ENOUGH_ENDED)
        self._limits = seen.limits
        ends: list[tuple[int, SeenJob | EndedRun]] = [(job.ended, job) for job in seen.jobs if job.ended]
        ends += [(run.ended_at, run) for run in seen.runs]
        self._ends = sorted(ends, key=lambda each: each[0])
        self._next = 0

    def move_to(self, now: int) -> None:
        """What ended until then is known."""
        while self._next < len(self._ends) and self._ends[self._next][0] <= now:
            done = self._ends[self._next][1]
            if isinstance(done, SeenJob):
                self._history.finished(self._groups[done.name], max(1, done.ended - done.reserved))
            else:
                self._history.finished((("queue", done.queue), _ALL), done.runtime)
            self._next += 1

    @property
    def known(self) -> int:
        """Run times that are known, of the most recent ones."""
        return self._history.seen(_ALL)

    def batch_of(self, name: str) -> Hashable:
        """The sweep that a workload belongs to."""
        return self._groups[name][0]

    def limited(self, names: Iterable[str]) -> bool:
        """Whether all of these have a limit."""
        return all(name in self._limits for name in names)

    def runtimes(self, running: Sequence[RunningWorkload], now: int) -> RuntimeModel:
        """The run times of each future from a moment on."""
        oldest: dict[Hashable, int] = {}
        for each in running:
            batch = self._groups[each.workload.name][0]
            oldest[batch] = max(oldest.get(batch, 0), now - each.since)
        drawn = self.known >= ENOUGH_ENDED
        return functools.partial(_limited, self._history, self._groups, oldest, self._limits, drawn=drawn)


def _limited(
    history: RuntimeHistory,
    groups: Mapping[str, tuple[Hashable, ...]],
    oldest: Mapping[Hashable, int],
    limits: Mapping[str, int],
    *,
    drawn: bool,
) -> Runtimes:
    return LimitedRuntimes(BatchRuntimes(history, groups, oldest), limits, drawn=drawn)


class LimitedRuntimes:
    """Run times that end at the latest when their limit says.

    Args:
        inner: as experience has it.
        limits: by name, in the unit of the times.
        drawn: whether there is any experience. Without it anything up to the limit is taken to be as likely.
    """

    def __init__(self, inner: Runtimes, limits: Mapping[str, int], *, drawn: bool) -> None:
        self._inner = inner
        self._limits = limits
        self._drawn = drawn

    def remaining(self, name: str, elapsed: int, chance: Chance) -> int:
        """How much longer a job runs that has run for `elapsed`; at least 1."""
        limit = self._limits.get(name)
        if limit is None:
            return self._inner.remaining(name, elapsed, chance)
        most = max(1, limit - elapsed)
        left = self._inner.remaining(name, elapsed, chance) if self._drawn else int(most * chance.random())
        return max(1, min(left, most))


def groups_of(workload: Workload, batch: int) -> tuple[Hashable, ...]:
    """What it runs like, narrowest first: its sweep, its queue and shape, its ClusterQueue, everything."""
    return ("batch", batch), ("kind", *_kind(workload)), ("queue", workload.cluster_queue), _ALL


def _kind(workload: Workload) -> tuple[Hashable, ...]:
    where = workload.local_queue or workload.cluster_queue
    return (where, *((part.count, part.requests) for part in workload.pod_sets))

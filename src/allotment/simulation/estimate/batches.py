"""Jobs submitted together run alike: sweeps of one user are what fills a queue, and they are long or short as a whole.

If every job's run time were drawn by itself, a queue of a hundred jobs would always take a hundred mean run times, and
estimates would be far too sure of themselves.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass

from allotment.simulation.chance import Chance
from allotment.simulation.estimate.runtimes import RuntimeHistory


@dataclass(frozen=True, slots=True)
class Submitted:
    """A job as it was submitted; `kind` is what it shares with jobs like it, such as queue and size."""

    name: str
    at: int
    kind: tuple[Hashable, ...]


def batches(jobs: Iterable[Submitted], gap: int) -> dict[str, int]:
    """Number of the batch of each job: of one kind, each submitted at most `gap` after the one before.

    Args:
        jobs: by ascending time of submission.
        gap: in the unit of the times.
    """
    last: dict[tuple[Hashable, ...], tuple[int, int]] = {}
    numbers: dict[str, int] = {}
    count = 0
    for job in jobs:
        before = last.get(job.kind)
        if before is None or job.at - before[0] > gap:
            number = count
            count += 1
        else:
            number = before[1]
        last[job.kind] = (job.at, number)
        numbers[job.name] = number
    return numbers


class BatchRuntimes:
    """Run times in one future in which all jobs of a batch lie at the same quantile of what is possible.

    What its batch has shown counts: run times of its ended jobs before all others, and as long as none has ended, that
    they have run at least as long as the oldest of them has.

    Args:
        history: run times of ended jobs, each under its batch as the narrowest group.
        groups: of each job, narrowest first; the first is its batch.
        oldest: how long the oldest running job of a batch has run.
    """

    def __init__(
        self,
        history: RuntimeHistory,
        groups: Mapping[str, tuple[Hashable, ...]],
        oldest: Mapping[Hashable, int],
    ) -> None:
        self._history = history
        self._groups = groups
        self._oldest = oldest
        self._levels: dict[Hashable, float] = {}

    def remaining(self, name: str, elapsed: int, chance: Chance) -> int:
        """How much longer a job runs that has run for `elapsed`; at least 1."""
        groups = self._groups[name]
        batch = groups[0]
        level = self._levels.get(batch)
        if level is None:
            level = self._levels[batch] = chance.random()
        shown = elapsed if self._history.seen(batch) else max(elapsed, self._oldest.get(batch, 0))
        return max(1, shown + self._history.remaining(groups, shown, level) - elapsed)

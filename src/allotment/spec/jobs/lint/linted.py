"""What a rule of the lint looks at, and what it says."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from allotment.model.accelerator import CapacityType
from allotment.model.cluster import NodePool
from allotment.model.jobs.job import Job
from allotment.model.platform import Platform
from allotment.model.team import Team
from allotment.spec.jobs.wishes import pools_with
from allotment.spec.problems import Path

BEARABLE: Final = 3_600
"""Seconds of work that may be lost: who runs no longer than that just begins again."""


@dataclass(frozen=True, slots=True)
class LintAdvice:
    """What a rule says of a job.

    Attributes:
        path: of the field in the job file.
        why: what goes wrong, a sentence without a full stop.
        fix: an imperative.
    """

    path: Path
    why: str
    fix: str


@dataclass(frozen=True)
class LintedJob:
    """A job with what is known around it.

    Attributes:
        now: the moment by which times are judged; aware.
        written: paths of fields that somebody wrote; the rest are defaults.
    """

    job: Job
    platform: Platform
    team: Team
    now: dt.datetime
    written: Collection[str]

    @property
    def survives(self) -> bool:
        """Whether being displaced costs it no more than what it does again."""
        return self.job.checkpoint is not None or self.job.retries.safe

    @property
    def is_long(self) -> bool:
        """Whether it may run for longer than anybody likes to do again."""
        return self.job.run_time is None or self.job.run_time > BEARABLE

    @property
    def classes(self) -> tuple[str, ...]:
        """Classes of devices that it may get."""
        wish = self.job.needs.accelerators
        return () if wish is None else wish.classes

    @cached_property
    def pools(self) -> tuple[NodePool, ...]:
        """Pools that have its devices, that its team may use, and that are of a capacity type which it takes."""
        found = (pool for _placement, pool in pools_with(self.platform, self.team, self.classes))
        return tuple(pool for pool in found if self.takes(pool.capacity_type))

    def takes(self, kind: CapacityType) -> bool:
        """Whether it may run on capacity of a type."""
        wish = self.job.needs.accelerators
        if wish is not None and wish.capacity_type:
            return kind == wish.capacity_type
        return self.job.spot or kind is not CapacityType.SPOT

    def was_written(self, field: str) -> bool:
        """Whether somebody wrote a field."""
        return field in self.written


@dataclass(frozen=True, slots=True)
class LintRule:
    """A trap.

    Attributes:
        word: by which it is known, for good.
        title: what is wrong, for the documentation.
        reason: why it hurts.
        check: what it says of a job: nothing where it does not fall in.
    """

    word: str
    title: str
    reason: str
    check: Callable[[LintedJob], Iterator[LintAdvice]]

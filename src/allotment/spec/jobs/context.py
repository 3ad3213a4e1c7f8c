"""One document of a job file, with what is known around it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from allotment.model.jobs.job import JobType
from allotment.model.platform import Platform
from allotment.model.team import Team
from allotment.spec.jobs.schema import JobFileSpec
from allotment.spec.problems import Issue, Path, ProblemKind, Severity, Source


@dataclass
class JobSiblings:
    """The jobs of one file by name, of two with one name the first; complete before any of them is checked."""

    by_name: dict[str, JobContext] = field(default_factory=dict)

    def waited_for_by(self, name: str) -> list[str]:
        """Jobs of the file that one of them waits for."""
        return [each.job for each in self.by_name[name].spec.after if each.job in self.by_name]

    @cached_property
    def circles(self) -> Mapping[str, tuple[str, ...]]:
        """Each circle of jobs that wait for each other, by the first of them in the file: the way round, once."""
        found: dict[str, tuple[str, ...]] = {}
        told: set[str] = set()
        for name in self._never_free():
            way = self._way_round(name)
            if way and not told & set(way):
                found[name] = way
                told.update(way)
        return found

    def _never_free(self) -> list[str]:
        """What is left once everything is taken away that waits for nothing that is left."""
        waits = {name: set(self.waited_for_by(name)) for name in self.by_name}
        waiting: dict[str, list[str]] = {}
        for name, others in waits.items():
            for other in others:
                waiting.setdefault(other, []).append(name)
        free = [name for name, others in waits.items() if not others]
        while free:
            done = free.pop()
            for name in waiting.get(done, ()):
                waits[name].discard(done)
                if not waits[name]:
                    free.append(name)
        return [name for name, others in waits.items() if others]

    def _way_round(self, start: str) -> tuple[str, ...]:
        """The shortest way from a job back to itself; empty where there is none, or it is the way of one step."""
        came_from: dict[str, str] = {}
        now = [start]
        while now:
            following: list[str] = []
            for name in now:
                for other in self.waited_for_by(name):
                    if other == start and name != start:
                        way = [start, name]
                        while way[-1] != start:
                            way.append(came_from[way[-1]])
                        return tuple(reversed(way))
                    if other != start and other not in came_from:
                        came_from[other] = name
                        following.append(other)
            now = following
        return ()


@dataclass(frozen=True, slots=True)
class JobContext:
    """A document that has the form of a job.

    Attributes:
        now: by which dates are judged; aware.
        team: the platform's; None where it is unknown, which is told once.
        siblings: the jobs of the same file, this one among them.
    """

    spec: JobFileSpec
    source: Source
    platform: Platform
    now: dt.datetime
    team: Team | None
    team_name: str
    siblings: JobSiblings

    @property
    def type(self) -> JobType:
        """As it is written, or follows from what else is written."""
        if self.spec.type is not None:
            return self.spec.type
        if self.spec.sweep is not None:
            return JobType.SWEEP
        return JobType.TRAINING if self.spec.schedule is None else JobType.SCHEDULED

    def error(self, path: Path, what: str, fix: str, kind: ProblemKind = ProblemKind.WRONG) -> Issue:
        """A problem that stops everything."""
        return Issue(self.source, path, what, fix, Severity.ERROR, kind)

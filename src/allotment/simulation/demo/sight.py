"""A made-up cluster at a moment, as its controllers see it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from allotment.model.manifest import Body
from allotment.model.moments import written
from allotment.model.observed.base import condition
from allotment.model.observed.index import Index
from allotment.model.observed.pods import Pod
from allotment.model.observed.queueing import Workload
from allotment.model.observed.work import Job
from allotment.simulation.demo.fates import DemoPace


@dataclass(frozen=True)
class ClusterSight:
    """See the module.

    Attributes:
        now: milliseconds since the epoch.
        index: what was observed.
        raw: the Jobs as they are kept, by uid: pods are made of their templates.
        pace: how fast all goes.
    """

    now: int
    index: Index
    raw: Mapping[str, Body]
    pace: DemoPace

    @property
    def time(self) -> str:
        """RFC 3339."""
        return written(self.now)

    @property
    def jobs(self) -> Sequence[Job]:
        """All Jobs."""
        return self.index.objects.jobs

    @cached_property
    def books(self) -> Mapping[str, Workload]:
        """Kueue's Workloads by the uid of what they are for."""
        every = self.index.objects.workloads
        return {owner.uid: each for each in every if (owner := each.metadata.controller) is not None}

    @cached_property
    def pods_of(self) -> Mapping[str, Sequence[Pod]]:
        """Pods by the uid of their Job."""
        found: dict[str, list[Pod]] = defaultdict(list)
        for each in self.index.objects.pods:
            if (owner := each.metadata.controller) is not None:
                found[owner.uid].append(each)
        return found

    @cached_property
    def job_of(self) -> Mapping[str, Job]:
        """Jobs by uid."""
        return {each.metadata.uid: each for each in self.jobs}

    @cached_property
    def ranks(self) -> Mapping[str, int]:
        """Priority of pods by the name of its class."""
        return {each.name: each.value for each in self.index.objects.priority_classes}


def is_over(job: Job) -> bool:
    """Whether a Job has ended, well or not."""
    found = (condition(job.status.conditions, each) for each in ("Complete", "Failed"))
    return any(each is not None and each.true for each in found)

"""Philly's jobs as snapshots of a cluster: Workloads with their admissions and ends, as Kueue would have written them.

Truth is the simulated run of `benchmarks.engine.estimates_philly`; each virtual cluster is a ClusterQueue of its own.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Sequence
from dataclasses import dataclass

from allotment.model.observed.base import Condition, ObjectMeta, Selector
from allotment.model.observed.namespaced import Namespace
from allotment.model.observed.pods import Container, PodSpec, PodTemplate, Resources
from allotment.model.observed.queueing import (
    AdmissionOf,
    ClusterQueue,
    ClusterQueueSpec,
    FlavorQuota,
    LocalQueue,
    LocalQueueSpec,
    PodSetAssigned,
    QuotaOf,
    ResourceFlavor,
    ResourceGroupOf,
    Workload,
    WorkloadPodSet,
    WorkloadSpec,
    WorkloadStatus,
)
from allotment.model.observed.snapshot import Objects, Snapshot, Source
from benchmarks.engine.estimates_philly import GPU, Job, World

BEGIN = dt.datetime(2027, 1, 1, tzinfo=dt.UTC)
DAY = 86_400
KEPT = 14 * DAY
"""Seconds after which what ended is forgotten."""


def moment(seconds: int) -> str:
    return (BEGIN + dt.timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


class Clock:
    """Time as this process has used it: other work on the machine costs no futures."""

    def now(self) -> dt.datetime:
        return BEGIN + dt.timedelta(seconds=time.process_time())

    def sleep(self, seconds: float) -> None:
        raise AssertionError(f"nobody waits {seconds} s here")


def _condition(kind: str, at: int, reason: str) -> Condition:
    return Condition(type=kind, status="True", reason=reason, last_transition_time=moment(at))


@dataclass(frozen=True, slots=True)
class Replayed:
    """One job with its true course."""

    job: Job
    start: int
    place: str

    @property
    def key(self) -> str:
        return f"{self.place}/{self.job.name}"

    def at(self, now: int) -> Workload | None:
        """Its Workload at a moment; None if it had not come or is forgotten."""
        end = self.start + self.job.runtime
        if self.job.submitted > now or end < now - KEPT:
            return None
        pod = PodSpec(containers=(Container(name="main", resources=Resources(requests={GPU: str(self.job.gpus)})),))
        status = WorkloadStatus()
        if self.start <= now:
            given = PodSetAssigned(
                name="main", count=1, flavors={GPU: "default"}, resource_usage={GPU: str(self.job.gpus)}
            )
            conditions = [
                _condition("QuotaReserved", self.start, "QuotaReserved"),
                _condition("Admitted", self.start, "Admitted"),
            ]
            if end <= now:
                conditions.append(_condition("Finished", end, "Succeeded"))
            status = WorkloadStatus(
                admission=AdmissionOf(cluster_queue=self.place, pod_set_assignments=(given,)),
                conditions=tuple(conditions),
            )
        return Workload(
            kind="Workload",
            metadata=ObjectMeta(
                name=self.job.name,
                namespace=self.place,
                uid=f"{self.place}-{self.job.name.removeprefix('job-'):0>9}",
                creation_timestamp=moment(self.job.submitted),
            ),
            spec=WorkloadSpec(
                queue_name="jobs", pod_sets=(WorkloadPodSet(name="main", count=1, template=PodTemplate(spec=pod)),)
            ),
            status=status,
        )


class ReplayedCluster:
    """Several virtual clusters as the ClusterQueues of one cluster."""

    def __init__(self, worlds: Sequence[World]) -> None:
        self.worlds = worlds
        self.jobs = [
            Replayed(job, start, world.name)
            for world in worlds
            for job, start in zip(world.jobs, world.starts, strict=True)
        ]
        begun = moment(min(each.job.submitted for each in self.jobs))
        self._queues = tuple(
            ClusterQueue(
                metadata=ObjectMeta(name=world.name, creation_timestamp=begun),
                spec=ClusterQueueSpec(
                    namespace_selector=Selector(),
                    resource_groups=(
                        ResourceGroupOf(
                            covered_resources=(GPU,),
                            flavors=(
                                FlavorQuota(
                                    name="default",
                                    resources=(QuotaOf(name=GPU, nominal_quota=str(world.capacity)),),
                                ),
                            ),
                        ),
                    ),
                ),
            )
            for world in worlds
        )
        self._local = tuple(
            LocalQueue(
                metadata=ObjectMeta(name="jobs", namespace=world.name), spec=LocalQueueSpec(cluster_queue=world.name)
            )
            for world in worlds
        )

    def snapshot(self, now: int) -> Snapshot:
        workloads = tuple(found for each in self.jobs if (found := each.at(now)) is not None)
        objects = Objects(
            namespaces=tuple(Namespace(metadata=ObjectMeta(name=world.name)) for world in self.worlds),
            workloads=workloads,
            cluster_queues=self._queues,
            local_queues=self._local,
            flavors=(ResourceFlavor(metadata=ObjectMeta(name="default")),),
        )
        return Snapshot(
            taken_at=moment(now), sources=(Source(name="philly", observed_at=moment(now), objects=objects),)
        )

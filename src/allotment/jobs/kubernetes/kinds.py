"""Kinds of objects that can run a job, and what a cluster offers of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class WorkKind(StrEnum):
    """A kind that runs a job, as the API calls it."""

    JOB = "Job"
    JOB_SET = "JobSet"
    LEADER_WORKER_SET = "LeaderWorkerSet"
    CRON_JOB = "CronJob"
    DEPLOYMENT = "Deployment"
    TRAIN_JOB = "TrainJob"
    RAY_JOB = "RayJob"
    VOLCANO_JOB = "VolcanoJob"
    """Volcano itself calls it a Job."""


API_VERSIONS: Final[Mapping[WorkKind, str]] = {
    WorkKind.JOB: "batch/v1",
    WorkKind.JOB_SET: "jobset.x-k8s.io/v1alpha2",
    WorkKind.LEADER_WORKER_SET: "leaderworkerset.x-k8s.io/v1",
    WorkKind.CRON_JOB: "batch/v1",
    WorkKind.DEPLOYMENT: "apps/v1",
    WorkKind.TRAIN_JOB: "trainer.kubeflow.org/v1alpha1",
    WorkKind.RAY_JOB: "ray.io/v1",
    WorkKind.VOLCANO_JOB: "batch.volcano.sh/v1alpha1",
}
"""Group and version in which each is written."""

FOLLOWED: Final[tuple[WorkKind, ...]] = tuple(kind for kind in WorkKind if kind is not WorkKind.VOLCANO_JOB)
"""What a back end starts and looks for: all that waits in queues of Kueue."""


def api_kind(kind: WorkKind) -> str:
    """The kind as objects carry it."""
    return "Job" if kind is WorkKind.VOLCANO_JOB else kind.value


@dataclass(frozen=True, slots=True)
class WithheldKind:
    """A kind that a cluster serves and that is not started there.

    Attributes:
        why: a sentence.
        fix: what makes it one that is started.
    """

    why: str
    fix: str


NOTHING_WITHHELD: Final[Mapping[WorkKind, WithheldKind]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class ClusterOffer:
    """What a cluster has for jobs, as discovered.

    Attributes:
        kinds: those that its API server serves, and that are started.
        kueue: version of Kueue's API, such as ``kueue.x-k8s.io/v1beta2``; empty where there is none.
        devices: allocatable devices by class of the catalogue.
        told: what is unlike other clusters there, in sentences.
        withheld: further kinds that its API server serves.
    """

    kinds: frozenset[WorkKind]
    kueue: str
    devices: Mapping[str, int] = field(default_factory=dict)
    told: tuple[str, ...] = ()
    withheld: Mapping[WorkKind, WithheldKind] = field(default_factory=dict)

"""What makes pods: Jobs and all above them, kinds unknown to us included."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from allotment.model.observed.base import Condition, Object, ObjectMeta, Part, Reference, Selector
from allotment.model.observed.namespaced import ClaimSpec
from allotment.model.observed.pods import PodTemplate

_LONGEST_PART: Final = 20
"""Characters; anybody may write a status."""


class PodConditionPattern(Part, frozen=True):
    """A condition of a failed pod that a rule is about."""

    type: str = ""
    status: str = "True"


class PodFailureRule(Part, frozen=True):
    """What a Job makes of a failed pod: ``FailJob``, ``FailIndex``, ``Ignore`` or ``Count``."""

    action: str = ""
    on_pod_conditions: tuple[PodConditionPattern, ...] = ()


class PodFailurePolicy(Part, frozen=True):
    """How a Job counts failed pods; the first rule that matches decides."""

    rules: tuple[PodFailureRule, ...] = ()


class JobSpec(Part, frozen=True):
    """A Job's spec."""

    parallelism: int | None = None
    completions: int | None = None
    completion_mode: str = ""
    backoff_limit: int | None = None
    backoff_limit_per_index: int | None = None
    max_failed_indexes: int | None = None
    pod_failure_policy: PodFailurePolicy | None = None
    active_deadline_seconds: int | None = None
    ttl_seconds_after_finished: int | None = None
    suspend: bool = False
    managed_by: str = ""
    selector: Selector | None = None
    template: PodTemplate = PodTemplate()

    @property
    def runs_trials(self) -> bool:
        """Whether an index that fails for good leaves the others alone, as the trials of a sweep and no ranks."""
        return self.backoff_limit_per_index is not None and self.max_failed_indexes != 0


class JobStatus(Part, frozen=True):
    """How a Job is."""

    active: int = 0
    ready: int = 0
    succeeded: int = 0
    failed: int = 0
    failed_indexes: str = ""
    terminating: int = 0
    start_time: str = ""
    completion_time: str = ""
    conditions: tuple[Condition, ...] = ()


def failed_ranges(status: JobStatus) -> Iterator[range]:
    """Indexes of a Job that are given up for good, which it names in a text such as ``1,3-5``.

    What is no such text is left out; no index has more digits than a part of it is read of.
    """
    for part in status.failed_indexes.split(","):
        first, _, last = part.partition("-")
        if first.isdecimal() and (last or first).isdecimal() and len(part) < _LONGEST_PART:
            yield range(int(first), int(last or first) + 1)


class Job(Object, frozen=True):
    """A Job."""

    spec: JobSpec = JobSpec()
    status: JobStatus = JobStatus()


class JobTemplate(Part, frozen=True):
    """What a CronJob makes."""

    metadata: ObjectMeta = ObjectMeta()
    spec: JobSpec = JobSpec()


class CronJobSpec(Part, frozen=True):
    """A CronJob's spec."""

    schedule: str = ""
    time_zone: str = ""
    suspend: bool = False
    concurrency_policy: str = "Allow"
    starting_deadline_seconds: int | None = None
    job_template: JobTemplate = JobTemplate()


class CronJobStatus(Part, frozen=True):
    """How a CronJob is."""

    active: tuple[Reference, ...] = ()
    last_schedule_time: str = ""
    last_successful_time: str = ""


class CronJob(Object, frozen=True):
    """A CronJob."""

    spec: CronJobSpec = CronJobSpec()
    status: CronJobStatus = CronJobStatus()


class RollingUpdate(Part, frozen=True):
    """How far a rollout may go above and below its replicas."""

    max_surge: int | str | None = None
    max_unavailable: int | str | None = None


class Strategy(Part, frozen=True):
    """How a Deployment rolls out."""

    type: str = ""
    rolling_update: RollingUpdate | None = None


class ClaimTemplate(Part, frozen=True):
    """Of what a StatefulSet makes a claim for each of its pods."""

    metadata: ObjectMeta = ObjectMeta()
    spec: ClaimSpec = ClaimSpec()


class ReplicasSpec(Part, frozen=True):
    """Spec of a Deployment, ReplicaSet or StatefulSet."""

    replicas: int | None = None
    selector: Selector | None = None
    strategy: Strategy = Strategy()
    paused: bool = False
    pod_management_policy: str = ""
    template: PodTemplate = PodTemplate()
    volume_claim_templates: tuple[ClaimTemplate, ...] = ()


class ReplicasStatus(Part, frozen=True):
    """How its replicas are."""

    replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    updated_replicas: int = 0
    unavailable_replicas: int = 0
    observed_generation: int = 0
    conditions: tuple[Condition, ...] = ()


class Replicas(Object, frozen=True):
    """A Deployment, ReplicaSet or StatefulSet; `kind` says which."""

    spec: ReplicasSpec = ReplicasSpec()
    status: ReplicasStatus = ReplicasStatus()


class DaemonSetSpec(Part, frozen=True):
    """A DaemonSet's spec."""

    selector: Selector | None = None
    template: PodTemplate = PodTemplate()


class DaemonSetStatus(Part, frozen=True):
    """How many nodes a DaemonSet should be on, and is."""

    desired_number_scheduled: int = 0
    current_number_scheduled: int = 0
    number_ready: int = 0
    number_unavailable: int = 0


class DaemonSet(Object, frozen=True):
    """A DaemonSet."""

    spec: DaemonSetSpec = DaemonSetSpec()
    status: DaemonSetStatus = DaemonSetStatus()


class OwnerStatus(Part, frozen=True):
    """What controllers of other kinds report in common, and the words that some report instead."""

    conditions: tuple[Condition, ...] = ()
    job_status: str = ""
    job_deployment_status: str = ""
    state: str = ""
    phase: str = ""
    message: str = ""
    reason: str = ""


class PodNumber(Part, frozen=True):
    """A number in a spec by which pods of a template are counted.

    Attributes:
        path: JSON pointer to it.
        beside: pods that it counts beside those of the template.
        twins: JSON pointers to what has to be the same number.
    """

    path: str = ""
    value: int = 1
    beside: int = 0
    twins: tuple[str, ...] = ()


class StartsAfter(Part, frozen=True):
    """Another group of the same object that comes first, and how far: ``Complete`` or ``Ready``."""

    name: str = ""
    status: str = ""


class TemplateGroup(Part, frozen=True):
    """Pods of one template in an object of another kind, and how many.

    Attributes:
        copies: how often the whole stands side by side, each queued by itself; `count` is of all.
        path: JSON pointer to the template in the object; empty where that is not known.
        numbers: those that make up the count of one copy, outermost first.
        after: what has to have come so far before its pods are made.
    """

    name: str = ""
    count: int = 1
    template: PodTemplate = PodTemplate()
    copies: int = 1
    path: str = ""
    numbers: tuple[PodNumber, ...] = ()
    after: tuple[StartsAfter, ...] = ()


class Owner(Object, frozen=True):
    """Work of a kind with a controller of its own: JobSet, RayJob, TrainJob, LeaderWorkerSet and others.

    Attributes:
        suspend: as its spec says; None where it says nothing.
        groups: the pod templates found in its spec, with their counts, in order.
        nodes: how many pods it wants of a template that stands elsewhere, in what it runs by.
    """

    suspend: bool | None = None
    groups: tuple[TemplateGroup, ...] = ()
    nodes: PodNumber | None = None
    status: OwnerStatus = OwnerStatus()


Work = Job | CronJob | Replicas | DaemonSet | Owner
"""Everything that may stand above a pod."""
RawSpec = dict[str, Any]
"""A spec of a kind that has no struct, as it came."""

"""A case: the subject that is asked about, with everything above, below and beside it, found once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from allotment.diagnose.twins import Twins, twins_of
from allotment.model.labels import KUEUE_QUEUE
from allotment.model.moments import seconds
from allotment.model.observed.base import Names, Object, Reference
from allotment.model.observed.index import Beside, Index, kind_of
from allotment.model.observed.namespaced import Event, Namespace
from allotment.model.observed.pods import Pod, PodTemplate
from allotment.model.observed.queueing import ClusterQueue, LocalQueue, Workload
from allotment.model.observed.snapshot import Snapshot, Source, Submission
from allotment.model.observed.work import CronJob, DaemonSet, Job, JobSpec, Owner, Replicas, Work
from allotment.observe.seen import seen_everywhere, seen_in
from allotment.scheduling.snapshot.queues import sent_elsewhere

Subject = Work | Pod | Workload
"""What can be asked about."""

_API_VERSIONS: Final = {
    "Pod": "v1",
    "Job": "batch/v1",
    "CronJob": "batch/v1",
    "Deployment": "apps/v1",
    "ReplicaSet": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "Workload": "kueue.x-k8s.io/v1beta2",
    "ClusterQueue": "kueue.x-k8s.io/v1beta2",
    "LocalQueue": "kueue.x-k8s.io/v1beta2",
    "Cohort": "kueue.x-k8s.io/v1beta2",
    "ResourceFlavor": "kueue.x-k8s.io/v1beta2",
    "AdmissionCheck": "kueue.x-k8s.io/v1beta2",
}


@dataclass(frozen=True, slots=True)
class PodsToCome:
    """Pods of one template that the subject will make, or has made in part."""

    name: str
    count: int
    template: PodTemplate


class _SeenKinds(dict[str | tuple[str, str], bool]):
    """What of a source could be read: a kind everywhere, or in one namespace."""


class Case:
    """One subject in one source. Immutable in what it says; what costs is found when first asked for.

    Attributes:
        subject: the object; None if its creation was refused (then `submission` has what was sent).
        reference: what was asked about.
        now: seconds since the epoch.
        supposed: this is how it would be after a remedy: what controllers have not written yet means nothing.
        brief: only causes are asked for: rules may leave out proposals.
        one_of_many: of all that wait; only its dominant cause is asked for.
    """

    supposed: bool = False
    brief: bool = False
    one_of_many: bool = False

    def __init__(
        self,
        snapshot: Snapshot,
        source: Source,
        reference: Reference,
        subject: Subject | None,
        submission: Submission | None = None,
        index: Index | None = None,
    ) -> None:
        """Of a subject that `diagnose.subjects` has found; `index` where one of the source is there already."""
        self.snapshot = snapshot
        self.source = source
        self.reference = reference
        self.subject = subject
        self.submission = submission
        self.index = index if index is not None else Index(source)
        self.now = seconds(snapshot.taken_at or source.observed_at)
        self.beside = Beside()
        """What rules have found out of this case in common."""

    @cached_property
    def twins(self) -> Twins:
        """The twins of the source."""
        return twins_of(self.index, self.snapshot.taken_at or self.source.observed_at)

    @cached_property
    def work(self) -> Work | None:
        """The work that is asked about: the subject, what stands nearest above a pod, or what was to be created."""
        if isinstance(self.subject, Pod):
            chain = self.index.chain(self.subject.metadata)
            return chain[0] if chain else None
        if isinstance(self.subject, Workload):
            meta = self.subject.metadata
            return next((found for each in meta.owner_references if (found := self.index.owner(each, meta))), None)
        if self.subject is not None:
            return self.subject
        sent = self.submission.manifest if self.submission else None
        return None if isinstance(sent, Pod) else sent

    @cached_property
    def top(self) -> Work | None:
        """What stands at the top above the work: what a person submitted, and what a queue label stands on.

        A run of a CronJob carries its own labels; those of the CronJob's template concern the next run.
        """
        if self.work is None:
            return None
        chain = [each for each in self.index.chain(self.work.metadata) if not isinstance(each, CronJob)]
        return chain[-1] if chain else self.work

    @property
    def namespace(self) -> str:
        """Where the subject is."""
        return self.reference.namespace

    @cached_property
    def namespace_object(self) -> Namespace | None:
        """The namespace, if it was seen."""
        return self.index.namespaces.get(self.namespace)

    @cached_property
    def pods(self) -> tuple[Pod, ...]:
        """The subject's pods, those that are over included."""
        if isinstance(self.subject, Pod):
            return (self.subject,)
        if isinstance(self.subject, Workload) and self.work is None:
            # Of a group of pods, or of one: they are its owners themselves.
            meta, by_uid = self.subject.metadata, self.index.pods_by_uid
            return tuple(by_uid[each.uid] for each in self.index.owners_of(meta) if each.uid in by_uid)
        if self.work is None or not self.work.metadata.uid:
            return ()
        return tuple(self.index.pods_under(self.work.metadata.uid))

    @cached_property
    def waiting_pods(self) -> tuple[Pod, ...]:
        """Pods without a node."""
        return tuple(pod for pod in self.pods if not pod.spec.node_name and not pod.ended)

    @cached_property
    def starting_pods(self) -> tuple[Pod, ...]:
        """Pods with a node that do not do their work: not yet, or not any more."""
        return tuple(pod for pod in self.pods if pod.bound and not pod_ready(pod))

    @cached_property
    def running_pods(self) -> tuple[Pod, ...]:
        """Pods that do their work."""
        return tuple(pod for pod in self.pods if pod.bound and pod_ready(pod))

    @cached_property
    def workload(self) -> Workload | None:
        """Kueue's Workload of the subject: the newest that is not finished, or the newest."""
        if isinstance(self.subject, Workload):
            return self.subject
        found = [each for uid in self._uids() for each in self.index.workloads_of.get(uid, ())]
        found.sort(key=lambda each: (not each.says("Finished"), each.metadata.creation_timestamp))
        return found[-1] if found else None

    def _uids(self) -> list[str]:
        uids = [self.subject.metadata.uid] if self.subject is not None else []
        if self.work is not None:
            uids += [self.work.metadata.uid, *(each.metadata.uid for each in self.index.chain(self.work.metadata))]
        return [uid for uid in dict.fromkeys(uids) if uid]

    @cached_property
    def queue_name(self) -> str:
        """Name of the LocalQueue that the subject asks for; empty if it asks for none."""
        if self.workload is not None:
            return self.workload.spec.queue_name
        sent = self.submission.manifest if self.submission else None
        for each in (self.top, self.work, self.subject, sent):
            if each is not None and (name := queued_labels(each).get(KUEUE_QUEUE)):
                return name
        return ""

    @cached_property
    def local_queue(self) -> LocalQueue | None:
        """That LocalQueue, if there is one."""
        return self.index.local_queues.get(f"{self.namespace}/{self.queue_name}") if self.queue_name else None

    @cached_property
    def cluster_queue(self) -> ClusterQueue | None:
        """The ClusterQueue behind it, if there is one."""
        return self.index.cluster_queues.get(self.local_queue.spec.cluster_queue) if self.local_queue else None

    @cached_property
    def elsewhere(self) -> bool:
        """Whether its pods run in another cluster: nodes and volumes of this one say nothing of them."""
        return sent_elsewhere(self.index, self.namespace, self.queue_name)

    @cached_property
    def to_come(self) -> tuple[PodsToCome, ...]:
        """Pod templates of the subject with the pods that each makes."""
        if self.workload is not None and not isinstance(self.work, Job):
            return tuple(PodsToCome(each.name, each.count, each.template) for each in self.workload.spec.pod_sets)
        sent = self.submission.manifest if self.submission and self.subject is None else None
        each = self.work if self.work is not None else self.subject or sent
        return pods_of_work(each) if each is not None else ()

    def events(self, each: Object | None = None) -> list[Event]:
        """Events of an object, or of the subject; oldest first."""
        about = self.subject if each is None else each
        return [] if about is None else self.index.events_of(kind_of(about), about.metadata)

    @cached_property
    def _seen_kinds(self) -> _SeenKinds:
        return self.index.beside.once(_SeenKinds, _SeenKinds)

    def seen(self, plural: str) -> bool:
        """Whether a kind could be read where the subject is; if not, its absence means nothing."""
        kept = self._seen_kinds
        key = (plural, self.namespace)
        if key not in kept:
            kept[key] = seen_in(self.source, *key)
        return kept[key]

    def seen_everywhere(self, plural: str) -> bool:
        """Whether a kind could be read in all namespaces: what nodes hold and who waits is no matter of one alone."""
        kept = self._seen_kinds
        if plural not in kept:
            kept[plural] = seen_everywhere(self.source, plural)
        return kept[plural]


def queued_labels(each: Object) -> Names:
    """The labels by which work is queued: a CronJob's own concern nobody, those that its Jobs get do."""
    return (each.spec.job_template if isinstance(each, CronJob) else each).metadata.labels


def pods_of_work(each: Subject) -> tuple[PodsToCome, ...]:
    """Pod templates of an object with the pods that each makes."""
    match each:
        case Pod():
            return (PodsToCome("main", 1, PodTemplate(metadata=each.metadata, spec=each.spec)),)
        case Workload():
            return tuple(PodsToCome(part.name, part.count, part.template) for part in each.spec.pod_sets)
        case CronJob():
            spec = each.spec.job_template.spec
            return (PodsToCome("main", max(1, pods_at_once(spec)), spec.template),)
        case Job():
            return (PodsToCome("main", pods_at_once(each.spec), each.spec.template),)
        case Replicas():
            return (PodsToCome("main", 1 if each.spec.replicas is None else each.spec.replicas, each.spec.template),)
        case DaemonSet():
            return (PodsToCome("main", 1, each.spec.template),)
        case Owner():
            return tuple(PodsToCome(part.name, part.count, part.template) for part in each.groups)


def pods_at_once(spec: JobSpec) -> int:
    """Pods of a Job that run at the same time: never more than are to complete."""
    parallelism = 1 if spec.parallelism is None else spec.parallelism
    return parallelism if spec.completions is None else min(parallelism, spec.completions)


def pod_ready(pod: Pod) -> bool:
    """Whether a pod does its work: running, and ready where somebody waits for that."""
    if pod.status.phase != "Running":
        return False
    ready = next((each for each in pod.status.conditions if each.type == "Ready"), None)
    if ready is None:  # kubelets write it; what stands in a file, or comes from other agents, may not have it
        states = (each.state for each in pod.status.container_statuses)
        return not any(each.waiting or (each.terminated and each.terminated.exit_code) for each in states)
    return ready.true


def reference_of(each: Object) -> Reference:
    """How an object is named in answers."""
    kind = kind_of(each)
    return Reference(
        api_version=each.api_version or _API_VERSIONS.get(kind, "v1"),
        kind=kind,
        namespace=each.namespace,
        name=each.name,
    )

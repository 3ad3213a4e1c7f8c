"""What a cluster holds of our jobs: found by their label, read as structs, brought together by job.

Anybody may write our label on an object of his own. So an object counts only for a job whose home is known, and only
in there. What was seen once is known by its uid, which the store keeps, so that nothing of the same name takes its
place; what runs a job bears a mark that nobody else can make before it is there; pods are those that the job's own
objects made.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from allotment.jobs.kubernetes.batch_job import staging_name
from allotment.jobs.kubernetes.kinds import API_VERSIONS, FOLLOWED, WorkKind
from allotment.jobs.kubernetes.order import work_name
from allotment.jobs.kubernetes.pods import MAIN, STAGING
from allotment.model import labels
from allotment.model.manifest import Body
from allotment.model.observed.base import Object
from allotment.model.observed.pods import Pod
from allotment.model.observed.queueing import Workload
from allotment.model.observed.work import Job, Work
from allotment.observe.kinds import BY_KIND, KUEUE
from allotment.observe.reading import read_object
from allotment.ports.kube import KubePort

_GROUPS: Final = {kind: API_VERSIONS[kind].partition("/")[0] for kind in FOLLOWED}
_BETWEEN: Final[Mapping[WorkKind, tuple[str, str]]] = {
    WorkKind.DEPLOYMENT: ("apps/v1", "ReplicaSet"),
    WorkKind.LEADER_WORKER_SET: ("apps/v1", "StatefulSet"),
    WorkKind.RAY_JOB: (API_VERSIONS[WorkKind.RAY_JOB], "RayCluster"),
    WorkKind.TRAIN_JOB: (API_VERSIONS[WorkKind.JOB_SET], "JobSet"),
}
"""What stands between a kind and its pods, beside Jobs, which bear our labels."""
_DEEPEST: Final = 8
"""Steps from a pod to what runs the job: of a LeaderWorkerSet's worker there are four."""


@dataclass(frozen=True, slots=True)
class JobHome:
    """Where the objects of one job are, and how they are called; known of what was handed over alone.

    Attributes:
        id: of the job.
        namespace: of its team.
        name: of the job, as its user calls it.
        attempts: number of its last attempt.
        mark: what its `main` bears; empty where nobody asks for it.
        pinned: uids of what was seen of it, by part.
    """

    id: str
    namespace: str
    name: str
    attempts: int = 1
    mark: str = ""
    pinned: Mapping[str, str] = field(default_factory=dict)

    def holds(self, value: Object, *, name: str, staging: bool = False) -> bool:
        """Whether an object is the job's own.

        Args:
            value: an object with the job's label.
            name: the object's, or of what made it.
            staging: whether it fetches data before.
        """
        attempt = _attempt(value)
        if value.namespace != self.namespace or not 1 <= attempt <= self.attempts:
            return False
        work = work_name(self.name, self.id, attempt)
        return name == (staging_name(work) if staging else work)

    def believes(self, value: Object, part: str) -> bool:
        """Whether an object that bears the job's name is what was made for it, not what somebody put in its place."""
        if part in self.pinned:
            return value.metadata.uid == self.pinned[part]
        return part != MAIN or not self.mark or value.metadata.annotations.get(labels.JOB_MARK) == self.mark

    def with_seen(self, seen: SeenWork) -> JobHome:
        """The home, with what is seen for the first time pinned."""
        parts = ((MAIN, seen.main), (STAGING, seen.staging))
        new = {part: each.metadata.uid for part, each in parts if each is not None and part not in self.pinned}
        return replace(self, pinned={**self.pinned, **new}) if new else self


@dataclass(slots=True)
class SeenWork:
    """All that a cluster holds of one job.

    Attributes:
        namespace: of its team.
        main: what runs it; None where it is not made yet, or gone.
        staging: what fetches its data before.
        runs: Jobs that a CronJob made, oldest first.
        parts: Jobs that a JobSet made.
        workloads: Kueue's books for `main`, for its runs, or for its pods.
        books_of_staging: those for `staging`.
        pods: those that do its work.
        fetchers: those that fetch its data.
        again: how often its pods were started anew, by Kueue or after a failure.
        evictions: how often Kueue has turned it out.
        failures: how often its JobSet was started anew after a failure of its own.
        others: what the Workloads there are for, by uid: ``job/train in nlp``.
        makers: uids of all that makes its pods.
        refused: why pods of it cannot be made; empty where they can, or nobody asked.
    """

    id: str
    namespace: str
    main: Work | None = None
    staging: Job | None = None
    runs: list[Job] = field(default_factory=list)
    parts: list[Job] = field(default_factory=list)
    workloads: list[Workload] = field(default_factory=list)
    books_of_staging: list[Workload] = field(default_factory=list)
    pods: list[Pod] = field(default_factory=list)
    fetchers: list[Pod] = field(default_factory=list)
    again: int = 0
    evictions: int = 0
    failures: int = 0
    others: Mapping[str, str] = field(default_factory=dict)
    makers: set[str] = field(default_factory=set)
    refused: str = ""

    @property
    def attempt(self) -> int:
        """Number of the attempt that its objects were made for."""
        of = self.main or self.staging
        return 1 if of is None else _attempt(of)

    @property
    def uids(self) -> Iterator[str]:
        """Of all that Kueue may hold books for."""
        for each in (self.main, self.staging, *self.runs, *self.pods):
            if each is not None:
                yield each.metadata.uid


def seen_job(kube: KubePort, home: JobHome) -> SeenWork | None:
    """What a cluster holds of one job; None for nothing."""
    return _seen(kube, (home.namespace,), f"{labels.JOB}={home.id}", {home.id: home}).get(home.id)


def seen_jobs(kube: KubePort, namespaces: Sequence[str], homes: Mapping[str, JobHome]) -> Mapping[str, SeenWork]:
    """What a cluster holds, by id of the job.

    In a job's home what is oldest of those that bear its name runs it, unless it is known which does.

    Args:
        kube: the cluster.
        namespaces: where to look; everywhere if there are none.
        homes: of jobs, by id; nothing is seen of any other.
    """
    return _seen(kube, namespaces, labels.JOB, homes)


def _seen(
    kube: KubePort, namespaces: Sequence[str], selector: str, homes: Mapping[str, JobHome]
) -> Mapping[str, SeenWork]:
    found = _Found(homes)
    for kind in FOLLOWED:
        if kube.serves(API_VERSIONS[kind], kind.value):
            for raw in _listed(kube, API_VERSIONS[kind], kind.value, namespaces, selector):
                found.take_work(kind, raw)
    for raw in _between(kube, found.jobs.values()):
        found.take_maker(raw)
    for raw in _listed(kube, "v1", "Pod", namespaces, selector):
        found.take_pod(raw)
    found.bring_together()
    _take_workloads(kube, namespaces, {uid: job for job in found.jobs.values() for uid in job.uids})
    for job in found.jobs.values():
        job.runs.sort(key=lambda each: each.metadata.creation_timestamp)
    return found.jobs


class _Found:
    """What was found so far, by id; the only thing here that changes."""

    def __init__(self, homes: Mapping[str, JobHome]) -> None:
        self.jobs: dict[str, SeenWork] = {}
        self._homes = homes
        self._pods: list[Pod] = []
        self._makers: dict[str, str] = {}
        """uid → uid of the controller that made it, of all that may stand between a job and its pods."""

    def take_work(self, kind: WorkKind, raw: Body) -> None:
        value = _read(_GROUPS[kind], kind.value, raw)
        if value is None:
            return
        home = self._homes.get(value.metadata.labels.get(labels.JOB, ""))
        part = value.metadata.labels.get(labels.JOB_PART, "")
        if home is None or part not in {MAIN, STAGING}:
            return
        maker = value.metadata.controller
        if maker is not None and value.namespace == home.namespace:
            self._makers[value.metadata.uid] = maker.uid
        name = value.name if maker is None else maker.name
        if not home.holds(value, name=name, staging=part == STAGING):
            return
        job = self.jobs.setdefault(home.id, SeenWork(home.id, home.namespace))
        if maker is not None:
            if part == MAIN and isinstance(value, Job):
                (job.runs if maker.kind == WorkKind.CRON_JOB else job.parts).append(value)
        elif not home.believes(value, part):
            return
        elif part == STAGING:
            if isinstance(value, Job) and _is_first(job.staging, value):
                job.staging = value
        elif _is_first(job.main, value):
            job.main = value  # type: ignore[assignment]  # the kinds that are followed are those of `Work`
            job.again = _restarts(kind, raw)
            # Left out of a status that has none.
            job.failures = _number(_mapping(raw, "status").get("restartsCountTowardsMax"))

    def take_maker(self, raw: Body) -> None:
        """Something that stands between a job and its pods; its metadata."""
        of = next((each for each in raw["metadata"].get("ownerReferences") or () if each.get("controller")), None)
        if of is not None:
            self._makers[str(raw["metadata"].get("uid"))] = str(of.get("uid"))

    def take_pod(self, raw: Body) -> None:
        pod = _read("", "Pod", raw)
        if not isinstance(pod, Pod) or pod.metadata.controller is None:
            return
        job = self.jobs.get(pod.metadata.labels.get(labels.JOB, ""))
        if job is not None and pod.namespace == job.namespace:
            self._makers[pod.metadata.uid] = pod.metadata.controller.uid
            self._pods.append(pod)

    def bring_together(self) -> None:
        """Give every job its runs and its pods, by who made them."""
        for job in self.jobs.values():
            of = "" if job.main is None else job.main.metadata.uid
            job.runs = [each for each in job.runs if self._makers[each.metadata.uid] == of]
            job.parts = [each for each in job.parts if of in self._above(each.metadata.uid)]
        for pod in self._pods:
            its = self.jobs[pod.metadata.labels[labels.JOB]]
            above = list(self._above(pod.metadata.uid))
            if its.main is not None and its.main.metadata.uid in above:
                its.pods.append(pod)
            elif its.staging is not None and its.staging.metadata.uid in above:
                its.fetchers.append(pod)
        by_main = {job.main.metadata.uid: job for job in self.jobs.values() if job.main is not None}
        for uid in (*by_main, *self._makers):
            # From each of them up once: whoever has thousands of jobs has thousands of these.
            for each in (uid, *self._above(uid)):
                if each in by_main:
                    by_main[each].makers.add(uid)

    def _above(self, uid: str) -> Iterator[str]:
        """Whom something was made by, and who made that, up to the top; a circle is left after a few turns."""
        for _ in range(_DEEPEST):
            if uid not in self._makers:
                return
            uid = self._makers[uid]
            yield uid


def _between(kube: KubePort, jobs: Iterable[SeenWork]) -> Iterator[Body]:
    """Metadata of what controllers put between a job and its pods; of a few kinds only, and without our labels."""
    kinds = {each.value: between for each, between in _BETWEEN.items()}
    mains = ((job.main.kind, job.namespace) for job in jobs if job.main is not None)
    for (api_version, name), namespace in sorted({(kinds[kind], at) for kind, at in mains if kind in kinds}):
        yield from kube.list_metadata(api_version, name, namespace=namespace)


def _attempt(value: Object) -> int:
    """Number of the attempt that an object says it was made for."""
    text = value.metadata.labels.get(labels.JOB_ATTEMPT, "")
    return int(text) if text.isdecimal() and len(text) < 9 else 1


def _is_first(known: Object | None, new: Object) -> bool:
    """Whether what is new was made before what is known."""
    if known is None:
        return True
    ages = [(each.metadata.creation_timestamp, each.name) for each in (known, new)]
    return ages[1] < ages[0]


def _restarts(kind: WorkKind, raw: Body) -> int:
    """How often its controller has started its pods anew."""
    spec, status = _mapping(raw, "spec"), _mapping(raw, "status")
    if kind is WorkKind.JOB_SET:
        return _number(status.get("restarts"))
    if kind is not WorkKind.JOB or spec.get("completionMode") == "Indexed":
        # Of several pods one comes back while the others run on: that is the same attempt.
        return 0
    failed = _number(status.get("failed"))
    if any(_ends_by_rule(each) for each in status.get("conditions") or ()):
        # The last failure is one after which it is not tried again, whatever is left.
        return max(0, failed - 1)
    return min(failed, _number(spec.get("backoffLimit")))


def _ends_by_rule(found: Any) -> bool:
    """Whether a condition of a Job says that a rule on failed pods ends it."""
    known = isinstance(found, Mapping) and found.get("type") in {"Failed", "FailureTarget"}
    return known and found.get("status") == "True" and found.get("reason") == "PodFailurePolicy"


def _take_workloads(kube: KubePort, namespaces: Sequence[str], by_uid: Mapping[str, SeenWork]) -> None:
    version = next((each for each in KUEUE if kube.serves(each, "Workload")), None)
    if version is None or not by_uid:
        return
    others: dict[str, str] = {}
    for raw in _listed(kube, version, "Workload", namespaces, ""):
        of = raw["metadata"].get("ownerReferences") or ()
        owners = {each.get("uid") for each in of}
        others[str(raw["metadata"].get("uid"))] = _called(raw["metadata"], of)
        job = next((by_uid[uid] for uid in owners if uid in by_uid), None)
        value = None if job is None else _read("kueue.x-k8s.io", "Workload", raw)
        if job is None or not isinstance(value, Workload) or value.namespace != job.namespace:
            continue
        if job.staging is not None and job.staging.metadata.uid in owners:
            job.books_of_staging.append(value)
            continue
        job.workloads.append(value)
        counts = _mapping(_mapping(raw, "status"), "schedulingStats").get("evictions") or ()
        evictions = sum(_number(each.get("count")) for each in counts)
        job.again += evictions
        job.evictions += evictions
        job.others = others


def _called(metadata: Mapping[str, Any], owners: Sequence[Mapping[str, Any]]) -> str:
    """What a Workload is for: what made it, or itself where nothing did."""
    maker = next((each for each in owners if each.get("controller")), None)
    kind, name = ("workload", metadata) if maker is None else (str(maker.get("kind")).lower(), maker)
    return f"{kind}/{name.get('name')} in {metadata.get('namespace')}"


def _listed(kube: KubePort, api_version: str, kind: str, namespaces: Sequence[str], selector: str) -> Iterator[Body]:
    # One object that nobody can read stops nothing.
    for namespace in namespaces or ("",):
        yield from kube.list(api_version, kind, namespace=namespace, labels=selector, lenient=True)


def _read(group: str, kind: str, raw: Body) -> Object | None:
    value = read_object(BY_KIND[group, kind], raw).value
    return value if isinstance(value, Object) else None


def _mapping(raw: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = raw.get(name)
    return found if isinstance(found, Mapping) else {}


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0

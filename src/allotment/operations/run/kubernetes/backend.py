"""A Kubernetes cluster with Kueue as a place where jobs run.

The cluster keeps everything: a job is found again by its label, whoever made it and whoever died since. What is still
to be made of a job whose data are being fetched is held here, and where each job is at home, for the label alone
proves nothing; both are told again after a restart, when jobs are handed over again, and those that were over lately
are remembered.
"""

from __future__ import annotations

import gzip
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from allotment.errors import (
    CapacityError,
    ConflictError,
    ForbiddenError,
    InputError,
    NotFoundError,
)
from allotment.jobs.kubernetes.beside import beside_names
from allotment.jobs.kubernetes.budget import BUDGET, BUDGET_API
from allotment.jobs.kubernetes.kinds import API_VERSIONS, WorkKind
from allotment.jobs.kubernetes.order import WorkOrder, work_name
from allotment.jobs.kubernetes.place import JobPlace, place_of
from allotment.jobs.kubernetes.rendering import RenderedWork, render_work
from allotment.model import labels
from allotment.model.cluster import Cluster
from allotment.model.jobs.run import JobState
from allotment.model.manifest import Body, ObjectKey, key_of
from allotment.model.observed.base import Object
from allotment.model.observed.work import Work
from allotment.model.platform import Platform
from allotment.operations.run.kubernetes.ends import rank_of
from allotment.operations.run.kubernetes.guardrails_there import let_past_registries
from allotment.operations.run.kubernetes.homes import JobHomes
from allotment.operations.run.kubernetes.making import ClusterAccess, WorkMaker
from allotment.operations.run.kubernetes.offering import OfferingCluster
from allotment.operations.run.kubernetes.pod_logs import FollowedLogs, JobPods, read_logs
from allotment.operations.run.kubernetes.refusals import look_for_refusals
from allotment.operations.run.kubernetes.secrets_there import lacking_secrets
from allotment.operations.run.kubernetes.seeing import SeenWork
from allotment.operations.run.kubernetes.standing import (
    followed,
    is_staged,
    ranks_without_pod,
    with_class,
)
from allotment.ports.backends import BackendOffer, EndOfRun, FollowedJob, JobRefusedError, JobToStart, LogLine
from allotment.ports.kube import Deletion, RefusedError

_BESIDE: Final = (("v1", "ConfigMap"), ("v1", "Service"), (BUDGET_API, BUDGET))
"""Kinds that stand beside what runs a job."""
_FINAL: Final = (JobRefusedError, CapacityError, InputError, NotFoundError)
"""Errors after which another try is of no use."""


class KubernetesBackend:
    """See the module; implements `ports.backends.Backend`. One thread at a time, but for `log`."""

    def __init__(
        self,
        name: str,
        access: ClusterAccess,
        platform: Platform,
        cluster: Cluster,
        read_code: Callable[[str], bytes],
        refusal_for_good: Callable[[Body], str] = lambda _: "",
        require_right: Callable[[], None] = lambda: None,
    ) -> None:
        """Nothing is sent yet.

        Args:
            name: as users name it after ``--on``.
            access: how the cluster is reached.
            platform: whose teams share it.
            cluster: of the platform.
            read_code: the packed code that lies at a path, a tar.
            refusal_for_good: why what runs a job could never be let in there; empty where it could, or nobody can tell.
            require_right: raises where that is another cluster than is meant; see `RightCluster`.
        """
        self._name = name
        self._access = access
        self._kube = access.kube
        self._maker = WorkMaker(name, access)
        self._offering = OfferingCluster(access.kube, platform, cluster)
        self._platform = platform
        self._cluster = cluster
        self._read_code = read_code
        self._refusal_for_good = refusal_for_good
        self._require_right = require_right
        self._homes = JobHomes(name, access, platform, cluster, self._maker)
        self._staging: dict[str, JobToStart] = {}
        self._ended: dict[str, FollowedJob] = {}
        self._stopped: set[str] = set()
        self._forgotten: set[str] = set()
        self.acts = 0
        """How often something was made or ended here: what was read before lacks it."""

    @property
    def name(self) -> str:
        """As users name it after ``--on``."""
        return self._name

    def become(self, platform: Platform, cluster: Cluster) -> None:
        """Go by another version of the platform: teams that have come run there, and those that left do not.

        Args:
            platform: as declared now.
            cluster: the same one of it.
        """
        self._offering = OfferingCluster(self._kube, platform, cluster)
        self._homes.become(platform, cluster)
        self._platform, self._cluster = platform, cluster

    def offer(self) -> BackendOffer:
        """What it has now."""
        self._require_right()
        return self._offering.offer()

    def check(self, job: JobToStart) -> None:
        """Raise what `start` would raise for good; objects are sent as a dry run.

        Raises:
            JobRefusedError: it will never take it as it is.
            CapacityError: it can never run there.
        """
        self._require_right()
        work, maker = self._render(job), self._maker_for(job)
        for body in work:
            maker.attempt(body)
        never = self._refusal_for_good(work.main)
        if never:
            raise CapacityError(
                f"it can never run on {self._name}", why=never, fix="ask for less, or use another back end"
            )

    def told(self, job: JobToStart) -> tuple[str, ...]:
        """What was decided for the job, and which Secrets it lacks."""
        work = self._render(job)
        namespace = work.main["metadata"]["namespace"]
        lacking = lacking_secrets(self._kube, namespace, job.job.program.secrets)
        return (*work.told, *(f"{each} in {namespace}: without it the job's pods do not start" for each in lacking))

    def rendered(self, job: JobToStart) -> RenderedWork:
        """What would be made of a job.

        Raises:
            JobRefusedError: it will never take it as it is.
        """
        return self._render(job)

    def ours(self) -> Mapping[str, str]:
        """Ids of jobs that were handed over, by the uids of what was seen of them first."""
        return self._homes.ids_by_uid()

    def start(self, job: JobToStart) -> FollowedJob:
        """Make the job's objects, or say what became of those that are there.

        Raises:
            JobRefusedError: it will never take it as it is.
            CapacityError: it can never run there.
        """
        self._require_right()
        self._homes.take(job)
        seen = self._homes.seen(job.id)
        shown = self._shown(seen)
        if seen is None or shown is None:
            if job.taken:
                return FollowedJob(job.id, "", JobState.FAILED, job.attempt, end=EndOfRun(None, said="it is gone"))
            return self._begin(job)
        as_made = replace(job, attempt=seen.attempt)
        if seen.main is None:
            self._staging[job.id] = as_made
        elif shown.state in {JobState.QUEUED, JobState.STARTING}:
            kept_back = self._complete(as_made, seen.main)
            if kept_back and not job.taken:
                return FollowedJob(job.id, shown.native, JobState.HELD, job.attempt, reason=kept_back)
        return shown

    def remember(self, job: JobToStart) -> None:
        """Told of a job that is over: `look` shows what is left of it, `log` what it wrote. Nothing is asked."""
        self._homes.take(replace(job, taken=True))

    def advance(self) -> bool:
        """Make what runs a job as soon as its data are there; whether anything was made."""
        made = False
        for job in tuple(self._staging.values()):
            seen = self._homes.seen(job.id)
            shown = self._shown(seen)
            if seen is not None and seen.main is not None and shown is not None and not shown.state.over:
                if not self._complete(job, seen.main):
                    del self._staging[job.id]
            elif shown is None or shown.state is not JobState.STAGING:
                del self._staging[job.id]
            elif seen is not None and is_staged(seen):
                made = self._go_on(job, shown) or made
        return made

    def look(self) -> tuple[FollowedJob, ...]:
        """All jobs handed over that it shows, or that were ended here; those whose data are there are gone on with."""
        self._require_right()
        self.advance()
        seen = self._homes.look()
        look_for_refusals(self._kube, seen.values())
        shown = {job_id: each for job_id, job in seen.items() if (each := self._shown(job)) is not None}
        for job_id in self._stopped - shown.keys():
            shown[job_id] = FollowedJob(job_id, "", JobState.STOPPED, 1, end=EndOfRun(None, said="it was stopped"))
        self._forgotten &= shown.keys()
        return tuple(each for job_id, each in {**shown, **self._ended}.items() if job_id not in self._forgotten)

    def stop(self, job_id: str, grace: int) -> None:
        """Delete what runs a job and all that stands beside it, unless it is over, or was never handed over."""
        self._staging.pop(job_id, None)
        home = self._homes.of(job_id)
        if home is None:
            return
        self._require_right()
        seen = self._homes.seen(job_id)
        shown = self._shown(seen)
        if shown is not None and shown.state.over:
            return
        self._stopped.add(job_id)
        if seen is None:
            return
        self.acts += 1
        for work in (seen.main, seen.staging):
            if work is not None:
                key = ObjectKey(API_VERSIONS[WorkKind(work.kind)].rpartition("/")[0], work.kind, *_at(work))
                self._delete(API_VERSIONS[WorkKind(work.kind)], key, Deletion(foreground=True), work.metadata.uid)
        for pod in (*seen.pods, *seen.fetchers):
            if not pod.ended and grace < (pod.spec.termination_grace_period_seconds or 0):
                # Of 0 seconds the node would not be asked whether it has ended, and its devices whether they are free.
                how = Deletion(grace=max(1, grace))
                self._delete("v1", ObjectKey("", "Pod", *_at(pod)), how, pod.metadata.uid)
        self._delete_beside(seen, beside_names(work_name(home.name, home.id, seen.attempt)))

    def forget(self, job_id: str) -> None:
        """Its end is on record. What is left of it goes by itself in a day, with its log."""
        self._forgotten.add(job_id)
        self._stopped.discard(job_id)
        self._ended.pop(job_id, None)

    def log(
        self, job_id: str, *, rank: int | None = None, follow: bool = False, tail: int | None = None
    ) -> Iterator[LogLine | None]:
        """What its pods write.

        Raises:
            NotFoundError: nothing is known of it, or its output is gone; or it was over when the server started.
        """
        found = self._pods(job_id, rank)
        if follow and found.goes_on:
            return iter(FollowedLogs(self._kube, lambda: self._pods(job_id, rank), tail))
        return read_logs(self._kube, found, tail)

    def _pods(self, job_id: str, rank: int | None) -> JobPods:
        """Pods of a job, of one rank or of all."""
        if self._homes.of(job_id) is None:
            of = shlex.quote(f"{labels.JOB}={job_id}")
            raise NotFoundError(
                f"the log of {job_id} cannot be read here any more",
                why="the job was over more than a day before the server last started; only what it knows of is looked "
                "for, for anybody may write a job's label on pods of his own",
                fix=f"read it in the namespace of its team: kubectl logs --namespace NAMESPACE -l {of}",
            )
        seen = self._homes.seen(job_id)
        shown = self._shown(seen)
        if seen is None or shown is None:
            raise NotFoundError(
                f"there is nothing of {job_id} in {self._name}",
                why="it was never there, or it is gone: what is stopped is deleted with its output",
                fix="",
            )
        return JobPods(
            [each for each in seen.pods if rank in (None, rank_of(each))],
            not shown.state.over,
            [each for each in ranks_without_pod(seen) if rank in (None, each)],
            seen.fetchers if rank in (None, 0) else (),
        )

    def _complete(self, job: JobToStart, main: Work) -> str:
        """Whoever made it may have died before all was made; what runs found all that it needs. Why not yet, if so."""
        try:
            # What it was made as counts, whatever would be chosen now.
            work = self._render(job, WorkKind(main.kind))
            return self._maker_for(job).complete(work, main.metadata.uid)
        except (*_FINAL, ForbiddenError):
            # The platform, what the server keeps, or what its owner may has changed since; what is there runs on.
            return ""

    def _make(self, job: JobToStart, work: RenderedWork, first: Body) -> str:
        """Make an object, whose uid is known from then on; why not yet, if so."""
        self.acts += 1
        made = self._maker_for(job).make(job.id, work, first)
        if made.uid:
            self._homes.pin(job.id, made.uid, staging=first is not work.main)
        return made.kept_back

    def _place(self, job: JobToStart) -> JobPlace:
        try:
            return place_of(self._platform, self._cluster, job.job)
        except (NotFoundError, ForbiddenError, InputError) as error:
            raise JobRefusedError(error.what, why=error.why, fix=error.fix) from error

    def _render(self, job: JobToStart, wanted: WorkKind | None = None) -> RenderedWork:
        place = self._place(job)
        found = self._offering.discover(place.namespace)
        if not found.kueue:
            raise JobRefusedError(
                f"{self._name} has no Kueue",
                why="without it a job would hold its devices past every quota",
                fix="install Kueue, or choose another cluster",
            )
        try:
            # Always the same bytes of the same code: no time of its own.
            code = gzip.compress(self._read_code(job.code), mtime=0) if job.code else b""
        except OSError as error:
            why = error.strerror or str(error)
            raise JobRefusedError("the job's code is gone", why=why, fix="submit it again from its folder") from error
        order = WorkOrder(job.id or "new", job.job, job.attempt, job.failures, code)
        try:
            work = render_work(order, place, found.kinds, wanted=wanted, withheld=found.withheld)
        except InputError as error:
            raise JobRefusedError(error.what, why=error.why, fix=error.fix) from error
        maker = self._maker_for(job)
        past = let_past_registries(self._platform, self._cluster, job.job, place.namespace, maker.groups)
        work = replace(work, told=(*found.told, *work.told, *((past,) if past else ())))
        return maker.possible(maker.marked(order.id, work))

    def _maker_for(self, job: JobToStart) -> WorkMaker:
        """Makes in the name of whoever submitted a job.

        Raises:
            ForbiddenError: nobody knows by now who that is.
        """
        return self._maker.acting_as(self._access.in_name_of(job.owner))

    def _begin(self, job: JobToStart) -> FollowedJob:
        work = self._render(job)
        if work.staging is not None:
            # What would be refused later is refused now.
            self._maker_for(job).attempt(work.main)
        kept_back = self._make(job, work, work.main if work.staging is None else work.staging)
        if kept_back:
            return FollowedJob(job.id, "", JobState.HELD, job.attempt, reason=kept_back)
        if work.staging is not None:
            self._staging[job.id] = job
        state = JobState.QUEUED if work.staging is None else JobState.STAGING
        return self._now(job, state)

    def _shown(self, seen: SeenWork | None) -> FollowedJob | None:
        """The job as the cluster shows it; None where it shows nothing of it."""
        shown = None if seen is None else followed(seen)
        return None if seen is None or shown is None else with_class(shown, seen.workloads, self._offering.classes)

    def _now(self, job: JobToStart, otherwise: JobState) -> FollowedJob:
        seen = self._homes.seen(job.id)
        shown = self._shown(seen)
        return shown or FollowedJob(job.id, "", otherwise, job.attempt)

    def _go_on(self, job: JobToStart, shown: FollowedJob) -> bool:
        """Its data are there. A refusal that came since ends it: nobody else will hear of it."""
        try:
            work = self._render(job)
            kept_back = self._make(job, work, work.main)
        except (*_FINAL, ConflictError, ForbiddenError, RefusedError) as error:
            end = EndOfRun(None, said=error.line)
            self._ended[job.id] = FollowedJob(job.id, shown.native, JobState.FAILED, job.attempt, end=end)
            kept_back = ""
        if not kept_back:
            del self._staging[job.id]
        return not kept_back

    def _delete_beside(self, seen: SeenWork, names: frozenset[str]) -> None:
        """Delete what stands beside a job: what is owned by what ran it, or is called as this back end calls it."""
        main = None if seen.main is None else seen.main.metadata.uid
        for api_version, kind in _BESIDE:
            for body in self._kube.list(
                api_version, kind, namespace=seen.namespace, labels=f"{labels.JOB}={seen.id}", lenient=True
            ):
                owners = [each.get("uid") for each in body["metadata"].get("ownerReferences") or ()]
                if body["metadata"]["name"] in names or (main is not None and main in owners):
                    self._delete(api_version, key_of(body), Deletion(), body["metadata"]["uid"])

    def _delete(self, api_version: str, key: ObjectKey, how: Deletion, uid: str) -> None:
        self._kube.delete(api_version, key, identity=self._access.identity, uid=uid, how=how)


def _at(found: Object) -> tuple[str, str]:
    return found.namespace, found.name

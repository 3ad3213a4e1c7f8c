"""Where in a cluster each job is at home, whatever its team has by now, and what is seen of it there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from allotment.errors import ForbiddenError
from allotment.jobs.kubernetes.batch_job import staging_name
from allotment.jobs.kubernetes.order import work_name
from allotment.jobs.kubernetes.pods import MAIN, STAGING
from allotment.model.cluster import Cluster
from allotment.model.jobs.native import native_shown, native_uid
from allotment.model.names import tenant_name
from allotment.model.platform import Platform
from allotment.model.team import Team
from allotment.operations.run.kubernetes.making import ClusterAccess, WorkMaker
from allotment.operations.run.kubernetes.seeing import JobHome, SeenWork, seen_job, seen_jobs
from allotment.ports.backends import JobToStart
from allotment.ports.kube import AccessQuestion


class JobHomes:
    """Of all jobs that were handed over; a label alone proves nothing, so nothing is seen of others."""

    def __init__(
        self, name: str, access: ClusterAccess, platform: Platform, cluster: Cluster, maker: WorkMaker
    ) -> None:
        """Nothing is asked yet.

        Args:
            name: of the back end.
            access: how the cluster is reached.
            platform: whose teams share it.
            cluster: of the platform.
            maker: knows the mark of what it makes.
        """
        self._name = name
        self._kube = access.kube
        self._platform = platform
        self._cluster = cluster
        self._maker = maker
        self._only_in: tuple[str, ...] | None = access.namespaces or None
        self._looked_in = self._only_in
        self._homes: dict[str, JobHome] = {}

    def become(self, platform: Platform, cluster: Cluster) -> None:
        """Go by another version of the platform; where jobs may be listed is asked anew."""
        self._platform, self._cluster = platform, cluster
        self._looked_in = self._only_in

    def of(self, job_id: str) -> JobHome | None:
        """Where a job is at home; None of one that was never handed over."""
        return self._homes.get(job_id)

    def ids_by_uid(self) -> Mapping[str, str]:
        """Ids of jobs, by the uids of what was seen of them first."""
        return {uid: home.id for home in self._homes.values() for uid in home.pinned.values()}

    def pin(self, job_id: str, uid: str, *, staging: bool) -> None:
        """What was made of a job is known by its uid from now on."""
        home = self._homes[job_id]
        self._homes[job_id] = replace(home, pinned={**home.pinned, STAGING if staging else MAIN: uid})

    def look(self) -> Mapping[str, SeenWork]:
        """What the cluster holds of all of them, by id.

        Raises:
            ForbiddenError: jobs may be listed nowhere.
        """
        seen = seen_jobs(self._kube, self._where(), self._homes)
        self._homes |= {job_id: self._homes[job_id].with_seen(job) for job_id, job in seen.items()}
        return seen

    def take(self, job: JobToStart) -> None:
        """Remember where a job is at home: whatever its team may have by now, it may have had more."""
        if not job.taken and _declared(self._platform, job.job.team) is None:
            return
        namespace = namespace_of(self._platform, job.job.team)
        known = self._homes.get(job.id)
        pinned = {**(_on_record(job) if job.taken else {}), **({} if known is None else known.pinned)}
        mark = self._maker.mark(job.id)
        self._homes[job.id] = JobHome(job.id, namespace, job.job.name, job.attempt, mark, pinned)

    def seen(self, job_id: str) -> SeenWork | None:
        """What there is of a job that was handed over."""
        home = self._homes.get(job_id)
        seen = None if home is None else seen_job(self._kube, home)
        if home is not None and seen is not None:
            self._homes[job_id] = home.with_seen(seen)
        return seen

    def _where(self) -> tuple[str, ...]:
        """Namespaces in which jobs are looked for; none for everywhere. It is asked once what may be listed."""
        if self._looked_in is None:
            question = AccessQuestion("list", "batch", "jobs")
            if self._kube.permitted(question):
                self._looked_in = ()
            else:
                teams = (team.namespaces[0] for team, _ in self._platform.teams_in(self._cluster.name))
                mine = tuple(each for each in teams if self._kube.permitted(replace(question, namespace=each)))
                if not mine:
                    raise ForbiddenError(
                        f"you may list jobs in no team's namespace of {self._name}",
                        why=f"asked were those of the platform {self._platform.name}",
                        fix="ask the platform team for access, or sign in as somebody else",
                    )
                self._looked_in = mine
        return self._looked_in


def namespace_of(platform: Platform, team: str) -> str:
    """Where the jobs of a team are at home.

    Args:
        platform: as declared.
        team: its name, or id; one that has left the directory had, unless it named another, this namespace, which is
            nobody else's.
    """
    declared = _declared(platform, team)
    return tenant_name(team) if declared is None else declared.namespaces[0]


def _declared(platform: Platform, team: str) -> Team | None:
    return platform.team(team) or next((each for each in platform.teams if each.id == team), None)


def _on_record(job: JobToStart) -> Mapping[str, str]:
    """Uid of what was last seen of a job, by part, as the store keeps it."""
    uid = native_uid(job.native)
    if not uid:
        return {}
    _, _, name = native_shown(job.native).partition("/")
    fetching = {staging_name(work_name(job.job.name, job.id, each)) for each in range(1, job.attempt + 1)}
    return {STAGING if name in fetching else MAIN: uid}

"""What was seen of a cluster's queues: every workload with its submission, its quota and its end.

Kubernetes forgets what has ended. A single snapshot knows what ended a short while ago; recorded ones before it add
what was forgotten since.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from allotment.model.moments import milliseconds
from allotment.model.observed.index import Index
from allotment.scheduling.queueing.inputs import ClusterState, PodSetAdmission, Workload
from allotment.scheduling.snapshot.ended import EndedRun, ended_runs, ended_workloads, limits_of
from allotment.scheduling.snapshot.queueing import QueueingView, queueing_view


@dataclass(frozen=True, slots=True)
class SeenJob:
    """A workload. Times are milliseconds, 0 = not yet, or not at all.

    Attributes:
        submitted: when it came.
        reserved: when it got its quota, the last time.
        ended: when it was done.
        pod_sets: what it was given.
    """

    workload: Workload
    submitted: int
    reserved: int
    ended: int
    pod_sets: tuple[PodSetAdmission, ...]

    @property
    def name(self) -> str:
        """As its workload is named."""
        return self.workload.name

    def runs_at(self, now: int) -> bool:
        """Whether it held quota."""
        return 0 < self.reserved <= now and not 0 < self.ended <= now

    def waits_at(self, now: int) -> bool:
        """Whether it had come and had no quota yet."""
        return self.submitted <= now and not 0 < self.reserved <= now


@dataclass(frozen=True, slots=True)
class SeenCluster:
    """A moment of a cluster and what was seen of the time before.

    Attributes:
        view: the moment.
        jobs: all workloads that are or were in its queues, by the time they came.
        runs: ended work of which only the run time is known, by the time of its end.
        since: from when on nothing is missing among `jobs`, in milliseconds; the moment itself if nothing has ended.
        begun: by ClusterQueue, since when it has been there, in milliseconds.
        limits: by workload, how long it may run, in milliseconds.
    """

    view: QueueingView
    jobs: tuple[SeenJob, ...]
    runs: tuple[EndedRun, ...]
    since: int
    begun: Mapping[str, int]
    limits: Mapping[str, int]

    @property
    def ended(self) -> int:
        """How many run times are known."""
        return len(self.runs) + sum(job.ended > 0 for job in self.jobs)


class Chronicle:
    """Gathers what was seen, snapshot by snapshot in the order of their times; the last one is the present."""

    def __init__(self) -> None:
        """Nothing was seen yet."""
        self._jobs: dict[str, SeenJob] = {}
        self._runs: dict[str, EndedRun] = {}
        self._limits: dict[str, int] = {}
        self._since: int | None = None

    def take(self, index: Index, now: str) -> QueueingView:
        """One snapshot of the cluster; `now` in RFC 3339."""
        view = queueing_view(index.source, now, index)
        present: dict[str, SeenJob] = {}
        for done in ended_workloads(index):
            self._complete_from(done.ended_at)
            job = SeenJob(done.workload, done.workload.queued_since, done.reserved_at, done.ended_at, done.pod_sets)
            present[_key(job.workload)] = job
        for holder in view.running:
            job = SeenJob(holder.workload, holder.workload.queued_since, holder.reserved_at, 0, holder.pod_sets)
            present[_key(job.workload)] = job
        for each in view.pending:
            present[_key(each)] = SeenJob(each, each.queued_since, 0, 0, ())
        self._gone(present, view.now)
        self._jobs |= present
        for run in ended_runs(index):
            self._complete_from(run.ended_at)
            self._runs[run.name] = run
        self._limits |= limits_of(index)
        return view

    def _complete_from(self, ended: int) -> None:
        self._since = ended if self._since is None else min(self._since, ended)

    def _gone(self, present: Mapping[str, SeenJob], now: int) -> None:
        """What ran and is not there any more has ended by now; what waited and is gone never ran."""
        for key in [key for key in self._jobs if key not in present]:
            job = self._jobs[key]
            if job.ended:
                continue
            if job.reserved:
                self._jobs[key] = replace(job, ended=now)
            else:
                del self._jobs[key]

    def told(self, index: Index, now: str) -> SeenCluster:
        """Everything, with this last snapshot as the present."""
        view = self.take(index, now)
        jobs = _with_names_of_their_own(self._jobs)
        since = view.now if self._since is None else self._since
        begun = {name: milliseconds(queue.metadata.creation_timestamp) for name, queue in index.cluster_queues.items()}
        known = index.cluster_queues
        return SeenCluster(
            view,
            tuple(
                sorted(
                    (job for job in jobs if job.workload.cluster_queue in known),
                    key=lambda job: (job.submitted, job.workload.uid),
                )
            ),
            tuple(sorted(self._runs.values(), key=lambda run: run.ended_at)),
            since,
            begun,
            self._limits,
        )


def _key(workload: Workload) -> str:
    return workload.uid or workload.name


def _with_names_of_their_own(jobs: Mapping[str, SeenJob]) -> list[SeenJob]:
    """Names can come again after a while: of two the ended one gets its uid into its name."""
    taken = {job.name for job in jobs.values() if not job.ended}
    found: list[SeenJob] = []
    for each in jobs.values():
        job = each
        if each.ended and each.name in taken:
            job = replace(each, workload=replace(each.workload, name=f"{each.name}#{each.workload.uid}"))
        taken.add(job.name)
        found.append(job)
    return found


def trees(state: ClusterState) -> dict[str, frozenset[str]]:
    """By ClusterQueue, the queues that its decisions hang together with: those of its cohort tree.

    Where topologies are used all queues are one: trees share nodes.
    """
    parents = {each.name: each.parent for each in state.cohorts}
    roots: dict[str, list[str]] = {}
    for queue in state.cluster_queues:
        root = "" if queue.cohort is None else _root(queue.cohort, parents)
        key = "*" if state.nodes else f"cohort/{root}" if root else f"queue/{queue.name}"
        roots.setdefault(key, []).append(queue.name)
    return {name: frozenset(names) for names in roots.values() for name in names}


def _root(cohort: str, parents: Mapping[str, str | None]) -> str:
    seen = {cohort}
    above = parents.get(cohort)
    while above is not None and above not in seen:
        cohort = above
        seen.add(cohort)
        above = parents.get(cohort)
    return cohort


def pruned(state: ClusterState, queues: frozenset[str]) -> ClusterState:
    """The cluster with these queues alone; cohorts stay, with what quota they have themselves."""
    if len(queues) == len(state.cluster_queues):
        return state
    kept = tuple(each for each in state.cluster_queues if each.name in queues)
    local = tuple(each for each in state.local_queues if each.cluster_queue in queues)
    return replace(state, cluster_queues=kept, local_queues=local)

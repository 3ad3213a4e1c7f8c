"""A Slurm as a place where jobs run.

Slurm keeps everything: a job is found again by the identity in its name, whoever handed it in and whoever died since.
What slurmctld has forgotten is asked of the accounting. Folders lie on a file system that all nodes see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from allotment.errors import ForbiddenError, InputError, NotFoundError
from allotment.jobs.local import claim_folder
from allotment.jobs.losses import lost
from allotment.jobs.slurm.losses import SLURM_LOSSES
from allotment.jobs.slurm.rendering import (
    SlurmFolders,
    SlurmPlace,
    identity_on_slurm,
    submission_of,
    told_on_slurm,
)
from allotment.model.jobs.job import Job
from allotment.model.jobs.run import JobState
from allotment.model.slurm.seen import SlurmBooking, SlurmJob, SlurmNode
from allotment.model.slurm.submission import SlurmSubmission
from allotment.operations.run.growing_logs import growing_lines
from allotment.operations.run.slurm.output_lines import LOOK_AGAIN, output_logs
from allotment.operations.run.slurm.standing import booked_on_slurm, followed_on_slurm, latest
from allotment.ports.backends import BackendOffer, EndOfRun, FollowedJob, JobRefusedError, JobToStart, LogLine
from allotment.ports.clock import Clock
from allotment.ports.job_folders import JobFolders
from allotment.ports.job_output import JobOutput
from allotment.ports.slurm import SlurmPort, SlurmRefusedError

LOOK_EVERY: Final = 2.0
"""Seconds: slurmctld answers one at a time, and others ask, too."""


@dataclass(frozen=True, slots=True)
class SharedStorage:
    """Folders that all nodes see under the same paths."""

    folders: JobFolders
    output: JobOutput


class SlurmBackend:
    """See the module; implements `ports.backends.Backend`. One thread at a time, but for `log`."""

    def __init__(
        self,
        name: str,
        slurm: SlurmPort,
        placing: Callable[[Sequence[SlurmNode]], SlurmPlace],
        storage: SharedStorage,
        clock: Clock,
    ) -> None:
        """Nothing is asked yet.

        Args:
            name: as users name it.
            slurm: as one user of it.
            placing: what the platform's words are called on a cluster of these nodes.
            storage: folders of jobs.
            clock: time.
        """
        self._name = name
        self._slurm = slurm
        self._placing = placing
        self._place: SlurmPlace | None = None
        self._seen: tuple[float, tuple[FollowedJob, ...]] | None = None
        self._storage = storage
        self._clock = clock
        self._handed_in: dict[str, tuple[int, int]] = {}
        """By id: the attempt at which it was handed in, and seconds since 1970 from when on it may be booked."""

    @property
    def name(self) -> str:
        """As users name it after ``--on``."""
        return self._name

    def offer(self) -> BackendOffer:
        """Partitions that take jobs, and devices by class."""
        nodes = self._slurm.nodes()
        self._place = self._placing(nodes)
        devices = {
            name: sum(each.gres.get(("gpu", shape.gres), 0) for each in nodes if each.usable)
            for name, shape in self._place.shapes.items()
        }
        partitions = tuple(each.name for each in self._slurm.partitions() if each.up)
        return BackendOffer("slurm", partitions, devices, (f"Slurm {self._slurm.version()}",))

    def told(self, job: JobToStart) -> tuple[str, ...]:
        """What is different there from what its file says."""
        return told_on_slurm(job.job)

    def check(self, order: JobToStart) -> None:
        """Refuse what `start` would refuse for good, as far as that is known without Slurm.

        Raises:
            JobRefusedError: it asks for what Slurm, or this one, cannot give.
            CapacityError: no node has what one replica needs.
        """
        self._check(order.job)
        self._submission(order, SlurmFolders("/code", "/logs"))

    def start(self, job: JobToStart) -> FollowedJob:
        """Hand it in, or say what became of it.

        Raises:
            JobRefusedError: it asks for what Slurm, or this one, cannot give.
            CapacityError: no node has what one replica needs.
        """
        self._check(job.job)
        self._seen = None
        now = int(self._clock.now().timestamp())
        self._handed_in.setdefault(job.id, (job.attempt, min(now, job.queued_since // 1000 or now)))
        if job.taken:
            if found := self._shown(job.id, job.attempt):
                return found
            end = EndOfRun(None, said="Slurm knows nothing of it any more")
            return FollowedJob(job.id, "", JobState.FAILED, job.attempt, end=end)
        asked = self._submission(job, self._made(job))
        try:
            receipt = self._slurm.submit(asked)
        except (SlurmRefusedError, ForbiddenError) as error:
            raise JobRefusedError(error.what, why=error.why, fix=error.fix) from error
        if receipt.again and (found := self._shown(job.id, job.attempt)):
            return found
        return FollowedJob(job.id, str(receipt.job_id), JobState.QUEUED, job.attempt, reason=receipt.said)

    def look(self) -> tuple[FollowedJob, ...]:
        """All that slurmctld knows, and those of ours that it has forgotten; asked again after some seconds only."""
        now = self._clock.now().timestamp()
        if self._seen is None or not 0 <= now - self._seen[0] < LOOK_EVERY:
            self._seen = now, self._looked()
        return self._seen[1]

    def _looked(self) -> tuple[FollowedJob, ...]:
        known = self._known()
        shown = [followed_on_slurm(job_id, attempt, job) for job_id, (attempt, job) in known.items()]
        return (*shown, *self._booked(each for each in self._handed_in if each not in known))

    def stop(self, job_id: str, grace: int) -> None:  # noqa: ARG002 (how long Slurm waits is set for the cluster: KillWait)
        """End it; nothing where it is over."""
        self._seen = None
        known = self._known().get(job_id)
        if known is None:
            return
        try:
            self._slurm.cancel(known[1].job_id)
        except NotFoundError:
            return

    def forget(self, job_id: str) -> None:
        """Its end is on record. Its output and checkpoints stay."""
        self._seen = None
        handed_in = self._handed_in.pop(job_id, None)
        if handed_in is not None:
            self._storage.folders.clear(job_id, handed_in[0])

    def log(
        self, job_id: str, *, rank: int | None = None, follow: bool = False, tail: int | None = None
    ) -> Iterator[LogLine | None]:
        """What its replicas wrote, and what Slurm said.

        Raises:
            NotFoundError: nothing of it is there.
        """
        return growing_lines(
            job_id, lambda: output_logs(self._storage.output, job_id, rank), self._clock,
            every=LOOK_AGAIN, tail=tail, goes_on=lambda: follow and self._goes_on(job_id),
        )  # fmt: skip

    def _known(self) -> dict[str, tuple[int, SlurmJob]]:
        return latest(self._slurm.jobs(), self._slurm.user)

    def _goes_on(self, job_id: str) -> bool:
        known = self._known().get(job_id)
        return known is not None and not followed_on_slurm(job_id, *known).state.over

    def _check(self, job: Job) -> None:
        losses = [f"{each.field}: Slurm cannot {each.what}; {each.instead}" for each in lost(job, SLURM_LOSSES)]
        if losses:
            raise JobRefusedError(
                f"{job.name} asks for what Slurm cannot give", why="; ".join(losses), fix="see each field"
            )

    def _submission(self, order: JobToStart, folders: SlurmFolders) -> SlurmSubmission:
        if self._place is None:
            self._place = self._placing(self._slurm.nodes())
        try:
            return submission_of(order.job, order.id, order.attempt, self._place, folders)
        except InputError as error:
            raise JobRefusedError(error.what, why=error.why, fix=error.fix) from error

    def _made(self, order: JobToStart) -> SlurmFolders:
        folders, job = self._storage.folders, order.job
        volumes = {}
        for volume in job.volumes:
            if volume.folder:
                volumes[volume.name] = volume.folder
            elif volume.claim:
                volumes[volume.name] = folders.claim(claim_folder(job.team, volume.claim))
            else:
                volumes[volume.name] = folders.scratch(order.id, order.attempt, volume.name)
        return SlurmFolders(
            code=folders.working_copy(order.id, order.attempt, order.code),
            logs=self._storage.output.folder(order.id),
            checkpoint=folders.checkpoint(order.id) if job.checkpoint is not None else "",
            volumes=volumes,
        )

    def _shown(self, job_id: str, attempt: int) -> FollowedJob | None:
        """What became of an attempt, or of a later one."""
        known = self._known().get(job_id)
        if known is not None and known[0] >= attempt:
            return followed_on_slurm(job_id, *known)
        return next(iter(self._booked((job_id,))), None)

    def _booked(self, job_ids: Iterable[str]) -> Iterator[FollowedJob]:
        """Those that slurmctld has forgotten; the accounting is asked once for all of them."""
        wanted = {identity_on_slurm(each, self._handed_in[each][0]): each for each in job_ids}
        if not wanted:
            return
        try:
            booked = self._slurm.bookings(min(self._handed_in[each][1] for each in wanted.values()))
        except NotFoundError:
            return
        runs: dict[str, list[SlurmBooking]] = {}
        for each in booked:
            if each.over and each.identity in wanted and self._slurm.user in {"", each.user}:
                runs.setdefault(wanted[each.identity], []).append(each)
        for job_id, mine in runs.items():
            if found := booked_on_slurm(job_id, self._handed_in[job_id][0], mine):
                yield found

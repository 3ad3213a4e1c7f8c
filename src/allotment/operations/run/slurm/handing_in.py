"""Jobs are handed in to Slurm: checked, their folders made, what fetches their data before what does their work."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from allotment.errors import AllotmentError, ForbiddenError, InputError, NotFoundError
from allotment.jobs.fetching import SAYS, kept_for_data
from allotment.jobs.local import claim_folder
from allotment.jobs.losses import lost
from allotment.jobs.slurm.identities import SlurmPart
from allotment.jobs.slurm.losses import SLURM_LOSSES
from allotment.jobs.slurm.rendering import STAGING_LOG, SlurmFolders, SlurmPlace, comment_of, staging_of, submission_of
from allotment.model.jobs.job import Job
from allotment.model.slurm.seen import SlurmExit, SlurmNode, SlurmPhase
from allotment.model.slurm.submission import SlurmDependency, SlurmSubmission
from allotment.operations.run.slurm.claiming import SlurmClaims
from allotment.operations.run.slurm.gathering import numbered, numbered_bookings
from allotment.operations.run.slurm.standing import NOT_FETCHED, bounded, end_of
from allotment.ports.backends import EndOfRun, JobRefusedError, JobToStart
from allotment.ports.job_folders import JobFolders
from allotment.ports.job_output import JobOutput
from allotment.ports.job_secrets import JobSecrets
from allotment.ports.slurm import SlurmPort, SlurmReceipt, SlurmRefusedError


@dataclass(frozen=True, slots=True)
class SharedStorage:
    """Folders that all nodes see under the same paths.

    Attributes:
        check: raises where jobs should not live there: somebody else may write into it.
    """

    folders: JobFolders
    output: JobOutput
    secrets: JobSecrets
    check: Callable[[], None] = lambda: None


class SlurmEntrance:
    """See the module. Whatever is handed in a second time is the first."""

    def __init__(
        self, slurm: SlurmPort, placing: Callable[[Sequence[SlurmNode]], SlurmPlace], storage: SharedStorage
    ) -> None:
        """Nothing is asked yet.

        Args:
            slurm: as one user of it.
            placing: what the platform's words are called on a cluster of these nodes.
            storage: folders of jobs.
        """
        self._slurm = slurm
        self._placing = placing
        self._storage = storage
        self._place: SlurmPlace | None = None

    def place(self, nodes: Sequence[SlurmNode] | None = None) -> SlurmPlace:
        """What the platform's words are called; found out once, and whenever the nodes are told."""
        if nodes is not None or self._place is None:
            self._place = self._placing(self._slurm.nodes() if nodes is None else nodes)
        return self._place

    def check(self, order: JobToStart) -> None:
        """Refuse what would be refused for good, as far as that is known without Slurm.

        Raises:
            JobRefusedError: it asks for what Slurm, or this one, cannot give, or a secret of it is not there.
            CapacityError: no node has what one replica needs.
        """
        self.check_fields(order.job)
        self._storage.check()
        self.asked(order)

    def asked(self, order: JobToStart) -> SlurmSubmission:
        """What would be handed in of a job, with folders that are not there.

        Raises:
            JobRefusedError: it asks for what this one cannot give, or a secret of it is not there.
            CapacityError: no node has what one replica needs.
        """
        volumes = {each.name: f"/volumes/{each.name}" for each in order.job.volumes}
        folders = SlurmFolders("/code", "/logs", volumes=volumes, secrets=self._secrets(order.job))
        return self._submissions(order, SlurmPart(order.id, 0, max(1, order.attempt)), folders, ())[0]

    def check_fields(self, job: Job) -> None:
        """Refuse what Slurm has no word for.

        Raises:
            JobRefusedError: it asks for that.
        """
        losses = [f"{each.field}: Slurm cannot {each.what}; {each.instead}" for each in lost(job, SLURM_LOSSES)]
        if losses:
            raise JobRefusedError(
                f"{job.name} asks for what Slurm cannot give", why="; ".join(losses), fix="see each field"
            )

    def claims_of(self, order: JobToStart, since: int) -> SlurmClaims:
        """What will be known of a job's numbers, with what the store knows of them.

        Args:
            order: the job.
            since: seconds since 1970; nothing of it is older.
        """
        return SlurmClaims(
            job_id=order.id,
            account=self.place().accounts.get(order.job.team, order.job.team),
            comment=comment_of(order.job),
            since=since,
            native=int(order.native) if order.native.isdecimal() else 0,
            attempt=order.attempt,
            failures=order.failures,
            retries=order.job.retries.limit,
            data=bool(order.job.data),
            unsure=not order.first,
            taken_over=not order.first,
        )

    def hand_in(
        self, order: JobToStart, part: SlurmPart, trials: Collection[int] = (), since: int | None = 0
    ) -> tuple[SlurmReceipt, int]:
        """Hand an attempt in; what fetches its data before the first one, whose number is told; 0 where they are there.

        Args:
            order: the job.
            part: which attempt of it.
            trials: of a sweep, those that are run; none for all.
            since: seconds since 1970, from when on it may have been handed in before; None where it never was.

        Raises:
            JobRefusedError: it asks for what Slurm, or this one, cannot give.
            CapacityError: no node has what one replica needs.
            AllotmentError: an earlier server had its data fetched, and that failed.
        """
        work, fetching = self._submissions(order, part, self._made(order, part.attempt), trials)
        after = 0 if fetching is None else self._fetched(order.id, fetching, since)
        if after:
            work = replace(work, dependencies=(SlurmDependency("afterok", after),))
        try:
            return self._submitted(work, since), after
        except AllotmentError:
            if after:
                with suppress(NotFoundError):
                    self._slurm.cancel(after)
            raise

    def why_not_fetched(self, job_id: str, word: str, end: SlurmExit | None) -> EndOfRun:
        """How the fetching of a job's data failed, in its own words.

        Args:
            job_id: of the job.
            word: Slurm's for how it ended; empty where nobody knows.
            end: how.
        """
        ended = end_of(word, end, "") if word else EndOfRun(None)
        lines = self._storage.output.read(job_id, STAGING_LOG, 0).decode("utf-8", "replace").splitlines()
        told = [each.removeprefix(SAYS) for each in lines if each.startswith(SAYS)]
        by_hand = "it was cancelled" if word == "CANCELLED" else ""
        words = told[-1] if told and word in {"FAILED", ""} else ended.said or by_hand
        return EndOfRun(ended.code, said=bounded(": ".join(filter(None, (NOT_FETCHED, words)))))

    def _submissions(
        self, order: JobToStart, part: SlurmPart, folders: SlurmFolders, trials: Collection[int]
    ) -> tuple[SlurmSubmission, SlurmSubmission | None]:
        try:
            work = submission_of(order.job, part, self.place(), folders, trials=trials)
            first = bool(order.job.data) and not part.failures
            return work, staging_of(order.job, order.id, self.place(), folders) if first else None
        except InputError as error:
            raise JobRefusedError(error.what, why=error.why, fix=error.fix) from error

    def _submitted(self, asked: SlurmSubmission, since: int | None) -> SlurmReceipt:
        try:
            return self._slurm.submit(asked, since)
        except (SlurmRefusedError, ForbiddenError) as error:
            raise JobRefusedError(error.what, why=error.why, fix=error.fix) from error

    def _fetched(self, job_id: str, asked: SlurmSubmission, since: int | None) -> int:
        """Slurm's number of what fetches the data; 0 where they are there."""
        receipt = self._submitted(asked, since)
        if not receipt.again:
            return receipt.job_id
        # By an earlier server, or for it: Slurm may have forgotten it, and nothing can depend on what it forgot.
        job = next(iter(numbered(self._slurm.jobs(), self._slurm.user).get(receipt.job_id, ())), None)
        if job is not None and job.phase is not SlurmPhase.ENDED:
            return receipt.job_id
        word, end = ("", None) if job is None else (job.states[0], job.end)
        if job is None:
            runs = numbered_bookings(self._slurm.bookings(0), self._slurm.user).get(receipt.job_id, [])
            last = max(runs, key=lambda each: each.ended, default=None)
            word, end = ("", None) if last is None else (last.state, last.end)
        if word == "COMPLETED":
            return 0
        raise AllotmentError(
            self.why_not_fetched(job_id, word, end).said, fix="see what the log says, and submit it again"
        )

    def _secrets(self, job: Job) -> dict[str, str]:
        secrets = self._storage.secrets
        try:
            return {each.variable: secrets.path(job.team, each.secret, each.key) for each in job.program.secrets}
        except InputError as error:
            raise JobRefusedError(error.what, why=error.why, fix=error.fix) from error

    def _made(self, order: JobToStart, attempt: int) -> SlurmFolders:
        folders, job = self._storage.folders, order.job
        volumes = {}
        for volume in job.volumes:
            if volume.folder:
                volumes[volume.name] = volume.folder
            elif volume.claim:
                volumes[volume.name] = folders.claim(claim_folder(job.team, volume.claim))
            else:
                kept = kept_for_data(job, volume)
                volumes[volume.name] = folders.scratch(order.id, 1 if kept else attempt, volume.name)
        return SlurmFolders(
            code=folders.working_copy(order.id, attempt, order.code),
            logs=self._storage.output.folder(order.id),
            checkpoint=folders.checkpoint(order.id) if job.checkpoint is not None else "",
            volumes=volumes,
            secrets=self._secrets(job),
        )

"""A job that is over, submitted again: from its beginning, or from the checkpoints that it left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from allotment.errors import AllotmentError, ConflictError, InputError, NotFoundError
from allotment.model.access.caller import Caller
from allotment.model.jobs.job import Job
from allotment.model.jobs.run import JobState
from allotment.operations.run.lane import Lane
from allotment.operations.run.taking import RETRY, id_of_key
from allotment.ports.job_code import CodeShelf
from allotment.ports.job_service import JobReceipt, JobSubmission
from allotment.ports.store import JobsStore
from allotment.ports.stored_jobs import StoredJob, check_read


class Retries:
    """See the module. To ask twice makes one job: each retry has a key, and so an id that is known before."""

    def __init__(
        self, store: JobsStore, shelf: CodeShelf, submit: Callable[[JobSubmission, Caller], JobReceipt]
    ) -> None:
        """None is submitted.

        Args:
            store: where jobs are kept.
            shelf: where packed code lies.
            submit: takes a job of somebody.
        """
        self._store = store
        self._shelf = shelf
        self._submit = submit

    def retry(self, job: StoredJob, lane: Lane, caller: Caller, *, resume: bool, read: int | None = None) -> JobReceipt:
        """Submit it again; its retry that is not over yet is the answer where there is one.

        Args:
            job: that is over.
            lane: of its back end.
            caller: who wants it.
            resume: whether its checkpoints become those of the new job.
            read: version of it that the caller has seen; None for whichever it is at.

        Raises:
            ConflictError: it is not over.
            OutdatedError: it has changed since it was read.
            InputError: there are no checkpoints to go on from.
        """
        if not job.state.over:
            of = f", and it was made from {job.supersedes} already" if job.supersedes else ""
            follow = f"follow it: `allot logs -f {job.id}`; or " if job.supersedes else ""
            raise ConflictError(
                f"{job.job.name} ({job.id}) is {job.state.value}",
                why=f"only what is over can be run again{of}",
                fix=f"{follow}stop it first: `allot stop {job.id}`",
            )
        if resume:
            _check_resuming(job)
        with lane.alone():
            check_read(job if read is None else self._store.get(job.id), read)
            newest, key = self._newest(job.id, caller)
            if newest is not None and not newest.state.over:
                already = f"it retries {job.id} already, and is {newest.state.value}: nothing was submitted"
                return JobReceipt(newest, (already,))
            code = self._shelf.reference(job.code) if job.code else ""
            stays = resume and lane.hand_on is None
            submission = JobSubmission(_going_on(job, stays=stays), job.backend, code, supersedes=job.id, key=key)
            if resume and lane.hand_on is not None:
                return self._resumed(job, submission, lane.hand_on, newest, caller)
            receipt = self._submit(submission, caller)
        if job.job.checkpoint is None:
            return receipt
        said = f"it goes on from the checkpoints of {job.id}" if stays else _told_of_checkpoints(job)
        return replace(receipt, told=(*receipt.told, said))

    def _resumed(
        self,
        job: StoredJob,
        submission: JobSubmission,
        hand_on: Callable[[str, str], bool],
        newest: StoredJob | None,
        caller: Caller,
    ) -> JobReceipt:
        """Handed on first: whoever dies in between has lost nothing, and who asks again finds them there."""
        new = id_of_key(caller.name, submission.key)
        if not hand_on(job.id, new):
            went_on = "" if newest is None else f"go on from its retry: `allot retry {newest.id} --resume`"
            raise InputError(
                f"there are no checkpoints of {job.id}",
                why="it wrote none, a retry of it has gone on from them, or they were removed",
                fix=went_on or f"begin anew: `allot retry {job.id}`",
            )
        try:
            receipt = self._submit(submission, caller)
        except AllotmentError:
            hand_on(new, job.id)
            raise
        resumed = f"it goes on from the checkpoints of {job.id}, which are its own now"
        return replace(receipt, told=(*receipt.told, resumed))

    def _newest(self, job_id: str, caller: Caller) -> tuple[StoredJob | None, str]:
        """The newest retry of a job, if any, and the key of the next one; where it is not over, its own."""
        newest: StoredJob | None = None
        number = 1
        while True:
            key = f"{RETRY}{job_id}\0{number}"
            try:
                newest = self._store.get(id_of_key(caller.name, key))
            except NotFoundError:
                return newest, key
            if not newest.state.over:
                return newest, key
            number += 1


def _check_resuming(job: StoredJob) -> None:
    if job.job.checkpoint is None:
        what, why = "writes no checkpoints", "its file names no checkpoint directory"
    elif job.job.sweep is not None or job.job.schedule is not None:
        what, why = "is no single job", "each of its trials or runs has checkpoints of its own"
    elif job.state is JobState.SUCCEEDED:
        what, why = "has succeeded", "it would end at once where it ended"
    else:
        return
    raise InputError(
        f"{job.job.name} ({job.id}) {what}: there is nothing to go on from",
        why=why,
        fix=f"begin anew: `allot retry {job.id}`",
    )


def _going_on(job: StoredJob, *, stays: bool) -> Job:
    """What is submitted: with the checkpoints of the job, where these stay in the folder of the first of them."""
    checkpoint = job.job.checkpoint
    if checkpoint is None:
        return job.job
    return replace(job.job, checkpoint=replace(checkpoint, of=(checkpoint.of or job.id) if stays else ""))


def _told_of_checkpoints(job: StoredJob) -> str:
    stay = f"it begins anew: the checkpoints of {job.id} stay with that job"
    if job.job.sweep is not None or job.job.schedule is not None or job.state is JobState.SUCCEEDED:
        return stay
    return f"{stay}; `allot retry {job.id} --resume` goes on from them, once this one is stopped"

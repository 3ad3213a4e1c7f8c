"""Jobs that are handed in are judged and kept, many with one look at their back end, each once however often asked."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from allotment.errors import AllotmentError, CapacityError, ConflictError, NotFoundError
from allotment.jobs.kubernetes.order import ONLY_CHECKED
from allotment.model.access.caller import Caller
from allotment.model.audit.act import AuditedAct
from allotment.model.jobs.job import Job, JobDependency
from allotment.model.jobs.run import JobHistory, JobState, Move, MoveCause
from allotment.model.quantity import format_bytes, format_cpu
from allotment.operations.run.answering_for import submitted
from allotment.operations.run.lane import Lane
from allotment.ports.backends import LOCAL, JobToStart, NeverStartsError
from allotment.ports.clock import Clock
from allotment.ports.job_code import CodeShelf
from allotment.ports.job_service import JobReceipt, JobSubmission
from allotment.ports.store import JobsStore
from allotment.ports.stored_jobs import StoredJob

_TRIES: Final = 5
"""New ids that are tried before it is somebody else's fault."""
_LETTERS: Final = "abcdefghjkmnpqrstvwxyz0123456789"
"""Of ids: thirty-two, five bits each."""
_ID_LENGTH: Final = 10
RETRY: Final = "retry\0"
"""How keys of retries begin, and no key of a user does."""
_CPU: Final = "resources.cpu"
_MEMORY: Final = "resources.memory"


@dataclass(frozen=True, slots=True)
class JudgedJob:
    """A job that may be kept.

    Attributes:
        number: where it stands among those that were handed in together.
        new: as it would be kept.
        told: what is different there from what its file says.
        retry: whether it is another one, submitted again.
    """

    number: int
    new: StoredJob
    told: tuple[str, ...]
    retry: bool

    def act(self, caller: Caller) -> AuditedAct:
        """Who answers for it."""
        return submitted(caller, self.new, retry=self.retry)


def id_of_key(owner: str, key: str) -> str:
    """The id of the one job that a key stands for: a letter and 50 bits of a hash, so that the store keeps it once."""
    digest = int.from_bytes(hashlib.sha256(f"{owner}\0{key}".encode()).digest()[:8])
    return "j" + "".join(_LETTERS[digest >> 5 * place & 31] for place in range(_ID_LENGTH))


class IdsOfNames:
    """The jobs that others come after, each asked for once: a name means another job once it is used again."""

    def __init__(self, store: JobsStore) -> None:
        """Nothing is asked for yet.

        Args:
            store: that is asked.
        """
        self._store = store
        self._found: dict[tuple[str, str], str | AllotmentError] = {}

    def ask(self, job: Job) -> None:
        """Ask for those that a job comes after; what is not there is told where it is pinned."""
        for each in job.after:
            key = job.team, each.job
            if key not in self._found:
                try:
                    self._found[key] = self._store.find(each.job, team=job.team).id
                except AllotmentError as error:
                    self._found[key] = error

    def pinned(self, job: Job) -> Job:
        """The job with those that it comes after by id.

        Raises:
            NotFoundError: there is no such job in its team.
        """
        self.ask(job)
        after = []
        for each in job.after:
            found = self._found[job.team, each.job]
            if isinstance(found, AllotmentError):
                raise found
            after.append(JobDependency(found, each.must_have))
        return replace(job, after=tuple(after))


class Intake:
    """What a server does with jobs that are handed in."""

    def __init__(
        self,
        store: JobsStore,
        shelf: CodeShelf,
        clock: Clock,
        new_id: Callable[[], str],
        refuse: Callable[[Job], None],
    ) -> None:
        """Nothing is kept yet.

        Args:
            store: where jobs are kept.
            shelf: where packed code lies.
            clock: time.
            new_id: makes ids of jobs that come without a key.
            refuse: raises where the platform does not allow a job.
        """
        self._store = store
        self._shelf = shelf
        self._clock = clock
        self._new_id = new_id
        self._refuse = refuse

    def order(self, lane: Lane, submission: JobSubmission, caller: Caller) -> JobToStart:
        """What its back end would be handed, which is not asked.

        Raises:
            NotFoundError: there is no such code, team or priority, or no job that it comes after, retries or clones.
            InputError: the team may not have it so.
            CapacityError: one replica has more than its team may have.
        """
        return self._order(lane, submission, self._ids_of(()), caller)

    def _order(
        self, lane: Lane, submission: JobSubmission, ids: IdsOfNames, caller: Caller, job_id: str = ONLY_CHECKED
    ) -> JobToStart:
        self._refuse(submission.job)
        job = ids.pinned(lane.prepared(submission.job, submission.unwritten))
        code = self._shelf.path(submission.code) if submission.code else ""
        before = self._store.get(submission.supersedes).code if submission.supersedes else ""
        if before and not code and job.program.code is not None:
            code = self._shelf.path(self._shelf.reference(before))
        return JobToStart(job_id, job, caller.name, 1, queued_since=self._now(), code=code)

    def checked(self, lane: Lane, submission: JobSubmission, caller: Caller) -> tuple[JobToStart, tuple[str, ...]]:
        """What its back end would be handed, and what is different there from what its file says.

        Raises:
            AllotmentError: see `order`; or its back end would not take it.
        """
        return self._checked(lane, submission, self._ids_of(()), caller)

    def _checked(
        self, lane: Lane, submission: JobSubmission, ids: IdsOfNames, caller: Caller, job_id: str = ONLY_CHECKED
    ) -> tuple[JobToStart, tuple[str, ...]]:
        order = self._order(lane, submission, ids, caller, job_id)
        try:
            return order, lane.check(order)
        except NeverStartsError as error:
            # Whoever asked from another process knows it by the type that it is a case of.
            raise CapacityError(error.what, why=error.why, fix=error.fix) from error
        except CapacityError as error:
            usual = _usual_amounts(submission, order.job)
            if not usual:
                raise
            fix = "; ".join(filter(None, (error.fix, usual)))
            raise CapacityError(error.what, why=error.why, fix=fix) from error

    def take(
        self, lane: Lane, submissions: Sequence[JobSubmission], caller: Caller
    ) -> list[JobReceipt | AllotmentError]:
        """Keep jobs of one back end, each by itself: a receipt for each, or what is against it."""
        answers: dict[int, JobReceipt | AllotmentError] = {}
        judged: list[JudgedJob] = []
        # Before the lane is taken: meanwhile others hand in theirs, and jobs are started.
        ids = self._ids_of(submissions)
        with lane.alone():
            for number, each in enumerate(submissions):
                try:
                    before = self._before(each, caller)
                    if before is None:
                        judged.append(self._judged(lane, number, each, ids, caller))
                    else:
                        answers[number] = self._again(before, each)
                except AllotmentError as error:
                    answers[number] = error
            try:
                kept = lane.take([each.new for each in judged], [each.act(caller) for each in judged])
            except AllotmentError:
                # One that cannot be kept keeps no other out.
                answers |= {
                    each.number: self._kept_alone(lane, each, submissions[each.number], caller) for each in judged
                }
            else:
                answers |= {each.number: JobReceipt(job, each.told) for each, job in zip(judged, kept, strict=True)}
        return [answers[number] for number in range(len(submissions))]

    def _before(self, submission: JobSubmission, caller: Caller) -> StoredJob | None:
        """The job that was handed in with the same key; None where none was."""
        if not submission.key:
            return None
        try:
            return self._store.get(id_of_key(caller.name, submission.key))
        except NotFoundError:
            return None

    def _judged(self, lane: Lane, number: int, submission: JobSubmission, ids: IdsOfNames, caller: Caller) -> JudgedJob:
        job_id = id_of_key(caller.name, submission.key) if submission.key else self._new_id()
        order, told = self._checked(lane, submission, ids, caller, job_id)
        new = StoredJob(
            order.id,
            order.job,
            caller.name,
            submission.backend,
            JobHistory().become(Move(self._now(), JobState.SUBMITTED, MoveCause.SUBMITTED)),
            code=order.code,
            supersedes=submission.supersedes,
        )
        told = (*told, *_filled_in(submission, order.job))
        return JudgedJob(number, new, told, submission.key.startswith(RETRY))

    def _kept_alone(
        self, lane: Lane, judged: JudgedJob, submission: JobSubmission, caller: Caller
    ) -> JobReceipt | AllotmentError:
        tries = _TRIES
        while True:
            tries -= 1
            try:
                (kept,) = lane.take([judged.new], [judged.act(caller)])
            except ConflictError as error:
                if submission.key or not tries:
                    return error
                another = self._new_id()
                told = tuple(each.replace(judged.new.id, another) for each in judged.told)
                judged = replace(judged, new=replace(judged.new, id=another), told=told)
            except AllotmentError as error:
                return error
            else:
                return JobReceipt(kept, judged.told)

    def _again(self, before: StoredJob, submission: JobSubmission) -> JobReceipt:
        """The same job once more.

        Raises:
            ConflictError: it is another.
        """
        same = before.backend == submission.backend
        names = [(each.job, self._name(each.job)) for each in before.job.after]
        asked = [each.job for each in submission.job.after]
        same = same and len(names) == len(asked) and all(one in both for one, both in zip(asked, names, strict=True))
        if not same or _bare(before.job, submission) != _bare(submission.job, submission):
            raise ConflictError(
                f"the key of {submission.job.name} was used for another job already",
                why=f"{before.job.name} ({before.id}) came with it, and is not the same",
                fix="choose another key, or submit what was submitted then",
            )
        told = [f"it was submitted before, with the same key; it is {before.state.value}"]
        code = self._shelf.path(submission.code) if submission.code else before.code
        if before.code != code:
            told.append("its folder of code has changed since; it has what was submitted then")
        return JobReceipt(before, tuple(told))

    def _name(self, job_id: str) -> str:
        try:
            return self._store.get(job_id).job.name
        except NotFoundError:
            return job_id

    def _ids_of(self, submissions: Iterable[JobSubmission]) -> IdsOfNames:
        """What those come after that may be taken, asked for already."""
        ids = IdsOfNames(self._store)
        for each in submissions:
            try:
                self._refuse(each.job)
            except AllotmentError:
                continue  # It is refused again, and told, where it is judged.
            ids.ask(each.job)
        return ids

    def _now(self) -> int:
        return int(self._clock.now().timestamp() * 1000)


def _usual_amounts(submission: JobSubmission, job: Job) -> str:
    """What is taken for amounts that its file does not name, and how to name them."""
    amounts = {_CPU: format_cpu(job.needs.cpu), _MEMORY: format_bytes(job.needs.memory)}
    left = {name: amount for name, amount in amounts.items() if name in submission.unwritten}
    taken = " and ".join(f"{amount} for {name}" for name, amount in left.items())
    return f"its file does not name all of it: {taken} is taken where none is written" if left else ""


def _filled_in(submission: JobSubmission, job: Job) -> Iterator[str]:
    """What its back end has made of what the job's file leaves open, where that is another amount than usual."""
    before, now = submission.job.needs, job.needs
    parts = []
    if _CPU in submission.unwritten and before.cpu != now.cpu:
        parts.append(f"{now.cpu / 1000:g} CPU")
    if _MEMORY in submission.unwritten and before.memory != now.memory:
        parts.append(f"{now.memory / (1 << 30):.3g} GiB of memory")
    if parts:
        whole = "the machine" if submission.backend == LOCAL else "a node there"
        yield f"it has {' and '.join(parts)}, its part of {whole}: its file names no other amount"


def _bare(job: Job, submission: JobSubmission) -> Job:
    """Without what its back end fills in, and without the names of what it comes after."""
    needs = job.needs
    if _CPU in submission.unwritten:
        needs = replace(needs, cpu=submission.job.needs.cpu)
    if _MEMORY in submission.unwritten:
        needs = replace(needs, memory=submission.job.needs.memory)
    return replace(job, needs=needs, after=tuple(JobDependency("", each.must_have) for each in job.after))

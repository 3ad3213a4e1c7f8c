"""A server as one caller has it: what he asks for is asked in his name, and he sees what is his teams'.

What is of other teams is as if it were not there, in the same words. Of texts that name work of others, the names go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath
from typing import BinaryIO, cast

from allotment.errors import AllotmentError, ForbiddenError, NotFoundError, UsageError, quoted, shown
from allotment.model.access.caller import Caller, CallerKind
from allotment.model.access.permission import Permission
from allotment.model.access.rights import AccessRights
from allotment.model.observed.snapshot import Snapshot
from allotment.model.source import SourceTree
from allotment.observe.view import namespaces_of
from allotment.operations.ask.viewing import viewed
from allotment.operations.run.desk import Desk
from allotment.operations.run.discreet import DiscreetDesk
from allotment.operations.run.taking import RETRY
from allotment.operations.run.unnamed import foreseen_unnamed, job_unnamed, row_unnamed, snapshot_unnamed
from allotment.ports.backends import LogLine
from allotment.ports.job_service import (
    FamilySummary,
    ForeseenJob,
    JobReceipt,
    JobSubmission,
    ServerStatus,
    SubmissionAnswer,
    answer_of,
)
from allotment.ports.store import JobFilter, JobGroup, JobsCount, JobsPage, PageMark
from allotment.ports.stored_jobs import JobRow, StoredJob
from allotment.spec.share_of_teams import share_of


class DeskOf:
    """Implements `ports.job_service.JobService` for one caller; whether he may do such a thing is decided before."""

    def __init__(self, desk: Desk, caller: Caller, rights: AccessRights) -> None:
        """Nothing is asked yet.

        Args:
            desk: that is asked.
            caller: in whose name.
            rights: what he may.
        """
        # Where clusters are is for those who may see all.
        self._desk = desk if rights.within(Permission.READ) is None else cast("Desk", DiscreetDesk(desk))
        self._caller = caller
        self._rights = rights

    def status(self) -> ServerStatus:
        """What it is, and how it does."""
        at_home = self._caller.kind is CallerKind.LOCAL
        status = self._desk.status(at_home=at_home)
        # How its back ends are reached is nobody's business who is not at the machine.
        if not at_home:
            status = replace(status, environment=None)
        seen = self._seen(Permission.READ)
        if seen is None:
            return status
        teams = tuple(each for each in status.teams if each in seen)
        backends = tuple(each for each in status.backends if self._desk.is_known(each.name, seen))
        return replace(status, directory="", teams=teams, backends=backends, jobs={}, told=())

    def put_code(self, packed: BinaryIO) -> str:
        """Keep a packed folder of code; its reference."""
        return self._desk.put_code(packed)

    def submit(self, submission: JobSubmission) -> JobReceipt:
        """Take a job."""
        self._check_submission(submission)
        return self._receipt(self._desk.submit(submission, self._caller))

    def submit_all(self, submissions: Sequence[JobSubmission]) -> tuple[SubmissionAnswer, ...]:
        """Take jobs, each by itself."""
        refused: dict[int, AllotmentError] = {}
        for number, each in enumerate(submissions):
            try:
                self._check_submission(each)
            except AllotmentError as error:
                refused[number] = error
        some = [each for number, each in enumerate(submissions) if number not in refused]
        taken = iter(self._desk.submit_all(some, self._caller))
        answers = (answer_of(refused[each]) if each in refused else next(taken) for each in range(len(submissions)))
        return tuple(
            each if each.receipt is None else replace(each, receipt=self._receipt(each.receipt)) for each in answers
        )

    def foresee(self, submission: JobSubmission) -> ForeseenJob:
        """What would become of a job; nothing is kept."""
        self._check_submission(submission)
        found = self._desk.foresee(submission, self._caller)
        seen = self._seen(Permission.SUBMIT)
        return found if seen is None else foreseen_unnamed(found, seen)

    def snapshot(self, backend: str, team: str = "") -> Snapshot:
        """What answers rest on."""
        seen = self._seen(Permission.READ)
        if seen is None:
            return self._desk.snapshot(backend)
        whose = self._one_team(seen, team) if not team or team in seen else ""
        # Which others there are, and where the server's user describes them, is not for him.
        absent = NotFoundError(
            f"there is no back end {quoted(backend)} that you could ask",
            fix="`allot ps -o wide` names those on which your teams' jobs are",
        )
        if not self._desk.is_known(backend, seen):
            raise absent
        try:
            found = self._desk.snapshot(backend)
        except NotFoundError:
            raise absent from None
        if not whose:
            # In a cluster a team's namespace may be called otherwise than the team.
            whose = next((each for each in seen if team in namespaces_of(found, each)), team)
            whose = self._one_team(seen, whose)
        return snapshot_unnamed(viewed(found, whose, namespaces_of(found, whose)))

    def page(self, wanted: JobFilter, *, after: PageMark | None = None, limit: int = 50) -> JobsPage:
        """Jobs, newest first."""
        seen = self._seen(Permission.READ)
        found = self._desk.page(replace(wanted, within=seen), after=after, limit=limit)
        return found if seen is None else replace(found, rows=tuple(map(row_unnamed, found.rows)))

    def row_as_it_stands(self, row: JobRow) -> JobRow:
        """A row as listings have it for who sees all."""
        return self._desk.row_as_it_stands(row)

    def counts(self, wanted: JobFilter, by: Sequence[JobGroup] = ()) -> tuple[JobsCount, ...]:
        """How many jobs there are for him."""
        return self._desk.counts(replace(wanted, within=self._seen(Permission.READ)), by)

    def find(self, reference: str, *, team: str = "") -> StoredJob:
        """The job that a user means."""
        return self._told(self._desk.find(reference, team=team, within=self._seen(Permission.READ)))

    def family(self, reference: str) -> FamilySummary:
        """The members of a sweep or a schedule together."""
        return self._desk.family(reference, within=self._seen(Permission.READ))

    def stop(self, reference: str, *, grace: int | None = None, read: int | None = None) -> StoredJob:
        """End a job for good."""
        self._check_his(reference, Permission.STOP)
        within = self._rights.within(Permission.STOP)
        return self._told(self._desk.stop(reference, grace=grace, caller=self._caller, within=within, read=read))

    def retry(self, reference: str, *, resume: bool = False, read: int | None = None) -> JobReceipt:
        """Submit again what is over."""
        job = self._check_his(reference, Permission.SUBMIT)
        self._check_place(job.backend)
        return self._receipt(self._desk.retry(job.id, resume=resume, caller=self._caller, read=read))

    def log(
        self, reference: str, *, rank: int | None = None, follow: bool = False, tail: int | None = None
    ) -> Iterator[LogLine | None]:
        """What a job wrote."""
        job = self._desk.find(reference, within=self._seen(Permission.READ))
        return self._desk.log(job.id, rank=rank, follow=follow, tail=tail)

    def declared(self) -> Mapping[str, str]:
        """Files of the platform directory; of other teams nothing."""
        declared, seen = self._desk.declared(), self._seen(Permission.READ)
        return declared if seen is None else share_of(SourceTree(declared), seen).files

    def end(self) -> None:
        """End the server."""
        self._desk.end()

    def _seen(self, permission: Permission) -> frozenset[str] | None:
        """Teams whose jobs are there for him, who asks for what needs a permission; None for all."""
        reads, may = self._rights.within(Permission.READ), self._rights.within(permission)
        return None if reads is None or may is None else reads | may

    def _check_his(self, reference: str, permission: Permission) -> StoredJob:
        """The job, which has to be such that he may do that.

        Raises:
            NotFoundError: for him there is none.
            ForbiddenError: he sees it, and no more.
        """
        job = self._desk.find(reference, within=self._seen(permission))
        if not self._rights.gives(permission, job.job.team):
            raise ForbiddenError(
                f"you may see the jobs of team {job.job.team}, and not {permission.value} them",
                fix="ask a member of the team; `allot whoami` says what you may",
            )
        return job

    def _check_submission(self, submission: JobSubmission) -> None:
        team = submission.job.team
        within = self._rights.within(Permission.SUBMIT)
        if within is not None and team not in within:
            raise NotFoundError(
                f"there is no team {quoted(team)} in which you may submit",
                why=f"you may in {', '.join(sorted(within)) or 'none'}",
                fix="name one of yours; `allot whoami` says what you may",
            )
        if submission.key.startswith(RETRY):
            # Whoever used one of them up would have the retry of that job come to nothing.
            raise UsageError("such keys are those of retries", fix="make one of letters and digits")
        self._check_place(submission.backend)
        if submission.supersedes and within is not None:
            # The new job has the other one's code: for whoever may not submit there, that is not there.
            found = self._desk.find(submission.supersedes, team=team, within=within)
            if found.id != submission.supersedes:
                raise NotFoundError(f"there is no job {quoted(submission.supersedes)}", fix="check its name or id")

    def _check_place(self, backend: str) -> None:
        known = self._desk.is_known(backend, self._rights.within(Permission.READ))
        if not self._rights.as_server and not (known and self._desk.keeps_apart(backend)):
            raise ForbiddenError(
                f"you may not run programs on {shown(backend)} through this server",
                why="they run as the user whose server it is there, and could do all that he can",
                fix="submit to a cluster: --on CLUSTER; over HTTP it is `backend`",
            )

    def _one_team(self, seen: frozenset[str], team: str) -> str:
        if team in seen:
            return team
        if team:
            raise NotFoundError(f"there is no team {quoted(team)} whose work you may see")
        if len(seen) != 1:
            raise UsageError(
                "name the team whose view is meant", why=f"you are of {', '.join(sorted(seen))}", fix="add -n TEAM"
            )
        return next(iter(seen))

    def _receipt(self, receipt: JobReceipt) -> JobReceipt:
        return replace(receipt, job=self._told(receipt.job))

    def _told(self, job: StoredJob) -> StoredJob:
        if self._rights.within(Permission.READ) is None:
            return job
        # By the reference of its code whoever submits elsewhere could have it in a job of his own. In which folder of
        # this machine it lies is told to nobody.
        may = self._rights.gives(Permission.SUBMIT, job.job.team)
        return job_unnamed(replace(job, code=PurePath(job.code).stem if may else ""))

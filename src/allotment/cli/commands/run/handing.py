"""Jobs are handed in while somebody looks on: what became of each is told as it is known, and what Ctrl-C left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from allotment.cli.commands.run.submitting import WantedJobs, handed_in
from allotment.cli.shell.options import OutputOptions
from allotment.cli.shell.session import Session
from allotment.errors import INTERRUPTED, AllotmentError, CapacityError, UnreachableError, shown
from allotment.model.grammar import count
from allotment.model.jobs.run import JobState
from allotment.ports.backends import LOCAL

if TYPE_CHECKING:
    from allotment.cli.shell.output import Listing
    from allotment.model.jobs.job import Job
    from allotment.ports.job_service import ForeseenJob, JobReceipt, JobService
    from allotment.ports.stored_jobs import StoredJob
    from allotment.spec.jobs.load import JobDocument


_MOST_TOLD: Final = 10
"""Refused jobs that are told one by one; of more there is their number."""
_LOOK_AGAIN: Final = 0.1
_LOOKS: Final = 15
"""How often, and seconds in between, it is looked whether a back end takes what was handed in."""


@dataclass(frozen=True, slots=True)
class _Refused:
    """A job that was not taken, or would not be.

    Attributes:
        id: empty where it has none.
    """

    job: Job
    error: AllotmentError
    id: str = ""


@dataclass(frozen=True, slots=True)
class HandedIn:
    """What became of jobs.

    Attributes:
        receipts: of those that were taken.
        code: the exit code that stands for the whole.
    """

    receipts: tuple[JobReceipt, ...]
    code: int


def taken(service: JobService, wanted: WantedJobs, tell: Callable[[str], None]) -> JobReceipt:
    """The receipt of the one job; what of its code stays behind is told.

    Raises:
        AllotmentError: it was refused.
    """
    from allotment.ports.job_service import error_of

    ((_, answer),) = next(handed_in(service, wanted, tell))
    if answer.refused is not None:
        raise error_of(answer.refused)
    assert answer.receipt is not None  # noqa: S101 (one of the two is there)
    return answer.receipt


def hand_in(session: Session, service: JobService, wanted: WantedJobs, output: OutputOptions) -> HandedIn:
    """Submit jobs, and tell what became of each.

    Raises:
        AllotmentError: there is one job, and it was refused; or the server has gone.
    """
    from allotment.cli.shell.progress import ProgressLine
    from allotment.ports.job_service import error_of
    from allotment.wiring import running

    wanted = replace(wanted, key=wanted.key or running.new_job_id())
    receipts: list[JobReceipt] = []
    refused: list[_Refused] = []
    told: set[str] = set()
    total, at_once = len(wanted.documents), _as_they_come(output)
    code = 0
    try:
        with ProgressLine(session) as progress:

            def tell(text: str) -> None:
                progress.clear()
                session.note(text)

            for some in handed_in(service, wanted, tell):
                progress.clear()
                for document, answer in some:
                    if answer.receipt is not None:
                        receipts.append(answer.receipt)
                        if at_once:
                            new = tuple(each for each in answer.receipt.told if each not in told)
                            told.update(new)
                            session.out(_line(output, replace(answer.receipt, told=new)))
                    elif answer.refused is not None:
                        refused.append(_Refused(document.job, error_of(answer.refused)))
                        if total > 1 and len(refused) <= _MOST_TOLD:
                            _tell_refused(session, document.job.name, refused[-1].error)
                progress.tell(f"submitting {len(receipts)} of {total}")
    except KeyboardInterrupt:
        session.note(_cut_off(len(receipts), total, wanted))
        code = INTERRUPTED
    except UnreachableError as error:
        raise _gone(error, service, _cut_off(len(receipts), total, wanted), any_in=bool(receipts)) from error
    if total == 1 and refused:
        raise refused[0].error
    done = _at_the_end(session, service, output, receipts, refused, code)
    if refused:
        session.note(f"{len(receipts)} of {count(total, 'job')} were submitted, {len(refused)} refused")
    return done


def _at_the_end(
    session: Session,
    service: JobService,
    output: OutputOptions,
    receipts: Sequence[JobReceipt],
    refused: Sequence[_Refused],
    code: int,
) -> HandedIn:
    """Tell what is told once no more come, and what a back end has refused within a moment."""
    from allotment.cli.commands.run.jobs_view import next_steps

    at_once = _as_they_come(output)
    if at_once and receipts and output.format == "table":
        session.out(next_steps(receipts, session.call))
    late: list[_Refused] = []
    try:
        late += map(_late, _refused_at_once(service, receipts) if code == 0 and not refused else ())
    finally:
        gone = {each.id for each in late}
        left = tuple(each for each in receipts if each.job.id not in gone)
        if not at_once:  # whatever happens meanwhile: nothing else tells of those that are in
            _show_receipts(session, output, left, (*refused, *late))
    for each in late:
        session.note(f"{shown(each.job.name)} ({each.id}) was refused: {shown(each.error.why)}")
    return HandedIn(left, code or next((each.error.exit_code for each in (*refused, *late)), 0))


def _late(job: StoredJob) -> _Refused:
    """A job that its back end has refused after it was in."""
    why, fix = job.history.moves[-1].said, f"see what became of it: allot describe {job.id}"
    return _Refused(job.job, CapacityError(f"{job.job.name} was refused", why=why, fix=fix), job.id)


def tell_foreseen(
    session: Session,
    output: OutputOptions,
    answers: Sequence[tuple[JobDocument, ForeseenJob | AllotmentError]],
    currency: str,
) -> int:
    """What would become of jobs; the exit code: that of the first one that would be refused.

    Raises:
        AllotmentError: there is one job, and it would be refused.
    """
    from allotment.cli.commands.run.jobs_view import foreseen_listing, foreseen_text
    from allotment.cli.shell.output import show

    refused = [(document, each) for document, each in answers if isinstance(each, AllotmentError)]
    found = [each for _, each in answers if not isinstance(each, AllotmentError)]
    if refused and len(answers) == 1:
        raise refused[0][1]
    for document, error in refused[:_MOST_TOLD]:
        _tell_refused(session, f"{document.source.file}: {document.job.name}", error, would=True)
    if found or output.format in {"json", "yaml"}:
        listing = foreseen_listing(found, currency)
        show(
            session,
            output,
            listing,
            human=lambda _: "\n".join(foreseen_text(each, currency) for each in found),
            whole=_with_refused(session, listing, [_Refused(document.job, error) for document, error in refused]),
        )
    if refused:
        session.note(f"{len(refused)} of {count(len(answers), 'job')} would be refused")
    return refused[0][1].exit_code if refused else 0


def _refused_at_once(service: JobService, receipts: Sequence[JobReceipt]) -> list[StoredJob]:
    """Of a few jobs for a back end that is asked after they are in, those that it refused within a moment."""
    from allotment import wiring

    clock = wiring.clock()
    left = {each.job.id for each in receipts if each.job.backend != LOCAL} if len(receipts) <= _MOST_TOLD else set()
    refused = []
    for _ in range(_LOOKS):
        for each in [service.find(job_id) for job_id in sorted(left)]:
            if each.state is not JobState.SUBMITTED:
                left.remove(each.id)
            if each.state is JobState.REFUSED:
                refused.append(each)
        if not left:
            break
        clock.sleep(_LOOK_AGAIN)
    return refused


def _gone(error: UnreachableError, service: JobService, cut_off: str, *, any_in: bool) -> UnreachableError:
    """What is said where something did not answer: of a back end alone that, for then nothing can be in."""
    if not any_in:
        try:
            service.status()
        except AllotmentError:
            pass
        else:
            return error
    return UnreachableError(cut_off, why=str(error.what), fix=error.fix)


def _cut_off(number: int, total: int, wanted: WantedJobs) -> str:
    told = f"interrupted: {number} of {count(total, 'job')} are in, and perhaps a few more"
    if wanted.supersedes:
        return f"{told}: look at `allot ps`"
    return f"{told}; the same command with --key {shown(wanted.key)} submits the rest, and none twice"


def _as_they_come(output: OutputOptions) -> bool:
    """Whether each job is told when it is in: where nothing of the output depends on the others."""
    whole = not (output.selector or output.sort_by or output.limit is not None)
    return whole and output.format in {"table", "name"}


def _line(output: OutputOptions, receipt: JobReceipt) -> str:
    from allotment.cli.commands.run.jobs_view import receipt_line

    return f"job/{receipt.job.id}" if output.format == "name" else receipt_line(receipt)


def _tell_refused(session: Session, name: str, error: AllotmentError, *, would: bool = False) -> None:
    why = f": {error.why}" if error.why else ""
    became = "would be" if would else "was"
    session.note(f"{shown(name)} {became} refused: {shown(error.what + why)}\n  fix: {shown(error.fix)}")


def _show_receipts(
    session: Session, output: OutputOptions, receipts: Sequence[JobReceipt], refused: Sequence[_Refused]
) -> None:
    from allotment import wiring
    from allotment.cli.commands.run.jobs_view import receipts_listing
    from allotment.cli.shell.output import show

    listing = receipts_listing(receipts, int(wiring.clock().now().timestamp() * 1000))
    show(session, output, listing, whole=_with_refused(session, listing, refused))


def _with_refused(
    session: Session, listing: Listing[Any], refused: Sequence[_Refused]
) -> Callable[[Sequence[Any]], Mapping[str, Any]]:
    """What makes the document of a listing, with the jobs beside it that were refused, each with its error."""
    from allotment.cli.shell.failures import describe, failure_document
    from allotment.cli.shell.output import listing_document
    from allotment.reports.documents.jobs import refused_job_document

    told = [
        refused_job_document(each.job, each.id, failure_document(session, describe(each.error))) for each in refused
    ]
    return lambda rows: {**listing_document(listing, rows), "refused": told}

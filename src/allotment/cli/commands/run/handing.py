"""Jobs are handed in while somebody looks on: what became of each is told as it is known, and what Ctrl-C left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from allotment.cli.commands.run.submitting import WantedJobs, handed_in
from allotment.cli.shell.options import OutputOptions
from allotment.cli.shell.session import Session
from allotment.errors import INTERRUPTED, AllotmentError, UnreachableError, shown
from allotment.model.grammar import count

if TYPE_CHECKING:
    from allotment.ports.job_service import ForeseenJob, JobReceipt, JobService


_MOST_TOLD: Final = 10
"""Refused jobs that are told one by one; of more there is their number."""


@dataclass(frozen=True, slots=True)
class HandedIn:
    """What became of jobs.

    Attributes:
        receipts: of those that were taken.
        code: the exit code that stands for the whole.
    """

    receipts: tuple[JobReceipt, ...]
    code: int


def taken(service: JobService, wanted: WantedJobs) -> JobReceipt:
    """The receipt of the one job.

    Raises:
        AllotmentError: it was refused.
    """
    from allotment.ports.job_service import error_of

    ((_, answer),) = next(handed_in(service, wanted))
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
    refused: list[AllotmentError] = []
    told: set[str] = set()
    total, at_once = len(wanted.documents), _as_they_come(output)
    code = 0
    try:
        with ProgressLine(session) as progress:
            for some in handed_in(service, wanted):
                progress.clear()
                for document, answer in some:
                    if answer.receipt is not None:
                        receipts.append(answer.receipt)
                        if at_once:
                            new = tuple(each for each in answer.receipt.told if each not in told)
                            told.update(new)
                            session.out(_line(output, replace(answer.receipt, told=new)))
                    elif answer.refused is not None:
                        refused.append(error_of(answer.refused))
                        if total > 1 and len(refused) <= _MOST_TOLD:
                            _tell_refused(session, document.job.name, refused[-1])
                progress.tell(f"submitting {len(receipts)} of {total}")
    except KeyboardInterrupt:
        session.note(_cut_off(len(receipts), total, wanted))
        code = INTERRUPTED
    except UnreachableError as error:
        raise UnreachableError(_cut_off(len(receipts), total, wanted), why=str(error.what), fix=error.fix) from error
    if total == 1 and refused:
        raise refused[0]
    _tell_the_rest(session, receipts, output, at_once=at_once)
    if refused:
        session.note(f"{len(receipts)} of {count(total, 'job')} were submitted, {len(refused)} refused")
    return HandedIn(tuple(receipts), code or (refused[0].exit_code if refused else 0))


def tell_foreseen(session: Session, output: OutputOptions, found: Sequence[ForeseenJob], currency: str) -> None:
    """What would become of jobs."""
    from allotment.cli.commands.run.jobs_view import foreseen_listing, foreseen_text
    from allotment.cli.shell.output import show

    show(
        session,
        output,
        foreseen_listing(found, currency),
        human=lambda _: "\n".join(foreseen_text(each, currency) for each in found),
    )


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


def _tell_refused(session: Session, name: str, error: AllotmentError) -> None:
    why = f": {error.why}" if error.why else ""
    session.note(f"{shown(name)} was refused: {shown(error.what + why)}\n  fix: {shown(error.fix)}")


def _tell_the_rest(session: Session, receipts: Sequence[JobReceipt], output: OutputOptions, *, at_once: bool) -> None:
    from allotment import wiring
    from allotment.cli.commands.run.jobs_view import next_steps, receipts_listing
    from allotment.cli.shell.output import show

    if not at_once:
        now = int(wiring.clock().now().timestamp() * 1000)
        show(session, output, receipts_listing(receipts, now))
    elif receipts and output.format == "table":
        session.out(next_steps(receipts, session.call))

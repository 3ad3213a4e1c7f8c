"""`allot clone`: a job once more, with something else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import OutputOptions, global_flags, output_flags, setting_flag, team_flag
from allotment.cli.shell.session import Session

if TYPE_CHECKING:
    from allotment.model.platform import Platform
    from allotment.ports.stored_jobs import StoredJob
    from allotment.spec.jobs.load import JobDocument

_NAME: Final = "the clone"
"""Where problems of it are said to be: it has no file."""


@click.command(cls=Command)
@click.argument("job")
@click.option("--set", "changes", metavar="NAME=VALUE", multiple=True, help="What is to be different; repeatable.")
@click.option("--on", "backend", metavar="NAME", default="", help="Where it runs; where the old one does by default.")
@click.option(
    "--dry-run", type=click.Choice(("server",)), help="Submit nothing: tell price, start and whom it displaces."
)
@click.option("--follow", "-f", is_flag=True, help="Follow its log to its end.")
@team_flag
@setting_flag("server")
@output_flags
@global_flags
@click.pass_obj
def clone(
    session: Session,
    job: str,
    *,
    changes: tuple[str, ...],
    backend: str,
    dry_run: str | None,
    follow: bool,
    output: OutputOptions,
) -> int:
    """Submit a job once more with something changed: a new job, with the code of the old one, which it names.

    --set takes a field of the job file by its path, such as run.env.LR=3e-4, resources.accelerators.count=4 or
    name=probe; with nothing behind the = it is left out. What is no field is an argument of the command: lr=3e-4 is
    --lr 3e-4 where the command has --lr, or the one value of what a sweep tries of that name.

    The old job may be under way still, or over. Its checkpoints stay with it.
    """
    from allotment.cli.commands.run.following import follow_to_its_end
    from allotment.cli.commands.run.handing import hand_in, tell_foreseen
    from allotment.cli.commands.run.naming import job_of
    from allotment.cli.commands.run.serving import platform_of, service_of, tell_of_other_shell
    from allotment.cli.commands.run.submitting import WantedJobs, foreseen

    service = service_of(session)
    before = job_of(session, service, job)
    status = service.status()
    platform = platform_of(session, service, status)
    where = backend or before.backend
    tell_of_other_shell(session, status, platform, where)
    document = _changed(before, changes, platform)
    wanted = WantedJobs((document,), {}, where, supersedes=before.id)
    if dry_run:
        return tell_foreseen(session, output, foreseen(service, wanted, session.note), platform.currency)
    done = hand_in(session, service, wanted, output)
    if before.job.checkpoint is not None and document.job.checkpoint is not None:
        session.note(f"it begins anew: the checkpoints of {before.id} stay with that job")
    return follow_to_its_end(session, service, done.receipts[0].job) if follow and done.receipts else done.code


def _changed(before: StoredJob, changes: tuple[str, ...], platform: Platform) -> JobDocument:
    """The job with its changes, checked as a job file is.

    Raises:
        InputError: it cannot be so; the field is named.
        UsageError: a change is none.
    """
    from allotment import wiring
    from allotment.cli.commands.run.reading import by_flags
    from allotment.model.source import SourceTree
    from allotment.spec.jobs.changing import changed_document
    from allotment.spec.jobs.load import load_jobs
    from allotment.spec.jobs.writing import job_document
    from allotment.spec.writing import block

    text = "\n".join(block(changed_document(job_document(before.job), changes)))
    with by_flags({}):
        (document,) = load_jobs(SourceTree({_NAME: text}), platform, wiring.clock().now())
    return document

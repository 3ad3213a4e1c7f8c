"""`allot run` and `allot submit`: work is handed in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from allotment.cli.commands.run.submitting import COMMAND_LINE, RunFlags, WantedJobs, document_of, foreseen
from allotment.cli.shell.foreign_flags import our_flag
from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import (
    OutputOptions,
    global_flags,
    output_flags,
    packed,
    platform_flag,
    setting_flag,
    team_flag,
)
from allotment.cli.shell.session import Session
from allotment.errors import UsageError
from allotment.model.grammar import count
from allotment.ports.backends import LOCAL

if TYPE_CHECKING:
    from allotment.cli.commands.run.reading import JobTexts
    from allotment.model.platform import Platform
    from allotment.spec.jobs.lint import LintWarning
    from allotment.spec.jobs.load import JobDocument

_OF_THE_SHELL: Final = ("PATH", "VIRTUAL_ENV", "CONDA_PREFIX")
"""Variables that say which programs are meant."""


@dataclass(frozen=True, slots=True)
class SubmitOptions:
    """What `allot submit` is asked for."""

    backend: str
    dry_run: str | None
    follow: bool
    key: str


_ELSEWHERE: Final = frozenset({"--on", "--backend", "--partition", "--cluster", "--context"})
"""By which somebody says where a script is to run."""


class RunCommand(Command):
    """A flag that it does not know may be meant for the script."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As every command does, but for that."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            meant, ours = error.option_name, our_flag(error)
            first = f"did you mean {ours!r}? " if ours else ""
            if meant in _ELSEWHERE:
                first = "scripts run here; another back end takes a job file, `allot submit job.yaml --on NAME`; "
            raise UsageError(
                f"there is no flag {meant!r}",
                fix=f"{first}arguments of the script stand after --: `allot run SCRIPT -- {meant}`; see "
                "`allot run --help`",
            ) from None


def _variable(given: str, environment: Mapping[str, str]) -> str:
    """``NAME=VALUE``; a name alone has the value that it has here."""
    if "=" in given:
        return given
    if given not in environment:
        raise UsageError(
            f"--env {given} has no value", why="there is no such variable here", fix="write NAME=VALUE, or export it"
        )
    return f"{given}={environment[given]}"


@click.command(cls=RunCommand)
@click.argument("script", type=click.Path())
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
@click.option(
    "--gpus", type=click.IntRange(0, 1024), metavar="N", help="Accelerators of each replica; none by default."
)
@click.option("--accelerator", metavar="CLASS", default="", help="Class of them, such as a100; any by default.")
@click.option("--cpu", metavar="CORES", default="", help="CPU of each replica; a part of the machine by default.")
@click.option("--memory", metavar="SIZE", default="", help="Memory of each replica; a part of the machine by default.")
@click.option("--replicas", type=click.IntRange(1, 1000), metavar="N", help="Processes that start all or none.")
@click.option("--name", metavar="NAME", default="", help="What the job is called; by default as the script.")
@click.option("--priority", metavar="RUNG", default="", help="Rung of the ladder; the team's default.")
@click.option("--project", metavar="NAME", default="", help="Project of the team; its first.")
@click.option("--checkpoint", metavar="DIR", default="", help="Where it writes checkpoints, so that it can go on.")
@click.option("--max-run-time", metavar="TIME", default="", help="It is ended after this time, such as 90m or 4h.")
@click.option(
    "--env",
    multiple=True,
    metavar="NAME=VALUE",
    help="A variable of its environment; NAME alone: as it is here. Repeatable.",
)
@click.option("--detach", "-d", is_flag=True, help="Do not follow its log.")
@team_flag
@platform_flag
@setting_flag("server")
@global_flags
@click.pass_obj
def run(session: Session, /, script: str, args: tuple[str, ...], *, detach: bool, **flags: Any) -> int:
    """Run a script on this machine, under the team's share, and follow its log.

    What stands beside the script travels with it, up to 100Mi, but for what .allotignore names, or else .gitignore, and
    what holds credentials, such as .env. Arguments after -- are the script's own. Ctrl-C stops looking, not the job.
    The exit code is the job's own.

    The server is started where it does not run. Without --team it is the only team, or the one of the setting `team`.
    """
    from allotment import wiring
    from allotment.cli.commands.run.following import follow_to_its_end
    from allotment.cli.commands.run.foreign import check_script
    from allotment.cli.commands.run.handing import taken
    from allotment.cli.commands.run.jobs_view import receipt_text
    from allotment.cli.commands.run.reading import JobTexts, by_flags, loaded_jobs
    from allotment.cli.commands.run.serving import platform_of, service_of
    from allotment.wiring import running

    path = wiring.files().user_path(script)
    check_script(session, script, args, path)
    given = tuple(_variable(each, session.environment) for each in flags["env"])
    service = service_of(session, start=True)
    status = service.status()
    team = session.value("team") or (status.teams[0] if len(status.teams) == 1 else "")
    if not team:
        raise UsageError("which team?", why=f"there are {', '.join(status.teams)}", fix="name one with --team")
    # A script of mine runs with the programs of my shell, not with those of the shell that started the server.
    mine = tuple(f"{name}={session.environment[name]}" for name in _OF_THE_SHELL if session.environment.get(name))
    flags["env"] = (*mine, *given)
    text = document_of(RunFlags(path.name, args, **flags), team)
    texts = JobTexts({COMMAND_LINE: text}, {COMMAND_LINE: path.absolute().parent})
    platform = platform_of(session, service, status)
    with by_flags():
        documents = loaded_jobs(session, platform, texts)
    _tell_secrets(session, platform, documents)
    receipt = taken(service, WantedJobs(documents, texts.folders, LOCAL, running.new_job_id()), session.note)
    if detach:
        session.out(receipt_text(receipt, session.call))
        return 0
    session.note(receipt_text(receipt, session.call))
    return follow_to_its_end(session, service, receipt.job)


def _tell_secrets(session: Session, platform: Platform, documents: Sequence[JobDocument]) -> None:
    """Warn of secrets among flags and arguments, as of those in a job file."""
    from allotment import wiring
    from allotment.cli.shell.failures import problem_lines
    from allotment.spec.jobs.lint import advice
    from allotment.spec.jobs.lint.tokens import PLAIN_SIGHT

    now = wiring.clock().now()
    found = [
        (f"{_given_as(each.path)}: warning: {each.why} [{word}]", f"in a job file: {each.fix}")
        for document in documents
        for word, each in advice(document.job, platform, now, document.written)
        if word == PLAIN_SIGHT
    ]
    if found:
        session.note("\n".join(problem_lines(found)))


def _given_as(path: Sequence[str | int]) -> str:
    return f"--env {path[-1]}" if path[:-1] == ("run", "env") else "an argument of the script"


@click.command(cls=Command)
@click.argument("files", metavar="FILE...", nargs=-1, required=True, type=click.Path(allow_dash=True))
@click.option("--on", "backend", metavar="NAME", default=LOCAL, show_default=True, help="Where they run.")
@click.option(
    "--dry-run",
    type=click.Choice(("client", "server")),
    help="Submit nothing: only check (client), or also tell price, start and whom it displaces (server).",
)
@click.option("--follow", "-f", is_flag=True, help="Follow the log of the one job to its end.")
@click.option("--key", metavar="TEXT", default="", help="What comes again with the same key is submitted once.")
@team_flag
@platform_flag
@output_flags
@setting_flag("server")
@global_flags
@click.pass_obj
@packed(SubmitOptions)
def submit(session: Session, asked: SubmitOptions, *, files: tuple[str, ...], output: OutputOptions) -> int:
    """Submit the jobs of job files: to this machine; with --on to a cluster of the platform, or to a Slurm.

    Jobs of one file may wait for each other. All are checked first: where one has an error, none is submitted. Then
    each is taken or refused by itself, and what waits for a refused one is refused. - is standard input.
    """
    from allotment.cli.commands.run.following import follow_to_its_end
    from allotment.cli.commands.run.handing import hand_in, tell_foreseen
    from allotment.cli.commands.run.reading import check_awaited, job_texts
    from allotment.cli.commands.run.serving import (
        known_platform,
        platform_of,
        service_of,
        tell_of_other_shell,
    )

    found = job_texts(files)
    if asked.dry_run == "client":
        _tell_checked(session, *_checked(session, known_platform(session, example=True), found), output)
        return 0
    service = service_of(session, start=True)
    status = service.status()
    platform = platform_of(session, service, status)
    tell_of_other_shell(session, status, platform, asked.backend)
    documents, _ = _checked(session, platform, found)
    with _nothing_was_submitted():
        check_awaited(service, found, documents)
    if asked.follow and len(documents) != 1:
        raise UsageError(f"--follow follows one job, and there are {len(documents)}", fix="use `allot logs -f JOB`")
    wanted = WantedJobs(documents, found.folders, asked.backend, asked.key)
    if asked.dry_run == "server":
        return tell_foreseen(session, output, foreseen(service, wanted, session.note), platform.currency)
    done = hand_in(session, service, wanted, output)
    return follow_to_its_end(session, service, done.receipts[0].job) if asked.follow and done.receipts else done.code


def _tell_checked(
    session: Session, documents: Sequence[JobDocument], warnings: Sequence[LintWarning], output: OutputOptions
) -> None:
    """The jobs as they would be submitted, and what only a server can say of them."""
    from allotment.cli.commands.run.job_view import checked_listing
    from allotment.cli.commands.run.reading import tell_of_awaited
    from allotment.cli.shell.output import show
    from allotment.reports.documents.job_files import job_check_document

    listing = checked_listing(documents, warnings)
    show(session, output, listing, whole=lambda rows: job_check_document(rows, warnings))
    tell_of_awaited(session, documents, "--dry-run=server")
    session.note(f"{count(len(documents), 'job')} could be submitted; nothing was")


@contextmanager
def _nothing_was_submitted() -> Iterator[None]:
    """Says so, where job files have errors."""
    from allotment.spec.jobs.load import InvalidJobFileError

    try:
        yield
    except InvalidJobFileError as error:
        error.fix = "correct the named lines; nothing was submitted"
        raise


def _checked(
    session: Session, platform: Platform, found: JobTexts
) -> tuple[Sequence[JobDocument], Sequence[LintWarning]]:
    """The jobs of files and what goes wrong in them, which is told."""
    from allotment import wiring
    from allotment.cli.commands.run.job_view import warning_notes
    from allotment.cli.commands.run.reading import loaded_jobs
    from allotment.model.source import SourceTree
    from allotment.spec.jobs.lint import lint_files

    with _nothing_was_submitted():
        documents = loaded_jobs(session, platform, found)
    warnings = lint_files(SourceTree(found.texts), documents, platform, wiring.clock().now())
    if warnings:
        session.note("\n".join(warning_notes(warnings)))
    return documents, warnings

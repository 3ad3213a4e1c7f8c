"""`allot run` and `allot submit`: work is handed in."""

from __future__ import annotations

from typing import Any, Final

import click

from allotment.cli.commands.run.submitting import COMMAND_LINE, RunFlags, document_of, foreseen, loaded_jobs, submitted
from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import OutputOptions, global_flags, output_flags, platform_flag, team_flag
from allotment.cli.shell.session import Session
from allotment.errors import NotFoundError, UsageError
from allotment.model.grammar import count
from allotment.ports.backends import LOCAL

_OF_THE_SHELL: Final = ("PATH", "VIRTUAL_ENV", "CONDA_PREFIX")
"""Variables that say which programs are meant."""


@click.command(cls=Command)
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
@click.option("--env", multiple=True, metavar="NAME=VALUE", help="A variable of its environment; repeatable.")
@click.option("--detach", "-d", is_flag=True, help="Do not follow its log.")
@team_flag
@platform_flag
@global_flags
@click.pass_obj
def run(session: Session, /, script: str, args: tuple[str, ...], *, detach: bool, **flags: Any) -> int:
    """Run a script on this machine, under the team's share, and follow its log.

    What stands beside the script travels with it, up to 100Mi, but for what .allotignore names. Arguments after -- are
    the script's own. Ctrl-C stops looking, not the job. The exit code is the job's own.

    The server is started where it does not run. Without --team it is the only team, or the one of the setting `team`.
    """
    from allotment import wiring
    from allotment.cli.commands.run.following import follow_to_its_end
    from allotment.cli.commands.run.jobs_view import receipt_text
    from allotment.cli.commands.run.serving import served_platform, service_of

    path = wiring.files().user_path(script)
    if not path.is_file():
        raise NotFoundError(f"there is no file {script}", fix="name the script that is to be run")
    for each in flags["env"]:
        if "=" not in each:
            raise UsageError(f"--env {each} has no value", fix="write NAME=VALUE")
    service = service_of(session, start=True)
    status = service.status()
    team = session.value("team") or (status.teams[0] if len(status.teams) == 1 else "")
    if not team:
        raise UsageError("which team?", why=f"there are {', '.join(status.teams)}", fix="name one with --team")
    # A script of mine runs with the programs of my shell, not with those of the shell that started the server.
    mine = tuple(f"{name}={session.environment[name]}" for name in _OF_THE_SHELL if session.environment.get(name))
    flags["env"] = (*mine, *flags["env"])
    text = document_of(RunFlags(path.name, args, **flags), team)
    documents = loaded_jobs(session, served_platform(session, status.directory), {COMMAND_LINE: text})
    (receipt,) = submitted(service, documents, {COMMAND_LINE: path.absolute().parent}, LOCAL)
    if detach:
        session.out(receipt_text(receipt, session.call))
        return 0
    session.note(receipt_text(receipt, session.call))
    return follow_to_its_end(session, service, receipt.job)


@click.command(cls=Command)
@click.argument("files", nargs=-1, required=True, type=click.Path())
@click.option("--on", "backend", metavar="NAME", default=LOCAL, show_default=True, help="Where they run.")
@click.option(
    "--dry-run",
    type=click.Choice(("client", "server")),
    help="Submit nothing: only check (client), or also tell price, start and whom it displaces (server).",
)
@click.option("--follow", "-f", is_flag=True, help="Follow the log of the one job to its end.")
@team_flag
@platform_flag
@output_flags
@global_flags
@click.pass_obj
def submit(
    session: Session, files: tuple[str, ...], *, backend: str, dry_run: str | None, follow: bool, output: OutputOptions
) -> int:
    """Submit the jobs of job files: to this machine; with --on to a cluster of the platform, or to a Slurm.

    Jobs of one file may wait for each other. All are checked first: where one has an error, none is submitted.
    """
    from allotment import wiring
    from allotment.cli.commands.run.following import follow_to_its_end
    from allotment.cli.commands.run.job_view import warning_notes
    from allotment.cli.commands.run.jobs_view import foreseen_listing, foreseen_text, receipt_text, receipts_listing
    from allotment.cli.commands.run.serving import served_platform, service_of
    from allotment.cli.shell.output import show
    from allotment.model.source import SourceTree
    from allotment.spec.jobs.lint import lint_files

    paths = {each: wiring.files().user_path(each) for each in files}
    texts = {name: wiring.files().read_text(path) for name, path in paths.items()}
    service = service_of(session, start=True)
    platform = served_platform(session, service.status().directory)
    documents = loaded_jobs(session, platform, texts)
    warnings = lint_files(SourceTree(texts), documents, platform, wiring.clock().now())
    if warnings:
        session.note("\n".join(warning_notes(warnings)))
    if follow and len(documents) != 1:
        raise UsageError(f"--follow follows one job, and there are {len(documents)}", fix="use `allot logs -f JOB`")
    folders = {name: path.absolute().parent for name, path in paths.items()}
    if dry_run == "client":
        session.note(f"{count(len(documents), 'job')} could be submitted; nothing was")
        return 0
    if dry_run == "server":
        found = foreseen(service, documents, folders, backend)
        show(
            session,
            output,
            foreseen_listing(found, platform.currency),
            human=lambda _: "\n".join(foreseen_text(each, platform.currency) for each in found),
        )
        return 0
    receipts = submitted(service, documents, folders, backend)
    now = int(wiring.clock().now().timestamp() * 1000)
    show(
        session,
        output,
        receipts_listing(receipts, now),
        human=lambda _: "\n".join(receipt_text(each, session.call) for each in receipts),
    )
    return follow_to_its_end(session, service, receipts[0].job) if follow else 0

"""`allot sandbox`: a real control plane on this machine."""

from __future__ import annotations

import os
from typing import Final

import click

from allotment.cli.shell.lazy import Command, CommandEntry, LazyGroup
from allotment.cli.shell.options import OutputOptions, cluster_flag, global_flags, names_of, output_flags, platform_flag
from allotment.cli.shell.session import Session
from allotment.errors import AllotmentError, UsageError

_HERE: Final = "allotment.cli.commands.sandbox.sandbox"

ENTRIES: Final = (
    CommandEntry("up", f"{_HERE}:up", "Start one, or bring it up to date."),
    CommandEntry("down", f"{_HERE}:down", "Stop one and remove what it left.", ("delete",), takes_away=True),
    CommandEntry("status", f"{_HERE}:status", "Processes, memory and nodes of one.", ("get",)),
    CommandEntry("list", f"{_HERE}:list_", "All sandboxes of this user.", ("ls",)),
    CommandEntry("kubeconfig", f"{_HERE}:kubeconfig", "The path of the kubeconfig; several joined by a colon."),
    CommandEntry("build", f"{_HERE}:build", "Find or build the programs now instead of at the first up."),
)

binaries_flag = click.option(
    "--binaries",
    metavar="DIR",
    type=click.Path(file_okay=False),
    envvar="ALLOTMENT_SANDBOX_BINARIES",
    show_envvar=True,
    help="Folder with the programs; else KUBEBUILDER_ASSETS, PATH, or built from source once.",
)

with_flag = click.option(
    "--with",
    "extensions",
    multiple=True,
    type=click.Choice(("jobset", "leaderworkerset", "rayjob", "trainjob")),
    help="Also these kinds of workloads, with JobSet's and LeaderWorkerSet's own controllers; repeatable.",
)


@click.group(cls=LazyGroup, entries=ENTRIES)
@global_flags
def sandbox() -> None:
    """A real control plane on this machine: kube-apiserver, scheduler, Kueue, and fake GPU nodes from KWOK.

    For trying Allotment without a cluster, and for testing a platform directory against the real Kueue in CI.
    """


@click.command(cls=Command)
@click.argument("name", required=False, shell_complete=names_of("cluster"))
@platform_flag
@cluster_flag
@click.option(
    "--max-nodes-per-pool",
    type=click.IntRange(min=0),
    metavar="N",
    help="At most N fake nodes a pool; every pool's maximum by default.",
)
@with_flag
@click.option(
    "--apiserver-flag",
    "apiserver_flags",
    multiple=True,
    metavar="NAME=VALUE",
    help="A further flag of the API server, such as feature-gates=MutatingAdmissionPolicy=false; repeatable.",
)
@binaries_flag
@output_flags
@global_flags
@click.pass_obj
def up(
    session: Session,
    name: str | None,
    *,
    max_nodes_per_pool: int | None,
    extensions: tuple[str, ...],
    apiserver_flags: tuple[str, ...],
    binaries: str | None,
    output: OutputOptions,
) -> None:
    """Start a sandbox with the nodes of one of the platform's clusters, or bring a running one up to date.

    NAME is the cluster's name unless --cluster says which cluster it stands in for; without NAME it is called like
    the cluster. Its kubeconfig has the cluster's context, so that apply finds it. Building the programs the first
    time takes about 16 minutes on two cores.

    It has the kinds of workloads that the cluster's features name, and those of --with. These, and the API server's
    flags, stay until the sandbox is taken down, also where a later up does not repeat them.
    """
    from allotment import wiring
    from allotment.cli.commands.sandbox.sandbox_view import started_listing, started_text
    from allotment.cli.shell.loading import load
    from allotment.cli.shell.output import show
    from allotment.cli.shell.places import chosen_cluster, named_cluster, platform_directory
    from allotment.cli.shell.steps import StepProgress
    from allotment.operations.foresee.sandboxing import SandboxWishes, spec_of

    directory = platform_directory(session)
    platform = load(session, directory, quiet=True).platform
    cluster = (
        chosen_cluster(session, platform) if name is None or session.given("cluster") else named_cluster(platform, name)
    )
    with StepProgress(session) as progress:
        wishes = SandboxWishes(name or cluster.name, max_nodes_per_pool, extensions, apiserver_flags)
        started = wiring.sandboxes(binaries).up(spec_of(platform, cluster, wishes), progress=progress.tell)
    show(
        session,
        output,
        started_listing(started),
        human=lambda _rows: started_text(started, str(directory), cluster.name, session.call),
    )


@click.command(cls=Command)
@click.argument("names", nargs=-1, shell_complete=names_of("sandbox"))
@click.option("--all", "everything", is_flag=True, help="All sandboxes of this user.")
@global_flags
@click.pass_obj
def down(session: Session, names: tuple[str, ...], *, everything: bool) -> None:
    """Stop sandboxes and remove all they left. Fine to repeat."""
    from allotment import wiring
    from allotment.cli.shell.steps import StepProgress

    for name in _named(names, everything=everything):
        with StepProgress(session) as progress:
            there = wiring.sandboxes().down(name, progress=progress.tell)
        session.note(f"{name} is {'gone' if there else 'not there'}")


@click.command(cls=Command)
@click.argument("name", shell_complete=names_of("sandbox"))
@output_flags
@global_flags
@click.pass_obj
def status(session: Session, name: str, output: OutputOptions) -> int:
    """Processes, memory and nodes of a sandbox. Ends with 1 unless everything is ready."""
    from allotment import wiring
    from allotment.cli.commands.sandbox.sandbox_view import component_listing, status_text
    from allotment.cli.shell.output import show
    from allotment.reports.documents.sandbox import status_document

    found = wiring.sandboxes().status(name)
    show(
        session,
        output,
        component_listing(found),
        human=lambda rows: status_text(found, rows, session.table_width),
        whole=lambda rows: status_document(found, rows),
    )
    return 0 if found.ready else AllotmentError.exit_code


@click.command("list", cls=Command)
@output_flags
@global_flags
@click.pass_obj
def list_(session: Session, output: OutputOptions) -> None:
    """All sandboxes of this user, running or not."""
    from allotment import wiring
    from allotment.cli.commands.sandbox.sandbox_view import sandbox_listing
    from allotment.cli.shell.output import show

    sandboxes = wiring.sandboxes()
    show(session, output, sandbox_listing([sandboxes.status(name) for name in sandboxes.list()]))


@click.command(cls=Command)
@click.argument("names", nargs=-1, shell_complete=names_of("sandbox"))
@click.option("--all", "everything", is_flag=True, help="All sandboxes: one KUBECONFIG for the fleet.")
@global_flags
@click.pass_obj
def kubeconfig(session: Session, names: tuple[str, ...], *, everything: bool) -> None:
    """Print the path of a sandbox's kubeconfig; those of several joined by a colon, as KUBECONFIG takes them."""
    from allotment import wiring

    paths = [str(wiring.sandboxes().kubeconfig(name)) for name in _named(names, everything=everything)]
    if paths:
        session.out(os.pathsep.join(paths))


@click.command(cls=Command)
@with_flag
@binaries_flag
@output_flags
@global_flags
@click.pass_obj
def build(session: Session, *, extensions: tuple[str, ...], binaries: str | None, output: OutputOptions) -> None:
    """Find the programs of a sandbox, and build what is missing from source: once per version, into the user's cache.

    About 16 minutes on two cores from nothing; an interrupted build goes on where it was.
    """
    from allotment import wiring
    from allotment.cli.commands.sandbox.sandbox_view import program_listing
    from allotment.cli.shell.output import show
    from allotment.cli.shell.steps import StepProgress

    with StepProgress(session) as progress:
        programs = wiring.sandboxes(binaries).programs(extensions, progress=progress.tell)
    show(session, output, program_listing({name: str(path) for name, path in programs.items()}))


def _named(names: tuple[str, ...], *, everything: bool) -> tuple[str, ...]:
    from allotment import wiring

    if everything == bool(names):
        raise UsageError("which sandbox?", fix="name one or more, or say --all")
    return wiring.sandboxes().list() if everything else names

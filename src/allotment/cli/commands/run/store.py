"""`allot store`: status, backup, restore, prune, forget."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from allotment.cli.shell.lazy import Command, CommandEntry, LazyGroup
from allotment.cli.shell.options import OutputOptions, global_flags, output_flags, setting_flag, yes_flag
from allotment.cli.shell.session import Session

if TYPE_CHECKING:
    from allotment.model.access.caller import Caller
    from allotment.ports.store import StorePlace

F = TypeVar("F", bound=Callable[..., Any])
_HERE: Final = "allotment.cli.commands.run.store"
_KEPT_DAYS: Final = 30

ENTRIES: Final = (
    CommandEntry("status", f"{_HERE}:status", "Where jobs are kept, how many, and who writes.", ("get",)),
    CommandEntry("backup", f"{_HERE}:backup", "Save everything, while the server runs."),
    CommandEntry("restore", f"{_HERE}:restore", "Make a store of a backup."),
    CommandEntry("prune", f"{_HERE}:prune", "Forget jobs that have long been over.", takes_away=True),
    CommandEntry("forget", f"{_HERE}:forget", "Forget one job, also one that cannot be read.", takes_away=True),
)


def store_flag(function: F) -> F:
    """``--store``."""
    return setting_flag("store", metavar="FILE|ADDRESS")(function)


def store_place(session: Session) -> StorePlace:
    """The store that is meant: one that is named, else that of the server which runs here, else the usual file."""
    from allotment import wiring

    return wiring.store(session.value("store") or _store_of_server(session))


def _store_of_server(session: Session) -> str:
    """What the server that runs here was told of its store; empty where none runs, or it was told nothing."""
    from allotment.errors import AllotmentError
    from allotment.operations.run.starting import DEMO
    from allotment.wiring import running

    server = running.job_server(session.environment)
    try:
        words = server.started_with(server.service.status().pid) or ()
    except AllotmentError:
        return ""  # none runs, or it does not say: the usual file is read beside it
    if DEMO in words:
        return str(running.demo_store(running.demo_folder(running.server_folder(session.environment))))
    return next((value for flag, value in pairwise(words) if flag == "--store"), "")


def _myself() -> Caller:
    """Who answers for what is done to the store beside its server."""
    from allotment.model.access.caller import Caller, CallerKind
    from allotment.wiring import running

    return Caller(running.user_name(), CallerKind.LOCAL, "command line")


@click.group(cls=LazyGroup, entries=ENTRIES)
@global_flags
def store() -> None:
    """Where jobs are kept: their history, why they waited, what they used, and what became of devices' time.

    A file of this user, or a database in PostgreSQL. One server writes; these commands read beside it.
    """


@click.command(cls=Command)
@store_flag
@output_flags
@global_flags
@click.pass_obj
def status(session: Session, *, output: OutputOptions) -> None:
    """Where jobs are kept, how many, since when, and who writes; with -o wide the versions of database and tables."""
    from allotment.cli.commands.run.store_view import store_listing
    from allotment.cli.shell.output import show
    from allotment.operations.run.storekeeping import looked_at

    show(session, output, store_listing(looked_at(store_place(session))))


@click.command(cls=Command)
@click.argument("file", type=click.Path())
@store_flag
@global_flags
@click.pass_obj
def backup(session: Session, file: str) -> None:
    """Write all that is kept into the new FILE, readable by its owner alone; the server may run meanwhile.

    FILE holds one moment, whole, or is not there. A store in PostgreSQL is saved with pg_dump.
    """
    from allotment import wiring
    from allotment.cli.shell.amounts import memory
    from allotment.cli.shell.calling import typed
    from allotment.operations.run.storekeeping import saved

    size = saved(store_place(session), wiring.files().user_path(file))
    session.note(
        f"saved {memory(size)} in {file}; where the store is lost, with no server running: "
        f"{session.call} store restore {typed(file)}"
    )


@click.command(cls=Command)
@click.argument("file", type=click.Path())
@store_flag
@output_flags
@global_flags
@click.pass_obj
def restore(session: Session, file: str, *, output: OutputOptions) -> None:
    """Make a store of the backup FILE, where there is none: one that is there is moved away first.

    FILE is checked as a whole before anything is written. One of an older version is brought forward by the server; one
    of a newer version is refused. Jobs that ran when it was saved are looked for where they ran.
    """
    from allotment import wiring
    from allotment.cli.commands.run.store_view import store_listing
    from allotment.cli.shell.output import show
    from allotment.operations.run.storekeeping import put_back

    show(session, output, store_listing(put_back(store_place(session), wiring.files().user_path(file))))


@click.command(cls=Command)
@click.option(
    "--days",
    type=click.IntRange(min=_KEPT_DAYS),
    default=_KEPT_DAYS,
    show_default=True,
    metavar="N",
    help="Jobs that ended longer ago than this.",
)
@click.option("--checkpoints", is_flag=True, help="Remove their checkpoints, too.")
@click.option("--dry-run", is_flag=True, help="Remove nothing: only say what would be; the server may run.")
@store_flag
@yes_flag("forgetting: history, reasons and use of these jobs are gone then, and what they left on this machine")
@global_flags
@click.pass_obj
def prune(session: Session, *, days: int, checkpoints: bool, dry_run: bool, yes: bool) -> int:
    """Forget jobs that have been over for 30 days or more, with what they left; while the server runs, it is refused.

    On this machine their logs and working copies go with them, and packed code that no job refers to. What runs is
    never touched, and checkpoints only with --checkpoints. What became of devices' time stays: it has been paid for.
    """
    from allotment import wiring
    from allotment.cli.commands.run.store_view import pruned_text
    from allotment.operations.run.pruning import pruned
    from allotment.ports.clock import epoch_ms
    from allotment.wiring import running

    if (
        not dry_run
        and not yes
        and not session.confirm(f"Forget jobs that ended more than {days} days ago?", flag="--yes")
    ):
        session.note("nothing was forgotten")
        return 1
    now = epoch_ms(wiring.clock())
    remains = running.job_remains(running.server_folder(session.environment))
    gone = pruned(store_place(session), remains, now, days, _myself(), checkpoints=checkpoints, only_told=dry_run)
    session.note(pruned_text(gone, only_told=dry_run))
    return 0


@click.command(cls=Command)
@click.argument("job")
@store_flag
@yes_flag("forgetting: all that is kept of this job is gone then")
@global_flags
@click.pass_obj
def forget(session: Session, job: str, *, yes: bool) -> int:
    """Forget one JOB, by its whole id: one that is over, or cannot be read; while the server runs, it is refused.

    Its logs and working copies on this machine go with it; checkpoints stay. Of one that cannot be read whatever still
    runs on this machine is ended first.
    """
    from allotment import wiring
    from allotment.errors import quoted
    from allotment.operations.run.pruning import forgotten
    from allotment.ports.clock import epoch_ms
    from allotment.wiring import running

    if not yes and not session.confirm(f"Forget the job {quoted(job)}?", flag="--yes"):
        session.note("nothing was forgotten")
        return 1
    remains = running.job_remains(running.server_folder(session.environment))
    now = epoch_ms(wiring.clock())
    forgotten(store_place(session), remains, job, now, _myself())
    session.note(f"{quoted(job)} is forgotten")
    return 0

"""`allot snapshot record` and `allot snapshot from-objects`."""

from __future__ import annotations

import datetime as dt
import sys
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import click

from allotment.cli.commands.ask.metrics_options import MetricsOptions, metrics_flags, with_metrics
from allotment.cli.commands.ask.source_options import checked_place, contexts_of, one_context, saved
from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import global_flags, packed, servers_flags
from allotment.cli.shell.session import Session
from allotment.errors import InputError, UnreachableError, UsageError, at

if TYPE_CHECKING:
    from allotment.model.manifest import Body

_STDIN: Final = "-"


@dataclass(frozen=True, slots=True)
class RecordOptions:
    """What is asked of `allot snapshot record`; texts as they were typed."""

    folder: str
    every: str
    span: str | None
    count: int | None
    namespaces: tuple[str, ...]
    watch: bool


@click.command(cls=Command)
@click.argument("folder", type=click.Path(file_okay=False))
@click.option("--every", default="30s", metavar="TIME", help="Between two snapshots; 30s by default.")
@click.option("--for", "span", metavar="TIME", help="Stop after this time, such as 1h; else Ctrl-C does.")
@click.option("--count", type=click.IntRange(min=1), metavar="N", help="Stop after N snapshots.")
@click.option(
    "--watch", is_flag=True, help="List everything once, then follow the changes: far less work for the server."
)
@click.option(
    "-n",
    "--namespace",
    "namespaces",
    multiple=True,
    metavar="NAME",
    help="Read this one where the whole cluster may not be read; may be repeated.",
)
@servers_flags
@metrics_flags
@global_flags
@click.pass_obj
@packed(RecordOptions)
def record(session: Session, asked: RecordOptions, *, metrics: MetricsOptions) -> None:
    """Save a snapshot every so often, each into a file of its own in FOLDER.

    A moment at which the cluster does not answer has no file; the next is tried at its time. Files are whole or not
    there, so that the folder can be read meanwhile. Ctrl-C ends it; what is written stays.
    """
    from allotment import wiring
    from allotment.cli.shell.progress import ProgressLine
    from allotment.operations.ask.looking import FreshLooks, watched_looks
    from allotment.operations.ask.recording import Cadence
    from allotment.operations.ask.recording import record as looks
    from allotment.scenarios.times import milliseconds

    step = milliseconds(asked.every)
    if step <= 0:
        raise UsageError("--every must be longer than nothing", fix="write a time, such as --every 30s")
    length = None if asked.span is None else dt.timedelta(milliseconds=milliseconds(asked.span))
    cadence = Cadence(dt.timedelta(milliseconds=step), asked.count, length)
    kubeconfig = session.value("kubeconfig")
    files, clock = wiring.files(), wiring.clock()
    clusters = {each: partial(wiring.connect, kubeconfig, each) for each in contexts_of(session)}
    how = (clock, asked.namespaces, with_metrics(session, metrics))
    written = 0
    lost: UnreachableError | None = None
    with (
        ProgressLine(session) as line,
        (
            watched_looks(clusters[one_context(session, "--watch")], *how)
            if asked.watch
            else nullcontext(FreshLooks(clusters, *how))
        ) as looking,
    ):
        line.tell("reading the cluster")
        for look in looks(looking.look, files, clock, files.user_path(asked.folder), cadence):
            if look.path is not None:
                written += 1
                line.tell(f"{written:,} snapshots; the last is {look.path.name}")
            elif look.error is not None:
                lost = look.error
                line.clear()
                session.note(f"no snapshot {look.number:,}: {look.error.what}")
    if lost is not None and not written:
        raise lost
    session.note(f"{written:,} {'snapshot is' if written == 1 else 'snapshots are'} in {asked.folder}")


@click.command("from-objects", cls=Command)
@click.argument("sources", metavar="FILE...", nargs=-1, required=True)
@click.option("--out", required=True, metavar="FILE", type=click.Path(dir_okay=False), help="Where the snapshot goes.")
@click.option(
    "--taken-at", metavar="TIME", help="When they were printed, such as 2027-01-31T12:00:00Z; now by default."
)
@click.option("--force", is_flag=True, help="Replace a file that is no snapshot, too.")
@click.option("--name", default="", metavar="NAME", help="Of the cluster; the first file's name by default.")
@global_flags
@click.pass_obj
def from_objects(
    session: Session, sources: tuple[str, ...], *, out: str, taken_at: str | None, force: bool, name: str
) -> None:
    """Make a snapshot of what kubectl printed in JSON: lists or single objects, of any kinds; - is standard input.

    Kinds that no answer rests on are left out, Secrets among them.
    """
    from allotment import wiring
    from allotment.model.moments import rfc3339
    from allotment.observe.printed import printed_objects, printed_snapshot
    from allotment.operations.ask.keeping import check_target, keep

    files = wiring.files()
    place = checked_place(files.user_path(out))
    check_target(files, place, read=[files.user_path(each) for each in sources if each != _STDIN], force=force)
    objects: list[Body] = []
    for each in sources:
        data = _standard_input() if each == _STDIN else files.read_bytes(files.user_path(each))
        with at("standard input" if each == _STDIN else each):
            objects += printed_objects(data)
    moment = wiring.clock().now() if taken_at is None else _moment(taken_at)
    found = printed_snapshot(
        objects, rfc3339(moment), name or ("objects" if sources[0] == _STDIN else files.user_path(sources[0]).name)
    )
    if not found.taken:
        raise InputError(
            "none of the objects is of a kind that answers rest on",
            fix="print more of them: kubectl get nodes,pods,jobs,workloads -A -o json",
        )
    keep(files, place, found.snapshot, force=force)
    left = f"; {found.left:,} of other kinds {'is' if found.left == 1 else 'are'} left out" if found.left else ""
    session.note(f"{saved(found.taken)} in {out}{left}")


def _standard_input() -> bytes:
    return sys.stdin.buffer.read()


def _moment(text: str) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(f"{text!r} is no moment", fix="write it like 2027-01-31T12:00:00Z") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)

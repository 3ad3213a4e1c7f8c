"""What an answer rests on: a snapshot file, or a cluster as it is now. The flags of all commands that answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from allotment.cli.shell.lazy import Flag
from allotment.cli.shell.options import servers_flags, setting_flag
from allotment.cli.shell.session import Session
from allotment.errors import NotFoundError, UsageError, shown
from allotment.model.grammar import count

if TYPE_CHECKING:
    from allotment.model.observed.snapshot import Snapshot
    from allotment.operations.ask.directing import WayOf
    from allotment.operations.ask.looking import WatchedLooks

F = TypeVar("F", bound=Callable[..., Any])
_SECTION: Final = "Source options"


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """Which snapshot is asked, and where in it.

    Attributes:
        file: of a snapshot or a case; empty for a cluster.
        namespace: as ``-n`` says; empty if it was not given.
        everywhere: ``-A``.
        backend: of the server that is asked; empty for a file or a cluster.
    """

    file: str = ""
    namespace: str = ""
    everywhere: bool = False
    backend: str = ""

    @property
    def given(self) -> str:
        """The flag that names something other than a cluster; empty where a cluster is asked."""
        return "--snapshot" if self.file else "--on" if self.backend else ""

    def scope(self, snapshot: Snapshot) -> str:
        """The namespace that a question without one is about; empty for all.

        Of a cluster it is the context's, as with kubectl; of a file it is all.
        """
        if self.namespace or self.everywhere or self.given:
            return self.namespace
        return snapshot.asker.namespace


def source_flags(function: F) -> F:
    """``--snapshot``, ``--on``, ``-n``, ``-A`` and what names a server, packed into the argument ``source``."""

    @wraps(function)
    def call(
        *args: Any, snapshot: str | None, backend: str | None, namespace: str | None, everywhere: bool, **kwargs: Any
    ) -> Any:
        if everywhere and namespace:
            raise UsageError("-A and -n contradict each other", fix="leave one of them out")
        if snapshot and backend:
            raise UsageError("--snapshot and --on name two things to ask", fix="leave one of them out")
        source = SourceOptions(snapshot or "", namespace or "", everywhere, backend or "")
        return function(*args, source=source, **kwargs)

    wrapped: Any = setting_flag("server", section=_SECTION)(servers_flags(call))
    for option in (
        click.option(
            "-A",
            "--all-namespaces",
            "everywhere",
            cls=Flag,
            section=_SECTION,
            is_flag=True,
            help="All namespaces; of a file that is the default.",
        ),
        click.option(
            "-n",
            "--namespace",
            cls=Flag,
            section=_SECTION,
            metavar="NAME",
            help="Namespace; the context's by default. Where the whole cluster may not be read, this one is.",
        ),
        click.option(
            "--on",
            "backend",
            cls=Flag,
            section=_SECTION,
            metavar="NAME",
            help="Ask the server (`allot up`, `allot login`) about this: local, a Slurm, or a cluster. Teams are its "
            "namespaces.",
        ),
        click.option(
            "--snapshot",
            cls=Flag,
            section=_SECTION,
            metavar="FILE",
            type=click.Path(),
            help="Ask this file instead of a cluster: what `allot snapshot save` wrote, or a recorded case.",
        ),
    ):
        wrapped = option(wrapped)
    result: F = wrapped
    return result


def snapshot_of(
    session: Session, source: SourceOptions, measure: Callable[[Snapshot], Snapshot] | None = None
) -> Snapshot:
    """The snapshot that a command's question is asked of.

    Args:
        session: with the settings.
        source: which.
        measure: adds what metrics say.

    Raises:
        UsageError: a file and a kubeconfig are both named, or a server and nothing of it.
        NotFoundError: there is no such file, cluster in it, context or namespace.
        ForbiddenError: the namespace may not be looked into.
        InputError: the file is neither a snapshot nor a case.
        UnreachableError: the server does not answer.
        NotSignedInError: it does not accept the credentials.
    """
    from allotment import wiring
    from allotment.cli.commands.run.serving import asked_server
    from allotment.cli.shell.progress import ProgressLine
    from allotment.operations.ask.opening import SnapshotRequest, open_snapshot
    from allotment.operations.ask.places import check_place

    if source.file and session.flags.get("kubeconfig"):
        raise UsageError(
            "--snapshot and --kubeconfig name two things to ask: a file and a cluster", fix="leave one of them out"
        )
    _check_server(session, source)
    if source.backend:
        found = asked_server(session).snapshot(source.backend, source.namespace or "")
        check_place(found, source.namespace)
        for each in found.sources:
            if each.stale:
                session.note(f"{shown(each.name)} is told as it was at {shown(each.observed_at)}: {shown(each.stale)}")
        return found if measure is None else measure(found)
    kubeconfig, contexts = session.value("kubeconfig"), contexts_of(session)
    clusters = {each: partial(wiring.connect, kubeconfig, each) for each in contexts}
    request = SnapshotRequest(source.file, (source.namespace,) if source.namespace else (), session.contexts)
    with ProgressLine(session) as line:
        line.tell(f"reading {source.file or 'the cluster' if len(clusters) == 1 else f'{len(clusters)} clusters'}")
        found = open_snapshot(request, wiring.files(), clusters, wiring.clock())
    check_place(found, source.namespace)
    for each in found.sources:
        if each.unreached:
            session.note(f"{shown(each.name)} is not in the answer: {shown(each.unreached)}")
    return found if measure is None else measure(found)


def _check_server(session: Session, source: SourceOptions) -> None:
    """That a server which a flag names is asked: without its back end a cluster of the kubeconfig would be, or a file.

    Raises:
        UsageError: nothing of it is asked.
    """
    if session.flags.get("server") and not source.backend:
        raise UsageError(
            f"--server {shown(session.value('server'))} is named, and nothing that it knows",
            why="without --on a cluster of the kubeconfig is asked, or a file",
            fix="add --on NAME, a back end of that server: local, a Slurm, or a cluster",
        )


@contextmanager
def listed_again(session: Session, source: SourceOptions) -> Iterator[None]:
    """Who asks for what is not there is told how to list what was asked, not what the context names."""
    from allotment.diagnose.subjects import LIST_WAITING

    try:
        yield
    except NotFoundError as error:
        fix = error.fix.replace(LIST_WAITING, f"{LIST_WAITING}{again(session, source)}")
        raise NotFoundError(error.what, why=error.why, fix=fix) from error


def no_slurm(snapshot: Snapshot, what: str) -> None:
    """That none of it is a Slurm, for what is answered by the twin of Kueue.

    Args:
        snapshot: that is asked.
        what: is told for clusters alone, as the beginning of a sentence.

    Raises:
        UsageError: a Slurm is.
    """
    from allotment.operations.ask.places import refuse_slurm

    refuse_slurm(snapshot, what)


def contexts_of(session: Session) -> tuple[str, ...]:
    """The contexts that are asked: those that were named, or the one in force; empty text is the kubeconfig's own."""
    return session.contexts or (session.value("context"),)


def one_context(session: Session, for_what: str) -> str:
    """The context, where only one cluster can be asked.

    Raises:
        UsageError: several were named.
    """
    contexts = contexts_of(session)
    if len(contexts) > 1:
        raise UsageError(f"{for_what} is of one cluster", fix="name one --context")
    return contexts[0]


def direction_of(session: Session, source: SourceOptions, snapshot: Snapshot) -> WayOf:
    """How the commands of an answer reach its cluster.

    Of a file that holds one cluster nothing is known; of one that holds several, no command is told but of the cluster
    that ``--context`` names: what the file calls it must not choose where a command goes.
    """
    from allotment.operations.ask.directing import WayToCluster

    several = len(snapshot.sources) > 1
    if source.backend and all(each.kind == "slurm" for each in snapshot.sources):
        return lambda _name: WayToCluster()  # its commands name no cluster
    if source.backend:
        return lambda _name: WayToCluster(known=False, here=True)  # there is no kubectl for it
    if source.file:
        named = session.contexts[0] if len(session.contexts) == 1 else ""
        return lambda _name: WayToCluster(context=named, known=not several, seen=False)
    kubeconfig, context = session.value("kubeconfig"), session.value("context")
    return lambda name: WayToCluster(kubeconfig, name if several else context)


def saved(objects: int) -> str:
    """``2 objects are saved``."""
    return f"{count(objects, 'object')} {'is' if objects == 1 else 'are'} saved"


def checked_place(path: Path) -> Path:
    """Where a snapshot is to be written: in a folder that is there, for a misspelt one is nobody's wish.

    Raises:
        NotFoundError: it is not.
    """
    if not path.parent.is_dir():
        raise NotFoundError(f"the folder {shown(path.parent)} does not exist", fix="make it, or name another file")
    return path


@contextmanager
def followed(session: Session, source: SourceOptions) -> Iterator[WatchedLooks]:
    """The cluster that a command's question is asked of again and again.

    Raises:
        UsageError: a file is named.
        NotFoundError: there is no such context.
    """
    from allotment import wiring
    from allotment.operations.ask.looking import watched_looks

    _check_server(session, source)
    if source.backend:
        raise UsageError("--on and --watch do not go together", fix="use `allot ps --watch`")
    if source.file:
        raise UsageError(
            "--snapshot and --watch contradict each other", why="a file does not change", fix="leave one of them out"
        )
    kubeconfig, context = session.value("kubeconfig"), one_context(session, "--watch")
    namespaces = (source.namespace,) if source.namespace else ()
    with watched_looks(lambda: wiring.connect(kubeconfig, context), wiring.clock(), namespaces) as looks:
        yield looks


def again(session: Session, source: SourceOptions) -> str:
    """The flags of this call that lead to the same snapshot, as they are typed after a suggested command."""
    from allotment.cli.shell.calling import typed

    contexts = session.contexts or (session.flags.get("context") or "",)
    given = [
        ("snapshot", source.file),
        ("on", source.backend),
        ("kubeconfig", session.flags.get("kubeconfig") or ""),
        *(("context", each) for each in contexts),
    ]
    return "".join(f" --{flag} {typed(value)}" for flag, value in given if value)

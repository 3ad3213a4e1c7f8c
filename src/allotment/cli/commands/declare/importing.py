"""Imports on the command line: read, check, write, report."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from allotment.cli.commands.declare.editing import finish
from allotment.cli.shell.places import name_for
from allotment.cli.shell.session import Session
from allotment.errors import UsageError
from allotment.model.grammar import count

if TYPE_CHECKING:
    from allotment.operations.adopt.looking import AdoptionLook


def carry_out(session: Session, directory: Path, *, name: str | None, purpose: str, dry_run: bool) -> None:
    """Import a cluster into a new directory.

    Raises:
        UsageError: nobody names the cluster.
        AllotmentError: it cannot be read, or not be said.
    """
    from allotment import wiring
    from allotment.operations.adopt.adoptions import look_at
    from allotment.operations.adopt.importing import edit_of, import_directory, load_imported
    from allotment.spec.imports.directory import ImportWishes, report
    from allotment.spec.problems import InvalidPlatformError

    cluster, context = session.value("cluster"), session.value("context")
    if not cluster:
        raise UsageError("which cluster?", why="a directory calls each by a name", fix="name it: --cluster NAME")
    wishes = ImportWishes(name or name_for(directory), cluster, context, purpose)
    there, today = wiring.directory(directory), wiring.clock().now().date()
    with wiring.connect(session.value("kubeconfig"), context) as kube:
        imported = import_directory(there.present(), kube, wishes, today)
        try:
            platform = load_imported(imported, today).platform
        except InvalidPlatformError:
            # What the cluster holds and no directory may say is mended in the files, so they have to be there.
            if not dry_run:
                there.write(edit_of(imported, report(imported, wishes, [])).changes)
            raise
        (declared,) = platform.clusters
        look = look_at(platform, declared, kube, (), today)
    text = report(imported, wishes, list(_changes(look)))
    place = shlex.quote(str(directory))
    finish(
        session,
        directory,
        edit_of(imported, text),
        dry_run=dry_run,
        done=f"imported {cluster}: {count(len(imported.teams), 'team')}, {count(len(imported.unsaid), 'remark')}",
        steps=[
            (f"allot validate {place}", "check it, and read IMPORT.md"),
            (f"allot plan {place} --cluster {cluster}", "what apply would add"),
            (f"allot adopt --platform {place} --cluster {cluster}", "what is there under declared names"),
        ],
    )


def _changes(look: AdoptionLook) -> Iterator[tuple[str, Sequence[str]]]:
    from allotment.cli.commands.change.adopt_view import told_fields

    for each in look.adoptions:
        held = [f"held back: {one.why}" for one in each.hindrances]
        yield str(each.key), [*held, *told_fields(each)]

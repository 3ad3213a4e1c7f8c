"""Imports on the command line: what is asked, and what is shown of it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from allotment.cli.commands.declare.editing import finish
from allotment.cli.shell.places import name_for
from allotment.cli.shell.session import Session
from allotment.errors import UsageError
from allotment.model.grammar import count

if TYPE_CHECKING:
    from allotment.plan.adoption.adopting import Adoption


def carry_out(session: Session, directory: Path, *, name: str | None, purpose: str, dry_run: bool) -> None:
    """Import a cluster into a new directory.

    Raises:
        UsageError: nobody names the cluster.
        AllotmentError: it cannot be read, or not be said.
    """
    from allotment import wiring
    from allotment.operations.adopt.importing import describe_cluster
    from allotment.spec.imports.directory import ImportWishes

    cluster, context = session.value("cluster"), session.value("context")
    if not cluster:
        raise UsageError("which cluster?", why="a directory calls each by a name", fix="name it: --cluster NAME")
    wishes = ImportWishes(name or name_for(directory), cluster, context, purpose)
    there, today = wiring.directory(directory), wiring.clock().now().date()
    with wiring.connect(session.value("kubeconfig"), context) as kube:
        found = describe_cluster(there, kube, wishes, today, _told, dry_run=dry_run)
    imported = found.imported
    place = shlex.quote(str(directory))
    finish(
        session,
        directory,
        found.edit,
        dry_run=dry_run,
        done=f"imported {cluster}: {count(len(imported.teams), 'team')}, {count(len(imported.unsaid), 'remark')}",
        steps=[
            (f"allot validate {place}", "check it, and read IMPORT.md"),
            (f"allot plan {place} --cluster {cluster}", "what apply would add"),
            (f"allot adopt --platform {place} --cluster {cluster}", "what is there under declared names"),
        ],
    )


def _told(adoption: Adoption) -> Sequence[str]:
    from allotment.cli.commands.change.adopt_view import told_fields

    return [*(f"held back: {one.why}" for one in adoption.hindrances), *told_fields(adoption)]

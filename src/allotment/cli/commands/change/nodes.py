"""`allot nodes`."""

from __future__ import annotations

from typing import Final

import click

from allotment.cli.shell.lazy import Command, CommandEntry, LazyGroup
from allotment.cli.shell.options import (
    cluster_flag,
    format_flag,
    global_flags,
    identity_flag,
    platform_flag,
    server_flags,
    yes_flag,
)
from allotment.cli.shell.session import Session

ENTRIES: Final = (
    CommandEntry(
        "label", "allotment.cli.commands.change.nodes:label", "Give nodes the labels and taints of a declared pool."
    ),
)


@click.group(cls=LazyGroup, entries=ENTRIES)
@global_flags
def nodes() -> None:
    """Nodes of a live cluster, and the pools they belong to."""


@click.command(cls=Command)
@click.argument("names", metavar="[NODES]...", nargs=-1)
@click.option("--pool", required=True, metavar="NAME", help="The declared pool that they belong to.")
@click.option("--selector", default="", metavar="SELECTOR", help="Also every node whose labels match, as in kubectl.")
@click.option(
    "--dry-run",
    type=click.Choice(["client", "server"]),
    help="client: only show what would be set. server: also let the server try it.",
)
@click.option("--force", is_flag=True, help="Also nodes whose devices are not what the pool declares.")
@yes_flag("labelling")
@cluster_flag
@platform_flag
@identity_flag
@server_flags
@format_flag
@global_flags
@click.pass_obj
def label(
    session: Session,
    names: tuple[str, ...],
    *,
    pool: str,
    selector: str,
    dry_run: str | None,
    force: bool,
    yes: bool,
) -> int:
    """Give nodes the labels and taints that a declared pool's nodes carry. Shows them and asks.

    For nodes without a pool's template, or until the template has the labels: an autoscaler's next node has only what
    its template says. Nothing is taken away, and apply never touches nodes.
    """
    from allotment import wiring
    from allotment.cli.commands.change.labelling import carry_out
    from allotment.cli.commands.change.planning import target_of
    from allotment.operations.change.nodes import ChosenNodes, labels_for

    target = target_of(session, None)
    with wiring.connect(session.value("kubeconfig"), target.context) as kube:
        chosen = ChosenNodes(names, selector, force)
        edits = labels_for(kube, target.platform, target.cluster, pool, chosen, override=session.override)
        return carry_out(session, target, kube, edits, dry_run=dry_run, yes=yes)

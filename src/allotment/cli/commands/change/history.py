"""`allot history`."""

from __future__ import annotations

import click

from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import (
    OutputOptions,
    cluster_flag,
    global_flags,
    output_flags,
    platform_argument,
    server_flags,
)
from allotment.cli.shell.session import Session


@click.command(cls=Command)
@platform_argument
@cluster_flag
@server_flags
@output_flags
@global_flags
@click.pass_obj
def history(session: Session, directory: str | None, *, output: OutputOptions) -> int:
    """List past applies and adoptions of a cluster, newest first: who, when, from which commit, and how they ended.

    The cluster itself keeps the last 50. An apply that found nothing to do leaves no record.
    """
    from allotment import wiring
    from allotment.cli.commands.change.history_view import history_listing
    from allotment.cli.commands.change.planning import target_of
    from allotment.cli.shell.output import show
    from allotment.operations.change import history as records

    target = target_of(session, directory)
    with wiring.connect(session.value("kubeconfig"), target.context) as kube:
        show(session, output, history_listing(records.history(kube)))
    return 0

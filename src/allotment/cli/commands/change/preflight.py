"""`allot preflight`."""

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
from allotment.errors import UsageError


@click.command(cls=Command)
@platform_argument
@cluster_flag
@click.option(
    "--rights",
    type=click.Choice(["plan", "apply", "prove"]),
    help="Print the roles that this command needs; no server is asked.",
)
@click.option(
    "--bind-to",
    metavar="SUBJECT",
    default="",
    help="With --rights, print their bindings as well: to group:NAME, user:NAME or serviceaccount:NAMESPACE/NAME.",
)
@server_flags
@output_flags
@global_flags
@click.pass_obj
def preflight(
    session: Session, directory: str | None, *, rights: str | None, bind_to: str, output: OutputOptions
) -> int:
    """Look whether a cluster is ready for what is declared, and what this account may do there. Changes nothing.

    Ends with 6 if something is missing, or blocked by what somebody else made.
    """
    from allotment import wiring
    from allotment.cli.commands.change.planning import target_of
    from allotment.cli.commands.change.preflight_view import objects_text, readied_listing, readied_text
    from allotment.cli.shell.output import show
    from allotment.operations.change import preflight as readiness
    from allotment.operations.change.rights import Task, role_objects
    from allotment.reports.documents.preflight import readied_document

    if bind_to and rights is None:
        raise UsageError("--bind-to is about the roles that --rights prints", fix="say --rights plan, apply or prove")
    target = target_of(session, directory)
    if rights is not None:
        session.out(objects_text(role_objects(Task(rights), target.platform, target.cluster, bind_to), output.format))
        return 0
    with wiring.connect(session.value("kubeconfig"), target.context) as kube:
        readied = readiness.look(target.platform, target.cluster, kube, wiring.clock().now().date())
    show(
        session,
        output,
        readied_listing(readied),
        human=lambda rows: readied_text(readied, rows, session.table_width, session.hint),
        whole=lambda rows: readied_document(readied, rows),
    )
    return readied.exit_code

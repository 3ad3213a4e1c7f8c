"""`allot plan`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import (
    Liberties,
    OutputOptions,
    cluster_flag,
    global_flags,
    identity_flag,
    liberty_flags,
    output_flags,
    platform_argument,
    server_flags,
)
from allotment.cli.shell.session import Session
from allotment.errors import AllotmentError, UsageError, shown

_CHANGES: Final = 2
"""What ``--exit-code`` ends with where there is something to do; terraform's -detailed-exitcode says the same."""


@click.command(cls=Command)
@platform_argument
@cluster_flag
@click.option("--out", metavar="FILE", type=click.Path(dir_okay=False), help="Save the plan for `allot apply FILE`.")
@click.option("--exit-code", is_flag=True, help="End with 0: nothing to do, 2: changes, 1: any error.")
@click.option("--offline", is_flag=True, help="Against an empty cluster; no server is asked.")
@liberty_flags
@identity_flag
@server_flags
@output_flags
@global_flags
@click.pass_obj
def plan(
    session: Session,
    directory: str | None,
    *,
    out: str | None,
    exit_code: bool,
    offline: bool,
    liberties: Liberties,
    output: OutputOptions,
) -> int:
    """Show what apply would change in a cluster: + create, ~ change, - delete, ! conflict. Changes nothing.

    Grouped by family, with the old and the new value of every field that changes, and warnings with numbers.
    """
    from allotment import wiring
    from allotment.cli.commands.change.plan_view import plan_listing, plan_text
    from allotment.cli.commands.change.planning import live_plan, plan_steps, refuse_partial, target_of
    from allotment.cli.shell.output import show
    from allotment.operations.change.cluster_plan import offline_plan
    from allotment.operations.change.rights import may_apply
    from allotment.operations.change.saved_plans import save_plan
    from allotment.reports.documents.plan import plan_document

    if out is not None and offline:
        raise UsageError("an offline plan cannot be saved", why="it was made for no cluster", fix="leave --offline out")
    target = target_of(session, directory)
    able = True
    made = offline_plan(target.platform, target.cluster, wiring.clock().now().date()) if offline else None
    if made is None:
        with wiring.connect(session.value("kubeconfig"), target.context) as kube:
            made = live_plan(session, target, kube, liberties, partial=True)
            able = made.empty or may_apply(kube)
    show(
        session,
        output,
        plan_listing(made),
        human=lambda rows: session.hint(plan_text(made, rows, session.text_width)),
        whole=lambda rows: plan_document(made, rows),
    )
    if out is not None:
        refuse_partial(made, "saved")
        save_plan(made, wiring.files(), Path(out))
        session.note(f"saved in {shown(out)}")
    if output.format == "table":
        steps = plan_steps(session, target, made, saved=out, offline=offline, able=able)
        if steps:
            session.note(steps)
    if exit_code and made.empty and made.unread:
        return AllotmentError.exit_code
    return _CHANGES if exit_code and not made.empty else 0

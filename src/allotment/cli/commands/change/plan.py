"""`allot plan`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

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
    packed,
    platform_argument,
    server_flags,
)
from allotment.cli.shell.session import Session
from allotment.errors import CHANGES, AllotmentError, UsageError, shown


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What is asked of `allot plan`.

    Attributes:
        out: file that the plan is saved in.
        exit_code: the exit code says whether there is something to do.
        offline: against an empty cluster.
    """

    directory: str | None
    out: str | None
    exit_code: bool
    offline: bool


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
@packed(PlanOptions)
def plan(session: Session, asked: PlanOptions, *, liberties: Liberties, output: OutputOptions) -> int:
    """Show what apply would change in a cluster: + create, ~ change, - delete, ! conflict. Changes nothing.

    Grouped by family, with the old and the new value of every field that changes, and warnings with numbers.
    """
    from allotment import wiring
    from allotment.cli.commands.change.plan_view import plan_listing, plan_text
    from allotment.cli.commands.change.planning import live_plan, plan_steps, refuse_partial, target_of
    from allotment.cli.commands.change.slurms import tell_unrendered
    from allotment.cli.shell.output import show
    from allotment.operations.change.cluster_plan import offline_plan
    from allotment.operations.change.rights import may_apply
    from allotment.operations.change.saved_plans import save_plan
    from allotment.reports.documents.plan import plan_document

    if asked.out is not None and asked.offline:
        raise UsageError("an offline plan cannot be saved", why="it was made for no cluster", fix="leave --offline out")
    target = target_of(session, asked.directory)
    able = True
    made = offline_plan(target.platform, target.cluster, wiring.clock().now().date()) if asked.offline else None
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
    tell_unrendered(session, target.platform)
    if asked.out is not None:
        refuse_partial(made, "saved")
        save_plan(made, wiring.files(), Path(asked.out))
        session.note(f"saved in {shown(asked.out)}")
    if output.format == "table":
        steps = plan_steps(session, target, made, saved=asked.out, offline=asked.offline, able=able)
        if steps:
            session.note(steps)
    if asked.exit_code and made.empty and made.unread:
        return AllotmentError.exit_code
    return CHANGES if asked.exit_code and not made.empty else 0

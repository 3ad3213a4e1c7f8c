"""`allot apply`."""

from __future__ import annotations

from pathlib import Path

import click

from allotment.cli.shell.lazy import Command, Flag
from allotment.cli.shell.options import (
    Liberties,
    OutputOptions,
    cluster_flag,
    global_flags,
    identity_flag,
    liberty_flags,
    output_flags,
    platform_flag,
    server_flags,
    yes_flag,
)
from allotment.cli.shell.session import Session


@click.command(cls=Command)
@click.argument("source", metavar="[DIR|PLANFILE]", required=False, type=click.Path())
@platform_flag
@cluster_flag
@liberty_flags
@identity_flag
@click.option(
    "--dry-run",
    type=click.Choice(["client", "server"]),
    help="client: only show the plan. server: also let the server try every object.",
)
@click.option(
    "--delete-namespace",
    "deletable",
    cls=Flag,
    multiple=True,
    metavar="NAME",
    help="In place of typing the name of a namespace that would be deleted with all its data; may be repeated.",
)
@yes_flag("applying")
@server_flags
@output_flags
@global_flags
@click.pass_obj
def apply(
    session: Session,
    source: str | None,
    *,
    liberties: Liberties,
    dry_run: str | None,
    deletable: tuple[str, ...],
    yes: bool,
    output: OutputOptions,
) -> int:
    """Bring a cluster to what the platform directory says, or carry out a saved plan.

    Shows the plan and asks. One bad object does not stop the rest. What is left is named: running it again takes up
    what failed, and what is blocked waits for a person. Fields that other managers own are left alone unless
    --force-conflicts says otherwise. A saved plan is refused when the cluster, or the directory if --platform names
    it, has changed since.
    """
    from allotment import wiring
    from allotment.cli.commands.change.applying import Consent, carry_out
    from allotment.cli.commands.change.planning import live_plan, platform_at_hand, target_of, way_of
    from allotment.cli.commands.change.slurms import tell_unrendered
    from allotment.cli.shell.hints import way_to
    from allotment.cli.shell.places import platform_directory
    from allotment.operations.change.saved_plans import plan_from_file, ready

    consent = Consent(yes=yes, deletable=deletable, dry_run=dry_run, force=liberties.force)
    kubeconfig = session.value("kubeconfig")
    if source is not None and Path(source).is_file():
        plan = plan_from_file(wiring.files(), source)
        platform = platform_at_hand(session, plan.platform)
        cluster = platform.cluster(plan.cluster) if platform else None
        context = session.value("context") or (cluster.context if cluster else plan.cluster)
        with wiring.connect(kubeconfig, context) as kube:
            way = way_to(session, platform_directory(session) if platform else Path(), plan.cluster)
            session.hint = way.told
            plan = ready(plan, kube, platform, override=session.override)
            return carry_out(session, plan, kube, output, consent, way)
    target = target_of(session, source)
    with wiring.connect(kubeconfig, target.context) as kube:
        plan = live_plan(session, target, kube, liberties, check_creations=dry_run == "server")
        code = carry_out(session, plan, kube, output, consent, way_of(session, target))
    tell_unrendered(session, target.platform)
    return code

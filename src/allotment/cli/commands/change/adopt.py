"""`allot adopt`."""

from __future__ import annotations

import click

from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import (
    OutputOptions,
    cluster_flag,
    global_flags,
    identity_flag,
    output_flags,
    platform_flag,
    server_flags,
    yes_flag,
)
from allotment.cli.shell.session import Session


@click.command(cls=Command)
@click.argument("objects", metavar="[OBJECTS]...", nargs=-1)
@click.option("--undo", is_flag=True, help="Give objects back: their earlier values return, and ours go.")
@click.option(
    "--network-policies", is_flag=True, help="Apply network policies in the namespace, whatever connections they cut."
)
@click.option("--enforce", is_flag=True, help="Let policies refuse in the namespace from the start, not only warn.")
@click.option(
    "--dry-run",
    type=click.Choice(["client", "server"]),
    help="Only show. The server is asked in both cases what each object would become.",
)
@yes_flag("taking over, or giving back")
@cluster_flag
@platform_flag
@identity_flag
@server_flags
@output_flags
@global_flags
@click.pass_obj
def adopt(  # noqa: PLR0913 (a parameter for each flag)
    session: Session,
    objects: tuple[str, ...],
    *,
    undo: bool,
    network_policies: bool,
    enforce: bool,
    dry_run: str | None,
    yes: bool,
    output: OutputOptions,
) -> int:
    """Take over objects that the directory declares and that somebody else made.

    OBJECTS are KIND/NAME or KIND/NAMESPACE/NAME; a namespace brings what is declared in it, and is taken over alone.
    Without OBJECTS it lists what there is, and changes nothing. Shows whose each object is, what changes in it, and
    what is at stake; then asks. The earlier values are kept on the object, and --undo puts them back.
    """
    from allotment import wiring
    from allotment.cli.commands.change import adopting
    from allotment.cli.commands.change.planning import target_of
    from allotment.operations.change.identity import admitted
    from allotment.plan.adoption.words import word

    words = tuple(word(text) for text in objects)
    target = target_of(session, None)
    consent = adopting.AdoptionConsent(yes=yes, dry_run=dry_run is not None, enforce=enforce, cut=network_policies)
    with wiring.connect(session.value("kubeconfig"), target.context) as kube:
        admitted(kube, target.mark, session.override)
        if undo:
            return adopting.give_back(session, target, kube, words, output, consent)
        return adopting.take_over(session, target, kube, words, output, consent)

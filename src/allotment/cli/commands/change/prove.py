"""`allot prove`."""

from __future__ import annotations

from pathlib import Path

import click

from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import (
    OutputOptions,
    cluster_flag,
    global_flags,
    identity_flag,
    names_of,
    output_flags,
    platform_argument,
    server_flags,
    team_flag,
)
from allotment.cli.shell.session import Session
from allotment.errors import AllotmentError, shown


@click.command(cls=Command)
@platform_argument
@cluster_flag
@team_flag
@click.option(
    "--guardrail",
    "guardrails",
    multiple=True,
    metavar="ID",
    shell_complete=names_of("guardrail"),
    help="Only this guardrail; may be repeated.",
)
@click.option("--no-work", is_flag=True, help="Run no work for real; its probes count as not tried.")
@click.option("--evidence", metavar="FILE", type=click.Path(dir_okay=False), help="Also write a Markdown report.")
@identity_flag
@server_flags
@output_flags
@global_flags
@click.pass_obj
def prove(
    session: Session,
    directory: str | None,
    *,
    guardrails: tuple[str, ...],
    no_work: bool,
    evidence: str | None,
    output: OutputOptions,
) -> int:
    """Try to break the guardrails of a live cluster, and report which ones held.

    Probes act as the teams' people, by impersonation, as server-side dry runs or as objects that live for seconds;
    good work must get through, bad work must be refused with the right message. Ends with 1 if anything failed.
    """
    from allotment import wiring
    from allotment.cli.commands.change.planning import target_of
    from allotment.cli.commands.change.prove_view import proof_listing, proof_text
    from allotment.cli.shell.output import show
    from allotment.cli.shell.places import named_team
    from allotment.cli.shell.progress import ProgressLine
    from allotment.operations.change.identity import admitted
    from allotment.operations.prove import proving
    from allotment.prove.evidence import to_markdown
    from allotment.reports.documents.proof import proof_document

    target = target_of(session, directory)
    name = session.value("team")
    teams = [named_team(target.platform, name).name] if name else None
    with wiring.connect(session.value("kubeconfig"), target.context) as kube, ProgressLine(session) as line:
        admitted(kube, target.mark, session.override)
        report = proving.prove(
            target.platform,
            target.cluster,
            kube,
            wiring.clock(),
            selection=proving.Selection(teams, guardrails or None, work=not no_work),
            progress=lambda result: line.tell(f"{result.verdict.value} {result.guardrail} {result.team}"),
        )
    show(
        session,
        output,
        proof_listing(report),
        human=lambda rows: proof_text(report, rows, session.text_width),
        whole=lambda rows: proof_document(report, rows),
    )
    if evidence is not None:
        wiring.files().write_text(Path(evidence), to_markdown(report))
        session.note(f"evidence in {shown(evidence)}")
    return AllotmentError.exit_code if report.failed else 0

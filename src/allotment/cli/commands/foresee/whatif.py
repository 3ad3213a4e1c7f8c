"""`allot whatif`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import click

from allotment.cli.commands.ask.source_options import SourceOptions, no_slurm, snapshot_of, source_flags
from allotment.cli.commands.foresee.input_file import (
    file_flag,
    file_or_snapshot,
)
from allotment.cli.shell.file_or_cluster import only_of_clusters, only_of_files
from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import (
    OutputOptions,
    global_flags,
    output_flags,
    packed,
    report_flag,
    scenario_flag,
    until_flag,
)
from allotment.cli.shell.session import Session

CHANGES: Final = (
    ("quota:QUEUE/FLAVOR/RESOURCE=AMOUNT", "Another nominal quota, such as quota:nlp/a100/nvidia.com/gpu=16."),
    ("borrowing:QUEUE/FLAVOR/RESOURCE=AMOUNT", "The most that it may borrow beyond that; none for no bound."),
    ("lending:QUEUE/FLAVOR/RESOURCE=AMOUNT", "The most of it that others may borrow; none for all of it."),
    ("grant:QUEUE/FLAVOR/RESOURCE=+AMOUNT", "More of it for a TERM; with ,lender=QUEUE that one has less meanwhile."),
    ("weight:QUEUE=NUMBER", "Another weight in fair sharing."),
    ("hold:QUEUE", "The queue admits nobody for a TERM."),
    ("resume:QUEUE", "The queue, which is stopped, admits again."),
    ("add-node:NAME=LIKE", "A further node, like one there is."),
    ("drop-node:NAME", "Without this node."),
    ("cordon:NAME", "The node takes no further pods for a TERM."),
    ("drain:NAME", "The same, and its jobs have to leave it."),
    ("node-down:NAME", "The node is not ready for a TERM."),
    ("policy:NAME", "Another policy, as for simulate."),
    ("job:FILE", "With further workloads, one JSON object a line."),
)
"""Every kind with what it does."""


@dataclass(frozen=True, slots=True)
class WhatIfOptions:
    """What is asked of `allot whatif`; texts as they were typed.

    Attributes:
        words: the file, where it is named without a flag.
        named: the file.
    """

    words: tuple[str, ...]
    named: str | None
    changes: tuple[str, ...]
    scenario: str | None
    until: str | None
    report: str | None
    everybody: bool
    budget: str | None
    recorded: str | None


@click.command(cls=Command, terms={"Changes": CHANGES})
@click.argument("words", metavar="", nargs=-1)
@file_flag("Ask this file of queueing scenarios instead of a cluster.")
@click.option(
    "--change", "changes", multiple=True, required=True, metavar="CHANGE", help="What to change, see above; may repeat."
)
@click.option("--all", "everybody", is_flag=True, help="Of a cluster: those for whom nothing changes, too.")
@click.option("--budget", metavar="TIME", help="Of a cluster: how long futures are made; 5s by default.")
@click.option(
    "--recorded",
    metavar="DIR",
    type=click.Path(),
    help="Of a cluster: snapshots of `allot snapshot record`, for what Kubernetes has forgotten.",
)
@scenario_flag
@until_flag
@report_flag
@source_flags
@output_flags
@global_flags
@click.pass_obj
@packed(WhatIfOptions)
def whatif(session: Session, asked: WhatIfOptions, *, source: SourceOptions, output: OutputOptions) -> None:
    """Try changes: who waits longer, who less, who starts now. On a cluster, a snapshot, or a scenario's file.

    On a cluster nothing is changed: changes are made of the moment as it was read, at once and for good, and the same
    futures are played with and without them. Of nodes it is told which pods have to leave and where to, and who of
    those that wait finds a node then; quota stays as it is, so add a quota:… where more nodes are to mean more of it.

    QUEUE may be a cohort for quota, borrowing, lending, grant and weight. Amounts are written as Kubernetes writes
    them. A TERM is written behind the change as ,from=TIME,until=TIME, such as ,from=6h,until=30h from the scenario's
    start; without from it begins at the start, without until it does not end.

    Labels for -l: queue; of a cluster namespace too.
    """
    from allotment.scenarios.changes import check_kind

    for text in asked.changes:
        check_kind(text)
    scenario = _scenario_of_old(source)
    if asked.named is None and not asked.words and scenario is None:
        _live(session, asked, source, output)
        return
    only_of_clusters(
        {
            "--snapshot": source.file if scenario is None else "",
            "--on": source.backend,
            "-n": source.namespace,
            "-A": source.everywhere,
            "--all": asked.everybody,
            "--budget": asked.budget,
            "--recorded": asked.recorded,
        }
    )
    _of_a_file(session, asked, scenario, output)


def _scenario_of_old(source: SourceOptions) -> str | None:
    """The scenario's file, where ``--snapshot`` names one: so it was called before there were snapshots."""
    from allotment import wiring
    from allotment.operations.foresee.opening import holds_scenarios

    return source.file if source.file and holds_scenarios(wiring.scenario_files(), source.file) else None


def _live(session: Session, asked: WhatIfOptions, source: SourceOptions, output: OutputOptions) -> None:
    from allotment import wiring
    from allotment.cli.commands.foresee.live_asking import foreseen, past
    from allotment.cli.commands.foresee.live_whatif_view import live_whatif_listing, live_whatif_text
    from allotment.cli.shell.output import show
    from allotment.operations.foresee.live.whatif import LiveWhatIfRequest, what_if_live
    from allotment.reports.documents.live_change import live_whatif_document
    from allotment.scenarios.times import milliseconds
    from allotment.simulation.live.starts import StartWishes

    only_of_files({"--scenario": asked.scenario, "--until": asked.until, "--report": asked.report})
    wishes = StartWishes(budget=milliseconds(asked.budget or "5s") / 1000)
    recorded = past(asked.recorded)
    snapshot = snapshot_of(session, source)
    no_slurm(snapshot, "what comes of a change")
    request = LiveWhatIfRequest(asked.changes, source.namespace, wishes, everybody=asked.everybody)
    clock = wiring.clock()
    found = foreseen(session, wishes.budget, recorded, lambda earlier: what_if_live(snapshot, request, clock, earlier))
    show(
        session,
        output,
        live_whatif_listing(found),
        human=lambda rows: live_whatif_text(found, rows, session.table_width, headers=not output.no_headers),
        whole=lambda rows: live_whatif_document(found, rows),
    )


def _of_a_file(session: Session, asked: WhatIfOptions, scenario: str | None, output: OutputOptions) -> None:
    from allotment import wiring
    from allotment.cli.commands.foresee.comparing import show_difference
    from allotment.cli.commands.foresee.simulation_options import gauge
    from allotment.cli.shell.progress import ProgressLine
    from allotment.operations.foresee.comparing import what_if
    from allotment.operations.foresee.simulating import RunRequest
    from allotment.scenarios.times import milliseconds

    file = file_or_snapshot(session, asked.named, scenario, asked.words)
    request = RunRequest(until=None if asked.until is None else milliseconds(asked.until))
    with ProgressLine(session) as line:
        found = what_if(wiring.scenario_files(), file, asked.scenario, asked.changes, request, gauge(line))
    show_difference(session, output, found, "WhatIf", asked.report)

"""`allot whatif`."""

from __future__ import annotations

from typing import Final

import click

from allotment.cli.commands.foresee.input_file import file_flag, file_or_snapshot
from allotment.cli.shell.lazy import Command
from allotment.cli.shell.options import (
    OutputOptions,
    global_flags,
    output_flags,
    report_flag,
    scenario_flag,
    until_flag,
)
from allotment.cli.shell.session import Session

CHANGES: Final = (
    ("quota:QUEUE/FLAVOR/RESOURCE=AMOUNT", "Another nominal quota, such as quota:nlp/a100/nvidia.com/gpu=16."),
    ("grant:QUEUE/FLAVOR/RESOURCE=+AMOUNT", "More of it for a TERM; with ,lender=QUEUE that one has less meanwhile."),
    ("weight:QUEUE=NUMBER", "Another weight in fair sharing."),
    ("hold:QUEUE", "The queue admits nobody for a TERM."),
    ("add-node:NAME=LIKE", "A further node, like one there is (scenarios with nodes)."),
    ("drop-node:NAME", "Without this node."),
    ("cordon:NAME", "The node takes no further pods for a TERM."),
    ("drain:NAME", "The same, and its jobs have to leave it."),
    ("node-down:NAME", "The node is not ready for a TERM."),
    ("policy:NAME", "Another policy, as for simulate."),
    ("job:FILE", "With further workloads, one JSON object a line."),
)
"""Every kind with what it does."""


@click.command(cls=Command, terms={"Changes": CHANGES})
@file_flag("The scenario file.")
@click.option("--snapshot", hidden=True, metavar="FILE", type=click.Path())
@click.option(
    "--change", "changes", multiple=True, required=True, metavar="CHANGE", help="What to change, see above; may repeat."
)
@scenario_flag
@until_flag
@report_flag
@output_flags
@global_flags
@click.pass_obj
def whatif(
    session: Session,
    /,
    *,
    changes: tuple[str, ...],
    scenario: str | None,
    until: str | None,
    report: str | None,
    output: OutputOptions,
    **files: str | None,
) -> None:
    """Run a scenario as it is and with changes: who waits longer, who less, by how much.

    QUEUE may be a cohort for quota, grant and weight. Amounts are written as Kubernetes writes them. A TERM is written
    behind the change as ,from=TIME,until=TIME, such as ,from=6h,until=30h from the scenario's start; without from it
    begins at the start, without until it does not end.

    Labels for -l: queue.
    """
    from allotment import wiring
    from allotment.cli.commands.foresee.compare_view import show_difference
    from allotment.cli.commands.foresee.simulation_options import gauge
    from allotment.cli.shell.progress import ProgressLine
    from allotment.operations.foresee.simulating import RunRequest
    from allotment.scenarios.changes import parse_change
    from allotment.scenarios.times import milliseconds

    file = file_or_snapshot(session, files["named"], files["snapshot"])
    parsed = [parse_change(text) for text in changes]
    request = RunRequest(until=None if until is None else milliseconds(until))
    with ProgressLine(session) as line:
        found = wiring.what_if(file, parsed, request, wanted=scenario, watch=gauge(line))
    show_difference(session, output, found, "WhatIf", report)

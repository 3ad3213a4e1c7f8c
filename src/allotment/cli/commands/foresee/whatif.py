"""`allot whatif`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import click

from allotment.cli.commands.foresee.input_file import file_flag, file_or_snapshot
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
    ("grant:QUEUE/FLAVOR/RESOURCE=+AMOUNT", "More of it for a TERM; with ,lender=QUEUE that one has less meanwhile."),
    ("weight:QUEUE=NUMBER", "Another weight in fair sharing."),
    ("hold:QUEUE", "The queue admits nobody for a TERM."),
    ("resume:QUEUE", "The queue, which is stopped, admits again."),
    ("add-node:NAME=LIKE", "A further node, like one there is (scenarios with nodes)."),
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
        snapshot: the file, as it used to be named.
    """

    words: tuple[str, ...]
    named: str | None
    snapshot: str | None
    changes: tuple[str, ...]
    scenario: str | None
    until: str | None
    report: str | None


@click.command(cls=Command, terms={"Changes": CHANGES})
@click.argument("words", metavar="", nargs=-1)
@file_flag("The file of queueing scenarios.")
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
@packed(WhatIfOptions)
def whatif(session: Session, asked: WhatIfOptions, *, output: OutputOptions) -> None:
    """Run a scenario as it is and with changes: who waits longer, who less, by how much.

    QUEUE may be a cohort for quota, grant and weight. Amounts are written as Kubernetes writes them. A TERM is written
    behind the change as ,from=TIME,until=TIME, such as ,from=6h,until=30h from the scenario's start; without from it
    begins at the start, without until it does not end.

    Labels for -l: queue.
    """
    from allotment import wiring
    from allotment.cli.commands.foresee.comparing import show_difference
    from allotment.cli.commands.foresee.simulation_options import gauge
    from allotment.cli.shell.progress import ProgressLine
    from allotment.operations.foresee.comparing import what_if
    from allotment.operations.foresee.simulating import RunRequest
    from allotment.scenarios.changes import check_kind
    from allotment.scenarios.times import milliseconds

    file = file_or_snapshot(session, asked.named, asked.snapshot, asked.words)
    for text in asked.changes:
        check_kind(text)
    request = RunRequest(until=None if asked.until is None else milliseconds(asked.until))
    with ProgressLine(session) as line:
        found = what_if(wiring.scenario_files(), file, asked.scenario, asked.changes, request, gauge(line))
    show_difference(session, output, found, "WhatIf", asked.report)

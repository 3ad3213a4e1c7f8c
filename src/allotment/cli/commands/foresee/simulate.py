"""`allot simulate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from allotment.cli.shell.lazy import Command, Flag
from allotment.cli.shell.options import (
    OutputOptions,
    global_flags,
    output_flags,
    report_flag,
    scenario_flag,
    seed_flag,
    until_flag,
)
from allotment.cli.shell.session import Session
from allotment.errors import UsageError

_TRACES: Final = "Options for traces"
_GROUPS: Final = ("group", "user", "queue", "partition")


_QUEUE_POLICIES: Final = (
    ("classical", "Order and preempt by borrowing, priority and age."),
    ("fair-sharing", "Order and preempt by dominant resource share."),
    ("strict-fifo", "A queue's head blocks what stands behind it."),
    ("best-effort-fifo", "What fits may overtake a head that does not."),
    ("no-preemption", "Nothing that runs is ever evicted."),
    ("reclaim", "A queue takes its own quota back from any borrower."),
)
_PLACEMENT_POLICIES: Final = (
    ("random", "Any node with room."),
    ("dot-product", "Where the product of what is asked and what is left is smallest."),
    ("gpu-clustering", "To pods that ask for as many GPUs."),
    ("gpu-packing", "Partly used GPUs first, then used nodes, idle ones last."),
    ("best-fit", "Where the least cpu and GPU is left."),
    ("fgd", "Where fragmentation grows least."),
)


@click.command(
    cls=Command,
    terms={"Policies for queues": _QUEUE_POLICIES, "Policies for pod lists (all by default)": _PLACEMENT_POLICIES},
)
@click.argument("file", metavar="SCENARIO|TRACE", type=click.Path())
@scenario_flag
@click.option("--policy", "policies", multiple=True, metavar="NAME", help="Another policy; may be repeated. See above.")
@until_flag
@seed_flag
@click.option(
    "--runtime-spread",
    type=click.FloatRange(0, 3),
    default=0.0,
    metavar="SIGMA",
    help="Run times are estimates: vary each by a log-normal factor of mean 1.",
)
@report_flag
@click.option(
    "--capacity",
    cls=Flag,
    section=_TRACES,
    type=click.IntRange(min=1),
    metavar="N",
    help="How many GPUs or processors there are.",
)
@click.option(
    "--quota",
    "quotas",
    cls=Flag,
    section=_TRACES,
    multiple=True,
    metavar="QUEUE=N",
    help="Quota of a queue; may repeat.",
)
@click.option(
    "--jobs", cls=Flag, section=_TRACES, type=click.IntRange(min=1), metavar="N", help="Only the first N jobs."
)
@click.option(
    "--queues-by",
    cls=Flag,
    section=_TRACES,
    type=click.Choice(_GROUPS),
    default="group",
    metavar="COLUMN",
    help=f"What names the queue of a Standard Workload Format job: {', '.join(_GROUPS)}.",
)
@click.option(
    "--nodes", cls=Flag, section=_TRACES, metavar="FILE", type=click.Path(), help="Node list for an openb pod list."
)
@output_flags
@global_flags
@click.pass_obj
def simulate(session: Session, /, file: str, *, output: OutputOptions, **options: Any) -> None:
    """Run a scenario or a trace on the engine under a virtual clock.

    Prints waits, use, evictions and what is pending, by queue. A wait is all the time a job spends in the queue, that
    after evictions included; the same file, policies and seed give the same result.

    Reads scenarios (JSON Lines), Philly's CSV (a queue for each virtual cluster) and the Standard Workload Format.

    An openb pod list with --nodes is another experiment: pods arrive in random order, none leaves, until they ask for
    130 % of the GPUs. It ends with the GPU in use, and the idle GPU by why it is of no use to the typical pod.

    Labels for -l: queue, or policy.
    """
    from allotment import wiring

    kind = wiring.trace_kind(file)
    _refuse_what_does_not_apply(kind, options)
    if kind == "openb":
        _place(session, output, file, options)
    else:
        _queue(session, output, file, options)


_FOR: Final[dict[str, tuple[str, ...]]] = {
    "scenario": ("scenario", "openb"),
    "until": ("scenario", "philly", "swf"),
    "runtime_spread": ("scenario", "philly", "swf"),
    "capacity": ("philly", "swf"),
    "quotas": ("philly", "swf"),
    "jobs": ("philly", "swf"),
    "nodes": ("openb",),
}
"""Options that do not go with every kind of file."""


def _refuse_what_does_not_apply(kind: str, options: dict[str, Any]) -> None:
    for name, kinds in _FOR.items():
        if options[name] and kind not in kinds:
            flag = {"quotas": "--quota"}.get(name, f"--{name.replace('_', '-')}")
            raise UsageError(
                f"{flag} does not go with this file",
                why=f"it is for {', '.join(kinds)}, this is {kind}",
                fix="leave it out",
            )


def _queue(session: Session, output: OutputOptions, file: str, options: dict[str, Any]) -> None:
    from allotment import wiring
    from allotment.cli.commands.foresee.simulate_view import run_listing, run_settings, run_text
    from allotment.cli.commands.foresee.simulation_options import chosen_policies, gauge, quotas_of
    from allotment.cli.shell.output import show
    from allotment.cli.shell.progress import ProgressLine
    from allotment.operations.foresee.simulating import RunRequest
    from allotment.reports.documents.simulation import run_document
    from allotment.scenarios.times import milliseconds
    from allotment.simulation.policies import QueuePolicy

    request = RunRequest(
        chosen_policies(QueuePolicy, options["policies"]),
        None if options["until"] is None else milliseconds(options["until"]),
        options["seed"],
        options["runtime_spread"],
    )
    with ProgressLine(session) as line:
        line.tell(f"reading {file}")
        scenario = wiring.load_scenario(
            file,
            wanted=options["scenario"],
            capacity=options["capacity"],
            quotas=quotas_of(options["quotas"]),
            most_jobs=options["jobs"],
            group_by=options["queues_by"],
        )
        run, fragments = wiring.simulate(scenario, request, gauge(line))
    show(
        session,
        output,
        run_listing(run),
        human=lambda rows: run_text(run, rows, session.table_width, headers=not output.no_headers),
        whole=lambda rows: run_document(run, request, rows, fragments),
    )
    if options["report"] is not None:
        from allotment.reports.pages.simulation import simulation_page

        wiring.files().write_text(Path(options["report"]), simulation_page(run, run_settings(run, request), fragments))
        session.note(f"report in {options['report']}")


def _place(session: Session, output: OutputOptions, file: str, options: dict[str, Any]) -> None:
    from allotment import wiring
    from allotment.cli.commands.foresee.simulate_view import placement_listing, placement_report, placement_text
    from allotment.cli.commands.foresee.simulation_options import chosen_policies
    from allotment.cli.shell.output import show
    from allotment.cli.shell.progress import ProgressLine
    from allotment.reports.documents.placement import placement_document
    from allotment.scheduling.placement.gpu.policies import GpuPolicy

    if options["nodes"] is None:
        raise UsageError(
            "which nodes?",
            why="an openb pod list says nothing of nodes",
            fix="name an openb node list with --nodes FILE",
        )
    policies = chosen_policies(GpuPolicy, options["policies"]) or tuple(GpuPolicy)
    with ProgressLine(session) as line:
        runs = wiring.compare_placement(
            file,
            options["nodes"],
            policies,
            options["seed"],
            lambda policy: line.tell(f"placing by {policy.value} ({policies.index(policy) + 1} of {len(policies)})"),
        )
    show(
        session,
        output,
        placement_listing(runs),
        human=lambda rows: placement_text(runs, rows, session.table_width, headers=not output.no_headers),
        whole=lambda rows: placement_document(runs, rows),
    )
    if options["report"] is not None:
        wiring.files().write_text(Path(options["report"]), placement_report(runs))
        session.note(f"report in {options['report']}")

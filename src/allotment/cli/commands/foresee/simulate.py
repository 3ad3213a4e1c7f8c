"""`allot simulate`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import click

from allotment.cli.commands.foresee.input_file import file_by_either, file_flag, node_list, not_with_this_file
from allotment.cli.shell.lazy import Command, Flag
from allotment.cli.shell.options import (
    OutputOptions,
    global_flags,
    output_flags,
    packed,
    report_flag,
    scenario_flag,
    seed_flag,
    until_flag,
)
from allotment.cli.shell.session import Session
from allotment.scenarios.kinds import IN_WORDS, FileKind

if TYPE_CHECKING:
    from allotment.ports.scenario_files import ScenarioFilesPort

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


@dataclass(frozen=True, slots=True)
class SimulateOptions:
    """What is asked of `allot simulate`; texts as they were typed.

    Attributes:
        word: the file.
        named: the file, by ``--file``.
    """

    word: str | None
    named: str | None
    scenario: str | None
    policies: tuple[str, ...]
    until: str | None
    seed: int
    runtime_spread: float
    report: str | None
    capacity: int | None
    quotas: tuple[str, ...]
    jobs: int | None
    queues_by: str
    nodes: str | None


@click.command(
    cls=Command,
    terms={"Policies for queues": _QUEUE_POLICIES, "Policies for pod lists (all by default)": _PLACEMENT_POLICIES},
)
@click.argument("word", metavar="[SCENARIO|TRACE]", required=False, type=click.Path())
@file_flag("The same by name, as for whatif, when and capacity.")
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
@packed(SimulateOptions)
def simulate(session: Session, asked: SimulateOptions, *, output: OutputOptions) -> None:
    """Run a scenario or a trace on the engine under a virtual clock.

    Prints waits, use, evictions and what is pending, by queue. A wait is all the time a job spends in the queue, that
    after evictions included; the same file, policies and seed give the same result.

    Reads scenarios (JSON Lines), Philly's CSV (a queue for each virtual cluster) and the Standard Workload Format.

    An openb pod list with --nodes is another experiment: pods arrive in random order, none leaves, until they ask for
    130 % of the GPUs. It ends with the GPU in use, and the idle GPU by why it is of no use to the typical pod.

    Labels for -l: queue, or policy.
    """
    from allotment import wiring
    from allotment.operations.foresee.opening import kind_of

    files = wiring.scenario_files()
    file = file_by_either(asked.word, asked.named)
    kind = kind_of(files, file)
    _refuse_what_does_not_apply(kind, asked)
    run = _place if kind is FileKind.OPENB else _queue
    run(session, output, files, file, asked)


_TRACE_KINDS: Final = (FileKind.PHILLY, FileKind.SWF)
_QUEUE_KINDS: Final = (FileKind.SCENARIO, *_TRACE_KINDS)
_FOR: Final[tuple[tuple[str, Callable[[SimulateOptions], object], tuple[FileKind, ...]], ...]] = (
    ("--scenario", lambda asked: asked.scenario, (FileKind.SCENARIO, FileKind.OPENB)),
    ("--until", lambda asked: asked.until, _QUEUE_KINDS),
    ("--runtime-spread", lambda asked: asked.runtime_spread, _QUEUE_KINDS),
    ("--capacity", lambda asked: asked.capacity, _TRACE_KINDS),
    ("--quota", lambda asked: asked.quotas, _TRACE_KINDS),
    ("--jobs", lambda asked: asked.jobs, _TRACE_KINDS),
    ("--nodes", lambda asked: asked.nodes, (FileKind.OPENB,)),
)
"""Options that do not go with every kind of file: the flag, whether it was given, and the kinds it goes with."""


def _refuse_what_does_not_apply(kind: FileKind, asked: SimulateOptions) -> None:
    for flag, given, kinds in _FOR:
        if given(asked) and kind not in kinds:
            raise not_with_this_file(flag, f"it is for {', '.join(kinds)}; this is {IN_WORDS[kind]}")


def _queue(
    session: Session, output: OutputOptions, files: ScenarioFilesPort, file: str, asked: SimulateOptions
) -> None:
    from allotment.cli.commands.foresee.reporting import write_report
    from allotment.cli.commands.foresee.simulate_view import run_listing, run_settings, run_text
    from allotment.cli.commands.foresee.simulation_options import chosen_policies, gauge, quotas_of
    from allotment.cli.shell.output import show
    from allotment.cli.shell.progress import ProgressLine
    from allotment.operations.foresee.opening import TraceWishes, open_scenario
    from allotment.operations.foresee.simulating import RunRequest, simulate_in_full
    from allotment.reports.documents.simulation import run_document
    from allotment.scenarios.times import milliseconds
    from allotment.scenarios.traces import GroupBy
    from allotment.simulation.policies import QueuePolicy

    request = RunRequest(
        chosen_policies(QueuePolicy, asked.policies),
        None if asked.until is None else milliseconds(asked.until),
        asked.seed,
        asked.runtime_spread,
    )
    with ProgressLine(session) as line:
        line.tell(f"reading {file}")
        wishes = TraceWishes(asked.capacity, quotas_of(asked.quotas), asked.jobs, GroupBy(asked.queues_by))
        scenario = open_scenario(files, file, asked.scenario, wishes)
        run, fragments = simulate_in_full(scenario, request, gauge(line))
    show(
        session,
        output,
        run_listing(run),
        human=lambda rows: run_text(run, rows, session.table_width, headers=not output.no_headers),
        whole=lambda rows: run_document(run, request, rows, fragments),
    )
    if asked.report is not None:
        from allotment.reports.pages.simulation import simulation_page

        write_report(session, asked.report, simulation_page(run, run_settings(run, request), fragments))


def _place(
    session: Session, output: OutputOptions, files: ScenarioFilesPort, file: str, asked: SimulateOptions
) -> None:
    from allotment.cli.commands.foresee.reporting import write_report
    from allotment.cli.commands.foresee.simulate_view import placement_listing, placement_report, placement_text
    from allotment.cli.commands.foresee.simulation_options import chosen_policies
    from allotment.cli.shell.output import show
    from allotment.cli.shell.progress import ProgressLine
    from allotment.operations.foresee.opening import open_pod_list
    from allotment.operations.foresee.simulating import compare_placement
    from allotment.reports.documents.placement import placement_document
    from allotment.scheduling.placement.gpu.policies import GpuPolicy

    nodes = node_list(asked.nodes)
    policies = chosen_policies(GpuPolicy, asked.policies) or tuple(GpuPolicy)
    with ProgressLine(session) as line:
        runs = compare_placement(
            open_pod_list(files, file, nodes),
            policies,
            asked.seed,
            lambda policy: line.tell(f"placing by {policy.value} ({policies.index(policy) + 1} of {len(policies)})"),
        )
    show(
        session,
        output,
        placement_listing(runs),
        human=lambda rows: placement_text(runs, rows, session.table_width, headers=not output.no_headers),
        whole=lambda rows: placement_document(runs, rows),
    )
    if asked.report is not None:
        write_report(session, asked.report, placement_report(runs))

"""`allot capacity`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import click

from allotment.cli.commands.ask.source_options import SourceOptions, no_slurm, snapshot_of, source_flags
from allotment.cli.commands.foresee.input_file import (
    file_alone,
    file_flag,
    names_a_file,
    node_list,
    not_with_this_file,
)
from allotment.cli.shell.file_or_cluster import only_of_clusters, only_of_files
from allotment.cli.shell.lazy import Command, Flag
from allotment.cli.shell.options import OutputOptions, global_flags, output_flags, packed, scenario_flag
from allotment.cli.shell.session import Session
from allotment.scenarios.kinds import IN_WORDS, FileKind

if TYPE_CHECKING:
    from allotment.ports.scenario_files import ScenarioFilesPort
    from allotment.scheduling.placement.asking import Ask
    from allotment.scheduling.placement.survey import CapacitySurvey

_LISTS: Final = "Options for pod lists"
_PARTS: Final = (
    ("8, 8xa100, 0.5xT4", "GPUs, with their model if it matters; below 1 a share (pod lists only). Comes first."),
    ("8xamd.com/gpu", "The same by the name of the resource: devices of any vendor, slices too."),
    ("cpu=16, memory=64Gi", "Amounts of any resource, as Kubernetes writes them."),
    ("node:LABEL=VALUE", "Only nodes with this label."),
    ("tolerate:KEY[=VALUE]", "This taint is no obstacle; the one named like the GPU resource never is."),
)
"""What a shape is made of."""


@dataclass(frozen=True, slots=True)
class CapacityOptions:
    """What is asked of `allot capacity`; texts as they were typed.

    Attributes:
        words: shapes; the first may be the file, as it used to be named.
        named: the file.
    """

    words: tuple[str, ...]
    named: str | None
    shapes: tuple[str, ...]
    scenario: str | None
    nodes: str | None
    policy: str | None
    demand: float | None
    seed: int | None


@click.command(cls=Command, terms={"Parts of a shape, with commas between": _PARTS})
@click.argument("words", metavar="[SHAPE]...", nargs=-1)
@file_flag("Ask this placement scenario or openb pod list instead of a cluster.")
@click.option("--shape", "shapes", multiple=True, metavar="SHAPE", help="How many more of these fit? May be repeated.")
@scenario_flag
@click.option(
    "--nodes", cls=Flag, section=_LISTS, metavar="FILE", type=click.Path(), help="The node list of an openb pod list."
)
@click.option("--policy", cls=Flag, section=_LISTS, metavar="NAME", help="How pods are placed; fgd by default.")
@click.option(
    "--demand",
    cls=Flag,
    section=_LISTS,
    type=click.FloatRange(0, 130),
    metavar="PERCENT",
    help="Stop when arrived pods ask for this share of the GPUs; 100 by default.",
)
@click.option("--seed", cls=Flag, section=_LISTS, type=click.IntRange(min=0), metavar="N", help="Of the pods' order.")
@source_flags
@output_flags
@global_flags
@click.pass_obj
@packed(CapacityOptions)
def capacity(session: Session, asked: CapacityOptions, *, source: SourceOptions, output: OutputOptions) -> None:
    """How many more pods of a shape fit, and what is out first; GPUs per node: used, free, fragmented and why.

    Asks a cluster, or a snapshot of one. With a SHAPE: how many more each queue takes now, by its quota (what it can
    borrow included) and by the nodes of each flavor. Without one: the nodes.

    With --file it reads a placement scenario: nodes and the existing pods on them; or an openb pod list, which is
    placed first on the nodes of --nodes.

    Of nodes, free GPU is fragment as far as the typical pod cannot use it, and stranded as far as one shape cannot that
    asks for such GPUs: the first --shape, else the most frequent. FITS and STRANDED of a node are about that shape.

    Labels for -l: of nodes their own, and model; of queues queue, flavor and shape.
    """
    if not _of_a_file(asked):
        _live(session, asked, source, output)
        return
    only_of_clusters(
        {"--snapshot": source.file, "--on": source.backend, "-n": source.namespace, "-A": source.everywhere}
    )
    _surveyed(session, asked, output)


def _of_a_file(asked: CapacityOptions) -> bool:
    """Whether a file is asked; a word that reads as a shape is one, unless there is such a file."""
    from allotment.errors import UsageError
    from allotment.scheduling.placement.asking import parse_ask

    if asked.named is None and asked.words and not names_a_file(None, asked.words[:1]):
        return False
    if asked.named is None and asked.words:
        try:
            parse_ask(asked.words[0])
        except UsageError:
            return True
        from allotment import wiring

        return wiring.files().user_path(asked.words[0]).exists()
    return asked.named is not None


def _live(session: Session, asked: CapacityOptions, source: SourceOptions, output: OutputOptions) -> None:
    from allotment.cli.commands.foresee.capacity_view import capacity_listing, capacity_text
    from allotment.cli.commands.foresee.live_capacity_view import live_capacity_listing, live_capacity_text
    from allotment.cli.shell.output import show
    from allotment.operations.foresee.live.capacity import capacity_live, survey_live
    from allotment.reports.documents.capacity import capacity_document
    from allotment.reports.documents.live_capacity import live_capacity_document
    from allotment.scheduling.placement.asking import parse_ask

    only_of_files({"--scenario": asked.scenario, **{flag: given(asked) is not None for flag, given in _FOR_LISTS}})
    asks = [parse_ask(text) for text in (*asked.words, *asked.shapes)]
    snapshot = snapshot_of(session, source)
    no_slurm(snapshot, "room in queues")
    if asks:
        rooms = capacity_live(snapshot, asks)
        show(
            session,
            output,
            live_capacity_listing(rooms),
            human=lambda rows: live_capacity_text(rooms, rows, session.table_width, headers=not output.no_headers),
            whole=lambda rows: live_capacity_document(rooms, rows),
        )
        return
    found = survey_live(snapshot, asks)
    show(
        session,
        output,
        capacity_listing(found),
        human=lambda rows: capacity_text(found, rows, session.table_width, headers=not output.no_headers),
        whole=lambda rows: capacity_document(found, rows),
    )


def _surveyed(session: Session, asked: CapacityOptions, output: OutputOptions) -> None:
    from allotment import wiring
    from allotment.cli.commands.foresee.capacity_view import capacity_listing, capacity_text
    from allotment.cli.shell.output import show
    from allotment.operations.foresee.opening import check_survey
    from allotment.reports.documents.capacity import capacity_document
    from allotment.scheduling.placement.asking import parse_ask

    file = file_alone(session, asked.named, asked.words, "allot capacity")
    asks = [parse_ask(text) for text in asked.shapes]
    files = wiring.scenario_files()
    kind = check_survey(files, file)
    _refuse_what_does_not_apply(kind, asked)
    survey = _of_a_pod_list if kind is FileKind.OPENB else _of_a_scenario
    found = survey(files, file, asks, asked)
    show(
        session,
        output,
        capacity_listing(found),
        human=lambda rows: capacity_text(found, rows, session.table_width, headers=not output.no_headers),
        whole=lambda rows: capacity_document(found, rows),
    )


_FOR_LISTS: Final[tuple[tuple[str, Callable[[CapacityOptions], object]], ...]] = (
    ("--nodes", lambda asked: asked.nodes),
    ("--policy", lambda asked: asked.policy),
    ("--demand", lambda asked: asked.demand),
    ("--seed", lambda asked: asked.seed),
)
_FOR_SCENARIOS: Final[tuple[tuple[str, Callable[[CapacityOptions], object]], ...]] = (
    ("--scenario", lambda asked: asked.scenario),
)
"""Options that go with one kind of file: the flag, and whether it was given."""


def _refuse_what_does_not_apply(kind: FileKind, asked: CapacityOptions) -> None:
    for flag, given in _FOR_LISTS if kind is FileKind.SCENARIO else _FOR_SCENARIOS:
        if given(asked) is not None:
            raise not_with_this_file(flag, f"it is {IN_WORDS[kind]}")


def _of_a_scenario(files: ScenarioFilesPort, file: str, asks: Sequence[Ask], asked: CapacityOptions) -> CapacitySurvey:
    from allotment.operations.foresee.capacity import survey_scenario
    from allotment.operations.foresee.opening import scenario_lines

    return survey_scenario(scenario_lines(files, file), asked.scenario, asks)


def _of_a_pod_list(files: ScenarioFilesPort, file: str, asks: Sequence[Ask], asked: CapacityOptions) -> CapacitySurvey:
    from allotment.cli.commands.foresee.simulation_options import chosen_policies
    from allotment.operations.foresee.capacity import survey_pod_list
    from allotment.operations.foresee.opening import open_pod_list
    from allotment.scheduling.placement.gpu.policies import GpuPolicy

    nodes = node_list(asked.nodes)
    (policy,) = chosen_policies(GpuPolicy, [asked.policy or GpuPolicy.FGD.value])
    demand = 100.0 if asked.demand is None else asked.demand
    listed = open_pod_list(files, file, nodes)
    return survey_pod_list(listed, asks, policy=policy, demand=demand / 100, seed=asked.seed or 0)

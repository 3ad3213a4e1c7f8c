"""`allot capacity`."""

from __future__ import annotations

from typing import Any, Final

import click

from allotment.cli.commands.foresee.input_file import file_and_words, file_flag
from allotment.cli.shell.lazy import Command, Flag
from allotment.cli.shell.options import OutputOptions, global_flags, output_flags, scenario_flag
from allotment.cli.shell.session import Session
from allotment.errors import UsageError

_LISTS: Final = "Options for pod lists"
_PARTS: Final = (
    ("8, 8xa100, 0.5xT4", "GPUs, with their model if it matters; below 1 a share (pod lists only). Comes first."),
    ("8xamd.com/gpu", "The same by the name of the resource: devices of any vendor, slices too."),
    ("cpu=16, memory=64Gi", "Amounts of any resource, as Kubernetes writes them."),
    ("node:LABEL=VALUE", "Only nodes with this label."),
    ("tolerate:KEY[=VALUE]", "This taint is no obstacle; the one named like the GPU resource never is."),
)
"""What a shape is made of."""


@click.command(cls=Command, terms={"Parts of a shape, with commas between": _PARTS})
@click.argument("words", metavar="", nargs=-1)
@file_flag("The placement scenario, or the openb pod list.")
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
@output_flags
@global_flags
@click.pass_obj
def capacity(
    session: Session, /, words: tuple[str, ...], *, named: str | None, output: OutputOptions, **options: Any
) -> None:
    """GPUs per node: used, free, fragmented and why, and how many more pods of a shape fit.

    Reads a placement scenario: nodes and the existing pods on them. Free GPU is fragment as far as the typical pod of
    the file cannot use it, and stranded as far as one shape cannot: the first --shape, else the most frequent of the
    file. FITS and STRANDED of a node are about that shape.

    Reads an openb pod list too, and places it first on the nodes of --nodes.

    Labels for -l: those of the nodes, and model.
    """
    from allotment import wiring
    from allotment.cli.commands.foresee.capacity_view import capacity_listing, capacity_text
    from allotment.cli.shell.output import show
    from allotment.reports.documents.capacity import capacity_document
    from allotment.scheduling.placement.asking import parse_ask

    file, more = file_and_words(session, named, words)
    if more:
        raise UsageError(f"{more[0]}: one file, and no further words", fix="see `allot capacity --help`")
    asks = [parse_ask(text) for text in options["shapes"]]
    kind = wiring.trace_kind(file)
    _refuse_what_does_not_apply(kind, options)
    if kind == "openb":
        found = _of_a_pod_list(file, asks, options)
    else:
        found = wiring.survey_capacity(file, asks, wanted=options["scenario"])
    show(
        session,
        output,
        capacity_listing(found),
        human=lambda rows: capacity_text(found, rows, session.table_width, headers=not output.no_headers),
        whole=lambda rows: capacity_document(found, rows),
    )


def _refuse_what_does_not_apply(kind: str, options: dict[str, Any]) -> None:
    if kind not in ("scenario", "openb"):
        raise UsageError(
            "this file does not say which pod runs on which node",
            why=f"it is a trace ({kind})",
            fix="name a placement scenario, or an openb pod list with --nodes",
        )
    wrong = ("nodes", "policy", "demand", "seed") if kind == "scenario" else ("scenario",)
    for name in wrong:
        if options[name] is not None:
            raise UsageError(f"--{name} does not go with this file", why=f"it is {kind}", fix="leave it out")


def _of_a_pod_list(file: str, asks: list[Any], options: dict[str, Any]) -> Any:
    from allotment import wiring
    from allotment.cli.commands.foresee.simulation_options import chosen_policies
    from allotment.scheduling.placement.gpu.policies import GpuPolicy

    if options["nodes"] is None:
        raise UsageError(
            "which nodes?",
            why="an openb pod list says nothing of nodes",
            fix="name an openb node list with --nodes FILE",
        )
    (policy,) = chosen_policies(GpuPolicy, [options["policy"] or GpuPolicy.FGD.value])
    demand = 100.0 if options["demand"] is None else options["demand"]
    return wiring.survey_pod_list(
        file, options["nodes"], asks, policy=policy, demand=demand / 100, seed=options["seed"] or 0
    )

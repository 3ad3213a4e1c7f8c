"""Placement experiments as one HTML page: GPU in use, fragmentation by cause over demand, and node by node."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Final

from allotment.reports.pages.charts import COLOURS, Series, lines, stacked_by_percent, tiles
from allotment.reports.pages.simulation import CAUSE_COLOURS, LEVELS, key, page, table
from allotment.scheduling.placement.gpu.fragmentation import FRAGMENT_CAUSES, FragmentCause
from allotment.scheduling.placement.gpu.model import WHOLE, GpuNode
from allotment.simulation.experiment import ExperimentResult

_ACROSS: Final = "arrived demand, percent of the GPUs"
_BOUNDS: Final = (0.01, 0.10, 0.25, 0.50)
"""Upper bounds of the shades of a node: the share of its GPUs that is fragment."""
_SHADES: Final = ("none", "up to 10 %", "up to 25 %", "up to 50 %", "more")

Run = tuple[str, ExperimentResult]
"""A policy's name and its experiment."""


def placement_page(title: str, settings: str, nodes: Sequence[GpuNode], runs: Sequence[Run]) -> str:
    """The report of placement experiments.

    Args:
        title: heading.
        settings: nodes, pods and seed, in words.
        nodes: the nodes of all experiments.
        runs: the experiments.
    """
    held = [Series(name, index % COLOURS, result.curve) for index, (name, result) in enumerate(runs)]
    lost = [Series(name, index % COLOURS, _fragment(result)) for index, (name, result) in enumerate(runs)]
    top = max((value for each in lost for value in each.values), default=0.0)
    parts = [
        "<h2>GPUs in use as demand grows</h2><p>Share of all GPU that running pods hold.</p>",
        key(held),
        lines(held, label="allocation over arrived demand", across=_ACROSS),
        "<h2>Fragmentation as demand grows</h2><p>Idle GPU that the typical pod cannot use, as share of all GPU.</p>",
        key(lost),
        lines(lost, label="fragmentation over arrived demand", across=_ACROSS, top=top),
        "<h2>Why the typical pod cannot use it</h2>",
        *_by_cause(runs, top),
        "<h2>At the end</h2><p>Shares of all GPU. Fragment is the sum of its causes.</p>",
        _end(runs),
        "<h2>Node by node, at the end</h2>",
        "<p>A square a node, in the list's order; the stronger the colour, the more of its GPU is fragment.</p>",
        _shades(),
        *(f"<h3>{escape(name)}</h3>{_node_tiles(name, nodes, result)}" for name, result in runs),
    ]
    return page(title, settings, "".join(parts))


def _fragment(result: ExperimentResult) -> list[float]:
    return [sum(shares[cause] for cause in FRAGMENT_CAUSES) for shares in result.course]


def _present(runs: Sequence[Run]) -> list[FragmentCause]:
    """The causes that were met at all."""
    return [cause for cause in CAUSE_COLOURS if any(shares[cause] for _, result in runs for shares in result.course)]


def _by_cause(runs: Sequence[Run], top: float) -> list[str]:
    parts = []
    for name, result in runs:
        series = [
            Series(cause.title, CAUSE_COLOURS[cause], [shares[cause] for shares in result.course])
            for cause in _present(runs)
        ]
        drawn = stacked_by_percent(series, label=f"fragmentation by cause, {name}", across=_ACROSS, top=top)
        parts.append(f"<h3>{escape(name)}</h3>{key(series)}{drawn}")
    return parts


def _end(runs: Sequence[Run]) -> str:
    present = _present(runs)
    headers = ("Policy", "In use", "Fragment", *(_capital(cause.title) for cause in present), "Pods placed")
    rows = [
        (
            name,
            f"{result.allocation:.2f} %",
            f"{result.fragment:.2f} %",
            *(f"{result.share(cause):.2f} %" for cause in present),
            f"{result.placed:,} of {result.arrived:,}",
        )
        for name, result in runs
    ]
    return table(headers, rows)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _shades() -> str:
    items = "".join(f'<li><i class="l{level}"></i>{escape(text)}</li>' for level, text in enumerate(_SHADES))
    return f'<ul class="key">{items}</ul>'


def _node_tiles(name: str, nodes: Sequence[GpuNode], result: ExperimentResult) -> str:
    levels = [
        _level(float(fragment) / (node.gpus * WHOLE)) if node.gpus else 0
        for node, fragment in zip(nodes, result.fragmentation.node_fragments, strict=True)
    ]
    return tiles(levels, label=f"fragment by node, {name}")


def _level(share: float) -> int:
    return next((level for level, bound in enumerate(_BOUNDS) if share <= bound), LEVELS - 1)

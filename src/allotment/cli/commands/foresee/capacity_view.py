"""What a cluster has left, node by node and shape by shape."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

from allotment.cli.shell.amounts import amount
from allotment.cli.shell.output import Listing
from allotment.cli.shell.table import Column, table_text
from allotment.model.devices import names_a_part
from allotment.model.grammar import count
from allotment.reports.documents.capacity import NodeRow, fragment_of, gpus_of, node_document
from allotment.scheduling.placement.gpu.capacity import Stranded
from allotment.scheduling.placement.gpu.fragmentation import FRAGMENT_CAUSES, FragmentCause
from allotment.scheduling.placement.gpu.model import WHOLE
from allotment.scheduling.placement.survey import CapacitySurvey, ShapeSurvey

_WIDEST_SHAPE: Final = 60
"""Characters of a shape that tables show."""
_TITLES: Final = {FragmentCause.WRONG_MODEL: "not admitted there"}
"""A cause's name where it means more than the GPU's model: selectors, taints, cordons."""


def _shown(milli: float) -> str:
    return f"{milli / WHOLE:.2f}".rstrip("0").rstrip(".")


def _gpus(milli: float) -> str:
    return f"{_shown(milli)} GPU{'' if _shown(milli) == '1' else 's'}"


def _part(milli: float) -> str:
    return "a slice or share" if _shown(milli) == "1" else "slices or shares"


def _cause(found: CapacitySurvey, row: NodeRow, cause: FragmentCause) -> float | None:
    return None if found.fragmentation is None else gpus_of(float(found.fragmentation.per_node[row.at, cause]))


def _about(found: CapacitySurvey) -> ShapeSurvey | None:
    """The shape that FITS and STRANDED of a node are about."""
    return found.shapes[0] if found.shapes else None


def _fits(found: CapacitySurvey, row: NodeRow) -> int | None:
    shape = _about(found)
    return None if shape is None else int(shape.room.fits[row.at])


def _stranded(found: CapacitySurvey, row: NodeRow) -> float | None:
    shape = _about(found)
    return None if shape is None else gpus_of(int(shape.room.lost[row.at]))


def _why(found: CapacitySurvey, row: NodeRow) -> str:
    shape = _about(found)
    reason = None if shape is None else shape.room.reasons[row.at]
    if reason is Stranded.TAINTED and row.node.broken:
        return "not Ready"  # the taint is its controller's way to say so
    return "" if reason is None else reason.value


def capacity_listing(found: CapacitySurvey) -> Listing[NodeRow]:
    """A row a node."""
    fragment: Column[NodeRow] = Column(
        "FRAGMENT",
        lambda row: fragment_of(found, row),
        text=lambda row: "" if (value := fragment_of(found, row)) is None else _shown(value * WHOLE),
    )
    return Listing(
        kind="NodeCapacity",
        rows=[NodeRow(at, node) for at, node in enumerate(found.nodes)],
        columns=(
            Column("NODE", lambda row: row.node.name),
            Column("MODEL", lambda row: row.node.model or None),
            Column("GPUS", lambda row: gpus_of(row.node.gpus)),
            Column("USED", lambda row: gpus_of(row.node.used)),
            Column("FREE", lambda row: gpus_of(row.node.free), style=_free_style, keep=2),
            fragment,
            *(_cause_column(found, cause) for cause in FRAGMENT_CAUSES),
            Column(
                "CPU FREE",
                lambda row: row.node.cpu_free,
                wide=True,
                text=lambda row: amount("cpu", row.node.cpu_free),
                unit="millicpu",
            ),
            Column(
                "MEMORY FREE",
                lambda row: row.node.memory_free,
                wide=True,
                text=lambda row: amount("memory", row.node.memory_free),
                unit="bytes",
            ),
            Column("FITS", lambda row: _fits(found, row), keep=2),
            Column("STRANDED", lambda row: _stranded(found, row), keep=1),
            Column("WHY", lambda row: _why(found, row) or None, keep=1, fold=" "),
        ),
        name=lambda row: row.node.name,
        document=lambda row: node_document(found, row),
        labels=lambda row: {"model": row.node.model, **row.node.labels},
        nothing="no such nodes",
    )


def _free_style(row: NodeRow) -> str:
    return "dim" if row.node.closed else ""


def _cause_column(found: CapacitySurvey, cause: FragmentCause) -> Column[NodeRow]:
    title = _TITLES.get(cause, cause.title)
    return Column(title.upper().replace(",", ""), lambda row: _cause(found, row, cause), wide=True)


def capacity_text(found: CapacitySurvey, rows: Sequence[NodeRow], width: int | None, *, headers: bool) -> str:
    """The nodes, the shapes, and the whole."""
    columns = [column for column in capacity_listing(found).columns if not column.wide]
    lines = [table_text(columns, rows, width=width, headers=headers)] if rows else []
    about = _about(found)
    if rows and about is not None:
        lines.append(f"fits and stranded: {about.text}")
    lines += [""] if rows else []
    if found.shapes:
        lines += [table_text(_shape_columns(found), found.shapes, width=width, headers=headers), ""]
    kinds = (
        (sum(node.closed for node in found.nodes), "cordoned"),
        (sum(node.broken for node in found.nodes), "not Ready"),
    )
    closed = ", ".join(f"{number:,} {word}" for number, word in kinds if number)
    parts = sum(node.gpus for node in found.nodes if names_a_part(node.model))
    lines.append(
        f"{count(len(found.nodes), 'node')}{f' ({closed})' if closed else ''}: {_gpus(found.gpus)}"
        f"{f' ({_shown(parts)} of them {_part(parts)})' if parts else ''}, "
        f"{_shown(found.gpus - found.free)} used, {_shown(found.free - found.shut)} free"
        + (f"; {_shown(found.shut)} idle on nodes that take no pods" if found.shut else "")
    )
    if found.sliced:
        lines.append(f"{_gpus(found.sliced)} more are cut into slices of other names: `allot gpus` counts them")
    if found.by_claims:
        lines.append(f"{_gpus(found.by_claims)} more are handed out by claims: `allot gpus` counts them")
    return "\n".join(lines + _fragment_lines(found))


def short_shape(text: str, others: Collection[str] = ()) -> str:
    """A shape as tables have it: of a long list of tolerations and labels the beginning; csv and JSON have it whole.

    Args:
        text: the shape.
        others: those beside it: what would look like one of them is not cut.
    """
    if len(text) <= _WIDEST_SHAPE:
        return text
    kept = text[: _WIDEST_SHAPE - 1]
    return text if any(each != text and each.startswith(kept) for each in others) else f"{kept}…"


def _fragment_lines(found: CapacitySurvey) -> list[str]:
    if found.fragmentation is None:
        return ["no pod to judge fragmentation by: name a --shape"]
    whole = found.fragmentation.cluster
    parts = [
        f"{_TITLES.get(cause, cause.title)} {_shown(whole[cause])}" for cause in FRAGMENT_CAUSES if whole[cause] > 0.5
    ]
    judged = f"{count(found.typical, 'typical shape')} of {count(found.pods, 'pod')}"
    if not found.pods:
        judged = count(found.typical, "shape") + " asked for"
    split = f": {', '.join(parts)}" if parts else ""
    return [f"fragment {_gpus(found.fragmentation.fragment)} by {judged}{split}"]


def _main_reason(shape: ShapeSurvey) -> str:
    told = sorted(((lost, reason.value) for reason, lost in shape.room.stranded.items() if lost), reverse=True)
    return "; ".join(f"{text} ({_shown(lost)})" for lost, text in told)


def _shape_columns(found: CapacitySurvey) -> tuple[Column[ShapeSurvey], ...]:
    texts = [each.text for each in found.shapes]
    return (
        Column("SHAPE", lambda row: row.text, text=lambda row: short_shape(row.text, texts)),
        Column(
            "OF PODS",
            lambda row: None if row.share is None else round(100 * row.share, 1),
            text=lambda row: f"{100 * (row.share or 0):.1f}%",
        ),
        Column("FITS", lambda row: row.room.count, keep=2),
        Column("STRANDED", lambda row: gpus_of(int(row.room.lost.sum())), keep=1),
        Column("WHY (GPUS)", _main_reason, keep=1, fold=" "),
    )

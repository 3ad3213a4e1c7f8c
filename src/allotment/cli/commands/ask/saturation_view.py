"""What is out first, a row for each accelerator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from allotment.accounting.capacity import PER_DEVICE
from allotment.accounting.saturation import QUOTA, AcceleratorSaturation, ShortThing
from allotment.cli.shell.amounts import amount
from allotment.cli.shell.output import Listing
from allotment.cli.shell.table import Cell, Column, table_text
from allotment.errors import shown
from allotment.model.grammar import count
from allotment.operations.ask.devices import Saturated
from allotment.reports.documents.devices import devices, saturation_body
from allotment.scheduling.placement.model import CPU, EPHEMERAL_STORAGE, MEMORY, PODS

_TITLES: Final = ((CPU, "CPU"), (MEMORY, "MEMORY"), (EPHEMERAL_STORAGE, "DISK"), (PODS, "PODS"))


def saturation_listing(found: Saturated) -> Listing[AcceleratorSaturation]:
    """A row for each accelerator and cluster; shares in percent."""
    several = len({each.cluster for each in found.accelerators}) > 1
    return Listing(
        kind="Saturation",
        rows=found.accelerators,
        columns=(
            Column("ACCELERATOR", lambda row: row.accelerator),
            Column("CLUSTER", lambda row: row.cluster, wide=not several, keep=6),
            Column("OUT FIRST", _first, keep=6),
            Column("STRANDED", lambda row: devices(row.stranded_parts), keep=4, style=_stranded_style),
            _share_column("DEVICES", lambda row: row.things[0]),
            *(_share_column(title, _named(name)) for name, title in _TITLES),
            _share_column("QUOTA", lambda row: _named(f"{QUOTA} {row.resource}")(row)),
            Column("NODES", lambda row: row.nodes, keep=1),
            Column("NUMBERS", _numbers, fold="; ", wide=True),
        ),
        name=lambda row: row.accelerator,
        document=saturation_body,
        labels=lambda row: {
            "accelerator": row.accelerator,
            "resource": row.resource,
            "cluster": row.cluster,
            "out-first": _first(row) or "",
        },
        nothing="no node has an accelerator",
        same_labels=True,
        named=("accelerator", "resource", "cluster"),
    )


def saturation_text(
    found: Saturated, rows: Sequence[AcceleratorSaturation], width: int | None, *, headers: bool
) -> str:
    """The rows, a sentence with the numbers for each, and what could not be seen."""
    listing = saturation_listing(found)
    columns = [column for column in listing.columns if not column.wide]
    lines = [table_text(columns, rows, width=width, headers=headers)] if rows else [listing.nothing]
    lines += ["", *(_sentence(row) for row in rows)] if rows else []
    return "\n".join([*lines, *(f"note: {shown(note)}" for note in found.notes)])


def _first(row: AcceleratorSaturation) -> str | None:
    return None if row.first is None else row.first.name


def _stranded_style(row: AcceleratorSaturation) -> str:
    return "yellow" if row.stranded else ""


def _named(name: str) -> Callable[[AcceleratorSaturation], ShortThing | None]:
    return lambda row: next((each for each in row.things if each.name == name), None)


def _share_column(
    title: str, of: Callable[[AcceleratorSaturation], ShortThing | None]
) -> Column[AcceleratorSaturation]:
    def cell(row: AcceleratorSaturation) -> Cell:
        thing = of(row)
        share = None if thing is None or not row.nodes else thing.share
        return None if share is None else round(100 * share, 1)

    def text(row: AcceleratorSaturation) -> str:
        return "" if (value := cell(row)) is None else f"{value:g}%"

    return Column(title, cell, text=text, unit="percent", keep=3)


def _sentence(row: AcceleratorSaturation) -> str:
    name, first = shown(row.accelerator), row.first
    if first is None:
        return f"{name}: no node takes new pods"
    if row.closed_to_all:
        return f"{name}: taints keep the usual pod from every node"
    whole = row.per_unit == PER_DEVICE
    told = (
        f"{name}: {first.name} is out first: {_of(first)}; {count(row.starts, 'more pod')} with one "
        f"{'device' if whole else shown(row.resource)} would start"
    )
    if not row.stranded:
        return told
    if whole:
        return f"{told}, {count(row.stranded, 'free device')} stranded"
    free = f"{row.stranded:,} free {'is' if row.stranded == 1 else 'are'} stranded"
    return f"{told}; {free} ({devices(row.stranded_parts):g} devices)"


def _numbers(row: AcceleratorSaturation) -> str:
    return "; ".join(f"{each.name} {_of(each)}" for each in row.things)


def _of(thing: ShortThing) -> str:
    resource = thing.name.removeprefix(f"{QUOTA} ")
    return f"{amount(resource, thing.used)} of {amount(resource, thing.capacity)} used"

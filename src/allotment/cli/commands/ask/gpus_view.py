"""Accelerators, a row each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from allotment.accounting.fleet_devices import SHAPES, AcceleratorRoom
from allotment.cli.shell.amounts import amount
from allotment.cli.shell.output import Listing
from allotment.cli.shell.table import Column, table_text
from allotment.errors import shown
from allotment.model.devices import DEVICE_RESOURCES
from allotment.operations.ask.devices import GpuCount
from allotment.reports.documents.devices import devices, room_body
from allotment.scheduling.placement.model import CPU, MEMORY


def gpus_listing(found: GpuCount) -> Listing[AcceleratorRoom]:
    """A row for each accelerator and cluster."""
    several = len({each.cluster for each in found.rooms}) > 1
    # Rows of one model are told apart by their resource alone.
    sliced = len({(each.cluster, each.accelerator) for each in found.rooms}) < len(found.rooms)
    return Listing(
        kind="AcceleratorRoom",
        rows=found.rooms,
        columns=(
            Column("ACCELERATOR", lambda row: row.accelerator),
            Column("CLUSTER", lambda row: row.cluster, wide=not several, keep=6),
            Column("RESOURCE", lambda row: row.resource, keep=6 if sliced else 0),
            Column("TOTAL", lambda row: devices(row.total), keep=4),
            Column("HEALTHY", lambda row: devices(row.healthy), keep=2, style=_health_style),
            Column("SCHEDULABLE", lambda row: devices(row.schedulable), keep=1),
            Column("USED", lambda row: devices(row.used), keep=3),
            Column("IDLE", lambda row: None if row.idle is None else devices(row.idle), keep=2),
            Column("FREE", lambda row: devices(row.free), keep=7),
            Column("FRAGMENTED", lambda row: None if row.fragmented is None else devices(row.fragmented), keep=3),
            *(_fits_column(count) for count in SHAPES),
            Column("NODES", lambda row: row.nodes, wide=True),
        ),
        name=lambda row: row.accelerator,
        document=room_body,
        labels=lambda row: {"accelerator": row.accelerator, "resource": row.resource, "cluster": row.cluster},
        nothing="no node has an accelerator",
        same_labels=True,
        named=("accelerator", "resource", "cluster"),
    )


def _fits_column(count: int) -> Column[AcceleratorRoom]:
    return Column(f"FITS {count}", lambda row: row.fits[count], keep=4)


def _health_style(row: AcceleratorRoom) -> str:
    return "red" if row.healthy < row.total else ""


def gpus_text(found: GpuCount, rows: Sequence[AcceleratorRoom], width: int | None, *, headers: bool) -> str:
    """The rows, what the shapes are, how much is fragmented, and what could not be seen."""
    listing = gpus_listing(found)
    columns = [column for column in listing.columns if not column.wide]
    lines = [table_text(columns, rows, width=width, headers=headers)] if rows else [listing.nothing]
    if rows:
        lines += ["", *_fits_for(rows), *_of_no_use(found, rows)]
    return "\n".join([*lines, *(f"note: {shown(note)}" for note in found.notes)])


def _fits_for(rows: Sequence[AcceleratorRoom]) -> Iterator[str]:
    """What FITS asks for beside a device: a line for all that are asked alike."""
    alike: dict[str, list[str]] = {}
    for row in rows:
        if row.per_device:
            unit = "device" if row.resource in DEVICE_RESOURCES else shown(row.resource)
            alike.setdefault(f"for each {unit} {_beside(row)}", []).append(shown(row.accelerator))
    for said, names in alike.items():
        everywhere = len(alike) == 1 and len(rows) > 1
        where = "" if everywhere else f" ({', '.join(dict.fromkeys(names))})"
        yield f"fits: {said}{where}"


def _beside(row: AcceleratorRoom) -> str:
    asked = [f"{amount(name, row.per_device[name])} {name}" for name in (CPU, MEMORY) if row.per_device.get(name)]
    return " and ".join(asked) or "nothing else"


def _of_no_use(found: GpuCount, rows: Sequence[AcceleratorRoom]) -> Iterator[str]:
    """The sum of the column, and the published measure over the whole cluster, which is another number."""
    for cluster, parts in found.fragmented.items():
        own = [row for row in rows if row.cluster == cluster]
        if not own:
            continue
        free, lost = devices(sum(row.free for row in own)), devices(sum(row.fragmented or 0 for row in own))
        told = f"{_in(found, cluster)}{lost:,g} of {free:,g} free {'is' if lost == 1 else 'are'} fragmented"
        if parts is not None and len(own) == sum(row.cluster == cluster for row in found.rooms):
            told += f"; {devices(parts):,g} by the published measure, which mixes the pods of all models"
        yield told


def _in(found: GpuCount, cluster: str) -> str:
    return f"{shown(cluster)}: " if len(found.fragmented) > 1 else ""

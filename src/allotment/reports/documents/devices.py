"""Devices as JSON: who holds them, how many there are and are left, what is out first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from allotment.accounting.capacity import PER_DEVICE
from allotment.accounting.fleet_devices import AcceleratorRoom
from allotment.accounting.holdings import HoldMark, JobHold
from allotment.accounting.saturation import AcceleratorSaturation, ShortThing
from allotment.model.moments import written
from allotment.operations.ask.devices import GpuCount, Saturated, WhoHolds, team_of

MARK_FIELDS: Final = {
    HoldMark.OUTSIDE_QUEUE: "outsideQueue",
    HoldMark.DAEMON_SET: "daemonSet",
    HoldMark.JOB_OVER: "jobOver",
    HoldMark.PROCESS_GONE: "processGone",
    HoldMark.NODE_GONE: "nodeGone",
    HoldMark.LEAVING: "leaving",
}
"""What is odd about a hold, as JSON names it."""


def devices(parts: int) -> float:
    """Millionths of a device as devices, to a thousandth; whole ones without a fraction."""
    value = round(parts / PER_DEVICE, 3)
    return int(value) if value == int(value) else value


def moment(ms: int | None) -> str | None:
    """Milliseconds since 1970 as RFC 3339; None stays."""
    return None if ms is None else written(ms)


def holdings_document(found: WhoHolds, rows: Sequence[JobHold]) -> Mapping[str, Any]:
    """Who holds devices; sums are over the rows."""
    return {
        "kind": "DeviceHoldingList",
        "observedAt": moment(found.now or None),
        "devices": devices(sum(each.parts for each in rows)),
        "notes": list(found.notes),
        "items": [{"kind": "DeviceHolding", **holding_body(row)} for row in rows],
    }


def holding_body(row: JobHold) -> Mapping[str, Any]:
    """What one submitted thing holds of one kind of device; `person` is null where nothing says who it is."""
    return {
        "cluster": row.cluster,
        "team": team_of(row),
        "namespace": row.owner.namespace if row.owner.top else None,
        "person": row.owner.person or None,
        "job": row.owner.top or None,
        "queue": row.owner.queue or None,
        "project": row.owner.project or None,
        "accelerator": row.accelerator,
        "resource": row.resource,
        "units": row.units,
        "devices": devices(row.parts),
        "idleDevices": None if row.idle_parts is None else devices(row.idle_parts),
        "pods": row.pods,
        "nodes": list(row.nodes),
        "since": moment(row.since),
        "idleSince": moment(row.idle_since),
        "endsAt": moment(row.ends),
        **{field: mark in row.marks for mark, field in MARK_FIELDS.items()},
    }


def gpus_document(found: GpuCount, rows: Sequence[AcceleratorRoom]) -> Mapping[str, Any]:
    """Devices by accelerator; `fragmentedOfAll` is about whole clusters, whatever rows were chosen."""
    return {
        "kind": "AcceleratorRoomList",
        "fragmentedOfAll": {
            cluster: None if parts is None else devices(parts) for cluster, parts in found.fragmented.items()
        },
        "notes": list(found.notes),
        "items": [{"kind": "AcceleratorRoom", **room_body(row)} for row in rows],
    }


def room_body(row: AcceleratorRoom) -> Mapping[str, Any]:
    """Devices of one accelerator."""
    return {
        "cluster": row.cluster,
        "accelerator": row.accelerator,
        "resource": row.resource,
        "nodes": row.nodes,
        "total": devices(row.total),
        "healthy": devices(row.healthy),
        "schedulable": devices(row.schedulable),
        "used": devices(row.used),
        "idleHeld": None if row.idle is None else devices(row.idle),
        "free": devices(row.free),
        "fragmented": None if row.fragmented is None else devices(row.fragmented),
        "fits": {str(count): more for count, more in row.fits.items()},
        "fitsFor": dict(row.per_device),
    }


def saturation_document(found: Saturated, rows: Sequence[AcceleratorSaturation]) -> Mapping[str, Any]:
    """What is out first, by accelerator."""
    return {
        "kind": "SaturationList",
        "notes": list(found.notes),
        "items": [{"kind": "Saturation", **saturation_body(row)} for row in rows],
    }


def saturation_body(row: AcceleratorSaturation) -> Mapping[str, Any]:
    """One accelerator; amounts as the resource is counted: milli-CPU, bytes, units."""
    return {
        "cluster": row.cluster,
        "accelerator": row.accelerator,
        "resource": row.resource,
        "nodes": row.nodes,
        "outFirst": None if row.first is None else row.first.name,
        "starts": row.starts,
        "strandedUnits": row.stranded,
        "stranded": devices(row.stranded_parts),
        "closedToAll": row.closed_to_all,
        "things": [_thing(each) for each in row.things],
    }


def _thing(each: ShortThing) -> Mapping[str, Any]:
    return {
        "name": each.name,
        "used": each.used,
        "capacity": each.capacity,
        "share": None if each.share is None else round(each.share, 6),
        "perPod": each.each,
        "morePods": each.more,
    }

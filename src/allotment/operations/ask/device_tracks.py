"""The series of one device over a time → its track: what follows each other, and what contradicts each other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from allotment.accounting.measured import NO_HOLDER, DeviceTrack, Floats
from allotment.observe.telemetry import APART, together
from allotment.ports.metrics import MeasuredSeries


def device_track(series: Sequence[MeasuredSeries], holders: Sequence[int], count: int, model: str) -> DeviceTrack:
    """What a device did, step by step.

    Where several series are there at once and say another use or another pod, nobody knows which of them is the
    exporter's: such a step is doubtful, and has a holder only where all of them name the same.

    Args:
        series: of the device, one or more.
        holders: number of the pod that each names, or `NO_HOLDER`.
        count: of steps.
        model: of the device.
    """
    busy = np.stack([_values(each, count) for each in series])
    held = np.array(holders, dtype=np.int64)
    if len(series) == 1:
        return DeviceTrack(busy[0], np.where(np.isnan(busy[0]), NO_HOLDER, held[0]), model)
    crowded, ended = together([each.steps for each in series], count)
    for at in ended:
        busy[at] = np.nan
    named = ~np.isnan(busy) & (held != NO_HOLDER)[:, None]
    most = np.where(named, held[:, None], NO_HOLDER).max(axis=0)
    least = np.where(named, held[:, None], np.iinfo(np.int64).max).min(axis=0)
    several = named.any(axis=0) & (least != most)
    high, low = np.fmax.reduce(busy, axis=0), np.fmin.reduce(busy, axis=0)
    doubtful = np.isin(np.arange(count), list(crowded)) & (several | (np.nan_to_num(high - low) > APART))
    return DeviceTrack(high, np.where(several, NO_HOLDER, most), model, doubtful)


def _values(series: MeasuredSeries, count: int) -> Floats:
    row = np.full(count, np.nan)
    row[np.array(series.steps, dtype=np.int64)] = series.values
    return row

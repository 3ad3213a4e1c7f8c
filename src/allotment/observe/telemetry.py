"""Labels of what dcgm-exporter and kube-state-metrics measure → which device, whose; and a device's use at a moment."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from allotment.model.observed.snapshot import DeviceUse, Source

Labels = Mapping[str, str]

_OURS: Final = "exported_"
"""What a Prometheus puts before labels of the exporter that it sets itself, unless it is told to honor them."""
_EXPORTER: Final = "dcgm-exporter"


@dataclass(frozen=True, slots=True)
class MeasuredUse:
    """What a device's series says at a moment.

    Attributes:
        busy: mean share of time with work on it, 0 to 1.
        over: seconds of that mean.
        last_busy: end of the last stretch above the threshold, milliseconds since 1970; None if there was none.
        first: end of the first stretch with a sample; None if that is not known.
    """

    labels: Labels
    busy: float
    over: int
    last_busy: int | None = None
    first: int | None = None


def exporter_renames(labels: Labels) -> bool:
    """Whether the exporter's own labels stand under other names, so that `pod` is the exporter's."""
    return any(name.startswith(_OURS) for name in labels)


def holder_of(labels: Labels, *, renamed: bool) -> str:
    """Namespace/name of the pod that has the device; empty where the labels name none.

    Args:
        labels: of a series.
        renamed: whether any series of this Prometheus has renamed labels: then plain ones are the exporter's.
    """
    prefix = _OURS if renamed else ""
    namespace, pod = labels.get(f"{prefix}namespace", ""), labels.get(f"{prefix}pod", "")
    container = labels.get(f"{prefix}container", "")
    if not namespace or not pod or _EXPORTER in container or _EXPORTER in pod:
        return ""
    return f"{namespace}/{pod}"


def node_of(labels: Labels) -> str:
    """The node, as the labels have it."""
    return labels.get("node") or labels.get("Hostname") or labels.get("hostname") or ""


def device_of(labels: Labels) -> str:
    """What tells a device from others of its node; a MIG instance is one."""
    device = labels.get("UUID") or labels.get("gpu") or labels.get("device") or "0"
    instance = labels.get("GPU_I_ID", "")
    return f"{device}/{instance}" if instance else device


def model_of(labels: Labels) -> str:
    """The model, as node labels write it: ``NVIDIA-A100-SXM4-80GB``."""
    return labels.get("modelName", "").replace(" ", "-")


def device_uses(source: Source, found: list[MeasuredUse]) -> tuple[DeviceUse, ...]:
    """What a source's devices do; of other clusters' devices nothing.

    Of two series of one device the one counts that has been there for a shorter time: its holder is the present one.
    """
    nodes = {each.name for each in source.objects.nodes}
    places = {each.key: each.spec.node_name for each in source.objects.pods}
    renamed = any(exporter_renames(each.labels) for each in found)
    kept: dict[tuple[str, str], tuple[int, DeviceUse]] = {}
    for each in found:
        labels = each.labels
        node = node_of(labels)
        if node not in nodes:
            node = places.get(f"{labels.get('namespace', '')}/{labels.get('pod', '')}", "") if renamed else ""
        if node not in nodes:
            continue
        use = DeviceUse(
            node=node,
            device=device_of(labels),
            pod=holder_of(labels, renamed=renamed),
            busy=round(each.busy, 6),
            over=each.over,
            idle_since=_rfc3339(each.last_busy if each.last_busy is not None else each.first),
        )
        age = each.first or 0
        if (node, use.device) not in kept or kept[node, use.device][0] < age:
            kept[node, use.device] = (age, use)
    return tuple(use for _, use in (kept[key] for key in sorted(kept)))


def _rfc3339(ms: int | None) -> str:
    if ms is None:
        return ""
    return dt.datetime.fromtimestamp(ms / 1000, dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

"""Labels of what dcgm-exporter and kube-state-metrics measure → which device, whose; and a device's use at a moment."""

from __future__ import annotations

import datetime as dt
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from allotment.model.devices import DEVICE_RESOURCES
from allotment.model.observed.pods import Pod
from allotment.model.observed.snapshot import DeviceUse, Source

Labels = Mapping[str, str]

_OURS: Final = "exported_"
"""What a Prometheus puts before labels of the exporter that it sets itself, unless it is told to honor them."""
_EXPORTERS: Final = ("dcgm-exporter", "nvidia-dcgm-exporter")
_ROUNDED: Final = 1e-3
"""By which the mean of shares may be more than 1."""
APART: Final = 0.1
"""Share of use by which two series of a device differ where at least one is wrong."""


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


def share_of(value: float) -> float | None:
    """A share of use, 0 to 1; None where the value is none."""
    return min(value, 1.0) if 0 <= value <= 1 + _ROUNDED else None


def holder_of(labels: Labels, *, renamed: bool, asking: Container[str] = ()) -> str:
    """Namespace/name of the pod that has the device; empty where the labels name none.

    Args:
        labels: of a series.
        renamed: whether any series of this Prometheus has renamed labels: then plain ones are the exporter's.
        asking: pods that are known to ask for devices, whatever they are called: an exporter asks for none.
    """
    prefix = _OURS if renamed else ""
    namespace, pod = labels.get(f"{prefix}namespace", ""), labels.get(f"{prefix}pod", "")
    container = labels.get(f"{prefix}container", "")
    if not namespace or not pod:
        return ""
    found = f"{namespace}/{pod}"
    exporter = container in _EXPORTERS or (not container and pod.startswith(_EXPORTERS))
    return "" if exporter and found not in asking else found


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


def device_uses(source: Source, found: Sequence[MeasuredUse]) -> tuple[tuple[DeviceUse, ...], tuple[str, ...]]:
    """What a source's devices do, and what is doubtful in it; of other clusters' devices nothing.

    Where a device goes from one pod to the next there are two series for a while: the one counts that has been there
    for a shorter time. Two series that differ otherwise contradict each other: the higher use counts, as nothing is
    called idle that may be at work, and the holder is of those who measure most of the devices.
    """
    nodes = {each.name for each in source.objects.nodes}
    places = {each.key: each.spec.node_name for each in source.objects.pods}
    asking = {each.key for each in source.objects.pods if _asks(each)}
    renamed = any(exporter_renames(each.labels) for each in found)
    series: dict[tuple[str, str], list[MeasuredUse]] = {}
    for each in found:
        labels = each.labels
        node = node_of(labels)
        if node not in nodes:
            node = places.get(f"{labels.get('namespace', '')}/{labels.get('pod', '')}", "") if renamed else ""
        if node in nodes:
            series.setdefault((node, device_of(labels)), []).append(each)
    main = main_job([each.labels for several in series.values() for each in several])
    uses, doubts = [], []
    for (node, device), several in sorted(series.items()):
        several.sort(key=lambda each: (each.labels.get("job", "") == main, each.first or 0))
        holders = [holder_of(each.labels, renamed=renamed, asking=asking) for each in several]
        last, holder = several[-1], holders[-1]
        rivals = [
            each
            for each, other in zip(several, holders, strict=True)
            if other == holder or each.labels.get("job", "") != last.labels.get("job", "")
        ]
        since = [at for each in rivals if (at := _low_since(each)) is not None]
        low, high = min(each.busy for each in rivals), max(each.busy for each in rivals)
        if high - low > APART:
            doubts.append(f"two series of {node} {device} say {low:.0%} and {high:.0%}: the higher counts")
        uses.append(
            DeviceUse(
                node=node,
                device=device,
                pod=holder,
                busy=round(high, 6),
                over=last.over,
                idle_since=_rfc3339(max(since) if len(since) == len(rivals) else None),
            )
        )
    return tuple(uses), tuple(doubts)


def main_job(found: Sequence[Labels]) -> str:
    """The scrape job that measures most devices; of two the first by name."""
    devices: dict[str, set[tuple[str, str]]] = {}
    for each in found:
        devices.setdefault(each.get("job", ""), set()).add((node_of(each), device_of(each)))
    return min(devices, key=lambda job: (-len(devices[job]), job), default="")


def _low_since(use: MeasuredUse) -> int | None:
    return use.last_busy if use.last_busy is not None else use.first


def _asks(pod: Pod) -> bool:
    if pod.spec.resource_claims:
        return True
    resources = (each.resources for each in (*pod.spec.containers, *pod.spec.init_containers))
    names = {name for each in resources for name in (*each.requests, *each.limits)}
    return any(name in DEVICE_RESOURCES or name.startswith("nvidia.com/") for name in names)


def _rfc3339(ms: int | None) -> str:
    if ms is None:
        return ""
    return dt.datetime.fromtimestamp(ms / 1000, dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

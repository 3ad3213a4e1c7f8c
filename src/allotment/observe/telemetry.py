"""Labels of what dcgm-exporter and kube-state-metrics measure → which device, whose; and a device's use at a moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from allotment.errors import spelled
from allotment.model.devices import DEVICE_RESOURCES
from allotment.model.moments import written
from allotment.model.observed.base import Amount, Amounts
from allotment.model.observed.pods import Pod
from allotment.model.observed.snapshot import DeviceUse, Source

Labels = Mapping[str, str]

OURS: Final = "exported_"
"""What a Prometheus puts before labels of the exporter that it sets itself, unless it is told to honor them."""
_EXPORTERS: Final = ("dcgm-exporter", "nvidia-dcgm-exporter")
_ROUNDED: Final = 1e-3
"""By which the mean of shares may be more than 1."""
APART: Final = 0.1
"""Share of use by which two series of a device differ where at least one is wrong."""
_NEAR: Final = 5
"""Steps: what two series share twice within so many is no change of hands."""
_LONGEST: Final = 6
"""Digits of a count of devices."""
_NAMED: Final = 3
"""Devices, or targets, that are named in a sentence on many."""


@dataclass(frozen=True, slots=True)
class MeasuredUse:
    """What a device's series says at a moment.

    Attributes:
        busy: mean share of time with work on it, 0 to 1.
        over: seconds of that mean.
        steps: parts of that time with a sample, rising, of `count` parts.
        last_busy: end of the last stretch above the threshold, milliseconds since 1970; None if there was none.
        first: end of the first stretch with a sample; None if that is not known.
    """

    labels: Labels
    busy: float
    over: int
    last_busy: int | None = None
    first: int | None = None
    steps: tuple[int, ...] = (0,)
    count: int = 1


def together(steps: Sequence[Sequence[int]], count: int) -> tuple[frozenset[int], frozenset[tuple[int, int]]]:
    """In which steps several series of a device are there at once, and where one only takes the place of another.

    It takes the place in a step in which the older ends and the younger begins. Steps near to each other with two
    series are no such thing, and of the very last step nobody knows whether the older ends in it.

    Args:
        steps: of each series those with a sample.
        count: of steps.

    Returns:
        Steps with several series; and, not among these, series and step where it ends and another begins.
    """
    if len(steps) == 1:
        return frozenset(), frozenset()
    there = [frozenset(each) for each in steps]
    crowded = sorted(step for step, number in Counter(step for each in there for step in each).items() if number > 1)
    ended = set()
    for at, step in enumerate(crowded):
        near = [other for other in crowded[max(0, at - 1) : at + 2] if 0 < abs(other - step) <= _NEAR]
        here = [number for number, each in enumerate(there) if step in each]
        after = [number for number in here if step + 1 in there[number]]
        before = [number for number in here if step - 1 in there[number]]
        if near or step == count - 1 or len(here) > 2 or len(after) > 1 or len(before) > 1 or after == before:
            continue
        ended |= {(number, step) for number in here if number in before or (after and number not in after)}
    return frozenset(crowded) - {step for _, step in ended}, frozenset(ended)


def exporter_renames(labels: Labels) -> bool:
    """Whether the exporter's own labels stand under other names, so that `pod` is the exporter's."""
    return any(name.startswith(OURS) for name in labels)


def share_of(value: float) -> float | None:
    """A share of use, 0 to 1; None where the value is none."""
    return min(value, 1.0) if 0 <= value <= 1 + _ROUNDED else None


def holder_of(labels: Labels, *, renamed: bool, asking: Container[str] = ()) -> str:
    """Namespace/name of the pod that has the device; empty where the labels name none.

    Args:
        labels: of a series.
        renamed: whether any series of this Prometheus has renamed labels: then plain ones are the exporter's, but
            where they name a pod that asks for devices: a renamed label is soon written.
        asking: pods that are known to ask for devices, whatever they are called: an exporter asks for none.
    """
    found = _pod_named(labels, OURS) or _pod_named(labels, "")
    if not found or found in asking or found == _pod_named(labels, OURS):
        return found
    container, pod = labels.get("container", ""), labels.get("pod", "")
    exporter = container in _EXPORTERS or (not container and pod.startswith(_EXPORTERS))
    return "" if renamed or exporter else found


def _pod_named(labels: Labels, prefix: str) -> str:
    namespace, pod = labels.get(f"{prefix}namespace", ""), labels.get(f"{prefix}pod", "")
    return f"{namespace}/{pod}" if namespace and pod else ""


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
    """What a source's devices do, and a sentence on what is doubtful in it; of other clusters' devices nothing.

    Where a device goes from one pod to the next there are two series for a while: the one counts that began when the
    other had ended. Series of one device that say another use or another pod at the same time contradict each other,
    and no label of theirs tells which one is the exporter's, as who pushes a series writes its labels: what such a
    device does counts as not measured.
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
    uses: list[DeviceUse] = []
    doubtful: dict[str, frozenset[str]] = {}
    for (node, device), several in sorted(series.items()):
        last = max(several, key=lambda each: (each.steps[-1], each.steps[0]))
        crowded, _ = together([each.steps for each in several], last.count)
        shared = crowded & set(last.steps)
        present = [each for each in several if each is last or shared & set(each.steps)]
        holders = {holder_of(each.labels, renamed=renamed, asking=asking) for each in present} - {""}
        low, high = min(each.busy for each in present), max(each.busy for each in present)
        if high - low > APART or len(holders) > 1:
            doubtful[f"{node} {device}"] = frozenset(target_words(each.labels) for each in present)
            continue
        since = [at for each in present if (at := _low_since(each)) is not None]
        uses.append(
            DeviceUse(
                node=node,
                device=device,
                pod=next(iter(holders), ""),
                busy=round(high, 6),
                over=last.over,
                idle_since=written(max(since)) if len(since) == len(present) else "",
            )
        )
    return tuple(uses), (*contradicted(doubtful), *overnamed(_overnamed(source, uses)))


def _overnamed(source: Source, uses: Sequence[DeviceUse]) -> list[tuple[str, int, int]]:
    named = Counter(each.pod for each in uses if each.pod)
    pods = {each.key: each for each in source.objects.pods if each.key in named}
    asks = {key: _asked(pod) for key, pod in pods.items() if not pod.spec.resource_claims}
    return [(pod, named[pod], asked) for pod, asked in sorted(asks.items()) if named[pod] > asked > 0]


def _asked(pod: Pod) -> int:
    """Devices that a pod asks for, counted generously: no pod is said to have too many that may have them."""
    spec = pod.spec
    each = [device_count((one.resources.requests, one.resources.limits)) for one in spec.containers]
    return sum(each) + sum(device_count((one.resources.requests, one.resources.limits)) for one in spec.init_containers)


def target_words(labels: Labels) -> str:
    """The target that a series was scraped from, by the labels that the server sets itself."""
    job, instance = labels.get("job", ""), labels.get("instance", "")
    words = f"job {spelled(job)}" if job else "no job"
    if instance:
        words += f" at {spelled(instance)}"
    space, pod = labels.get("namespace", ""), labels.get("pod", "")
    return f"{words} (pod {spelled(f'{space}/{pod}')})" if exporter_renames(labels) and space and pod else words


def contradicted(devices: Mapping[str, Collection[str]]) -> tuple[str, ...]:
    """One sentence on the devices of which series contradict each other; none where there is none.

    Args:
        devices: with the targets that tell of each, in words.
    """
    if not devices:
        return ()
    named = _first(sorted(devices))
    several = f"{len(devices)} device{'s' if len(devices) > 1 else ''}"
    targets = sorted({each for told in devices.values() for each in told})
    if len(targets) == 1:
        who = f"all are of {targets[0]}, which tells of one device twice"
    else:
        who = f"they are of {_first(targets, '; ')}: no label says which is the exporter, so scrape that one alone"
    return (f"series contradict each other on {several} ({named}): what they do counts as not measured; {who}",)


def _first(names: Sequence[str], between: str = ", ") -> str:
    return between.join(names[:_NAMED]) + (f"{between}..." if len(names) > _NAMED else "")


def device_count(amounts: Sequence[Amounts]) -> int:
    """Devices of a node, the most that one of its amounts says."""
    return max((sum(_whole(of[name]) for name in of if _is_device(name)) for of in amounts), default=0)


def _whole(amount: Amount) -> int:
    text = str(amount)
    return int(text) if text.isascii() and text.isdigit() and len(text) < _LONGEST else 0


def _is_device(resource: str) -> bool:
    return resource in DEVICE_RESOURCES or resource.startswith("nvidia.com/")


def overnamed(pods: Sequence[tuple[str, int, int]]) -> tuple[str, ...]:
    """One sentence on pods that more devices name than they ask for; none where there is none.

    Args:
        pods: namespace/name, devices that name it, devices that it asks for.
    """
    if not pods:
        return ()
    told = [f"{named} devices name {pod}, which asks for {asks}" for pod, named, asks in pods[:_NAMED]]
    more = ", ..." if len(pods) > _NAMED else ""
    return (f"{', '.join(told)}{more}: nobody knows which are its own, so what they do counts as not measured",)


def _low_since(use: MeasuredUse) -> int | None:
    return use.last_busy if use.last_busy is not None else use.first


def _asks(pod: Pod) -> bool:
    if pod.spec.resource_claims:
        return True
    resources = (each.resources for each in (*pod.spec.containers, *pod.spec.init_containers))
    names = {name for each in resources for name in (*each.requests, *each.limits)}
    return any(_is_device(name) for name in names)

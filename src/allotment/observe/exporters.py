"""Which series of devices an exporter of the cluster measured, and which somebody else wrote.

Whoever runs a target writes its labels, all but those that the server sets itself: `job` and `instance`, and the
target's `namespace` and `pod` where the exporter's own are renamed (`honor_labels: false`). On these alone it is
decided. Left out are series that no target was scraped for, those of a team's own target or of a pod on another node,
and, where several targets speak of a node, all but those of the job that speaks of the most nodes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from allotment.observe.telemetry import Labels, device_of, exporter_renames, node_of

MOST_EACH: Final = 8
"""Series of different devices on a node for each device that it has: a MIG device has seven instances."""
MOST_UNKNOWN: Final = 128
"""The same where nobody says how many devices a node has."""
MOST_NODES: Final = 20_000
"""Nodes of which nobody says how many devices they have; a cluster of Kubernetes is not to have more than 5,000."""
PUSHED: Final = ("exported_job", "exported_instance")
"""Labels of what came through a gateway, or out of another server."""
_NAMED: Final = 3

_Target = tuple[str, str, str, str]
"""Job, instance, and the pod that the server scraped, where it is known."""


@dataclass(frozen=True, slots=True)
class KnownOfExporters:
    """What is known of the cluster.

    Attributes:
        devices: by node, where that is known.
        teams: namespaces of teams: no exporter runs there.
        places: node of each pod that is known.
    """

    devices: Mapping[str, int] = field(default_factory=dict)
    teams: Container[str] = frozenset()
    places: Mapping[str, str] = field(default_factory=dict)


def measured_by_exporters(series: Sequence[Labels], known: KnownOfExporters) -> tuple[list[int], tuple[str, ...]]:
    """The numbers of the series that count, and a sentence on each sort of those that do not.

    Args:
        series: labels of each.
        known: of the cluster.
    """
    scraped = any(each.get("job") for each in series)
    nodes = [_node(each, known) for each in series]
    own = [at for at, each in enumerate(series) if not scraped or _is_an_exporter_s(each, nodes[at], known)]
    agreed = _agreed(own, series, nodes, known.devices)
    kept, crowded = _bounded(agreed, series, nodes, known.devices)
    return kept, tuple(_said(len(series) - len(agreed), len(agreed) - len(kept), crowded))


def those_here(series: Sequence[Labels], known: KnownOfExporters) -> list[int]:
    """The numbers of the series that are of a node of the cluster: a server may have those of several."""
    renamed = any(exporter_renames(each) for each in series)
    return [
        at
        for at, each in enumerate(series)
        if node_of(each) in known.devices or (renamed and _node(each, known) in known.devices)
    ]


def _said(foreign: int, many: int, nodes: Sequence[str]) -> Iterator[str]:
    if foreign:
        yield f"left out: {foreign} series that no exporter of the cluster measured, by the labels of their targets"
    if many:
        named = ", ".join(nodes[:_NAMED]) + (", ..." if len(nodes) > _NAMED else "")
        yield f"left out: {many} series of more devices than their nodes can have ({named})"


def _node(labels: Labels, known: KnownOfExporters) -> str:
    told = node_of(labels)
    if told in known.devices or not known.places:
        return told
    return known.places.get(f"{labels.get('namespace', '')}/{labels.get('pod', '')}", told)


def _is_an_exporter_s(labels: Labels, node: str, known: KnownOfExporters) -> bool:
    """Whether the labels that the server sets itself are those of an exporter of the node."""
    renamed = exporter_renames(labels)
    if not labels.get("job") or any(labels.get(each) for each in PUSHED):
        return False
    if not renamed:
        # A target has an instance; what is pushed without one has none.
        return bool(labels.get("instance"))
    space, pod = labels.get("namespace", ""), labels.get("pod", "")
    if space and space in known.teams:
        return False
    return known.places.get(f"{space}/{pod}", node) in {node, ""} or node not in known.devices


def _agreed(
    own: Sequence[int], series: Sequence[Labels], nodes: Sequence[str], devices: Mapping[str, int]
) -> list[int]:
    """Those of the job that speaks for a node, where several do; all, where that cannot be told."""
    targets = [_target(series[at]) for at in own]
    if len(set(targets)) <= 1:
        return list(own)
    spoken: dict[_Target, set[str]] = defaultdict(set)
    speaking: dict[str, set[_Target]] = defaultdict(set)
    for at, target in zip(own, targets, strict=True):
        spoken[target].add(nodes[at])
        speaking[nodes[at]].add(target)
    # An exporter runs on its node: a target that speaks of several is none where another speaks of one alone.
    wide = {
        (target, node)
        for node, several in speaking.items()
        for target in several
        if len(spoken[target]) > 1 and any(len(spoken[other]) == 1 for other in several)
    }
    left = [(at, target) for at, target in zip(own, targets, strict=True) if (target, nodes[at]) not in wide]
    jobs = _jobs(((nodes[at], target[0], device_of(series[at])) for at, target in left), devices)
    return [at for at, target in left if jobs.get(nodes[at], target[0]) == target[0]]


def _jobs(told: Iterable[tuple[str, str, str]], devices: Mapping[str, int]) -> dict[str, str]:
    """The job that speaks for each node of which several do, where one is ahead.

    Args:
        told: node, job and device of each series.
        devices: by node.
    """
    found: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for node, job, device in told:
        found[node][job].add(device)
    reach = Counter(job for jobs in found.values() for job in jobs)
    ahead = {}
    for node, jobs in found.items():
        has = devices.get(node, -1)
        ranks = {job: (reach[job], len(names) == has, len(names) <= has) for job, names in jobs.items()}
        best = max(ranks.values())
        first = [job for job, rank in ranks.items() if rank == best]
        if len(jobs) > 1 and len(first) == 1:
            ahead[node] = first[0]
    return ahead


def _bounded(
    agreed: Sequence[int], series: Sequence[Labels], nodes: Sequence[str], devices: Mapping[str, int]
) -> tuple[list[int], list[str]]:
    """As many devices of a node as it can have, those first that come first, and the nodes of which more are named."""
    names: dict[str, set[str]] = defaultdict(set)
    kept, crowded = [], set()
    for at in agreed:
        node, device = nodes[at], device_of(series[at])
        has = devices.get(node, 0)
        if not has and node not in names and len(names) >= MOST_NODES:
            crowded.add(node)
        elif device in names[node] or len(names[node]) < (MOST_EACH * has if has else MOST_UNKNOWN):
            names[node].add(device)
            kept.append(at)
        else:
            crowded.add(node)
    return kept, sorted(crowded)


def _target(labels: Labels) -> _Target:
    renamed = exporter_renames(labels)
    space, pod = (labels.get("namespace", ""), labels.get("pod", "")) if renamed else ("", "")
    return labels.get("job", ""), labels.get("instance", ""), space, pod

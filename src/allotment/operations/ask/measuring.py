"""Use case: what do metrics say of the devices of a snapshot? Their use now, and since when they do little."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from allotment.accounting.idleness import USUAL, IdleRule
from allotment.errors import AllotmentError
from allotment.model import labels
from allotment.model.moments import moment
from allotment.model.observed.snapshot import METRICS, Gap, Snapshot, Source
from allotment.observe.exporters import KnownOfExporters, measured_by_exporters, those_here
from allotment.observe.telemetry import MeasuredUse, device_count, device_of, device_uses, share_of
from allotment.ports.metrics import Gauge, MeasuredMoment, MetricsPort, TimeSteps, TooMuchMeasuredError

Where = tuple[tuple[str, tuple[str, ...]], ...]

USE: Final = (("DCGM_FI_PROF_GR_ENGINE_ACTIVE", 1.0), ("DCGM_FI_DEV_GPU_UTIL", 100.0))
"""Share of time with work on a device: the finer measure where it is there."""
NOW: Final = TimeSteps(0, 60, 5)
"""Of which the mean is a device's use at a moment: 5 minutes, longer than any usual distance of samples."""
BACK: Final = TimeSteps(0, 60, 360)
"""How far back it is looked since when a device does little: 6 hours, minute by minute."""


@dataclass(frozen=True, slots=True)
class MetricsRequest:
    """Which devices are asked about.

    Attributes:
        where: labels that all series have, such as that of the cluster in a Prometheus of several.
        below: share of use below which a device does little.
    """

    where: Where = ()
    below: float = USUAL.below


def lowest(rules: Sequence[IdleRule]) -> float:
    """The threshold that is asked for where kinds of work have several: none is called idle for longer than it is."""
    return min((each.below for each in rules), default=USUAL.below)


def measured(snapshot: Snapshot, metrics: MetricsPort, request: MetricsRequest) -> Snapshot:
    """A snapshot with the use of its devices; what cannot be had is a gap.

    Of several clusters those nodes are left out whose name is in more than one: series do not say whose they are.
    """
    names = Counter(node.name for source in snapshot.sources for node in source.objects.nodes)
    twice = frozenset(name for name, times in names.items() if times > 1)
    found = (_measured(each, snapshot, metrics, request) for each in snapshot.sources)
    return msgspec.structs.replace(snapshot, sources=tuple(_told_apart(each, twice) for each in found))


def _told_apart(source: Source, twice: frozenset[str]) -> Source:
    left = {each.node for each in source.device_use} & twice
    if not left:
        return source
    first, *others = sorted(left)
    more = f" and {len(others):,} more" if others else ""
    detail = f"nodes called like one of another cluster are left out: {first}{more}; ask one cluster, with its label"
    return msgspec.structs.replace(
        source,
        device_use=tuple(each for each in source.device_use if each.node not in left),
        gaps=(*source.gaps, Gap(what=METRICS, reason="damaged", detail=detail)),
    )


def _measured(source: Source, snapshot: Snapshot, metrics: MetricsPort, request: MetricsRequest) -> Source:
    now = moment(source.observed_at) or moment(snapshot.taken_at)
    if now is None:
        return source
    try:
        found, wrong, doubts = _uses(metrics, now, request, _known(source))
    except AllotmentError as error:
        gap = Gap(what=METRICS, reason="failed", detail=" ".join(filter(None, (error.what, error.why))))
        return msgspec.structs.replace(source, gaps=(*source.gaps, gap))
    uses, contradictions = device_uses(source, found)
    if wrong:
        doubts = (f"left out: {wrong} series whose use is no share from 0 to 100 %", *doubts)
    doubts = (*doubts, *contradictions)
    gaps = tuple(Gap(what=METRICS, reason="damaged", detail=each) for each in doubts)
    return msgspec.structs.replace(source, device_use=uses, gaps=(*source.gaps, *gaps))


def _known(source: Source) -> KnownOfExporters:
    """What a source says of where exporters can be."""
    objects = source.objects
    devices = {each.name: device_count((each.status.capacity, each.status.allocatable)) for each in objects.nodes}
    teams = frozenset(
        each.name
        for each in objects.namespaces
        if each.metadata.labels.get(labels.TENANT) or each.metadata.labels.get(labels.TEAM)
    )
    return KnownOfExporters(devices, teams, {each.key: each.spec.node_name for each in objects.pods})


def _uses(
    metrics: MetricsPort, now: int, request: MetricsRequest, known: KnownOfExporters
) -> tuple[list[MeasuredUse], int, tuple[str, ...]]:
    """What each series says, how many say what cannot be, and a sentence on those that are left out."""
    gauge = Gauge(USE, request.where)
    every = metrics.means(gauge, TimeSteps(now - 1000 * NOW.seconds * NOW.count, NOW.seconds, NOW.count))
    here = [every[at] for at in those_here([each.labels for each in every], known)]
    kept, doubts = measured_by_exporters([each.labels for each in here], known)
    means = [here[at] for at in kept]
    back = TimeSteps(now - 1000 * BACK.seconds * BACK.count, BACK.seconds, BACK.count)
    try:
        kept_devices = {device_of(each.labels) for each in means}
        busy = _by_series(metrics.last_at_least(gauge, request.below, back), kept_devices)
        first = _by_series(metrics.first(gauge, back), kept_devices)
    except TooMuchMeasuredError:
        # The present is known all the same; since when, is not.
        busy, first = {}, {}
    told = [(each, [share_of(value) for value in each.values]) for each in means if each.values]
    uses = [
        MeasuredUse(
            each.labels,
            sum(possible) / len(possible),
            NOW.seconds * len(each.steps),
            busy.get(_key(each.labels)),
            first.get(_key(each.labels)),
            steps=each.steps,
            count=NOW.count,
        )
        for each, shares in told
        if len(possible := [share for share in shares if share is not None]) == len(shares)
    ]
    return uses, len(told) - len(uses), doubts


def _by_series(found: Iterable[MeasuredMoment], devices: Container[str]) -> dict[frozenset[tuple[str, str]], int]:
    """When, by the labels of the series: of these devices, as others may be very many."""
    return {_key(each.labels): each.at for each in found if device_of(each.labels) in devices}


def _key(labels: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    return frozenset(labels.items())

"""Use case: where did the devices' time go, as a Prometheus has it? Piece by piece, so that no answer grows large."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from allotment.accounting.ledger import Belonging, Ledger
from allotment.accounting.measured import (
    NO_HOLDER,
    NOT_TOLD,
    DeviceTrack,
    MeasuredLedger,
    MeasuredPiece,
    MeasuredPod,
    NodeTrack,
    Numbers,
    PodCourse,
)
from allotment.accounting.moment import CountingRules
from allotment.errors import NotFoundError, UsageError
from allotment.model.devices import DEVICE_RESOURCES
from allotment.observe.exporters import KnownOfExporters, measured_by_exporters
from allotment.observe.telemetry import (
    contradicted,
    device_of,
    exporter_renames,
    holder_of,
    model_of,
    node_of,
    overnamed,
    share_of,
    target_words,
)
from allotment.operations.ask.device_tracks import device_track
from allotment.operations.ask.measuring import USE, Where
from allotment.operations.ask.state_series import StateSeries
from allotment.ports.clock import Clock
from allotment.ports.metrics import Gauge, MeasuredSeries, MetricsPort, TimeSteps, TooMuchMeasuredError

STEP_SECONDS: Final = 60
"""Of a step; the usual distance of two samples, or twice that."""
_PIECE: Final = 120
"""Steps that are asked for at once to begin with."""
_SERVICES: Final = frozenset({"StatefulSet", "ReplicaSet", "Deployment", "DaemonSet"})
_RESOURCES: Final = {"".join(c if c.isalnum() else "_" for c in each): each for each in DEVICE_RESOURCES}
"""By the name that kube-state-metrics gives a resource."""
_MOST: Final = 1e6
"""Of anything that a node has or a container asks for: what is more, or less than nothing, is no count."""


@dataclass(frozen=True, slots=True)
class MeteredTime:
    """What is asked for.

    Attributes:
        since, until: milliseconds since 1970, whole steps.
        cluster: the name that the entries bear.
        where: labels that all series have.
    """

    since: int
    until: int
    cluster: str = ""
    where: Where = ()
    step: int = STEP_SECONDS


def last_time(clock: Clock, length: int, cluster: str, where: Where) -> MeteredTime:
    """The last so many milliseconds, up to the last whole step.

    Raises:
        UsageError: that is less than a step.
    """
    step = 1000 * STEP_SECONDS
    until = int(clock.now().timestamp() * 1000) // step * step
    since = -(-(until - length) // step) * step
    if since >= until:
        raise UsageError("--since is shorter than a minute", fix="ask about a longer time, such as --since 7d")
    return MeteredTime(since, until, cluster, where)


def metered_ledger(metrics: MetricsPort, asked: MeteredTime, rules: CountingRules) -> Ledger:
    """The ledger of a time.

    Raises:
        NotFoundError: no device was measured in it.
        UnreachableError: it does not answer.
        TooMuchMeasuredError: one step alone is more than is taken.
    """
    return doubted_ledger(metrics, asked, rules)[0]


def doubted_ledger(metrics: MetricsPort, asked: MeteredTime, rules: CountingRules) -> tuple[Ledger, tuple[str, ...]]:
    """The ledger of a time, and sentences on what is doubtful in the measurements; raises as `metered_ledger`."""
    ledger = MeasuredLedger(rules, asked.cluster)
    step = 1000 * asked.step
    at, size = asked.since, _PIECE
    reader = _PieceReader(metrics, asked, rules)
    while at < asked.until:
        count = min(size, (asked.until - at) // step)
        try:
            piece = reader.read(TimeSteps(at, asked.step, count))
        except TooMuchMeasuredError:
            if count <= 1:
                raise
            size = count // 2
            continue
        ledger.add(piece)
        at += step * count
    if not ledger.seen_anything:
        raise NotFoundError(
            f"{metrics.place()} has measured no device since {_time(asked.since)}",
            why="neither dcgm-exporter's nor kube-state-metrics' series are there",
            fix="check the address, and --prometheus-label if it holds several clusters",
        )
    return ledger.close(), reader.doubts()


class _PieceReader:
    """Asks for pieces; what is of one Prometheus and not of one piece is remembered."""

    def __init__(self, metrics: MetricsPort, asked: MeteredTime, rules: CountingRules) -> None:
        self._metrics = metrics
        self._where = asked.where
        self._teams = rules.teams or {}
        self._state = StateSeries(self._of, ("resource", tuple(_RESOURCES)))
        self._renamed = False
        self._labelled = False
        self._requests_known = False
        self._wrong = 0
        self._disputed: dict[str, set[str]] = {}
        self._foreign: dict[str, None] = {}
        self._overnamed: dict[str, tuple[int, int]] = {}

    def doubts(self) -> tuple[str, ...]:
        """What was left out, and what was contradicted."""
        told = []
        if self._wrong:
            told.append(f"left out: {self._wrong} measurements that are no share from 0 to 100 %, or no count")
        pods = [(pod, *told) for pod, told in sorted(self._overnamed.items())]
        disputed = contradicted(self._disputed)
        return (*told, *self._foreign, *self._state.doubts(), *disputed, *overnamed(pods))

    def read(self, steps: TimeSteps) -> MeasuredPiece:
        """A piece.

        Raises:
            TooMuchMeasuredError: it is too long.
        """
        every = self._metrics.means(Gauge(USE, self._where), steps)
        state = self._state
        kept, _ = measured_by_exporters([each.labels for each in every], KnownOfExporters())
        state.begin(steps, {node_of(every[at].labels) for at in kept})
        sizes = _MeasuredDevices(state.capacity, state.offered)
        teams = {namespace: self._teams.get(team, team) for namespace, team in state.teams.items()}
        use = self._possible(self._exporters(every, sizes, teams), lambda value: share_of(value) is not None)
        asked = state.asked
        self._renamed = self._renamed or any(exporter_renames(each.labels) for each in use)
        self._requests_known = self._requests_known or bool(asked)
        pods = _PodTable(self._owners(), teams, steps.count)
        devices = self._devices(use, pods, steps, {_pod_of(each.labels) for each in asked})
        self._labelled = self._labelled or any((each.holder != NO_HOLDER).any() for each in devices.values())
        nodes = self._nodes(steps.count, sizes, pods, asked)
        self._count_names(devices, nodes, pods)
        return MeasuredPiece(
            steps.since,
            1000 * steps.seconds,
            steps.count,
            pods.pods(),
            devices,
            nodes,
            requests_known=self._requests_known,
            holders_known=self._labelled,
        )

    def _exporters(
        self, every: Sequence[MeasuredSeries], sizes: _MeasuredDevices, teams: Mapping[str, str]
    ) -> list[MeasuredSeries]:
        """Those that exporters measured, of no more devices than their nodes can have."""
        known = KnownOfExporters(sizes.devices(), frozenset(teams))
        kept, doubts = measured_by_exporters([each.labels for each in every], known)
        self._foreign |= dict.fromkeys(doubts)
        return [every[at] for at in kept]

    def _count_names(
        self, devices: Mapping[tuple[str, str], DeviceTrack], nodes: Mapping[str, NodeTrack], pods: _PodTable
    ) -> None:
        """Remember the pods that more devices name than they ask for."""
        named: dict[tuple[str, int], Numbers] = {}
        for (node, _), track in devices.items():
            for pod in set(track.holder.tolist()) - {NO_HOLDER} if node in nodes else ():
                here = (track.holder == pod).astype(np.int64)
                named[node, pod] = named[node, pod] + here if (node, pod) in named else here
        for (node, pod), row in named.items():
            asked = nodes[node].asked.get(pod)
            if asked is not None and (over := np.flatnonzero((row > asked) & (asked > 0))).size:
                at = over[0]
                self._overnamed.setdefault(pods.name(pod), (int(row[at]), int(asked[at])))

    def _of(self, name: str, steps: TimeSteps, *where: tuple[str, tuple[str, ...]]) -> tuple[MeasuredSeries, ...]:
        found = self._metrics.means(Gauge(((name, 1.0),), (*self._where, *where)), steps)
        return self._possible(found, lambda value: 0 <= value <= _MOST)

    def _possible(
        self, series: Iterable[MeasuredSeries], can_be: Callable[[float], bool]
    ) -> tuple[MeasuredSeries, ...]:
        found = []
        for each in series:
            kept = [(step, value) for step, value in zip(each.steps, each.values, strict=True) if can_be(value)]
            self._wrong += len(each.values) - len(kept)
            if kept:
                found.append(MeasuredSeries(each.labels, *map(tuple, zip(*kept, strict=True))))
        return tuple(found)

    def _devices(
        self, use: Sequence[MeasuredSeries], pods: _PodTable, steps: TimeSteps, asking: Container[str]
    ) -> dict[tuple[str, str], DeviceTrack]:
        together: dict[tuple[str, str], list[MeasuredSeries]] = {}
        for each in use:
            together.setdefault((node_of(each.labels), device_of(each.labels)), []).append(each)
        found = {}
        for key, several in together.items():
            named = [holder_of(each.labels, renamed=self._renamed, asking=asking) for each in several]
            holders = [pods.number(pod) if pod else NO_HOLDER for pod in named]
            models = sorted({model_of(each.labels) for each in several} - {""})
            track = found[key] = device_track(several, holders, steps.count, models[0] if models else "")
            if track.doubtful is not None and track.doubtful.any():
                told = self._disputed.setdefault(" ".join(key), set())
                told.update(target_words(each.labels) for each in several)
        return found

    def _nodes(
        self,
        count: int,
        sizes: _MeasuredDevices,
        pods: _PodTable,
        requests: Sequence[MeasuredSeries],
    ) -> dict[str, NodeTrack]:
        capacity, offered, state = sizes.capacity, sizes.offered, self._state
        if not capacity and not offered and not state.contested:
            return {}
        ready = state.of_nodes("kube_node_status_condition", ("condition", ("Ready",)), ("status", ("true",)))
        cordoned = state.of_nodes("kube_node_spec_unschedulable")
        course = pods.courses(
            state.of_pods("kube_pod_status_phase", ("phase", ("Running",))),
            state.of_pods("kube_pod_status_phase", ("phase", ("Pending",))),
        )
        rows = _by_node(offered, count, NOT_TOLD)
        most = rows | _by_node(capacity, count, NOT_TOLD)
        at_work = _by_node(ready, count, 1)
        kept = _by_node(cordoned, count, 0)
        asked = pods.asked(requests, course)
        contested = _by_node_steps(state.contested, count)
        for node in contested:
            most.setdefault(node, np.full(count, NOT_TOLD, dtype=np.int64))
        kinds = {each.labels.get("node", ""): each.labels.get("resource", "") for each in (*capacity, *offered)}
        return {
            node: NodeTrack(
                capacity=most[node],
                offered=rows.get(node, most[node]),
                ready=at_work.get(node, np.ones(count, dtype=np.int64)),
                cordoned=kept.get(node, np.zeros(count, dtype=np.int64)),
                asked=asked.get(node, {}),
                course={pod: course[pod] for pod in asked.get(node, {}) if pod in course},
                resource=_RESOURCES.get(kinds.get(node, ""), DEVICE_RESOURCES[0]),
                contested=contested.get(node),
            )
            for node in most
        }

    def _owners(self) -> dict[str, tuple[str, str]]:
        """What made each pod, as far as it is measured: kind and name."""
        return {
            _pod_of(each.labels): (each.labels.get("owner_kind", ""), each.labels.get("owner_name", ""))
            for each in self._state.of_pods("kube_pod_owner", at_all=True)
            if each.labels.get("owner_name", "<none>") != "<none>"
        }


@dataclass(frozen=True, slots=True)
class _MeasuredDevices:
    """Devices that nodes have, and offer to pods, as they are measured."""

    capacity: tuple[MeasuredSeries, ...]
    offered: tuple[MeasuredSeries, ...]

    def devices(self) -> dict[str, int]:
        """The most that each node had."""
        found: dict[str, int] = {}
        for each in (*self.capacity, *self.offered):
            node = each.labels.get("node", "")
            found[node] = max(found.get(node, 0), round(max(each.values, default=0)))
        return found


class _PodTable:
    """The pods of a piece, by number."""

    def __init__(self, owners: Mapping[str, tuple[str, str]], teams: Mapping[str, str], count: int) -> None:
        self._owners = owners
        self._teams = teams
        self._count = count
        self._numbers: dict[str, int] = {}

    def number(self, pod: str) -> int:
        """Of namespace/name."""
        return self._numbers.setdefault(pod, len(self._numbers))

    def name(self, number: int) -> str:
        """Namespace/name of a number."""
        return list(self._numbers)[number]

    def pods(self) -> tuple[MeasuredPod, ...]:
        """Whose they are, by number."""
        return tuple(self._pod(name) for name in self._numbers)

    def _pod(self, name: str) -> MeasuredPod:
        namespace, _, pod = name.partition("/")
        kind, owner = self._owners.get(name, ("Pod", pod))
        belonging = Belonging(team=self._teams.get(namespace, ""), namespace=namespace, top=f"{kind}/{owner}")
        return MeasuredPod(name, belonging, "service" if kind in _SERVICES else "job")

    def courses(self, running: Iterable[MeasuredSeries], pending: Iterable[MeasuredSeries]) -> dict[int, Numbers]:
        """What the pods that have a number do; of others nothing is kept."""
        found: dict[int, Numbers] = {}
        for course, series in ((PodCourse.RUNS, running), (PodCourse.STARTS, pending)):
            for each in series:
                row = found.setdefault(self.number(_pod_of(each.labels)), np.zeros(self._count, dtype=np.int64))
                at = np.array(each.steps, dtype=np.int64)
                row[at[np.array(each.values) >= 0.5]] = course
        return found

    def asked(
        self, requests: Iterable[MeasuredSeries], courses: Mapping[int, Numbers]
    ) -> dict[str, dict[int, Numbers]]:
        """Devices that pods ask for, by node and pod: of those that have a node, and have not ended."""
        containers: dict[tuple[str, int, str], Numbers] = {}
        for each in requests:
            node = each.labels.get("node", "")
            if node:
                key = (node, self.number(_pod_of(each.labels)), each.labels.get("container", ""))
                row = containers.setdefault(key, np.zeros(self._count, dtype=np.int64))
                at = np.array(each.steps, dtype=np.int64)
                # One container in two series is told twice, by two exporters, or by one that began anew.
                row[at] = np.maximum(row[at], np.rint(each.values).astype(np.int64))
        found: dict[str, dict[int, Numbers]] = {}
        for (node, pod, _), row in containers.items():
            pods = found.setdefault(node, {})
            pods[pod] = pods[pod] + row if pod in pods else row
        for pods in found.values():
            for pod, row in pods.items():
                if pod in courses:
                    row[courses[pod] == PodCourse.ABSENT] = 0
        return found


def _by_node(series: Iterable[MeasuredSeries], count: int, otherwise: int) -> dict[str, Numbers]:
    found: dict[str, Numbers] = {}
    for each in series:
        row = found.setdefault(each.labels.get("node", ""), np.full(count, otherwise, dtype=np.int64))
        row[np.array(each.steps, dtype=np.int64)] = np.rint(each.values).astype(np.int64)
    return found


def _by_node_steps(steps: Mapping[str, Iterable[int]], count: int) -> dict[str, npt.NDArray[np.bool_]]:
    return {node: np.isin(np.arange(count), list(told)) for node, told in steps.items()}


def _pod_of(labels: Mapping[str, str]) -> str:
    return f"{labels.get('namespace', '')}/{labels.get('pod', '')}"


def _time(ms: int) -> str:
    return dt.datetime.fromtimestamp(ms / 1000, dt.UTC).isoformat(timespec="minutes").replace("+00:00", "Z")

"""`MetricsPort` of a cluster that is made up: what dcgm-exporter would measure of the devices that its pods hold."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from allotment.model.manifest import Body
from allotment.model.moments import milliseconds
from allotment.observe.telemetry import Labels, device_count
from allotment.operations.ask.measuring import USE
from allotment.ports.demo import MadeUpCluster
from allotment.ports.metrics import Gauge, MeasuredMoment, MeasuredSeries, TimeSteps
from allotment.simulation.demo.fates import DemoPace
from allotment.simulation.demo.running import attempt_key
from allotment.simulation.demo.use import WorkUse, use_of_work, wave

_EXPORTER: Final = "dcgm-exporter"
_PORT: Final = 9400
_MINUTE: Final = 60_000
"""Milliseconds."""


@dataclass(frozen=True, slots=True)
class _Measured:
    """A device that a pod holds; `began` in milliseconds since 1970."""

    labels: Labels
    began: int
    use: WorkUse


@dataclass(frozen=True, slots=True)
class DemoMetrics:
    """See the module; for several threads, as it keeps nothing.

    Attributes:
        name: of the cluster.
        kube: its API server.
        pace: how fast it lives.
    """

    name: str
    kube: MadeUpCluster
    pace: DemoPace

    def place(self) -> str:
        """A made-up address."""
        return f"demo://{self.name}/metrics"

    def means(self, gauge: Gauge, steps: TimeSteps) -> tuple[MeasuredSeries, ...]:
        """The mean of each series in each stretch."""
        if USE[0] not in gauge.names:
            return ()
        found = ((each, list(self._values(each, steps))) for each in self._devices(gauge))
        return tuple(
            MeasuredSeries(each.labels, *map(tuple, zip(*values, strict=True))) for each, values in found if values
        )

    def last_at_least(self, gauge: Gauge, least: float, steps: TimeSteps) -> tuple[MeasuredMoment, ...]:
        """The last of the stretches whose mean was so high."""
        return tuple(
            MeasuredMoment(each.labels, steps.end_of(max(high)))
            for each in self.means(gauge, steps)
            if (high := [at for at, value in zip(each.steps, each.values, strict=True) if value >= least])
        )

    def first(self, gauge: Gauge, steps: TimeSteps) -> tuple[MeasuredMoment, ...]:
        """The first of the stretches in which there was a sample."""
        return tuple(MeasuredMoment(each.labels, steps.end_of(each.steps[0])) for each in self.means(gauge, steps))

    def _values(self, device: _Measured, steps: TimeSteps) -> Iterator[tuple[int, float]]:
        step = 1000 * steps.seconds
        for number in range(max(0, (device.began - steps.since) // step), steps.count):
            since, until = max(device.began, steps.end_of(number - 1)), steps.end_of(number)
            if since < until:
                share = device.use.over(since - device.began, until - device.began)
                yield number, min(1.0, share * wave(self.pace.seed, device.labels["UUID"], until // _MINUTE))

    def _devices(self, gauge: Gauge) -> Iterator[_Measured]:
        for pod in self.kube.held("Pod"):
            spec, status, metadata = pod["spec"], pod["status"], pod["metadata"]
            began = _running_since(status)
            if not began or not spec.get("nodeName"):
                continue
            key = attempt_key(metadata["namespace"], metadata["name"], metadata.get("labels") or {})
            use, node = use_of_work(self.pace, key), spec["nodeName"]
            for number in range(_devices_of(spec)):
                labels = {
                    "job": _EXPORTER,
                    "instance": f"{node}:{_PORT}",
                    "Hostname": node,
                    "UUID": f"GPU-{metadata['uid']}-{number}",
                    "namespace": metadata["namespace"],
                    "pod": metadata["name"],
                }
                if all(labels.get(name) in values for name, values in gauge.where):
                    yield _Measured(labels, began, use)


def _running_since(status: Body) -> int:
    """When its container began, milliseconds since 1970; 0 where it does not run."""
    if status.get("phase") != "Running":
        return 0
    states = (each["state"].get("running") for each in status.get("containerStatuses") or ())
    return next((milliseconds(each["startedAt"]) for each in states if each), 0)


def _devices_of(spec: Body) -> int:
    resources = (each.get("resources") or {} for each in spec["containers"])
    return sum(device_count((each.get("requests") or {}, each.get("limits") or {})) for each in resources)

"""The figures that a server counts of itself, for a Prometheus.

Labels have bounded values alone: a route's template and never its path, names of back ends, states. No team, person or
job is named: whoever reads metrics need not be let in to what they are about.
"""

from __future__ import annotations

import platform
from typing import Final

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"
_SOON: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds of the time to an answer, in seconds: a command waits half a minute."""
_SMALL: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Of a call of the store."""
_STARTS: Final = (1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 4 * 3600.0, 24 * 3600.0)
"""Of the time from a job's submission to its first start."""

disable_created_metrics()  # type: ignore[no-untyped-call]  # a series more for each one, which nobody reads


class Meters:
    """All of them, of one server."""

    def __init__(self, version: str) -> None:
        """Nothing has been counted.

        Args:
            version: of the program.
        """
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        build = Info("allotment_build", "Version of the server.", registry=self.registry)
        build.info({"version": version, "python": platform.python_version()})
        self.requests = Counter(
            "allotment_http_requests",
            "Requests that were answered.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.latency = Histogram(
            "allotment_http_request_seconds",
            "Time from a request to the beginning of its answer.",
            ("method", "route"),
            buckets=_SOON,
            registry=self.registry,
        )
        self.answering = Gauge(
            "allotment_http_answers_under_way",
            "Answers that have begun and not ended: logs and events that somebody follows.",
            ("route",),
            registry=self.registry,
        )
        self.store_calls = Histogram(
            "allotment_store_call_seconds", "Calls of the store.", ("call",), buckets=_SMALL, registry=self.registry
        )
        self.store_failures = Counter(
            "allotment_store_failures", "Calls of the store that failed.", ("call",), registry=self.registry
        )
        self.starts = Histogram(
            "allotment_job_start_seconds",
            "Time from a job's submission to its first start.",
            ("backend",),
            buckets=_STARTS,
            registry=self.registry,
        )

    def text(self) -> bytes:
        """All of them as they stand, in Prometheus's text format."""
        return generate_latest(self.registry)

"""What is read at the moment that metrics are asked for: how the server stands, its jobs, its back ends."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from allotment.api.telemetry.standing import ServerRole, ServerStanding
from allotment.errors import AllotmentError
from allotment.model.jobs.run import JobState

if TYPE_CHECKING:
    from allotment.operations.run.desk import Desk


class Presence:
    """A collector of prometheus_client."""

    def __init__(self, standing: ServerStanding) -> None:
        """Nothing is read yet.

        Args:
            standing: of the server.
        """
        self._standing = standing

    def collect(self) -> Iterator[Metric]:
        """All that it knows."""
        standing = self._standing
        ready = standing.readiness()
        leads = GaugeMetricFamily("allotment_leader", "1 where this server leads; 0 of a standby.")
        leads.add_metric((), float(standing.role is ServerRole.LEADER))
        yield leads
        whole = GaugeMetricFamily("allotment_ready", "1 where requests should be sent to this server.")
        whole.add_metric((), float(ready.ready))
        yield whole
        if standing.desk is None or standing.store is None:
            return
        silent = GaugeMetricFamily("allotment_store_silent_seconds", "Time since the store was last written to.")
        silent.add_metric((), standing.silent)
        yield silent
        try:
            number = standing.store.audit_head().number
        except AllotmentError:
            pass  # the metric above says it
        else:
            head = CounterMetricFamily("allotment_audit_entries", "Number of the newest entry of the audit trail.")
            head.add_metric((), number)
            yield head
        yield from _of_back_ends(standing.desk)


def _of_back_ends(desk: Desk) -> Iterator[Metric]:
    jobs = GaugeMetricFamily("allotment_jobs", "Jobs that are not over.", labels=("backend", "state"))
    passes = CounterMetricFamily("allotment_backend_passes", "Passes over a back end.", labels=("backend",))
    age = GaugeMetricFamily(
        "allotment_backend_pass_age_seconds", "Time since the last pass ended.", labels=("backend",)
    )
    trouble = GaugeMetricFamily(
        "allotment_backend_in_trouble", "1 where the last pass was not whole.", labels=("backend",)
    )
    silent = GaugeMetricFamily(
        "allotment_backend_silent_seconds", "For how long nothing was heard of a back end.", labels=("backend",)
    )
    for lane in desk.lanes:
        states = lane.states()
        for state in JobState:
            if not state.over:
                jobs.add_metric((lane.name, state.value), states.count(state))
        passes.add_metric((lane.name,), lane.passes)
        age.add_metric((lane.name,), lane.pass_age)
        trouble.add_metric((lane.name,), float(bool(lane.trouble)))
        silent.add_metric((lane.name,), lane.silent_for)
    yield from (jobs, passes, age, trouble, silent)

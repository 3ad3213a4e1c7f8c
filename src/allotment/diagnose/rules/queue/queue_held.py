"""The ClusterQueue was stopped."""

from __future__ import annotations

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding
from allotment.diagnose.rules.queue.stopped import stopped


def find(case: Case) -> Finding | None:
    """A stop policy on the ClusterQueue."""
    return stopped(case, "queue-held", case.cluster_queue)

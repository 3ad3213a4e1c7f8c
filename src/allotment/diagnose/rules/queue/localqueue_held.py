"""The LocalQueue was stopped."""

from __future__ import annotations

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding
from allotment.diagnose.rules.queue.stopped import stopped


def find(case: Case) -> Finding | None:
    """A stop policy on the LocalQueue."""
    return stopped(case, "localqueue-held", case.local_queue)

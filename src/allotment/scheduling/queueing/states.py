"""Where a workload is in the engine, and the moves there are between."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from typing import Final


class WorkloadState(IntEnum):
    """Where a workload is.

    One that is queued may be inadmissible. That is said of all workloads of its shape at once (`Bucket.refused`), so
    it is no state of its own.
    """

    ABSENT = 0
    QUEUED = 1
    IN_FLIGHT = 2
    RUNNING = 3
    EVICTED = 4
    STOPPED = 5


# By themselves: a member of an enum is looked up in its class, which innermost loops would notice.
ABSENT: Final = WorkloadState.ABSENT
"""Known, but neither waiting nor holding quota: not there yet, or withdrawn."""
QUEUED: Final = WorkloadState.QUEUED
"""Waits in the queue of its ClusterQueue."""
IN_FLIGHT: Final = WorkloadState.IN_FLIGHT
"""A head, between the first and the last step of a cycle."""
RUNNING: Final = WorkloadState.RUNNING
"""Holds quota (Kueue: QuotaReserved)."""
EVICTED: Final = WorkloadState.EVICTED
"""On its way out, and still holds its quota."""
STOPPED: Final = WorkloadState.STOPPED
"""Has given its quota back: finished, or about to queue again."""

MOVES: Final[dict[WorkloadState, tuple[WorkloadState, ...]]] = {
    ABSENT: (QUEUED, RUNNING),  # it arrives, or is adopted with the quota that it holds
    QUEUED: (IN_FLIGHT, ABSENT),  # its turn has come, or it is withdrawn
    IN_FLIGHT: (QUEUED, RUNNING),  # it is put back, or admitted
    RUNNING: (EVICTED, STOPPED),  # it is asked to leave, or is done
    EVICTED: (STOPPED,),  # it has left, or was done before it had to
    STOPPED: (QUEUED,),  # it queues again, as it first came
}
"""From each state, where a workload may go next. Any other move is a bug of the engine or of its caller."""


class Place(StrEnum):
    """Where a workload is as its owner sees it: eviction does not show before it is over, a wait for a wake-up does."""

    ACTIVE = "active"
    INADMISSIBLE = "inadmissible"
    RUNNING = "running"
    ABSENT = ""


def no_such_move(name: str, before: WorkloadState, after: WorkloadState) -> AssertionError:
    """What to raise where the table has no such move."""
    return AssertionError(f"workload {name} cannot become {after.name}: it is {before.name}")

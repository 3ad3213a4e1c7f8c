"""How quotas of queues were used, hour by hour: what was seen is summed as it is seen, so that a week is a few rows.

An hour in which nothing was seen has no row: nobody takes what is not known for zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

HOUR_MS: Final = 3_600_000
HOURS_KEPT_DAYS: Final = 31
"""Days for which an hour is kept."""


@dataclass(frozen=True, slots=True)
class QuotaSpan:
    """One quota of a ClusterQueue over a stretch of time, as it was seen.

    Attributes:
        platform: whose queue.
        resource: that is counted, such as ``nvidia.com/gpu``.
        since: milliseconds since the epoch: the beginning of the stretch.
        looks: how often it was seen; at least once.
        used: sum over all looks, in units of the resource.
        nominal: the same of what was guaranteed.
        most: the most that was used at any look.
    """

    platform: str
    cluster: str
    queue: str
    flavor: str
    resource: str
    since: int
    looks: int
    used: int
    nominal: int
    most: int


class QueueHoursReader(Protocol):
    """What can be asked. Everything may raise `StoreError` and `UnreachableError`."""

    def queue_hours(self, platform: str, since: int, step: int = HOUR_MS) -> tuple[QuotaSpan, ...]:
        """Spans from a moment on, by cluster, queue, flavor, resource and time.

        Args:
            platform: whose.
            since: milliseconds since the epoch.
            step: milliseconds of one span, a whole number of hours: hours are summed where they are kept. Spans begin
                at multiples of it since the epoch.
        """
        ...


class QueueHoursStore(QueueHoursReader, Protocol):
    """What the one process that writes may do besides."""

    def keep_queue_hours(self, hours: Sequence[QuotaSpan]) -> None:
        """Keep hours, all or none, each in the place of what was kept of it."""
        ...

    def forget_queue_hours(self, before: int) -> int:
        """Forget those that began before a moment; how many."""
        ...

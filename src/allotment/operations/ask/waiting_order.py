"""Who waits in each ClusterQueue, in Kueue's own order: its visibility API."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from typing import Final

from allotment.model.manifest import Body
from allotment.model.observed.queueing import LocalQueue, PendingOrder, PendingWorkload
from allotment.observe.pending import PART, VISIBILITY, read_pending
from allotment.operations.ask.cluster_reader import ClusterReader, Reply
from allotment.ports.clock import Clock
from allotment.ports.kube import ObjectPart, UnendingError

_PAGE: Final = 1000
"""Lines of an answer; the API's own default."""
_MOST_PAGES: Final = 100
MOST_SECONDS: Final = 600
"""For the order of all queues together, as for a list of any kind."""
_GROUP: Final = VISIBILITY[0].partition("/")[0]
_WHAT: Final = "the order of those that wait"


@dataclass(frozen=True, slots=True)
class _OrderReading:
    """With what the order is read, and until when."""

    reader: ClusterReader
    clock: Clock
    until: dt.datetime

    def part(self, part: ObjectPart, page: int) -> Body | None:
        """A page of the lines of a queue; None where there is no such queue, or no such API.

        Raises:
            UnendingError: the order takes longer than is borne.
        """
        if self.clock.now() > self.until:
            raise UnendingError(
                f"{_WHAT} does not come to an end",
                why=f"it was not complete after {MOST_SECONDS} s",
                fix="look whether Kueue's visibility API answers",
            )
        return self.reader.kube.read_part(part, query={"limit": _PAGE, "offset": page * _PAGE})


def read_order(reader: ClusterReader, clock: Clock) -> tuple[PendingOrder, ...]:
    """Who waits where; of ClusterQueues that may not be asked, what the LocalQueues that were seen say of theirs.

    Raises:
        NotSignedInError: the server does not accept the credentials.
    """
    objects = reader.objects
    queues = sorted({each.name for each in objects.cluster_queues})
    if not queues and not objects.local_queues:
        return ()
    reading = _OrderReading(reader, clock, clock.now() + dt.timedelta(seconds=MOST_SECONDS))
    found: dict[str, tuple[PendingWorkload, ...]] = {}
    refused: list[str] = []

    def ask(queue: str) -> None:
        def keep() -> None:
            lines = _pages(reading, "clusterqueues", queue)
            if lines is not None:
                found[queue] = lines

        if reader.attempt(keep, _WHAT, told=False) is Reply.FORBIDDEN:
            refused.append(queue)

    reader.side_by_side(ask, queues)
    mine = [each for each in objects.local_queues if each.spec.cluster_queue not in found]
    theirs = _of_local_queues(reading, mine) if refused or not queues else {}
    if not found and not theirs and not reader.has_gap(_WHAT):
        reader.gap(_WHAT, "", "absent", f"the server does not serve {_GROUP}")
    elif len(found) < len(queues) or not queues:
        reader.gap(_WHAT, "", "forbidden", f"of {len(queues):,} ClusterQueues {len(found):,} may be asked")
    return _orders({**found, **theirs})


def _of_local_queues(reading: _OrderReading, queues: list[LocalQueue]) -> dict[str, tuple[PendingWorkload, ...]]:
    found: dict[str, list[PendingWorkload]] = defaultdict(list)

    def ask(queue: LocalQueue) -> None:
        def keep() -> None:
            lines = _pages(reading, "localqueues", queue.name, queue.namespace)
            if lines is not None:
                found[queue.spec.cluster_queue].extend(lines)

        reading.reader.attempt(keep, _WHAT, queue.namespace)

    reading.reader.side_by_side(ask, queues)
    return {
        name: tuple(sorted(lines, key=lambda line: line.position_in_cluster_queue)) for name, lines in found.items()
    }


def _pages(reading: _OrderReading, resource: str, name: str, namespace: str = "") -> tuple[PendingWorkload, ...] | None:
    """All lines of a queue, in the newest version that is served; None where none is, or the queue is gone."""
    for version in VISIBILITY:
        part = ObjectPart(version, resource, name, PART, namespace)
        body = reading.part(part, 0)
        if body is not None:
            return _all_pages(reading, part, body)
    return None


def _all_pages(reading: _OrderReading, part: ObjectPart, first: Body) -> tuple[PendingWorkload, ...]:
    lines: list[PendingWorkload] = []
    body: Body | None = first
    for page in range(1, _MOST_PAGES + 1):
        more = reading.reader.made(partial(read_pending, body)) if body is not None else ()
        lines.extend(more)
        if len(more) < _PAGE:
            break
        body = reading.part(part, page)
    return tuple(lines)


def _orders(found: dict[str, tuple[PendingWorkload, ...]]) -> tuple[PendingOrder, ...]:
    return tuple(PendingOrder(cluster_queue=queue, items=lines) for queue, lines in sorted(found.items()))

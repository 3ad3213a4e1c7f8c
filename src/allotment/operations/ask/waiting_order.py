"""Who waits in each ClusterQueue, in Kueue's own order: its visibility API."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from typing import Final

from allotment.model.manifest import Body
from allotment.model.observed.queueing import LocalQueue, PendingOrder, PendingWorkload
from allotment.observe.pending import PART, VISIBILITY, read_pending
from allotment.operations.ask.cluster_reader import ClusterReader, Reply
from allotment.ports.kube import ObjectPart

_PAGE: Final = 1000
"""Lines of an answer; the API's own default."""
_MOST_PAGES: Final = 100
_GROUP: Final = VISIBILITY[0].partition("/")[0]
_WHAT: Final = "the order of those that wait"


def read_order(reader: ClusterReader) -> tuple[PendingOrder, ...]:
    """Who waits where; of ClusterQueues that may not be asked, what the LocalQueues that were seen say of theirs.

    Raises:
        NotSignedInError: the server does not accept the credentials.
    """
    objects = reader.objects
    queues = sorted({each.name for each in objects.cluster_queues})
    if not queues and not objects.local_queues:
        return ()
    found: dict[str, tuple[PendingWorkload, ...]] = {}
    refused: list[str] = []

    def ask(queue: str) -> None:
        def keep() -> None:
            lines = _pages(reader, "clusterqueues", queue)
            if lines is not None:
                found[queue] = lines

        if reader.attempt(keep, _WHAT, told=False) is Reply.FORBIDDEN:
            refused.append(queue)

    reader.side_by_side(ask, queues)
    mine = [each for each in objects.local_queues if each.spec.cluster_queue not in found]
    theirs = _of_local_queues(reader, mine) if refused or not queues else {}
    if not found and not theirs and not reader.has_gap(_WHAT):
        reader.gap(_WHAT, "", "absent", f"the server does not serve {_GROUP}")
    elif len(found) < len(queues) or not queues:
        reader.gap(_WHAT, "", "forbidden", f"of {len(queues):,} ClusterQueues {len(found):,} may be asked")
    return _orders({**found, **theirs})


def _of_local_queues(reader: ClusterReader, queues: list[LocalQueue]) -> dict[str, tuple[PendingWorkload, ...]]:
    found: dict[str, list[PendingWorkload]] = defaultdict(list)

    def ask(queue: LocalQueue) -> None:
        def keep() -> None:
            lines = _pages(reader, "localqueues", queue.name, queue.namespace)
            if lines is not None:
                found[queue.spec.cluster_queue].extend(lines)

        reader.attempt(keep, _WHAT, queue.namespace)

    reader.side_by_side(ask, queues)
    return {
        name: tuple(sorted(lines, key=lambda line: line.position_in_cluster_queue)) for name, lines in found.items()
    }


def _pages(reader: ClusterReader, resource: str, name: str, namespace: str = "") -> tuple[PendingWorkload, ...] | None:
    """All lines of a queue, in the newest version that is served; None where none is, or the queue is gone."""
    for version in VISIBILITY:
        part = ObjectPart(version, resource, name, PART, namespace)
        body = reader.kube.read_part(part, query={"limit": _PAGE, "offset": 0})
        if body is not None:
            return _all_pages(reader, part, body)
    return None


def _all_pages(reader: ClusterReader, part: ObjectPart, first: Body) -> tuple[PendingWorkload, ...]:
    lines: list[PendingWorkload] = []
    body: Body | None = first
    for page in range(1, _MOST_PAGES + 1):
        more = reader.made(partial(read_pending, body)) if body is not None else ()
        lines.extend(more)
        if len(more) < _PAGE:
            break
        body = reader.kube.read_part(part, query={"limit": _PAGE, "offset": page * _PAGE})
    return tuple(lines)


def _orders(found: dict[str, tuple[PendingWorkload, ...]]) -> tuple[PendingOrder, ...]:
    return tuple(PendingOrder(cluster_queue=queue, items=lines) for queue, lines in sorted(found.items()))

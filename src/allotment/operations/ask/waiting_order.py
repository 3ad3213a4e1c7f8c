"""Who waits in each ClusterQueue, in Kueue's own order: its visibility API."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from typing import Final

from allotment.model.manifest import ObjectKey
from allotment.model.observed.queueing import LocalQueue, PendingOrder, PendingWorkload
from allotment.observe.pending import PART, VISIBILITY, read_pending
from allotment.operations.ask.cluster_reader import ClusterReader, Reply

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
    version = next((each for each in VISIBILITY if reader.kube.serves(each, "ClusterQueue")), None)
    if version is None:
        reader.gap(_WHAT, "", "failed", f"the server does not serve {_GROUP}")
        return ()
    found: dict[str, tuple[PendingWorkload, ...]] = {}
    refused: list[str] = []

    def ask(queue: str) -> None:
        key = ObjectKey(_GROUP, "ClusterQueue", "", queue)
        if reader.attempt(lambda: found.update({queue: _pages(reader, version, key)}), _WHAT, told=False) is (
            Reply.FORBIDDEN
        ):
            refused.append(queue)

    reader.side_by_side(ask, queues)
    if not refused and queues:
        return _orders(found)
    reader.gap(_WHAT, "", "forbidden", f"ClusterQueues may not be asked: {len(refused):,} of {len(queues):,}")
    mine = [each for each in objects.local_queues if each.spec.cluster_queue not in found]
    return _orders({**found, **_of_local_queues(reader, version, mine)})


def _of_local_queues(
    reader: ClusterReader, version: str, queues: list[LocalQueue]
) -> dict[str, tuple[PendingWorkload, ...]]:
    found: dict[str, list[PendingWorkload]] = defaultdict(list)

    def ask(queue: LocalQueue) -> None:
        key = ObjectKey(_GROUP, "LocalQueue", queue.namespace, queue.name)
        reader.attempt(
            lambda: found[queue.spec.cluster_queue].extend(_pages(reader, version, key)), _WHAT, queue.namespace
        )

    reader.side_by_side(ask, queues)
    return {
        name: tuple(sorted(lines, key=lambda line: line.position_in_cluster_queue)) for name, lines in found.items()
    }


def _pages(reader: ClusterReader, version: str, key: ObjectKey) -> tuple[PendingWorkload, ...]:
    lines: list[PendingWorkload] = []
    for page in range(_MOST_PAGES):
        body = reader.kube.get_part(version, key, PART, query={"limit": _PAGE, "offset": page * _PAGE})
        more = reader.made(partial(read_pending, body)) if body is not None else ()
        lines.extend(more)
        if len(more) < _PAGE:
            break
    return tuple(lines)


def _orders(found: dict[str, tuple[PendingWorkload, ...]]) -> tuple[PendingOrder, ...]:
    return tuple(PendingOrder(cluster_queue=queue, items=lines) for queue, lines in sorted(found.items()))

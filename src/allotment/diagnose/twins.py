"""The twins of one source, made when first asked for and shared by all subjects of it."""

from __future__ import annotations

from functools import cached_property

from allotment.model.observed.index import Index
from allotment.scheduling.snapshot.attempts import Attempt, Settlements
from allotment.scheduling.snapshot.attempts import attempt as attempted
from allotment.scheduling.snapshot.placement import (
    FoundPlace,
    NoPlace,
    PlacementView,
    WaitingPod,
    placement_view,
)
from allotment.scheduling.snapshot.placement import place as placed
from allotment.scheduling.snapshot.queueing import QueueingView, queueing_view


class Twins:
    """Both twins of a source: Kueue's on quota, the scheduler's on nodes."""

    def __init__(self, index: Index, now: str, queueing: QueueingView | None = None) -> None:
        """Of a source.

        Args:
            index: of the source.
            now: RFC 3339, the moment of the snapshot.
            queueing: its queues, where they are to be others than those that were seen.
        """
        self.index = index
        self.now = now
        self._given = queueing

    @cached_property
    def _before(self) -> Twins | None:
        """The twins of the source that this one was made of by a change, at the same moment."""
        before = self.index.before
        return None if before is None else twins_of(before, self.now)

    @cached_property
    def queueing(self) -> QueueingView:
        """The source as Kueue's twin sees it."""
        if self._given is not None:
            return self._given
        if self._before is not None:
            # It takes over what is known there: that has to be there first.
            _ = self._before.queueing
        return queueing_view(self.index.source, self.now, self.index)

    @cached_property
    def settlements(self) -> Settlements:
        """What becomes of all that wait, from this moment on."""
        return Settlements(self.queueing, None if self._before is None else self._before.settlements)

    def attempt(self, key: str, *, alone: bool = False) -> Attempt:
        """What becomes of a workload, ``namespace/name``; `alone` = as if nobody else waited."""
        return attempted(self.queueing, key, alone=True) if alone else self.settlements.of(key)

    @cached_property
    def placement(self) -> PlacementView:
        """The source as the scheduler's twin sees it."""
        return placement_view(self.index, None if self._before is None else self._before.placement)

    def place(self, waiting: WaitingPod) -> FoundPlace | NoPlace:
        """Where a pod would go now, or what every node says to it."""
        return placed(self.placement, waiting)


def twins_of(index: Index, now: str) -> Twins:
    """The twins of a source; the same for every subject of it, for they are kept beside its index."""
    return index.beside.once(Twins, lambda: Twins(index, now))

"""Counts of pods per topology domain, for one incoming pod."""

from __future__ import annotations

import numpy as np

from allotment.scheduling.placement.nodes import Ints, LabelColumn


class DomainCounts:
    """How many of some pods run in each domain of a topology; index 0 stands for nodes without the label."""

    __slots__ = ("codes", "totals")

    def __init__(self, column: LabelColumn, per_node: Ints) -> None:
        self.codes = column.codes
        # Weights make bincount return floats; counts stay far below 2**53, so the conversion is exact.
        totals = np.bincount(column.codes, weights=per_node, minlength=column.size).astype(np.int64)
        totals[0] = 0
        self.totals: Ints = totals

    def at(self, node: int) -> int:
        """Count in the node's domain."""
        return int(self.totals[self.codes[node]])

    def shift(self, node: int, delta: int) -> None:
        """A pod came to or left the node's domain."""
        code = self.codes[node]
        if code:
            self.totals[code] += delta

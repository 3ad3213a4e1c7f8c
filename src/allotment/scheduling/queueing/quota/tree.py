"""Quota tree arithmetic with undo (KEP-79, KEP-1224).

A *cell* is one (node, flavor-resource) pair, `cells[node][fr]`; every quantity of the tree is one flat list indexed by
cell, and `parent` leads from a cell to the same flavor-resource one node up. Usage is bubbled up on
every change, so `available` reads one path and nothing is ever recomputed or copied. Simulation is a mark in the
journal and a rollback to it.
"""

from __future__ import annotations

from typing import Final

from allotment.scheduling.queueing.indices import NO_CELL, NO_NODE, Cell, FlavorResource, TreeId, TreeNode

NO_LIMIT: Final = -1
"""In place of an amount: as much as there is."""


class QuotaTree:
    """Nominal quota, limits and usage of all ClusterQueues and Cohorts.

    Attributes:
        frs: all flavor-resource pairs.
        cells: per node, its cells by flavor-resource pair.
        node_parent: per node, the parent or NO_NODE.
        parent: per cell, the parent's cell or NO_CELL.
        nominal, borrowing_limit, lending_limit: as declared, per cell (NO_LIMIT = unlimited).
        subtree: quota of the node and what its children lend to it.
        local_quota: the part of `subtree` the parent never sees (set by a lending limit).
        potential: what the node could use at most if nobody used anything.
        usage: current usage, own plus what overflowed from the children.
    """

    __slots__ = (
        "_journal_cells",
        "_journal_usage",
        "_marks",
        "_width",
        "borrowing_limit",
        "cells",
        "frs",
        "height",
        "lending_limit",
        "local_quota",
        "node_parent",
        "nominal",
        "parent",
        "potential",
        "subtree",
        "usage",
    )

    def __init__(self, node_parent: list[TreeNode], width: int) -> None:
        """A tree over `width` pairs, without quota; fill `nominal` and the limits, then call `freeze`."""
        cells = len(node_parent) * width
        self._width: int = width
        self.frs: list[FlavorResource] = [FlavorResource(fr) for fr in range(width)]
        self.cells: list[list[Cell]] = [
            [Cell(node * width + fr) for fr in range(width)] for node in range(len(node_parent))
        ]
        self.node_parent: list[TreeNode] = node_parent
        self.parent: list[Cell] = [NO_CELL] * cells
        for node, above in enumerate(node_parent):
            if above != NO_NODE:
                for cell, over in zip(self.cells[node], self.cells[above], strict=True):
                    self.parent[cell] = over
        self.nominal: list[int] = [0] * cells
        self.borrowing_limit: list[int] = [NO_LIMIT] * cells
        self.lending_limit: list[int] = [NO_LIMIT] * cells
        self.subtree: list[int] = [0] * cells
        self.local_quota: list[int] = [0] * cells
        self.potential: list[int] = [0] * cells
        self.usage: list[int] = [0] * cells
        self.height: list[int] = [0] * len(node_parent)
        self._journal_cells: list[Cell] = []
        self._journal_usage: list[int] = []
        self._marks: int = 0

    def freeze(self, bottom_up: list[TreeNode]) -> None:
        """Derive everything that follows from the declared quota.

        Args:
            bottom_up: all nodes, every node after all of its children.
        """
        self.subtree = list(self.nominal)
        self.height = [0] * len(self.node_parent)
        for node in bottom_up:
            above = self.node_parent[node]
            for cell in self.cells[node]:
                lending = self.lending_limit[cell]
                quota = self.subtree[cell]
                self.local_quota[cell] = max(0, quota - lending) if lending != NO_LIMIT else 0
                if above != NO_NODE:
                    self.subtree[self.parent[cell]] += quota - self.local_quota[cell]
            if above != NO_NODE:
                self.height[above] = max(self.height[above], self.height[node] + 1)
        for node in reversed(bottom_up):
            for cell in self.cells[node]:
                self.potential[cell] = self._potential(cell)

    def root_of(self, node: TreeNode) -> TreeId:
        """The tree of a node, named by the topmost node above (or the node itself)."""
        while self.node_parent[node] != NO_NODE:
            node = self.node_parent[node]
        return TreeId(node)

    def _potential(self, cell: Cell) -> int:
        above = self.parent[cell]
        if above == NO_CELL:
            return self.subtree[cell]
        potential = self.local_quota[cell] + self.potential[above]
        limit = self.borrowing_limit[cell]
        if limit != NO_LIMIT:
            potential = min(potential, self.subtree[cell] + limit)
        return potential

    def available(self, cell: Cell) -> int:
        """Capacity left at this cell, limits of every level applied; negative after over-admission."""
        parent, usage, limits = self.parent, self.usage, self.borrowing_limit
        kept = 0  # unused guarantees on the way up: each comes on top of what all levels above it leave
        ceiling: int | None = None
        while (above := parent[cell]) != NO_CELL:
            used, local = usage[cell], self.local_quota[cell]
            in_parent = 0
            if local > used:
                kept += local - used
            else:
                in_parent = used - local
            limit = limits[cell]
            if limit != NO_LIMIT:
                capped = self.subtree[cell] - local - in_parent + limit + kept
                ceiling = capped if ceiling is None or capped < ceiling else ceiling
            cell = above
        left = self.subtree[cell] - usage[cell] + kept
        return left if ceiling is None or left < ceiling else ceiling

    def local_available(self, cell: Cell) -> int:
        """Guaranteed quota of this cell that is still unused."""
        free = self.local_quota[cell] - self.usage[cell]
        return max(0, free)

    def borrows_with(self, cell: Cell, amount: int) -> bool:
        """Would usage exceed the subtree's quota with `amount` more?"""
        return self.subtree[cell] < self.usage[cell] + amount

    def borrowing_height(self, cell: Cell, amount: int) -> int:
        """How far up the tree capacity for `amount` must come from; 0 is the queue itself."""
        above = self.parent[cell]
        if above == NO_CELL or self.subtree[cell] >= self.usage[cell] + amount:
            return 0
        remaining = amount - self.local_available(cell)
        while True:
            if not self.borrows_with(above, remaining) or self.parent[above] == NO_CELL:
                return self.height[above // self._width]
            remaining -= self.local_available(above)
            above = self.parent[above]

    def may_reclaim(self, cell: Cell, amount: int) -> bool:
        """Is the subtree that fits `amount` smaller than the whole tree?"""
        above = self.parent[cell]
        if above == NO_CELL:
            return False
        if self.subtree[cell] >= self.usage[cell] + amount:
            return True
        remaining = amount - self.local_available(cell)
        while True:
            if self.parent[above] == NO_CELL:
                return False
            if not self.borrows_with(above, remaining):
                return True
            remaining -= self.local_available(above)
            above = self.parent[above]

    def add(self, cell: Cell, amount: int) -> None:
        """Charge `amount`; what exceeds the guaranteed quota is charged to the parent too."""
        usage = self.usage
        recording = self._marks > 0
        while cell != NO_CELL:
            used = usage[cell]
            if recording:
                self._journal_cells.append(cell)
                self._journal_usage.append(used)
            usage[cell] = used + amount
            free = self.local_quota[cell] - used
            if free > 0:
                amount -= free
            if amount <= 0:
                return
            cell = self.parent[cell]

    def remove(self, cell: Cell, amount: int) -> None:
        """Give `amount` back; the parent gets back what it stored for this cell."""
        usage = self.usage
        recording = self._marks > 0
        while cell != NO_CELL:
            used = usage[cell]
            if recording:
                self._journal_cells.append(cell)
                self._journal_usage.append(used)
            usage[cell] = used - amount
            in_parent = used - self.local_quota[cell]
            if in_parent <= 0:
                return
            amount = min(amount, in_parent)
            cell = self.parent[cell]

    def checkpoint(self) -> int:
        """Start recording changes; hand the result to `rollback`. Checkpoints nest."""
        self._marks += 1
        return len(self._journal_cells)

    def rollback(self, mark: int) -> None:
        """Restore the exact usage at the matching `checkpoint`."""
        cells = self._journal_cells
        values = self._journal_usage
        usage = self.usage
        while len(cells) > mark:
            usage[cells.pop()] = values.pop()
        self._marks -= 1

"""The order in which a cycle's entries are processed (Kueue: `makeIterator`; KEP-1714)."""

from __future__ import annotations

from typing import Protocol

from allotment.scheduling.queueing.catalog import Catalog
from allotment.scheduling.queueing.entry import Entry
from allotment.scheduling.queueing.gates import Gates
from allotment.scheduling.queueing.quota.share import Share, compare_shares
from allotment.scheduling.queueing.quota.tree import NO_PARENT
from allotment.scheduling.queueing.usage import UsageLedger


class EntryOrder(Protocol):
    """Hands out the entries of a cycle one by one; may look at usage as changed by the earlier ones."""

    def pop(self) -> Entry | None:
        """The next entry, None at the end."""
        ...


class ClassicalOrder:
    """Smaller borrowing height first, then priority, then age."""

    def __init__(self, entries: list[Entry], gates: Gates) -> None:
        """Sort once."""
        self._entries: list[Entry] = entries
        if len(entries) > 1:
            preemptors_first = gates.prioritize_preemptor_workloads
            by_priority = gates.priority_sorting_within_cohort
            entries.sort(key=lambda entry: _classical_key(entry, preemptors_first, by_priority))
        entries.reverse()  # handed out from the end

    def pop(self) -> Entry | None:
        """The next entry, None at the end."""
        return self._entries.pop() if self._entries else None


def _classical_key(
    entry: Entry,
    preemptors_first: bool,  # noqa: FBT001
    by_priority: bool,  # noqa: FBT001
) -> tuple[bool, int, int, int, str]:
    workload = entry.workload
    return (
        preemptors_first and not entry.targets,
        entry.assignment.borrowing,
        -workload.priority if by_priority else 0,
        workload.since,
        workload.uid,
    )


class FairOrder:
    """A tournament through the cohort tree before each entry: the smallest dominant share wins."""

    def __init__(self, entries: list[Entry], catalog: Catalog, ledger: UsageLedger, gates: Gates) -> None:
        """Enter all entries."""
        self._catalog: Catalog = catalog
        self._ledger: UsageLedger = ledger
        self._gates: Gates = gates
        self._waiting: dict[int, Entry] = {entry.workload.queue.index: entry for entry in entries}
        self._trees: dict[int, int] = {}
        for entry in entries:
            root = entry.workload.queue.root
            self._trees[root] = self._trees.get(root, 0) + 1

    def pop(self) -> Entry | None:
        """The next entry, None at the end."""
        while self._trees:
            root = next(iter(self._trees))
            winner = self._waiting.get(root) if self._trees[root] and not self._is_cohort(root) else None
            if winner is None:
                winner = _Tournament(self._catalog, self._ledger, self._gates, self._waiting).winner(root)
            del self._waiting[winner.workload.queue.index]
            self._trees[root] -= 1
            if self._trees[root] == 0:
                del self._trees[root]
            return winner
        return None

    def _is_cohort(self, node: int) -> bool:
        return node >= len(self._catalog.queues)


class _Tournament:
    """One round: shares of every node on every entry's path, as if that entry were admitted."""

    def __init__(self, catalog: Catalog, ledger: UsageLedger, gates: Gates, waiting: dict[int, Entry]) -> None:
        self._catalog: Catalog = catalog
        self._ledger: UsageLedger = ledger
        self._gates: Gates = gates
        self._waiting: dict[int, Entry] = waiting
        self._shares: dict[tuple[int, int], Share] = {}

    def winner(self, root: int) -> Entry:
        """The entry of this tree to process next."""
        for index in self._catalog.queues_of_tree[root]:
            entry = self._waiting.get(index)
            if entry is not None:
                self._compute_shares(entry)
        best = self._best_below(root)
        if best is None:
            message = f"no entry waits below node {root}"
            raise AssertionError(message)
        return best

    def _compute_shares(self, entry: Entry) -> None:
        """Shares with the entry's usage, keyed by (parent cohort, queue)."""
        tree = self._ledger.tree
        queue = entry.workload.queue
        mark = tree.checkpoint()
        for fr, amount in entry.assignment.usage.items():
            tree.add(queue.base + fr, amount)
        node = queue.index
        while tree.node_parent[node] != NO_PARENT:
            self._shares[tree.node_parent[node], queue.index] = self._catalog.shares.of(node)
            node = tree.node_parent[node]
        tree.rollback(mark)

    def _best_below(self, cohort: int) -> Entry | None:
        best: Entry | None = None
        for child in self._catalog.child_cohorts[cohort]:
            candidate = self._best_below(child)
            if candidate is not None and (best is None or self._less(candidate, best, cohort)):
                best = candidate
        for child in self._catalog.child_queues[cohort]:
            candidate = self._waiting.get(child)
            if candidate is not None and (best is None or self._less(candidate, best, cohort)):
                best = candidate
        return best

    def _less(self, a: Entry, b: Entry, cohort: int) -> bool:
        if self._gates.prioritize_preemptor_workloads and bool(a.targets) != bool(b.targets):
            return bool(a.targets)
        a_share = self._shares[cohort, a.workload.queue.index]
        b_share = self._shares[cohort, b.workload.queue.index]
        if self._gates.fair_sharing_prioritize_non_borrowing:
            a_borrows, b_borrows = _borrows_requested(a_share, a), _borrows_requested(b_share, b)
            if a_borrows != b_borrows:
                return b_borrows
        order = compare_shares(a_share, b_share)
        if order != 0:
            return order < 0
        if self._gates.priority_sorting_within_cohort and a.workload.priority != b.workload.priority:
            return a.workload.priority > b.workload.priority
        return a.workload.since < b.workload.since


def _borrows_requested(share: Share, entry: Entry) -> bool:
    usage = entry.assignment.usage
    return any(usage.get(fr, 0) > 0 for fr in share.borrowed)

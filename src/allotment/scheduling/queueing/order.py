"""The order in which a cycle's entries are processed (Kueue: `makeIterator`; KEP-1714)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from allotment.scheduling.queueing.catalog import Catalog
from allotment.scheduling.queueing.entry import Entry
from allotment.scheduling.queueing.gates import Gates
from allotment.scheduling.queueing.indices import NO_NODE, QueueId, TreeId, TreeNode
from allotment.scheduling.queueing.quota.share import Share, compare_shares
from allotment.scheduling.queueing.usage import UsageLedger


class EntryOrder(Protocol):
    """Hands out the entries of a cycle one by one; may look at usage as changed by the earlier ones."""

    def pop(self) -> Entry | None:
        """The next entry, None at the end."""
        ...

    def equals(self, entry: Entry) -> list[Entry]:
        """Those that Kueue may as well have handed out in place of `entry`, the last one: equals come in any order."""
        ...


class ClassicalOrder:
    """Smaller borrowing height first, then priority, then age."""

    def __init__(self, entries: list[Entry], gates: Gates) -> None:
        """Sort once."""
        self._entries: list[Entry] = entries
        self._preemptors_first: bool = gates.prioritize_preemptor_workloads
        self._by_priority: bool = gates.priority_sorting_within_cohort
        if len(entries) > 1:
            entries.sort(key=lambda entry: (self._key(entry), entry.workload.uid))
        entries.reverse()  # handed out from the end

    def pop(self) -> Entry | None:
        """The next entry, None at the end."""
        return self._entries.pop() if self._entries else None

    def equals(self, entry: Entry) -> list[Entry]:
        """Those that follow with the same key."""
        found: list[Entry] = []
        key = self._key(entry)
        for other in reversed(self._entries):
            if self._key(other) != key:
                break
            found.append(other)
        return found

    def _key(self, entry: Entry) -> tuple[bool, int, int, int]:
        workload = entry.workload
        return (
            self._preemptors_first and not entry.targets,
            entry.assignment.borrowing,
            -workload.priority if self._by_priority else 0,
            workload.since,
        )


class FairOrder:
    """A tournament through the cohort tree before each entry: the smallest dominant share wins."""

    def __init__(self, entries: list[Entry], catalog: Catalog, ledger: UsageLedger, gates: Gates) -> None:
        """Enter all entries."""
        self._catalog: Catalog = catalog
        self._ledger: UsageLedger = ledger
        self._gates: Gates = gates
        self._waiting: dict[QueueId, Entry] = {entry.workload.queue.index: entry for entry in entries}
        self._trees: dict[TreeId, int] = {}
        self._last: _Tournament | None = None
        for entry in entries:
            root = entry.workload.queue.root
            self._trees[root] = self._trees.get(root, 0) + 1

    def pop(self) -> Entry | None:
        """The next entry, None at the end."""
        while self._trees:
            root = next(iter(self._trees))
            winner = self._waiting.get(QueueId(root)) if self._trees[root] and not self._is_cohort(root) else None
            if winner is None:
                self._last = _Tournament(self._catalog, self._ledger, self._gates, self._waiting)
                winner = self._last.winner(root)
            else:
                self._last = None
            del self._waiting[winner.workload.queue.index]
            self._trees[root] -= 1
            if self._trees[root] == 0:
                del self._trees[root]
            return winner
        return None

    def equals(self, entry: Entry) -> list[Entry]:
        """Those that came as far in the last tournament."""
        return [] if self._last is None else self._last.equals(entry)

    def _is_cohort(self, node: TreeNode) -> bool:
        return node >= len(self._catalog.queues)


class _Tournament:
    """One round: shares of every node on every entry's path, as if that entry were admitted."""

    def __init__(self, catalog: Catalog, ledger: UsageLedger, gates: Gates, waiting: dict[QueueId, Entry]) -> None:
        self._catalog: Catalog = catalog
        self._ledger: UsageLedger = ledger
        self._gates: Gates = gates
        self._waiting: dict[QueueId, Entry] = waiting
        self._shares: dict[tuple[TreeNode, QueueId], Share] = {}

    def winner(self, root: TreeId) -> Entry:
        """The entry of this tree to process next."""
        for index in self._catalog.queues_of_tree[root]:
            entry = self._waiting.get(index)
            if entry is not None:
                self._compute_shares(entry)
        sent: dict[TreeNode, Entry] = {}
        for cohort in self._catalog.cohorts_below(root):
            best = self._best_below(cohort, sent)
            if best is not None:
                sent[cohort] = best
        if root not in sent:
            message = f"no entry waits below node {root}"
            raise AssertionError(message)
        return sent[root]

    def equals(self, winner: Entry) -> list[Entry]:
        """Who else may win, where Kueue meets the children of a cohort in another order."""
        self._waiting[winner.workload.queue.index] = winner
        root = winner.workload.queue.root
        possible: dict[TreeNode, list[Entry]] = {}
        for cohort in self._catalog.cohorts_below(root):
            possible[cohort] = self._possible(cohort, possible)
        del self._waiting[winner.workload.queue.index]
        return [entry for entry in possible[root] if entry is not winner]

    def _possible(self, cohort: TreeNode, below: Mapping[TreeNode, list[Entry]]) -> list[Entry]:
        """Those that may win below a cohort: no other child sends only better ones.

        Args:
            cohort: this one.
            below: the same of the cohorts below it.
        """
        sent: list[list[Entry]] = [below[child] for child in self._catalog.child_cohorts[cohort]]
        sent.extend([self._waiting[child]] for child in self._catalog.child_queues[cohort] if child in self._waiting)
        sent = [entries for entries in sent if entries]
        worst = [self._worst(entries, cohort) for entries in sent]
        first = self._best_of(worst, None, cohort)
        second = self._best_of(worst, first, cohort)
        found: list[Entry] = []
        for number, entries in enumerate(sent):
            rival = second if number == first else first
            found.extend(entry for entry in entries if rival is None or not self._less(worst[rival], entry, cohort))
        return found

    def _worst(self, entries: list[Entry], cohort: TreeNode) -> Entry:
        worst = entries[0]
        for entry in entries:
            if self._less(worst, entry, cohort):
                worst = entry
        return worst

    def _best_of(self, entries: list[Entry], without: int | None, cohort: TreeNode) -> int | None:
        """Where the best of them is, one left out; None if there is none."""
        best: int | None = None
        for number, entry in enumerate(entries):
            if number != without and (best is None or self._less(entry, entries[best], cohort)):
                best = number
        return best

    def _compute_shares(self, entry: Entry) -> None:
        """Shares with the entry's usage, keyed by (parent cohort, queue)."""
        tree = self._ledger.tree
        queue = entry.workload.queue
        mark = tree.checkpoint()
        for fr, amount in entry.assignment.usage.items():
            tree.add(queue.cells[fr], amount)
        node: TreeNode = queue.index
        while tree.node_parent[node] != NO_NODE:
            self._shares[tree.node_parent[node], queue.index] = self._catalog.shares.of(node)
            node = tree.node_parent[node]
        tree.rollback(mark)

    def _best_below(self, cohort: TreeNode, sent: Mapping[TreeNode, Entry]) -> Entry | None:
        """The best of a cohort's queues and of what the cohorts below it have sent."""
        best: Entry | None = None
        for below in self._catalog.child_cohorts[cohort]:
            candidate = sent.get(below)
            if candidate is not None and (best is None or self._less(candidate, best, cohort)):
                best = candidate
        for queue in self._catalog.child_queues[cohort]:
            candidate = self._waiting.get(queue)
            if candidate is not None and (best is None or self._less(candidate, best, cohort)):
                best = candidate
        return best

    def _less(self, a: Entry, b: Entry, cohort: TreeNode) -> bool:
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


class Ordering:
    """Which of the two orders the cycles of an engine follow."""

    def __init__(self, catalog: Catalog, ledger: UsageLedger, gates: Gates, *, fair_sharing: bool) -> None:
        """By dominant shares with `fair_sharing`, else classical."""
        self._catalog: Catalog = catalog
        self._ledger: UsageLedger = ledger
        self._gates: Gates = gates
        self._fair_sharing: bool = fair_sharing

    def of(self, entries: list[Entry]) -> EntryOrder:
        """The order of one cycle's entries."""
        if self._fair_sharing:
            return FairOrder(entries, self._catalog, self._ledger, self._gates)
        return ClassicalOrder(list(entries), self._gates)

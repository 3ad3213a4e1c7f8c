"""Quota of ClusterQueues and nested cohorts: the most that a queue could use, what is left for it, and who lends whom.

The arithmetic is that of the queueing twin. Kueue ties no loan to a lender. What is borrowed counts as lent as near as
can be: in a cohort first by the cohort's own quota, then by those below it in proportion to what they may lend and do
not use; what cannot be had there, by the cohort above. A cohort's lending limit bounds what goes to that one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

from allotment.accounting.books import WrittenQuota
from allotment.accounting.capacity import largest_remainder
from allotment.model.observed.base import Amount
from allotment.model.observed.index import Index
from allotment.scheduling.queueing.indices import NO_CELL, NO_NODE, Cell, TreeNode
from allotment.scheduling.queueing.quota.tree import NO_LIMIT, QuotaTree
from allotment.scheduling.snapshot.quantities import units
from allotment.scheduling.snapshot.queues import rings

UseKey = tuple[str, str, str]
"""ClusterQueue, flavor and resource."""
QUEUE: Final = "ClusterQueue"
COHORT: Final = "Cohort"
Place = tuple[str, str]
"""Kind and name."""


@dataclass(frozen=True, slots=True)
class QueueLoan:
    """So much of a flavor that one queue uses and another is guaranteed.

    Attributes:
        lender: a queue's name, or ``cohort/NAME``.
    """

    borrower: str
    lender: str
    amount: int


@dataclass(slots=True)
class _Below:
    """What is open below a cohort, of one flavor and resource.

    Attributes:
        owed: by borrowers, what they have from nobody yet.
        shared: by cohorts, quota of theirs that nobody uses.
        spare: by queues, the same.
    """

    owed: Counter[str] = field(default_factory=Counter)
    shared: Counter[str] = field(default_factory=Counter)
    spare: Counter[str] = field(default_factory=Counter)


class CohortTrees:
    """Quota of a source as its cohorts nest. A ring of cohorts is no tree: each of it stands for itself."""

    def __init__(self, index: Index, lines: Sequence[WrittenQuota], used: Mapping[UseKey, int]) -> None:
        """Of what is declared and used.

        Args:
            index: the source.
            lines: its quotas, or those of them that count.
            used: by workloads that hold quota.
        """
        self._lines = lines
        self._used = used
        self._names = list(_places(index))
        self._nodes = {place: TreeNode(at) for at, place in enumerate(self._names)}
        above = _above(index)
        parents = [self._nodes[over] if (over := above.get(place)) else NO_NODE for place in self._names]
        pairs = dict.fromkeys((line.flavor, line.resource) for line in lines)
        self._pairs = {pair: at for at, pair in enumerate(pairs)}
        self._order = _bottom_up(parents)
        self._tree = QuotaTree(parents, len(pairs))
        for line in lines:
            self._declare(self._cell(line), line)
        self._tree.freeze(self._order)
        for line in lines:
            amount = self._use_of(line)
            if amount:
                self._tree.add(self._cell(line), amount)

    def _declare(self, cell: Cell, line: WrittenQuota) -> None:
        tree = self._tree
        tree.nominal[cell] += line.nominal
        tree.borrowing_limit[cell] = _limit(line.resource, line.written.borrowing_limit)
        tree.lending_limit[cell] = _limit(line.resource, line.written.lending_limit)

    def _cell(self, line: WrittenQuota) -> Cell:
        return self._tree.cells[self._nodes[line.kind, line.name]][self._pairs[line.flavor, line.resource]]

    def _use_of(self, line: WrittenQuota) -> int:
        return self._used.get((line.name, line.flavor, line.resource), 0) if line.kind == QUEUE else 0

    def most(self, line: WrittenQuota) -> int:
        """What a queue could use if nobody else used anything."""
        return self._tree.potential[self._cell(line)]

    def borrowable(self, line: WrittenQuota) -> int:
        """What all others could lend a queue, whatever its own borrowing limit."""
        tree, cell = self._tree, self._cell(line)
        above = tree.parent[cell]
        return 0 if above == NO_CELL else max(0, tree.local_quota[cell] + tree.potential[above] - tree.subtree[cell])

    def left(self, line: WrittenQuota) -> int:
        """What a queue could have now, borrowed or not."""
        return max(0, self._tree.available(self._cell(line)))

    def loans(self) -> dict[tuple[str, str], list[QueueLoan]]:
        """Who has what of whom, by flavor and resource. Each borrower has no more than it borrows.

        Work that was admitted before a quota was lowered can hold more than anybody lends.
        """
        found: dict[tuple[str, str], list[QueueLoan]] = {}
        owing = {(line.flavor, line.resource) for line in self._lines if self._use_of(line) > line.nominal}
        for pair in self._pairs:
            if pair in owing:
                found[pair] = list(self._loans_of(pair))
        return found

    def _loans_of(self, pair: tuple[str, str]) -> Iterator[QueueLoan]:
        tree = self._tree
        open_: dict[TreeNode, _Below] = {}
        for line in self._lines:
            if (line.flavor, line.resource) == pair:
                _enter(open_.setdefault(self._nodes[line.kind, line.name], _Below()), line, self._use_of(line))
        for node in self._order:
            here = open_.pop(node, None)
            if here is None:
                continue
            kind, name = self._names[node]
            if kind == COHORT:
                yield from _settle(here, f"cohort/{name}")
            above = tree.node_parent[node]
            if above != NO_NODE:
                cell = tree.cells[node][self._pairs[pair]]
                _bound(here, tree.subtree[cell] - tree.local_quota[cell])
                open_[above] = _joined(open_.get(above), here)


def _enter(here: _Below, line: WrittenQuota, used: int) -> None:
    if line.kind == COHORT:
        # Beside the queues' names: a cohort may be called as a queue is.
        here.shared[f"cohort/{line.name}"] += line.nominal
    elif used > line.nominal:
        here.owed[line.name] += used - line.nominal
    else:
        here.spare[line.name] += line.nominal - used


def _settle(here: _Below, own: str) -> Iterator[QueueLoan]:
    """Lend below a cohort what is owed there: of its own quota, of cohorts below it, of queues."""
    of_own = {own: here.shared[own]} if own in here.shared else {}
    for room in (of_own, {name: each for name, each in here.shared.items() if name != own}, here.spare):
        total = here.owed.total()
        if not total:
            return
        for lender, amount in _given(room, min(total, sum(room.values()))).items():
            shares = _given(here.owed, amount)
            yield from (QueueLoan(borrower, lender, share) for borrower, share in shares.items() if share)
            here.owed.subtract(shares)
            (here.spare if room is here.spare else here.shared)[lender] -= amount
        here.owed = +here.owed


def _bound(here: _Below, most: int) -> None:
    """What the one above sees of it is no more than this."""
    too_much = here.shared.total() + here.spare.total() - most
    for room in (here.spare, here.shared):
        if too_much > 0:
            kept = _given(room, min(too_much, room.total()))
            room.subtract(kept)
            too_much -= sum(kept.values())


def _joined(one: _Below | None, other: _Below) -> _Below:
    """Both together; the smaller goes into the larger."""
    if one is None:
        return other
    if len(one.owed) + len(one.shared) + len(one.spare) < len(other.owed) + len(other.shared) + len(other.spare):
        one, other = other, one
    one.owed.update(other.owed)
    one.shared.update(other.shared)
    one.spare.update(other.spare)
    return one


def _given(room: Mapping[str, int], amount: int) -> dict[str, int]:
    return largest_remainder(amount, {name: Fraction(each) for name, each in room.items()}) if amount else {}


def _limit(resource: str, amount: Amount | None) -> int:
    return NO_LIMIT if amount is None else units(resource, amount)


def _places(index: Index) -> Iterable[Place]:
    """Every queue and cohort, those that are only named included."""
    found = {(QUEUE, each.name): None for each in index.objects.cluster_queues}
    found |= {(COHORT, each.name): None for each in index.objects.cohorts}
    found |= dict.fromkeys(above for above in _above(index).values() if above)
    return found


def _above(index: Index) -> dict[Place, Place | None]:
    ringed = rings(index)
    found = {(QUEUE, each.name): each.spec.cohort_name for each in index.objects.cluster_queues}
    found |= {
        (COHORT, each.name): "" if each.name in ringed else each.spec.parent_name for each in index.objects.cohorts
    }
    return {place: (COHORT, name) if name else None for place, name in found.items()}


def _bottom_up(parents: Sequence[TreeNode]) -> list[TreeNode]:
    """All nodes, each after those below it."""
    below = Counter(parents)
    found = [TreeNode(node) for node in range(len(parents)) if not below[TreeNode(node)]]
    for node in found:  # it grows while it is walked
        above = parents[node]
        below[above] -= 1
        if above != NO_NODE and not below[above]:
            found.append(above)
    return found

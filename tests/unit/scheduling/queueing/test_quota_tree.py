"""Quota tree arithmetic, case by case from the specification."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.scheduling.queueing.indices import NO_CELL, NO_NODE
from allotment.scheduling.queueing.quota.tree import NO_LIMIT, QuotaTree

QUEUE_A, QUEUE_B, COHORT = 0, 1, 2


def flat(
    nominals: tuple[int, int],
    *,
    borrowing: tuple[int, int] = (NO_LIMIT, NO_LIMIT),
    lending: tuple[int, int] = (NO_LIMIT, NO_LIMIT),
    cohort: int = 0,
) -> QuotaTree:
    """Two queues below one cohort, one flavor-resource pair: cell = node."""
    tree = QuotaTree([COHORT, COHORT, NO_NODE], 1)
    tree.nominal = [*nominals, cohort]
    tree.borrowing_limit = [*borrowing, NO_LIMIT]
    tree.lending_limit = [*lending, NO_LIMIT]
    tree.freeze([QUEUE_A, QUEUE_B, COHORT])
    return tree


AVAILABLE = {
    # name: (tree, usage of A, usage of B, available to A)
    "alone in the cohort": (flat((10, 5)), 0, 0, 15),
    "own usage counts": (flat((10, 5)), 4, 0, 11),
    "others' usage counts": (flat((10, 5)), 0, 5, 10),
    "others borrow from us": (flat((10, 5)), 0, 12, 3),
    "borrowing limit caps what the cohort has": (flat((10, 5), borrowing=(2, NO_LIMIT)), 0, 0, 12),
    "borrowing limit shrinks with what is borrowed": (flat((10, 5), borrowing=(2, NO_LIMIT)), 11, 0, 1),
    "others keep what they do not lend": (flat((10, 5), lending=(NO_LIMIT, 1)), 0, 0, 11),
    "unlent quota is ours even if the cohort is full": (flat((10, 5), lending=(4, NO_LIMIT)), 0, 9, 6),
    "cohort's own quota": (flat((10, 5), cohort=7), 0, 0, 22),
    "over-admission is negative": (flat((10, 5)), 10, 9, -4),
}


@pytest.mark.parametrize(("tree", "used_a", "used_b", "expected"), AVAILABLE.values(), ids=AVAILABLE)
def test_available(tree: QuotaTree, used_a: int, used_b: int, expected: int) -> None:
    tree.add(QUEUE_A, used_a)
    tree.add(QUEUE_B, used_b)
    assert tree.available(QUEUE_A) == expected


def test_subtree_excludes_what_a_child_keeps() -> None:
    tree = flat((10, 5), lending=(4, NO_LIMIT))
    assert tree.subtree[COHORT] == 4 + 5
    assert tree.local_quota[QUEUE_A] == 6


def test_usage_reaches_the_cohort_only_above_the_guaranteed_part() -> None:
    tree = flat((10, 5), lending=(4, NO_LIMIT))
    tree.add(QUEUE_A, 8)
    assert tree.usage == [8, 0, 2]
    tree.remove(QUEUE_A, 5)
    assert tree.usage == [3, 0, 0]


POTENTIAL = {
    "whole cohort": (flat((10, 5)), 15),
    "capped by the borrowing limit": (flat((10, 5), borrowing=(2, NO_LIMIT)), 12),
    "others' lending limit": (flat((10, 5), lending=(NO_LIMIT, 1)), 11),
}


@pytest.mark.parametrize(("tree", "expected"), POTENTIAL.values(), ids=POTENTIAL)
def test_potential(tree: QuotaTree, expected: int) -> None:
    assert tree.potential[QUEUE_A] == expected


def deep() -> QuotaTree:
    """Queue 0 below cohort 2, queue 1 below cohort 3, both cohorts below root 4; the root is of height 2."""
    tree = QuotaTree([2, 3, 4, 4, NO_NODE], 1)
    tree.nominal = [4, 6, 3, 0, 5]
    tree.freeze([0, 1, 2, 3, 4])
    return tree


HEIGHTS = {
    # name: (amount, height, may reclaim below the root)
    "own quota": (4, 0, True),
    "the cohort above": (7, 1, True),
    "the whole tree": (18, 2, False),
    "more than the tree has": (19, 2, False),
}


@pytest.mark.parametrize(("amount", "height", "below_root"), HEIGHTS.values(), ids=HEIGHTS)
def test_borrowing_height(amount: int, height: int, below_root: bool) -> None:
    tree = deep()
    assert tree.borrowing_height(0, amount) == height
    assert tree.may_reclaim(0, amount) is below_root


def test_a_queue_without_cohort_never_borrows() -> None:
    tree = QuotaTree([NO_NODE], 1)
    tree.nominal = [3]
    tree.freeze([0])
    assert tree.borrowing_height(0, 99) == 0
    assert not tree.may_reclaim(0, 1)


AMOUNT = st.integers(0, 9)
LIMIT = st.one_of(st.just(NO_LIMIT), AMOUNT)
LEVEL = st.tuples(AMOUNT, LIMIT, LIMIT, AMOUNT)


def left_at(tree: QuotaTree, cell: int) -> int:
    """What is left at a cell as KEP-79 has it: what the parent leaves, less what a limit forbids, and one's own."""
    above, unused = tree.parent[cell], tree.local_quota[cell] - tree.usage[cell]
    if above == NO_CELL:
        return tree.subtree[cell] - tree.usage[cell]
    lent = left_at(tree, above)
    if tree.borrowing_limit[cell] != NO_LIMIT:
        stored = tree.subtree[cell] - tree.local_quota[cell]
        lent = min(lent, stored - max(0, -unused) + tree.borrowing_limit[cell])
    return lent + max(0, unused)


@given(levels=st.lists(LEVEL, min_size=1, max_size=6))
def test_what_is_left_is_what_each_level_leaves_to_the_one_below(levels: list[tuple[int, int, int, int]]) -> None:
    tree = QuotaTree([*range(1, len(levels)), NO_NODE], 1)
    tree.nominal = [nominal for nominal, *_ in levels]
    tree.borrowing_limit = [*(limit for _, limit, *_ in levels[:-1]), NO_LIMIT]
    tree.lending_limit = [*(limit for _, _, limit, _ in levels[:-1]), NO_LIMIT]
    tree.freeze([*range(len(levels))])
    for cell, (*_, used) in enumerate(levels):
        tree.add(cell, used)
    assert [tree.available(cell) for cell in range(len(levels))] == [left_at(tree, c) for c in range(len(levels))]


CHANGES = st.lists(st.tuples(st.integers(0, 1), st.booleans(), st.integers(0, 30)), max_size=30)


@given(before=CHANGES, within=CHANGES, nested=CHANGES)
def test_rollback_restores_the_exact_state(
    before: list[tuple[int, bool, int]],
    within: list[tuple[int, bool, int]],
    nested: list[tuple[int, bool, int]],
) -> None:
    tree = flat((10, 5), lending=(4, 2), borrowing=(3, NO_LIMIT))

    def change(steps: list[tuple[int, bool, int]]) -> None:
        for cell, adding, amount in steps:
            (tree.add if adding else tree.remove)(cell, amount)

    change(before)
    at_start = list(tree.usage)
    outer = tree.checkpoint()
    change(within)
    at_nested = list(tree.usage)
    inner = tree.checkpoint()
    change(nested)
    tree.rollback(inner)
    assert tree.usage == at_nested
    tree.rollback(outer)
    assert tree.usage == at_start


@given(amounts=st.lists(st.tuples(st.integers(0, 1), st.integers(1, 30)), max_size=20), data=st.data())
def test_usage_of_the_cohort_follows_from_its_queues_alone(amounts: list[tuple[int, int]], data: st.DataObject) -> None:
    tree = flat((10, 5), lending=(4, 2))
    for cell, amount in amounts:
        tree.add(cell, amount)
    for cell, amount in data.draw(st.permutations(amounts))[: len(amounts) // 2]:
        tree.remove(cell, amount)
    overflow = [max(0, tree.usage[cell] - tree.local_quota[cell]) for cell in (QUEUE_A, QUEUE_B)]
    assert tree.usage[COHORT] == sum(overflow)

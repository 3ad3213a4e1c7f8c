"""Dominant resource share and its order."""

import pytest

from allotment.scheduling.queueing.indices import NO_NODE
from allotment.scheduling.queueing.quota.share import Share, Shares, compare_shares
from allotment.scheduling.queueing.quota.tree import QuotaTree


def two_resources() -> QuotaTree:
    """Queues 0 and 1 below cohort 2; pairs 0 and 1 are flavors of resource 0, pair 2 is resource 1."""
    tree = QuotaTree([2, 2, NO_NODE], 3)
    tree.nominal = [10, 10, 4, 10, 10, 4, 0, 0, 0]
    tree.freeze([0, 1, 2])
    return tree


def test_borrowed_flavors_of_a_resource_add_up_and_the_largest_ratio_counts() -> None:
    tree = two_resources()
    shares = Shares(tree, [0, 0, 1], 2, [1.0, 2.0, 1.0])
    tree.add(0, 14)
    tree.add(1, 12)
    tree.add(2, 5)
    share = shares.of(0)
    assert share.borrowed == [0, 1, 2]
    assert share.ratio == max(6 * 1000 / 40, 1 * 1000 / 8)


def test_the_weight_divides() -> None:
    tree = two_resources()
    shares = Shares(tree, [0, 0, 1], 2, [1.0, 2.0, 1.0])
    tree.add(3, 14)
    assert shares.of(1).value == 4 * 1000 / 40 / 2


def test_nothing_borrowed_is_zero_even_with_weight_zero() -> None:
    shares = Shares(two_resources(), [0, 0, 1], 2, [0.0, 1.0, 1.0])
    share = shares.of(0)
    assert (share.value, share.infinite, share.borrowing) == (0.0, False, False)


ORDER = {
    "smaller share first": (Share(10, 1, [0]), Share(20, 1, [0]), -1),
    "weights count": (Share(10, 0.25, [0]), Share(20, 1, [0]), 1),
    "zero weight is worst": (Share(1, 0, [0]), Share(900, 1, [0]), 1),
    "two zero weights compare by ratio": (Share(1, 0, [0]), Share(2, 0, [0]), -1),
    "equal": (Share(5, 1, [0]), Share(10, 2, [0]), 0),
}


@pytest.mark.parametrize(("a", "b", "expected"), ORDER.values(), ids=ORDER)
def test_order(a: Share, b: Share, expected: int) -> None:
    assert compare_shares(a, b) == expected
    assert compare_shares(b, a) == -expected

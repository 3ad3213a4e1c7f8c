"""Dominant resource share of a node of the quota tree (KEP-1714)."""

from __future__ import annotations

from allotment.scheduling.queueing.indices import NO_NODE, FlavorResource, ResourceId, TreeNode
from allotment.scheduling.queueing.quota.tree import QuotaTree


class Share:
    """How much a node borrows relative to what its cohort can lend.

    Attributes:
        ratio: borrowed ‰ of the lendable amount of the dominant resource, unweighted.
        value: ratio divided by the fair weight; 0 when not borrowing.
        borrowed: flavor-resource pairs the node is borrowing on.
        infinite: borrows with weight 0, worse than any finite share.
    """

    __slots__ = ("borrowed", "infinite", "ratio", "value")

    def __init__(self, ratio: float, weight: float, borrowed: list[FlavorResource]) -> None:
        self.ratio: float = ratio
        self.borrowed: list[FlavorResource] = borrowed
        self.infinite: bool = weight == 0.0 and len(borrowed) > 0
        self.value: float = 0.0 if ratio == 0.0 or self.infinite else ratio / weight

    @property
    def borrowing(self) -> bool:
        """Does the node use more than its quota of anything?"""
        return len(self.borrowed) > 0


def compare_shares(a: Share, b: Share) -> int:
    """Negative if `a` deserves capacity more than `b`; zero-weight borrowers come last, among them by ratio."""
    if a.infinite and b.infinite:
        return _sign(a.ratio, b.ratio)
    if a.infinite:
        return 1
    if b.infinite:
        return -1
    return _sign(a.value, b.value)


def _sign(a: float, b: float) -> int:
    if a < b:
        return -1
    return 1 if a > b else 0


class Shares:
    """Computes shares over a quota tree."""

    __slots__ = ("_lendable", "_resource_count", "_resource_of_fr", "_tree", "_weights")

    def __init__(
        self, tree: QuotaTree, resource_of_fr: list[ResourceId], resource_count: int, weights: list[float]
    ) -> None:
        """Prepare for `tree`.

        Args:
            tree: a frozen quota tree.
            resource_of_fr: resource index of each flavor-resource pair.
            resource_count: number of resources.
            weights: fair weight of each node.
        """
        self._tree: QuotaTree = tree
        self._resource_of_fr: list[ResourceId] = resource_of_fr
        self._resource_count: int = resource_count
        self._weights: list[float] = weights
        self._lendable: dict[TreeNode, list[int]] = {}

    def of(self, node: TreeNode) -> Share:
        """The share of `node` at current usage; a node without parent has none."""
        tree = self._tree
        parent = tree.node_parent[node]
        borrowed: list[FlavorResource] = []
        if parent == NO_NODE:
            return Share(0.0, 1.0, borrowed)
        cells = tree.cells[node]
        amounts: dict[ResourceId, int] = {}
        for fr in tree.frs:
            cell = cells[fr]
            over = tree.usage[cell] - tree.subtree[cell]
            if over > 0:
                borrowed.append(fr)
                resource = self._resource_of_fr[fr]
                amounts[resource] = amounts.get(resource, 0) + over
        ratio = 0.0
        if borrowed:
            lendable = self._lendable_at(parent)
            for resource, amount in amounts.items():
                if lendable[resource] > 0:
                    ratio = max(ratio, float(amount) * 1000.0 / float(lendable[resource]))
        return Share(ratio, self._weights[node], borrowed)

    def _lendable_at(self, cohort: TreeNode) -> list[int]:
        lendable = self._lendable.get(cohort)
        if lendable is None:
            tree = self._tree
            lendable = [0] * self._resource_count
            cells = tree.cells[cohort]
            for fr in tree.frs:
                lendable[self._resource_of_fr[fr]] += tree.potential[cells[fr]]
            self._lendable[cohort] = lendable
        return lendable

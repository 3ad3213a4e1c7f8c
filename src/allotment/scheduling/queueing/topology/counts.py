"""How many pods of one kind fit in each domain of a topology flavor, kept up to date instead of counted anew.

Between two attempts few leaves change. Each kind of pod (what it asks for, which nodes it may use, how it is
sliced) has a tree of its own here; when it is asked again, only the leaves that changed since are counted again and the
difference is passed on to the domains above.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from allotment.scheduling.queueing.domains.capacity import TopologyCapacity
from allotment.scheduling.queueing.domains.forest import Domain, Forest
from allotment.scheduling.queueing.indices import FlavorId, Leaf, ResourceId, Row

Assumed = dict[Row, dict[ResourceId, int]]
"""Place → resource → amount taken by earlier PodSets of the same workload."""

_UNCOUNTED: Final = -1
"""In place of a number of pods: no resource has been looked at."""


class PodKind:
    """What decides how many pods fit.

    Attributes:
        requests: (resource, amount) of one pod, itself counted.
        excluded: per leaf why its node does not match the pods, "" if it does.
        slice_level, slice_size: slices of that many pods are counted at this level and above.
        empty: as if no topology-aware workload ran.
    """

    __slots__ = ("empty", "excluded", "requests", "slice_level", "slice_size")

    def __init__(
        self,
        requests: list[tuple[ResourceId, int]],
        excluded: list[str],
        slice_level: int,
        slice_size: int,
        *,
        empty: bool,
    ) -> None:
        self.requests: list[tuple[ResourceId, int]] = requests
        self.excluded: list[str] = excluded
        self.slice_level: int = slice_level
        self.slice_size: int = slice_size
        self.empty: bool = empty


class Counts:
    """The tree of one kind of pod.

    Attributes:
        by_level: as in the forest it was made from, with `pods` and `slices` of every domain filled in.
    """

    __slots__ = ("_capacity", "_kind", "_leaf_of", "_leaves", "_overridden", "_rows", "_seen", "by_level")

    def __init__(self, forest: Forest, capacity: TopologyCapacity, flavor: FlavorId, kind: PodKind) -> None:
        """Count every leaf of the flavor's forest once."""
        self._capacity: TopologyCapacity = capacity
        self._kind: PodKind = kind
        self._rows: list[Row] = capacity.rows[flavor]
        self._leaf_of: dict[Row, Leaf] = capacity.leaves[flavor]
        self.by_level: list[list[Domain]] = forest.copy_domains()
        self._leaves: list[Domain] = sorted(self.by_level[-1], key=lambda domain: domain.leaf)
        self._overridden: list[Leaf] = []
        self._seen: int = capacity.now()
        self._recount(self._leaf_of.values())

    def refresh(self, assumed: Assumed) -> None:
        """Bring the counts up to now, with what the workload's earlier PodSets took taken off."""
        dirty = self._overridden
        if not self._kind.empty:
            changed = self._capacity.changed_since(self._seen)
            self._seen = self._capacity.now()
            if changed is None:
                self._recount(self._leaf_of.values())
            elif changed:
                leaf_of = self._leaf_of
                dirty = dirty + [leaf_of[row] for row in set(changed) if row in leaf_of]
        self._recount(dirty)
        self._overridden = []
        if assumed:
            places = self._capacity.places
            for row, leaf in self._leaf_of.items():
                taken = assumed.get(places[row])
                if taken:
                    self._overridden.append(leaf)
                    self._set(leaf, self._fit(leaf, taken))

    def _recount(self, leaves: Iterable[Leaf]) -> None:
        for leaf in leaves:
            self._set(leaf, self._fit(leaf, None))

    def _fit(self, leaf: Leaf, taken: dict[ResourceId, int] | None) -> int:
        """Pods that fit in a leaf."""
        kind = self._kind
        if kind.excluded[leaf]:
            return 0
        row = self._rows[leaf]
        free, used = self._capacity.free[row], self._capacity.used[row]
        fewest = _UNCOUNTED
        for resource, amount in kind.requests:
            left = free[resource] if resource < len(free) else 0
            if not kind.empty and left:
                left -= used[resource]
            if taken is not None:
                left -= taken.get(resource, 0)
            count = left // amount
            if count <= 0:
                return 0
            if fewest == _UNCOUNTED or count < fewest:
                fewest = count
        return fewest

    def _set(self, leaf: Leaf, pods: int) -> None:
        """Store a leaf's count and pass the difference on to the domains above."""
        kind = self._kind
        domain: Domain | None = self._leaves[leaf]
        level = len(self.by_level) - 1
        more = pods - self._leaves[leaf].pods
        if more == 0:
            return
        more_slices = 0
        while domain is not None:
            domain.pods += more
            domain.led_pods = domain.pods
            if level == kind.slice_level:
                more_slices = domain.pods // kind.slice_size - domain.slices
            if level <= kind.slice_level:
                domain.slices += more_slices
                domain.led_slices = domain.slices
            domain = domain.parent
            level -= 1

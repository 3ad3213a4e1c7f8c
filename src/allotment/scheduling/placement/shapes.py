"""A pod shape compiled against a cluster: everything about it that can be known once and kept.

Two kinds of facts are kept per shape. Static ones depend on the nodes only. The fit (does it fit, how well) depends
on what runs where; it is brought up to date for just the nodes that changed since the shape was last looked at.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from allotment.model.cluster import Taint, TaintEffect
from allotment.model.quantity import MIB
from allotment.scheduling.kinds import Toleration, intolerable_preferences, tolerates
from allotment.scheduling.placement.matching import (
    CarriedKind,
    CarriedTerm,
    Carrier,
    Counter,
    LabelSet,
    MatchIndex,
    PodMatcher,
    incoming_matcher,
    term_matcher,
)
from allotment.scheduling.placement.model import (
    CPU,
    MEMORY,
    UNSCHEDULABLE_TAINT_KEY,
    AffinityTerm,
    NodeAffinity,
    PodAffinity,
    PodShape,
    SpreadConstraint,
    VolumePlaces,
)
from allotment.scheduling.placement.node_masks import admitted_nodes, preferences, tainted_nodes
from allotment.scheduling.placement.nodes import Bools, Ints, LabelColumn, NodeTable
from allotment.scheduling.placement.reasons import Kind
from allotment.scheduling.placement.selectors import (
    named_nodes,
    selector_matches,
    term_matches,
)

DEFAULT_MILLI_CPU: Final = 100
DEFAULT_MEMORY: Final = 200 * MIB
HARD_AFFINITY_WEIGHT: Final = 1
"""What a required affinity of a running pod adds to the raw inter-pod score (scheduler's default)."""

_CORDON: Final = Taint(UNSCHEDULABLE_TAINT_KEY, "", TaintEffect.NO_SCHEDULE)


class CompiledSpread:
    """A spread constraint with its topology column, its pods and the nodes it looks at."""

    __slots__ = ("column", "constraint", "counter", "included", "matches_empty", "selects_self")

    def __init__(
        self,
        constraint: SpreadConstraint,
        column: LabelColumn,
        counter: Counter,
        included: Bools,
        *,
        selects_self: bool,
    ) -> None:
        self.constraint = constraint
        self.column = column
        self.counter = counter
        self.included = included
        self.selects_self = selects_self
        # An empty selector counts no pods (a quirk of the scheduler), although it matches the pod itself.
        self.matches_empty = constraint.selector is not None and not constraint.selector.requirements


class CompiledTerm:
    """An affinity term of the incoming pod: the pods it is about, and the domains."""

    __slots__ = ("column", "counter", "weight")

    def __init__(self, counter: Counter, column: LabelColumn, weight: int = 0) -> None:
        self.counter = counter
        self.column = column
        self.weight = weight


class NodeRules:
    """What a shape says about nodes, whatever runs there: shared by all shapes that say the same. Never changed."""

    __slots__ = (
        "admitted",
        "named",
        "node_score",
        "statically_ok",
        "taint_score",
        "tainted",
        "tolerates_cordon",
        "volume_faults",
    )

    def __init__(self, shape: PodShape, nodes: NodeTable) -> None:
        rules = shape.node_affinity
        tolerations = shape.tolerations
        disliked = np.array([intolerable_preferences(t, tolerations) for t in nodes.taint_sets], dtype=np.int64)
        self.tolerates_cordon = any(tolerates(t, _CORDON) for t in tolerations)
        self.named = named_nodes(rules)
        self.tainted: Bools = tainted_nodes(tolerations, nodes)
        self.taint_score: Ints | None = disliked[nodes.taint_code] if disliked.any() else None
        self.admitted: Bools = admitted_nodes(rules, nodes)
        self.volume_faults = _volume_faults(shape, nodes)
        self.statically_ok: Bools = self.admitted & ~self.tainted
        for _, failed in self.volume_faults:
            self.statically_ok &= ~failed
        self.node_score: Ints | None = None
        if rules.preferred:
            self.node_score = preferences(rules, nodes)


NodeRulesKey = tuple[NodeAffinity, tuple[Toleration, ...], tuple[VolumePlaces, ...]]
"""What decides about node rules."""


def _volume_faults(shape: PodShape, nodes: NodeTable) -> list[tuple[Kind, Bools]]:
    faults: list[tuple[Kind, Bools]] = []
    # What is bound is looked at before what is still to be found.
    for volume in sorted(shape.volumes, key=lambda each: not each.bound):
        usable = [any(term_matches(t, n.name, n.labels) for t in volume.terms) for n in nodes.nodes]
        kind = Kind.VOLUME_ELSEWHERE if volume.bound else Kind.VOLUME_NOWHERE
        faults.append((kind, ~np.array(usable, dtype=np.bool_)))
    return faults


def _weighted(rules: PodAffinity) -> list[tuple[int, AffinityTerm]]:
    """Preferred terms with their weights; those away from pods count against a node."""
    return [(w.weight, w.term) for w in rules.preferred] + [(-w.weight, w.term) for w in rules.preferred_anti]


class CompiledShape:
    """See the module's docstring."""

    __slots__ = (
        "admitted",
        "affinity",
        "anti_affinity",
        "best_effort",
        "carried",
        "dry_runs",
        "fit_balance",
        "fit_level",
        "fit_ok",
        "fit_seen",
        "fit_version",
        "hard_spread",
        "labels",
        "looked_around",
        "matches_own_affinity",
        "named",
        "node_score",
        "nonzero_cpu",
        "nonzero_memory",
        "preferred",
        "requests",
        "shape",
        "soft_spread",
        "statically_ok",
        "taint_score",
        "tainted",
        "tolerates_cordon",
        "volume_faults",
    )

    def __init__(
        self,
        shape: PodShape,
        nodes: NodeTable,
        index: MatchIndex,
        rows: dict[str, int],
        known: dict[NodeRulesKey, NodeRules],
    ) -> None:
        self.shape = shape
        self.labels: LabelSet = index.label_set(shape.namespace, shape.labels)
        self._compile_requests(rows)
        key = (shape.node_affinity, shape.tolerations, shape.volumes)
        rules = known.get(key)
        if rules is None:
            rules = known[key] = NodeRules(shape, nodes)
        self._take(rules)
        self.looked_around = False
        self.affinity: list[CompiledTerm] = []
        self.anti_affinity: list[CompiledTerm] = []
        self.preferred: list[CompiledTerm] = []
        self.hard_spread: list[CompiledSpread] = []
        self.soft_spread: list[CompiledSpread] = []
        self.matches_own_affinity = False
        self._compile_carried(index)
        self.fit_ok: Bools = np.empty(0, dtype=np.bool_)
        self.fit_level: Ints = np.empty(0, dtype=np.int64)
        self.fit_balance: Ints = np.empty(0, dtype=np.int64)
        # What preemption found out per node, by kind of preemptor; it belongs to `preemption`.
        self.dry_runs: dict[object, object] = {}
        # How many changes of the state are taken in; nothing is, as long as there is no version.
        self.fit_seen = 0
        self.fit_version: tuple[int, object] | None = None

    def _compile_requests(self, rows: dict[str, int]) -> None:
        wanted = dict(self.shape.requests)
        self.requests: list[tuple[int, int]] = [(rows[name], amount) for name, amount in wanted.items() if amount > 0]
        self.nonzero_cpu = wanted.get(CPU, DEFAULT_MILLI_CPU)
        self.nonzero_memory = wanted.get(MEMORY, DEFAULT_MEMORY)
        self.best_effort = not wanted.get(CPU) and not wanted.get(MEMORY)

    def _take(self, rules: NodeRules) -> None:
        self.tolerates_cordon = rules.tolerates_cordon
        self.named = rules.named
        self.tainted: Bools = rules.tainted
        self.taint_score: Ints | None = rules.taint_score
        self.admitted: Bools = rules.admitted
        self.volume_faults = rules.volume_faults
        self.statically_ok: Bools = rules.statically_ok
        self.node_score: Ints | None = rules.node_score

    def _compile_carried(self, index: MatchIndex) -> None:
        rules, own = self.shape.affinity, self.shape.namespace
        carried = [
            CarriedTerm(CarriedKind.REQUIRED_ANTI, term_matcher(t, own), t.topology_key) for t in rules.required_anti
        ]
        carried += [
            CarriedTerm(CarriedKind.REQUIRED, term_matcher(t, own), t.topology_key, HARD_AFFINITY_WEIGHT)
            for t in rules.required
        ]
        carried += [
            CarriedTerm(CarriedKind.PREFERRED, term_matcher(t, own), t.topology_key, w) for w, t in _weighted(rules)
        ]
        self.carried: list[Carrier] = [index.carrier(term) for term in carried]

    def look_around(self, nodes: NodeTable, index: MatchIndex) -> None:
        """Compile what an incoming pod asks of other pods; of those that only run nobody needs it."""
        if self.looked_around:
            return
        self.looked_around = True
        rules, own = self.shape.affinity, self.shape.namespace
        required = tuple(incoming_matcher(t, own) for t in rules.required)
        # A pod counts for required affinity only if it satisfies every term at once.
        counter = index.counter(*required) if required else None
        self.affinity = [CompiledTerm(counter, nodes.column(t.topology_key)) for t in rules.required if counter]
        self.matches_own_affinity = all(index.matches(m, self.labels) for m in required)
        self.anti_affinity = [
            CompiledTerm(index.counter(incoming_matcher(t, own)), nodes.column(t.topology_key))
            for t in rules.required_anti
        ]
        self.preferred = [
            CompiledTerm(index.counter(incoming_matcher(t, own)), nodes.column(t.topology_key), w)
            for w, t in _weighted(rules)
        ]
        self.hard_spread = self._compile_spread(nodes, index, hard=True)
        self.soft_spread = self._compile_spread(nodes, index, hard=False)

    def _compile_spread(self, nodes: NodeTable, index: MatchIndex, *, hard: bool) -> list[CompiledSpread]:
        constraints = [c for c in self.shape.spread if c.hard is hard]
        # Only nodes that carry every topology key of the group take part.
        complete = np.ones(nodes.count, dtype=np.bool_)
        for constraint in constraints:
            complete &= nodes.column(constraint.topology_key).codes > 0
        compiled = []
        for constraint in constraints:
            included = complete.copy()
            if constraint.honor_affinity:
                included &= self.admitted
            if constraint.honor_taints:
                included &= ~self.tainted
            matcher = PodMatcher(frozenset({self.shape.namespace}), None, constraint.selector)
            compiled.append(
                CompiledSpread(
                    constraint,
                    nodes.column(constraint.topology_key),
                    index.counter(matcher),
                    included,
                    selects_self=selector_matches(constraint.selector, self.labels.labels),
                )
            )
        return compiled

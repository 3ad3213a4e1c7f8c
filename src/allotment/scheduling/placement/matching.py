"""Indexes from labels to pods: how many pods on each node match a selector, and which terms running pods carry.

Both are kept up to date pod by pod. Labels are interned, so that a selector is compared once with every distinct
set of labels, not with every pod; and of these only with those that have a label which it asks for by its value, for
whoever gives each of their pods labels of its own must not make everybody wait.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

import numpy as np

from allotment.scheduling.kinds import Operator
from allotment.scheduling.placement.model import NAMESPACE_NAME_LABEL, AffinityTerm, LabelSelector, Pairs
from allotment.scheduling.placement.nodes import Ints
from allotment.scheduling.placement.selectors import selector_matches

_EVERY: Final = LabelSelector()


@dataclass(frozen=True, slots=True)
class PodMatcher:
    """Which pods an affinity term is about; an equal matcher shares its counts.

    Attributes:
        namespaces: by name.
        namespace_selector: further namespaces by label.
        selector: the pods in them; `None` matches none.
    """

    namespaces: frozenset[str]
    namespace_selector: LabelSelector | None
    selector: LabelSelector | None


def term_matcher(term: AffinityTerm, own_namespace: str) -> PodMatcher:
    """The matcher of a term; without any namespace condition it is about the carrier's own namespace."""
    names = frozenset(term.namespaces)
    if not names and term.namespace_selector is None:
        names = frozenset({own_namespace})
    return PodMatcher(names, term.namespace_selector, term.selector)


def incoming_matcher(term: AffinityTerm, own_namespace: str) -> PodMatcher:
    """The matcher of a term of the pod that is being placed.

    kube-scheduler 1.36 lists the namespaces the selector matches and then, by mistake, also compares the selector with
    an empty set of labels. A selector that such a set satisfies (`DoesNotExist`, `NotIn`) so takes in every namespace.
    The terms of running pods are not affected.
    """
    matcher = term_matcher(term, own_namespace)
    if not selector_matches(matcher.namespace_selector, {}):
        return matcher
    return PodMatcher(matcher.namespaces, _EVERY, matcher.selector)


def _pinned(matchers: Iterable[PodMatcher]) -> tuple[tuple[str, str], ...] | None:
    """Labels of which every pod that satisfies all of some matchers has one; None where they ask for no value."""
    asked = (
        requirement
        for matcher in matchers
        if matcher.selector is not None
        for requirement in matcher.selector.requirements
        if requirement.operator is Operator.IN
    )
    shortest = min(asked, key=lambda each: len(each.values), default=None)
    return None if shortest is None else tuple((shortest.key, value) for value in dict.fromkeys(shortest.values))


class _ByLabel:
    """Numbers of what asks for labels, in rising order, by a label that it asks for."""

    __slots__ = ("_of_all", "_of_label")

    def __init__(self) -> None:
        self._of_all: list[int] = []
        self._of_label: dict[tuple[str, str], list[int]] = {}

    def add(self, number: int, matchers: Iterable[PodMatcher]) -> None:
        """Take up the next number; it satisfies all of the matchers."""
        labels = _pinned(matchers)
        if labels is None:
            self._of_all.append(number)
        for each in labels or ():
            self._of_label.setdefault(each, []).append(number)

    def since(self, first: int, labels: Mapping[str, str]) -> list[int]:
        """Numbers from one on that these labels may be for, in rising order."""
        lists = [self._of_all, *(found for each in labels.items() if (found := self._of_label.get(each)) is not None)]
        # Each number is kept for one key, of which labels have one value: none comes twice.
        return sorted(number for each in lists for number in each[bisect_left(each, first) :])


class CarriedKind(Enum):
    """How a term of a running pod concerns incoming pods."""

    REQUIRED_ANTI = "required anti-affinity"
    REQUIRED = "required affinity"
    PREFERRED = "preferred affinity (negative weight: anti-affinity)"


@dataclass(frozen=True, slots=True)
class CarriedTerm:
    """A term that running pods carry; `weight` is what a match adds to a node's raw score."""

    kind: CarriedKind
    matcher: PodMatcher
    topology_key: str
    weight: int = 0


class LabelSet:
    """One distinct (namespace, labels) among the pods, with the number of its pods per node."""

    __slots__ = ("carriers", "carriers_known", "counters", "counters_known", "labels", "namespace", "per_node")

    def __init__(self, namespace: str, labels: Mapping[str, str]) -> None:
        self.namespace = namespace
        self.labels = labels
        self.per_node: dict[int, int] = {}
        # Matching counters and carriers, extended lazily when new ones have been registered.
        self.counters: list[Counter] = []
        self.counters_known = 0
        self.carriers: list[Carrier] = []
        self.carriers_known = 0


class Counter:
    """Pods per node that satisfy all of some matchers."""

    __slots__ = ("matchers", "per_node", "total")

    def __init__(self, matchers: tuple[PodMatcher, ...], nodes: int) -> None:
        self.matchers = matchers
        self.per_node: Ints = np.zeros(nodes, dtype=np.int64)
        self.total = 0


class Carrier:
    """Pods per node that carry one term."""

    __slots__ = ("per_node", "term", "total")

    def __init__(self, term: CarriedTerm, nodes: int) -> None:
        self.term = term
        self.per_node: Ints = np.zeros(nodes, dtype=np.int64)
        self.total = 0


class MatchIndex:
    """All label sets, counters and carriers of a cluster."""

    __slots__ = (
        "_carriers",
        "_carriers_by_label",
        "_counters",
        "_counters_by_label",
        "_label_sets",
        "_namespaces",
        "_nodes",
        "_sets_by_label",
        "carrier_list",
        "counter_list",
    )

    def __init__(self, nodes: int, namespaces: Mapping[str, Mapping[str, str]]) -> None:
        self._nodes = nodes
        self._namespaces = namespaces
        self._label_sets: dict[tuple[str, Pairs], LabelSet] = {}
        self._counters: dict[tuple[PodMatcher, ...], Counter] = {}
        self._carriers: dict[CarriedTerm, Carrier] = {}
        self.counter_list: list[Counter] = []
        self.carrier_list: list[Carrier] = []
        self._counters_by_label = _ByLabel()
        self._carriers_by_label = _ByLabel()
        self._sets_by_label: dict[tuple[str, str], list[LabelSet]] = {}

    def label_set(self, namespace: str, labels: Pairs) -> LabelSet:
        """The interned label set."""
        key = (namespace, labels)
        found = self._label_sets.get(key)
        if found is None:
            found = self._label_sets[key] = LabelSet(namespace, dict(labels))
            for each in found.labels.items():
                self._sets_by_label.setdefault(each, []).append(found)
        return found

    def matches(self, matcher: PodMatcher, labels: LabelSet) -> bool:
        """Whether pods with these labels are what the matcher is about."""
        namespace = labels.namespace
        if namespace not in matcher.namespaces:
            # Without known labels a namespace carries only its name, as the API server sets it.
            known = self._namespaces.get(namespace, {NAMESPACE_NAME_LABEL: namespace})
            if not selector_matches(matcher.namespace_selector, known):
                return False
        return selector_matches(matcher.selector, labels.labels)

    def _matches_all(self, matchers: tuple[PodMatcher, ...], labels: LabelSet) -> bool:
        return all(self.matches(m, labels) for m in matchers)

    def counter(self, *matchers: PodMatcher) -> Counter:
        """Counts of the pods that satisfy all matchers; registered at first use, then maintained."""
        found = self._counters.get(matchers)
        if found is None:
            found = Counter(matchers, self._nodes)
            asked = _pinned(matchers)
            sets = self._label_sets.values() if asked is None else self._with_any(asked)
            for labels in sets:
                if labels.per_node and self._matches_all(matchers, labels):
                    for node, pods in labels.per_node.items():
                        found.per_node[node] += pods
                        found.total += pods
            self._counters[matchers] = found
            self._counters_by_label.add(len(self.counter_list), matchers)
            self.counter_list.append(found)
        return found

    def _with_any(self, asked: tuple[tuple[str, str], ...]) -> list[LabelSet]:
        return [labels for each in asked for labels in self._sets_by_label.get(each, ())]

    def carrier(self, term: CarriedTerm) -> Carrier:
        """Counts of the pods that carry the term."""
        found = self._carriers.get(term)
        if found is None:
            found = self._carriers[term] = Carrier(term, self._nodes)
            self._carriers_by_label.add(len(self.carrier_list), (term.matcher,))
            self.carrier_list.append(found)
        return found

    def counters_of(self, labels: LabelSet) -> list[Counter]:
        """The registered counters that count pods with these labels."""
        known = self.counter_list
        if labels.counters_known == len(known):
            return labels.counters
        for number in self._counters_by_label.since(labels.counters_known, labels.labels):
            counter = known[number]
            if self._matches_all(counter.matchers, labels):
                labels.counters.append(counter)
        labels.counters_known = len(known)
        return labels.counters

    def carriers_about(self, labels: LabelSet) -> list[Carrier]:
        """The terms of running (or once running) pods that are about pods with these labels."""
        known = self.carrier_list
        if labels.carriers_known == len(known):
            return labels.carriers
        for number in self._carriers_by_label.since(labels.carriers_known, labels.labels):
            carrier = known[number]
            if self.matches(carrier.term.matcher, labels):
                labels.carriers.append(carrier)
        labels.carriers_known = len(known)
        return labels.carriers

    def add(self, labels: LabelSet, carried: list[Carrier], node: int, delta: int) -> None:
        """Account for one pod that came to (+1) or left (-1) a node."""
        pods = labels.per_node.get(node, 0) + delta
        if pods:
            labels.per_node[node] = pods
        else:
            del labels.per_node[node]
        for counter in self.counters_of(labels):
            counter.per_node[node] += delta
            counter.total += delta
        for carrier in carried:
            carrier.per_node[node] += delta
            carrier.total += delta

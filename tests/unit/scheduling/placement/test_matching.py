"""Which pods selectors are about: the same answers as by comparing all with all, and few comparisons."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.scheduling.kinds import Operator, Requirement
from allotment.scheduling.placement.matching import CarriedKind, CarriedTerm, MatchIndex, PodMatcher
from allotment.scheduling.placement.model import LabelSelector

KEYS, VALUES = ("a", "b"), ("1", "2", "3")
LABELS = st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES)).map(lambda each: tuple(sorted(each.items())))
REQUIREMENTS = st.builds(
    Requirement,
    st.sampled_from(KEYS),
    st.sampled_from((Operator.IN, Operator.IN, Operator.NOT_IN, Operator.EXISTS, Operator.DOES_NOT_EXIST)),
    st.lists(st.sampled_from(VALUES), max_size=3).map(tuple),
)
SELECTORS = st.none() | st.lists(REQUIREMENTS, max_size=2).map(lambda each: LabelSelector(tuple(each)))
MATCHERS = st.builds(
    PodMatcher, st.frozensets(st.sampled_from(("x", "y"))), st.sampled_from((None, LabelSelector())), SELECTORS
)


@given(steps=st.lists(LABELS | MATCHERS, min_size=2, max_size=12))
def test_pods_and_terms_find_each_other_in_whatever_order_they_come(steps: list[object]) -> None:
    index, terms, sets = MatchIndex(1, {}), [], []
    for step in steps:
        if isinstance(step, PodMatcher):
            terms.append(index.carrier(CarriedTerm(CarriedKind.REQUIRED_ANTI, step, "zone")))
            index.counter(step)
        elif isinstance(step, tuple):
            sets.append(labels := index.label_set("x", step))
            index.add(labels, [], 0, 1)
            index.carriers_about(labels)
    for labels in sets:
        about = [each for each in dict.fromkeys(terms) if index.matches(each.term.matcher, labels)]
        assert index.carriers_about(labels) == about
    for term in terms:
        matching = sum(index.matches(term.term.matcher, each) for each in sets)
        assert index.counter(term.term.matcher).total == matching


def test_pods_with_labels_of_their_own_are_compared_with_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of 100 pods keeps away from its own like: 10,000 comparisons would be all with all."""
    compared, matches = [], MatchIndex.matches
    monkeypatch.setattr(
        MatchIndex,
        "matches",
        lambda self, *of: compared.append(of) or matches(self, *of),  # type: ignore[func-returns-value]
    )
    index = MatchIndex(1, {})
    names = [f"v{number}" for number in range(100)]
    own = [
        PodMatcher(frozenset({"x"}), None, LabelSelector((Requirement("a", Operator.IN, (name,)),))) for name in names
    ]
    for name, matcher in zip(names, own, strict=True):
        index.add(index.label_set("x", (("a", name),)), [], 0, 1)
        index.carrier(CarriedTerm(CarriedKind.REQUIRED_ANTI, matcher, "zone"))
        index.counter(matcher)
    for name, _ in product(names, range(2)):
        assert len(index.carriers_about(index.label_set("x", (("a", name),)))) == 1
    assert len(compared) < 500

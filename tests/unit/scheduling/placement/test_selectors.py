"""Selectors and tolerations, case by case."""

from __future__ import annotations

import pytest

from allotment.scheduling.placement.model import (
    Effect,
    LabelSelector,
    NodeAffinity,
    NodeSelectorTerm,
    Operator,
    PreferredNodeTerm,
    Requirement,
    Taint,
    Toleration,
)
from allotment.scheduling.placement.selectors import (
    has_untolerated,
    intolerable_preferences,
    named_nodes,
    node_admitted,
    node_preference,
    requirement_matches,
    selector_matches,
    tolerates,
)

LABELS = {"disk": "ssd", "generation": "4", "odd": "1_0", "huge": "9223372036854775808"}


@pytest.mark.parametrize(
    ("key", "operator", "values", "expected"),
    [
        ("disk", Operator.IN, ("hdd", "ssd"), True),
        ("disk", Operator.IN, ("hdd",), False),
        ("none", Operator.IN, ("hdd",), False),
        ("disk", Operator.NOT_IN, ("ssd",), False),
        ("none", Operator.NOT_IN, ("ssd",), True),
        ("disk", Operator.EXISTS, (), True),
        ("none", Operator.EXISTS, (), False),
        ("none", Operator.DOES_NOT_EXIST, (), True),
        ("generation", Operator.GT, ("3",), True),
        ("generation", Operator.GT, ("4",), False),
        ("generation", Operator.LT, ("+5",), True),
        ("generation", Operator.LT, ("-5",), False),
        ("disk", Operator.GT, ("3",), False),
        ("none", Operator.LT, ("3",), False),
        ("odd", Operator.GT, ("3",), False),
        ("generation", Operator.GT, ("3", "2"), False),
        ("huge", Operator.GT, ("3",), False),
    ],
)
def test_requirement(key: str, operator: Operator, values: tuple[str, ...], expected: bool) -> None:
    assert requirement_matches(Requirement(key, operator, values), LABELS) is expected


def test_no_selector_matches_nothing_and_an_empty_one_everything() -> None:
    assert not selector_matches(None, LABELS)
    assert selector_matches(LabelSelector(), LABELS)


def _named(*names: str, operator: Operator = Operator.IN) -> Requirement:
    return Requirement("metadata.name", operator, names)


@pytest.mark.parametrize(
    ("required", "expected"),
    [
        (None, None),
        ((NodeSelectorTerm(fields=(_named("a"),)),), {"a"}),
        ((NodeSelectorTerm(fields=(_named("a"),)), NodeSelectorTerm(fields=(_named("b"),))), {"a", "b"}),
        ((NodeSelectorTerm(fields=(_named("a"), _named("b"))),), set()),
        ((NodeSelectorTerm(fields=(_named("a"),)), NodeSelectorTerm((Requirement("disk", Operator.EXISTS),))), None),
        ((NodeSelectorTerm(fields=(_named("a", operator=Operator.NOT_IN),)),), None),
    ],
)
def test_named_nodes(required: tuple[NodeSelectorTerm, ...] | None, expected: set[str] | None) -> None:
    assert named_nodes(NodeAffinity(required=required)) == expected


def test_node_rules() -> None:
    ssd = NodeSelectorTerm((Requirement("disk", Operator.IN, ("ssd",)),))
    assert node_admitted(NodeAffinity(required=(ssd,)), "n", LABELS)
    assert not node_admitted(NodeAffinity(required=()), "n", LABELS)
    assert not node_admitted(NodeAffinity(required=(NodeSelectorTerm(),)), "n", LABELS)
    assert not node_admitted(NodeAffinity(selector=(("disk", "hdd"),), required=(ssd,)), "n", LABELS)
    empty = PreferredNodeTerm(50, NodeSelectorTerm())
    assert node_preference(NodeAffinity(preferred=(PreferredNodeTerm(7, ssd), empty)), "n", LABELS) == 7


TAINT = Taint("gpu", Effect.NO_SCHEDULE, "yes")


@pytest.mark.parametrize(
    ("toleration", "expected"),
    [
        (Toleration(exists=True), True),
        (Toleration("gpu", exists=True), True),
        (Toleration("gpu", value="yes"), True),
        (Toleration("gpu", value="no"), False),
        (Toleration("gpu"), False),
        (Toleration("other", exists=True), False),
        (Toleration("gpu", exists=True, effect=Effect.NO_SCHEDULE), True),
        (Toleration("gpu", exists=True, effect=Effect.NO_EXECUTE), False),
    ],
)
def test_toleration(toleration: Toleration, expected: bool) -> None:
    assert tolerates(toleration, TAINT) is expected
    assert has_untolerated((TAINT,), (toleration,)) is not expected


def test_soft_taints_only_count() -> None:
    soft = Taint("spot", Effect.PREFER_NO_SCHEDULE)
    assert not has_untolerated((soft,), ())
    assert intolerable_preferences((soft, TAINT, soft), ()) == 2
    assert intolerable_preferences((soft,), (Toleration("spot", exists=True),)) == 0

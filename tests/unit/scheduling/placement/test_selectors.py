"""Selectors, case by case."""

from __future__ import annotations

import pytest

from allotment.scheduling.kinds import (
    Operator,
    Requirement,
)
from allotment.scheduling.placement.model import LabelSelector, NodeAffinity, NodeSelectorTerm
from allotment.scheduling.placement.selectors import named_nodes, node_admitted, selector_matches

LABELS = {"disk": "ssd", "generation": "4", "odd": "1_0", "huge": "9223372036854775808"}


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

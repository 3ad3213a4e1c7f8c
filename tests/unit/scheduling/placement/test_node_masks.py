"""Nodes that labels and taints let a pod go to: the same for all at once as for one after the other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from allotment.model.cluster import Taint, TaintEffect
from allotment.scheduling.kinds import Operator, Requirement, Toleration, first_untolerated
from allotment.scheduling.placement.model import Node, NodeAffinity, NodeSelectorTerm, PreferredNodeTerm
from allotment.scheduling.placement.node_masks import admitted_nodes, preferences, tainted_nodes
from allotment.scheduling.placement.nodes import NodeTable
from allotment.scheduling.placement.selectors import node_admitted, term_matches

KEYS, VALUES = st.sampled_from(("a", "b", "nobody")), st.sampled_from(("1", "2", "03", "x"))
FIELDS = st.sampled_from(("metadata.name", "metadata.other"))
LABELS = st.dictionaries(st.sampled_from(("a", "b")), VALUES)


def asked(keys: st.SearchStrategy[str], values: st.SearchStrategy[str]) -> st.SearchStrategy[tuple[Requirement, ...]]:
    one = st.builds(Requirement, keys, st.sampled_from(Operator), st.lists(values, max_size=2).map(tuple))
    return st.lists(one, max_size=2).map(tuple)


TERMS = st.builds(NodeSelectorTerm, asked(KEYS, VALUES), asked(FIELDS, st.sampled_from(("n0", "n1"))))
RULES = st.builds(
    NodeAffinity,
    st.dictionaries(KEYS, VALUES, max_size=1).map(lambda each: tuple(each.items())),
    st.none() | st.lists(TERMS, max_size=2).map(tuple),
    st.lists(st.builds(PreferredNodeTerm, st.integers(1, 100), TERMS), max_size=2).map(tuple),
)
TAINTS = st.lists(st.builds(Taint, KEYS, VALUES, st.sampled_from(TaintEffect)), max_size=2).map(tuple)
TOLERATIONS = st.lists(st.builds(Toleration, KEYS, st.booleans(), VALUES), max_size=2)


@given(st.lists(st.tuples(LABELS, TAINTS), max_size=4), RULES, TOLERATIONS)
def test_all_at_once_is_as_one_after_the_other(
    made: list[tuple[dict[str, str], tuple[Taint, ...]]], rules: NodeAffinity, tolerations: list[Toleration]
) -> None:
    table = NodeTable([Node(f"n{at}", {}, labels, taints) for at, (labels, taints) in enumerate(made)])
    nodes = table.nodes
    assert admitted_nodes(rules, table).tolist() == [node_admitted(rules, each.name, each.labels) for each in nodes]
    assert preferences(rules, table).tolist() == [
        sum(part.weight for part in rules.preferred if term_matches(part.term, each.name, each.labels))
        for each in nodes
    ]
    kept = [first_untolerated(each.taints, tolerations) is not None for each in nodes]
    assert tainted_nodes(tolerations, table).tolist() == kept


def test_a_label_that_no_node_has_takes_no_room() -> None:
    table = NodeTable([Node("n", {}, {"a": "1"})])
    assert table.column("k1") is table.column("k2")
    assert table.column("a").codes.tolist() == [1]


def test_preferred_terms_add_up_and_an_empty_one_matches_nothing() -> None:
    rules = NodeAffinity(
        preferred=(
            PreferredNodeTerm(7, NodeSelectorTerm((Requirement("disk", Operator.IN, ("ssd",)),))),
            PreferredNodeTerm(50, NodeSelectorTerm()),
        )
    )
    assert preferences(rules, NodeTable([Node("n", {}, {"disk": "ssd"}), Node("m", {}, {})])).tolist() == [7, 0]

"""Which nodes of a table labels and taints let a pod go to, for all nodes at once.

As `selectors.node_admitted` and `kinds.first_untolerated` decide of one node. A rule is compared with the values that a
label has, not with every node: whoever gives each of their pods rules of its own must not make everybody wait.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from allotment.scheduling.kinds import Operator, Requirement, Toleration, first_untolerated, requirement_matches
from allotment.scheduling.placement.model import NAME_FIELD, NodeAffinity, NodeSelectorTerm
from allotment.scheduling.placement.nodes import Bools, Ints, LabelColumn, NodeTable


def admitted_nodes(rules: NodeAffinity, nodes: NodeTable) -> Bools:
    """Nodes that the selector and the required affinity admit."""
    found: Bools = np.ones(nodes.count, dtype=np.bool_)
    for key, value in rules.selector:
        column = nodes.column(key)
        found &= column.codes == column.values.get(value, -1)
    if rules.required is None:
        return found
    any_of: Bools = np.zeros(nodes.count, dtype=np.bool_)
    for term in rules.required:
        any_of |= _term(term, nodes)
    return found & any_of


def preferences(rules: NodeAffinity, nodes: NodeTable) -> Ints:
    """Of each node the weights of the preferred terms that it matches, summed."""
    found: Ints = np.zeros(nodes.count, dtype=np.int64)
    for each in rules.preferred:
        found += each.weight * _term(each.term, nodes)
    return found


def tainted_nodes(tolerations: Sequence[Toleration], nodes: NodeTable) -> Bools:
    """Nodes with a taint that keeps such pods away."""
    kept = np.array([first_untolerated(each, tolerations) is not None for each in nodes.taint_sets], dtype=np.bool_)
    return kept[nodes.taint_code] if nodes.count else kept


def _term(term: NodeSelectorTerm, nodes: NodeTable) -> Bools:
    found: Bools = np.full(nodes.count, bool(term.expressions or term.fields), dtype=np.bool_)
    for each in term.expressions:
        found &= _meets(each, nodes.column(each.key))
    for each in term.fields:
        found &= _meets(each, nodes.names() if each.key == NAME_FIELD else nodes.absent)
    return found


def _meets(requirement: Requirement, column: LabelColumn) -> Bools:
    """Nodes whose value of a label, or whose lack of it, meets a requirement."""
    operator = requirement.operator
    meets: Bools = np.zeros(column.size, dtype=np.bool_)
    if operator in {Operator.EXISTS, Operator.DOES_NOT_EXIST}:
        meets[1:] = True
    elif operator in {Operator.IN, Operator.NOT_IN}:
        meets[[code for each in requirement.values if (code := column.values.get(each)) is not None]] = True
    else:
        for value, code in column.values.items():
            meets[code] = requirement_matches(requirement, {requirement.key: value})
    if operator in {Operator.NOT_IN, Operator.DOES_NOT_EXIST}:
        meets = ~meets
    return meets[column.codes]

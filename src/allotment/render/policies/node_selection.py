"""Which nodes a pod selects, judged by the labels of the declared pools."""

from __future__ import annotations

from typing import Final

from allotment.model import labels
from allotment.model.cluster import Cluster, NodePool
from allotment.model.platform import Platform
from allotment.render.policies.admission import Check, Variable
from allotment.render.policies.cel import Expr, quote, string_list
from allotment.render.policies.pod_template import each, field
from allotment.render.policies.trained import PLACED

OS_LABEL: Final = "kubernetes.io/os"
LINUX: Final = "linux"

_STANDARD: Final = (
    "beta.kubernetes.io/arch",
    "beta.kubernetes.io/os",
    "kubernetes.io/arch",
    "node.kubernetes.io/instance-type",
    "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone",
)
"""Labels that nodes have without being declared; their values are not known here."""


def known_labels(platform: Platform, pool: NodePool) -> dict[str, str]:
    """Labels of a pool's nodes that are known."""
    # The kubelet sets its system's name; pools of another system say so.
    found = {OS_LABEL: LINUX, **pool.labels}
    found |= {labels.NODE_POOL: pool.name, labels.CAPACITY_TYPE: pool.capacity_type.value}
    if pool.accelerator is not None:
        key, value = platform.accelerators[pool.accelerator].node_label
        found |= {labels.ACCELERATOR: pool.accelerator, key: value}
    if pool.dedicated_to is not None:
        found[labels.DEDICATED] = pool.dedicated_to
    return found


def shape_labels(platform: Platform, cluster: Cluster) -> Variable:
    """Keys of the labels by which nodes of this cluster can be selected."""
    keys = {key for pool in cluster.node_pools for key in known_labels(platform, pool)}
    return Variable("shapeLabels", string_list(sorted(keys)))


_STRANGE: Final = f"!({{key}} in variables.shapeLabels) && !({{key}} in {string_list(_STANDARD)})"
# What asks for a label that no node has, or for a node by its name.
_STRANGE_IN_TERM: Final = (
    "(term.?matchExpressions.orValue([]).filter(e, e.operator in ['In', 'Exists', 'Gt', 'Lt'] && "
    + _STRANGE.format(key="e.key")
    + ") + term.?matchFields.orValue([]).filter(e, e.operator == 'In'))"
)
_SAYS_SOMETHING: Final = "size(term.?matchExpressions.orValue([])) + size(term.?matchFields.orValue([])) > 0"
"""CEL: the term is not empty; an empty one matches no node."""
_USABLE: Final = f"{_SAYS_SOMETHING} && size({_STRANGE_IN_TERM}) == 0"

_EXCLUSIVE: Final = "alpha.jobset.sigs.k8s.io/exclusive-topology"
_SELECTED_BY_HAND: Final = "alpha.jobset.sigs.k8s.io/node-selector"
_HOSTNAME: Final = "kubernetes.io/hostname"
_SPREAD: Final = (
    '(variables.kind == "JobSet" ? [dyn(object).metadata.?annotations.orValue({})]'
    " + dyn(object).spec.?replicatedJobs.orValue([]).map(j, j.?template.?metadata.?annotations.orValue({})) : [])"
    f".filter(m, {quote(_EXCLUSIVE)} in m)"
)
_STRANGE_SPREAD: Final = (
    f"{quote(_SELECTED_BY_HAND)} in m || (m[{quote(_EXCLUSIVE)}] != {quote(_HOSTNAME)}"
    f" && {_STRANGE.format(key=f'm[{quote(_EXCLUSIVE)}]')})"
)

EXCLUSIVE: Final = Check(
    name="strangeTopologies",
    message="Jobs of a JobSet are kept apart by labels that the platform's nodes have",
    faults=each(
        _STRANGE_SPREAD,
        f"{_EXCLUSIVE} keeps Jobs apart by the label ",
        Expr(f"string(m[{quote(_EXCLUSIVE)}])"),
        Expr(f'({quote(_SELECTED_BY_HAND)} in m ? {quote(f" on nodes marked by hand ({_SELECTED_BY_HAND})")} : "")'),
        f", which no pool of this cluster declares, so it might wait for ever; use {_HOSTNAME}, or one of ",
        Expr('variables.shapeLabels.join(", ")'),
        among=_SPREAD,
        called="m",
    ),
)

USABLE_TERMS: Final = f"p.terms.filter(term, {_USABLE})"
"""CEL list: those of pod `p`'s node selector terms, one of which has to match, that may match a node."""

_UNUSABLE: Final = f"(size(p.terms) > 0 && !p.terms.exists(term, {_USABLE}))"
_STRANGE_TERMS: Final = f"p.terms.filter(term, size({_STRANGE_IN_TERM}) > 0)"


def _whole(value: str) -> str:
    return f"{value}.matches('^-?[0-9]{{1,18}}$')"


def _compared(sign: str) -> str:
    """CEL: the node's label and the value of expression `e` are whole numbers, and compare so."""
    own, given = 'x.labels[?e.key].orValue("")', 'string(e.?values[?0].orValue(dyn("")))'
    return f"{_whole(own)} && {_whole(given)} && int({own}) {sign} int({given})"


def selected(terms: str, keys: str) -> str:
    """CEL: pod `s.p` selects nodes with the labels of `x`, as far as the labels are among `keys`.

    Args:
        terms: CEL list of the node selector terms that count, one of which has to match; any node does if it is empty.
        keys: CEL list.
    """
    value = 'x.labels[?e.key].orValue("")'
    return (
        f'(s.p.selector.all(k, !(k in {keys}) || x.labels[?k].orValue("") == s.p.selector[k])'
        f" && (size({terms}) == 0 || {terms}.exists(term, term.?matchExpressions.orValue([]).all(e,"
        f" !(e.key in {keys})"
        f' || (e.operator == "In" && {value} in e.values)'
        f' || (e.operator == "NotIn" && !({value} in e.values))'
        ' || (e.operator == "Exists" && e.key in x.labels)'
        ' || (e.operator == "DoesNotExist" && !(e.key in x.labels))'
        f' || (e.operator == "Gt" && {_compared(">")})'
        f' || (e.operator == "Lt" && {_compared("<")})))))'
    )


_STRANGE_KEYS: Final = (
    f"(p.selector.filter(k, {_STRANGE.format(key='k')}).map(k, k + '=' + p.selector[k])"
    f" + ({_UNUSABLE} ? {_STRANGE_TERMS}.map(term, string({_STRANGE_IN_TERM}[0].key)) : []))"
)

UNKNOWN_LABEL: Final = Check(
    name="unknownLabels",
    message="nodes are selected by labels that the platform's nodes have",
    faults=each(
        f"size({_STRANGE_KEYS}) > 0",
        field("spec selects nodes by "),
        Expr(f'{_STRANGE_KEYS}.join(", ")'),
        ", which no pool of this cluster declares, so it might wait for ever; select by one of ",
        Expr('variables.shapeLabels.join(", ")'),
        among=PLACED,
    ),
)

NOTHING_SELECTED: Final = Check(
    name="emptyTerms",
    message="a required node affinity matches some node",
    faults=each(
        f"{_UNUSABLE} && size({_STRANGE_TERMS}) == 0",
        field("spec.affinity.nodeAffinity has empty nodeSelectorTerms only, which match no node; take them away, or"),
        " select by one of ",
        Expr('variables.shapeLabels.join(", ")'),
        among=PLACED,
    ),
)

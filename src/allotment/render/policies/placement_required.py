"""Work with accelerators says which nodes it is for, and tolerates their taint; no toleration opens every node.

Kueue writes node selector and tolerations into the Jobs it admits, so a team writes neither: the rule looks at what
reaches the scheduler. It sees a Job that was started past its queue, and an accelerator that no pool has.
"""

from __future__ import annotations

from typing import Final

from allotment.model.cluster import Cluster
from allotment.model.platform import Platform
from allotment.model.policy import Policy
from allotment.render.policies.admission import Check, Rule, Scope, Variable
from allotment.render.policies.cel import Expr, list_map
from allotment.render.policies.identities import binds_workloads, by_tenant, told_with
from allotment.render.policies.placement import (
    MUST_PLACE,
    SENSIBLE,
    node_label_values,
    node_labels,
    placed_later,
    queueable,
    taint_keys,
    unknown_values,
)
from allotment.render.policies.pod_template import WORKLOADS, each, field, pod_variables
from allotment.render.policies.trained import PLACED, trained_variables


def rule(platform: Platform, cluster: Cluster, policy: Policy) -> Rule:
    """The rule for one cluster."""
    return Rule(
        policy=policy,
        scope=Scope.TEAM_NAMESPACES,
        resources=WORKLOADS,
        conditions=binds_workloads(platform, cluster, "pods"),
        variables=(
            by_tenant(platform, cluster),
            *pod_variables(platform, "accelerated"),
            *trained_variables(),
            queueable(platform, cluster),
            placed_later(cluster),
            node_label_values(platform, cluster),
            Variable("nodeTaints", list_map(taint_keys(platform, cluster))),
        ),
        checks=(_NO_BLANKET, _KNOWN, _selected(platform, cluster), _TOLERATED),
        told_with=f"{told_with('pods')} && {SENSIBLE}",
    )


# Of a patch, the devices are what the TrainJob asks for.
_WITH_DEVICES: Final = (
    'size(p.asked) > 0 || (variables.kind == "TrainJob" && variables.trainers.exists(n, size(n.asked) > 0))'
)
_UNKNOWN: Final = unknown_values("p", _WITH_DEVICES)
_SELECTED: Final = (
    "(p.selector.exists(k, k in variables.nodeLabels)"
    " || (size(p.terms) > 0 && p.terms.all(term, term.?matchExpressions.orValue([])"
    '.exists(e, e.key in variables.nodeLabels && e.operator == "In"'
    " && e.values.all(v, v in variables.nodeLabels[e.key])))))"
)
_UNTOLERATED: Final = (
    "p.asked.map(names, names.filter(r, r in variables.nodeTaints"
    ' && !p.tolerations.exists(t, t.?key.orValue("") in variables.nodeTaints[r])))'
    ".filter(names, size(names) > 0)"
)

_NO_BLANKET: Final = Check(
    name="blanketTolerations",
    message="a toleration must name the taint it tolerates",
    faults=each(
        'p.tolerations.exists(t, t.?key.orValue("") == "")',
        field("spec.tolerations"),
        " holds one without a key, which opens every node of the cluster; name the taint's key, or leave"
        " tolerations out: Kueue adds the right ones when it admits the work",
        among=PLACED,
    ),
)

_KNOWN: Final = Check(
    name="unknownNodes",
    message="work with accelerators selects nodes that this cluster has",
    faults=each(
        f"size({_UNKNOWN}) > 0",
        field("spec.nodeSelector"),
        " asks for ",
        Expr(f"{_UNKNOWN}[0]"),
        "=",
        Expr(f"p.selector[{_UNKNOWN}[0]]"),
        ", which no pool with accelerators of this cluster has; there are ",
        Expr(f'variables.nodeLabels[{_UNKNOWN}[0]].join(", ")'),
        among=PLACED,
    ),
)


def _selected(platform: Platform, cluster: Cluster) -> Check:
    labels = node_labels(platform, cluster)
    choice = ", ".join(f"{key}={'|'.join(values)}" for key, values in labels.items())
    return Check(
        name="unselectedNodes",
        message="work with accelerators must select the nodes it is for",
        faults=each(
            f"{MUST_PLACE} && size(p.asked) > 0 && !{_SELECTED}",
            field("spec.nodeSelector"),
            " is missing for a pod that asks for ",
            Expr("p.asked[0][0]"),
            "; submit a Job with a queue label and Kueue sets it, or select one of ",
            choice or "none: this cluster has no accelerators",
        ),
    )


_TOLERATED: Final = Check(
    name="untoleratedNodes",
    message="work with accelerators must tolerate the taint of their nodes",
    faults=each(
        f"{MUST_PLACE} && size({_UNTOLERATED}) > 0",
        field("spec.tolerations"),
        " lacks the taint of nodes with ",
        Expr(f"{_UNTOLERATED}[0][0]"),
        ": add key ",
        Expr(f'variables.nodeTaints[{_UNTOLERATED}[0][0]].join(" or ")'),
        ", or submit a Job with a queue label and Kueue adds it",
    ),
)

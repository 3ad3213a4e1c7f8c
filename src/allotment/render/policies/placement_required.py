"""Work with accelerators says which nodes it is for, and tolerates their taint; no toleration opens every node.

Kueue writes node selector and tolerations into the Jobs it admits, so a team writes neither: the rule looks at what
reaches the scheduler. It sees a Job that was started past its queue, and an accelerator that no pool has.
"""

from __future__ import annotations

from allotment.model.cluster import Cluster
from allotment.model.platform import Platform
from allotment.model.policy import Policy
from allotment.render.policies.admission import Check, Rule, Scope, Variable
from allotment.render.policies.cel import Expr, list_map, sentence
from allotment.render.policies.identities import binds_all_but_engineers, binds_tenants_and_new, not_being_deleted
from allotment.render.policies.placement import must_place_itself, node_labels, taint_keys
from allotment.render.policies.pod_template import WORKLOADS, field, pod_variables


def rule(platform: Platform, cluster: Cluster, policy: Policy) -> Rule:
    """The rule for one cluster."""
    return Rule(
        policy=policy,
        scope=Scope.TEAM_NAMESPACES,
        resources=WORKLOADS,
        conditions=(
            binds_all_but_engineers(platform),
            binds_tenants_and_new(platform, cluster, "pods"),
            not_being_deleted(),
        ),
        variables=(
            *pod_variables(platform, "at", "device", "gated", "tolerations", "selector", "terms"),
            must_place_itself(cluster),
            Variable("nodeLabels", list_map(node_labels(platform, cluster))),
            Variable("nodeTaints", list_map(taint_keys(platform, cluster))),
            *_FINDINGS,
        ),
        checks=(_NO_BLANKET, _KNOWN, _selected(platform, cluster), _TOLERATED),
    )


_FINDINGS = (
    Variable(
        "unknown",
        "variables.selector.filter(k, k in variables.nodeLabels"
        " && !(variables.selector[k] in variables.nodeLabels[k]))",
    ),
    Variable(
        "selected",
        "variables.selector.exists(k, k in variables.nodeLabels)"
        " || (size(variables.terms) > 0 && variables.terms.all(term, term.?matchExpressions.orValue([])"
        '.exists(e, e.key in variables.nodeLabels && e.operator == "In"'
        " && e.values.all(v, v in variables.nodeLabels[e.key]))))",
    ),
    Variable(
        "untolerated",
        "variables.asked.map(names, names.filter(r, r in variables.nodeTaints"
        ' && !variables.tolerations.exists(t, t.?key.orValue("") in variables.nodeTaints[r])))'
        ".filter(names, size(names) > 0)",
    ),
)

_NO_BLANKET = Check(
    expression='!variables.tolerations.exists(t, t.?key.orValue("") == "")',
    message="a toleration must name the taint it tolerates",
    explanation=sentence(
        field("spec.tolerations"),
        " holds one without a key, which opens every node of the cluster; name the taint's key, or leave"
        " tolerations out: Kueue adds the right ones when it admits the work",
    ),
)

_KNOWN = Check(
    expression="size(variables.unknown) == 0",
    message="the node selector must name nodes that this cluster has",
    explanation=sentence(
        field("spec.nodeSelector"),
        " asks for ",
        Expr("variables.unknown[0]"),
        "=",
        Expr("variables.selector[variables.unknown[0]]"),
        ", which no pool of this cluster has; it has ",
        Expr('variables.nodeLabels[variables.unknown[0]].join(", ")'),
    ),
)


def _selected(platform: Platform, cluster: Cluster) -> Check:
    labels = node_labels(platform, cluster)
    choice = ", ".join(f"{key}={'|'.join(values)}" for key, values in labels.items())
    return Check(
        expression="!variables.mustPlace || size(variables.asked) == 0 || variables.selected",
        message="work with accelerators must select the nodes it is for",
        explanation=sentence(
            field("spec.nodeSelector"),
            " is missing for a pod that asks for ",
            Expr("variables.device"),
            "; submit a Job with a queue label and Kueue sets it, or select one of ",
            choice or "none: this cluster has no accelerators",
        ),
    )


_TOLERATED = Check(
    expression="!variables.mustPlace || size(variables.untolerated) == 0",
    message="work with accelerators must tolerate the taint of their nodes",
    explanation=sentence(
        field("spec.tolerations"),
        " lacks the taint of nodes with ",
        Expr("variables.untolerated[0][0]"),
        ": add key ",
        Expr('variables.nodeTaints[variables.untolerated[0][0]].join(" or ")'),
        ", or submit a Job with a queue label and Kueue adds it",
    ),
)

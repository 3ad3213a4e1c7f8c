"""Dedicated pools: nobody enters another team's nodes, and a team with its own pool keeps its accelerators there.

CPU-only pods of a team with a pool may still run on the shared CPU nodes: what is dedicated is the accelerators.
"""

from __future__ import annotations

from allotment.model import labels
from allotment.model.cluster import Cluster
from allotment.model.platform import Platform
from allotment.model.policy import Policy
from allotment.model.team import Isolation
from allotment.render.policies.admission import Check, Rule, Scope, Variable
from allotment.render.policies.cel import Expr, label, quote, sentence, string_list
from allotment.render.policies.identities import binds_all_but_engineers, binds_tenants_and_new, not_being_deleted
from allotment.render.policies.placement import dedicated_teams, must_place_itself, selects
from allotment.render.policies.pod_template import WORKLOADS, field, pod_variables

_KEY = quote(labels.DEDICATED)
_TEAM = Expr("variables.team[0]")


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
            *pod_variables(platform, "at", "accelerated", "gated", "tolerations", "selector", "terms"),
            must_place_itself(cluster),
            Variable("team", f"[namespaceObject.metadata.labels[{quote(labels.TENANT)}]]"),
            *_FINDINGS,
            Variable("hasPool", _has_pool(cluster)),
        ),
        checks=(_NO_FOREIGN_TOLERATION, _NO_FOREIGN_SELECTION, _OWN_POOL),
    )


def _has_pool(cluster: Cluster) -> str:
    isolation = label("namespaceObject.metadata.labels", labels.ISOLATION)
    return f"{isolation} == {quote(Isolation.NODE_POOL.value)} && {_TEAM} in {string_list(dedicated_teams(cluster))}"


_FINDINGS = (
    Variable(
        "foreign",
        f'variables.tolerations.filter(t, t.?key.orValue("") == {_KEY}'
        f' && (t.?operator.orValue("Equal") != "Equal" || t.?value.orValue("") != {_TEAM}))'
        '.map(t, t.?value.orValue("")).map(v, v == "" ? "(any)" : v)',
    ),
    Variable(
        "elsewhere",
        f"!({_KEY} in variables.selector) || variables.selector[{_KEY}] == {_TEAM} ? [] : [variables.selector[{_KEY}]]",
    ),
    Variable(
        "affine",
        "variables.terms.filter(term, term.?matchExpressions.orValue([]).exists(e,"
        f' e.key == {_KEY} && (e.operator == "Exists" || (e.operator == "In" && e.values.exists(v, v != {_TEAM})))))',
    ),
    Variable(
        "admitted",
        f'variables.tolerations.exists(t, t.?key.orValue("") == {_KEY} && t.?value.orValue("") == {_TEAM})',
    ),
)

_NO_FOREIGN_TOLERATION = Check(
    expression="size(variables.foreign) == 0",
    message="a team may tolerate only the taint of its own pool",
    explanation=sentence(
        field(f"spec.tolerations tolerates {labels.DEDICATED}="),
        Expr("variables.foreign[0]"),
        ", the pool of another team; team ",
        _TEAM,
        " may tolerate only its own, with operator Equal and its name as value",
    ),
)

_NO_FOREIGN_SELECTION = Check(
    expression="size(variables.elsewhere) == 0 && size(variables.affine) == 0",
    message="a team may select only its own dedicated pool",
    explanation=sentence(
        field(f"spec selects nodes by {labels.DEDICATED}="),
        Expr('(size(variables.elsewhere) > 0 ? variables.elsewhere[0] : "(others, by affinity)")'),
        ", the pool of another team; team ",
        _TEAM,
        " may select only its own",
    ),
)

_OWN_POOL = Check(
    expression=(
        "!variables.hasPool || !variables.accelerated || !variables.mustPlace"
        f" || ({selects(labels.DEDICATED, 'variables.team')} && variables.admitted)"
    ),
    message="a team with a dedicated pool runs its accelerator work there",
    explanation=sentence(
        field("spec"),
        f" must select and tolerate {labels.DEDICATED}=",
        _TEAM,
        ": this team has nodes of its own; submit a Job with a queue label and Kueue sets both",
    ),
)

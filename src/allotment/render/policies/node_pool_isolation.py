"""Dedicated pools: nobody enters another team's nodes, and a team with its own pool keeps its accelerators there.

CPU-only pods of a team with a pool may still run on the shared CPU nodes: what is dedicated is the accelerators.
"""

from __future__ import annotations

from typing import Final

from allotment.model import labels
from allotment.model.cluster import Cluster
from allotment.model.platform import Platform
from allotment.model.policy import Policy
from allotment.model.team import Isolation
from allotment.render.policies.admission import Check, Rule, Scope, Variable
from allotment.render.policies.cel import Expr, label, quote, string_list
from allotment.render.policies.identities import binds_workloads, by_tenant, told_with
from allotment.render.policies.placement import MUST_PLACE, SENSIBLE, dedicated_teams, placed_later, queueable, selects
from allotment.render.policies.pod_template import WORKLOADS, each, field, pod_variables
from allotment.render.policies.trained import PLACED, trained_variables

_KEY: Final = quote(labels.DEDICATED)
_TEAM: Final = Expr("variables.team[0]")


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
            Variable("team", f"[namespaceObject.metadata.labels[{quote(labels.TENANT)}]]"),
            Variable("hasPool", _has_pool(cluster)),
        ),
        checks=(_NO_FOREIGN_TOLERATION, _NO_FOREIGN_SELECTION, _OWN_POOL),
        told_with=f"{told_with('pods')} && {SENSIBLE}",
    )


def _has_pool(cluster: Cluster) -> str:
    isolation = label("namespaceObject.metadata.labels", labels.ISOLATION)
    has = f"{isolation} == {quote(Isolation.NODE_POOL.value)} && {_TEAM} in {string_list(dedicated_teams(cluster))}"
    if not cluster.warned:
        return has
    # Work that was there before the policies knows nothing of the pool. Others' nodes are closed to it all the same.
    return f"!(request.namespace in {string_list(cluster.warned)}) && {has}"


_FOREIGN: Final = (
    f'p.tolerations.filter(t, t.?key.orValue("") == {_KEY}'
    f' && (t.?operator.orValue("Equal") != "Equal" || t.?value.orValue("") != {_TEAM}))'
    '.map(t, t.?value.orValue("")).map(v, v == "" ? "(any)" : v)'
)
_ELSEWHERE: Final = f"({_KEY} in p.selector && p.selector[{_KEY}] != {_TEAM})"
_AFFINE: Final = (
    "p.terms.exists(term, term.?matchExpressions.orValue([]).exists(e,"
    f' e.key == {_KEY} && (e.operator == "Exists" || (e.operator == "In" && e.values.exists(v, v != {_TEAM})))))'
)
_ADMITTED: Final = f'p.tolerations.exists(t, t.?key.orValue("") == {_KEY} && t.?value.orValue("") == {_TEAM})'

_NO_FOREIGN_TOLERATION: Final = Check(
    name="foreignTolerations",
    message="a team may tolerate only the taint of its own pool",
    faults=each(
        f"size({_FOREIGN}) > 0",
        field(f"spec.tolerations tolerates {labels.DEDICATED}="),
        Expr(f"{_FOREIGN}[0]"),
        ", the pool of another team; team ",
        _TEAM,
        " may tolerate only its own, with operator Equal and its name as value",
        among=PLACED,
    ),
)

_NO_FOREIGN_SELECTION: Final = Check(
    name="foreignNodes",
    message="a team may select only its own dedicated pool",
    faults=each(
        f"{_ELSEWHERE} || {_AFFINE}",
        field(f"spec selects nodes by {labels.DEDICATED}="),
        Expr(f'({_ELSEWHERE} ? p.selector[{_KEY}] : "(others, by affinity)")'),
        ", the pool of another team; team ",
        _TEAM,
        " may select only its own",
        among=PLACED,
    ),
)

_OWN_POOL: Final = Check(
    name="outsideOwnPool",
    message="a team with a dedicated pool runs its accelerator work there",
    faults=each(
        f"variables.hasPool && (size(p.asked) > 0 || p.claims) && {MUST_PLACE}"
        f" && !({selects(labels.DEDICATED, 'variables.team')} && {_ADMITTED})",
        field("spec"),
        f" must select and tolerate {labels.DEDICATED}=",
        _TEAM,
        ": this team has nodes of its own; submit a Job with a queue label and Kueue sets both",
    ),
)

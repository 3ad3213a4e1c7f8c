"""A namespace becomes a team's by being created as such: none is claimed, handed on, or changed by tenants.

The first check binds platform engineers too, and Allotment itself. An existing namespace may hold somebody's
workloads, roles and secrets; to claim it would hand them to a team. Engineers can still repair a namespace of ours
whose labels were lost, because it says that Allotment manages it.
"""

from __future__ import annotations

from allotment.model import labels
from allotment.model.cluster import Cluster
from allotment.model.platform import Platform
from allotment.model.policy import Policy
from allotment.render.policies.admission import Check, Resources, Rule, Scope, Variable
from allotment.render.policies.cel import Expr, label, quote
from allotment.render.policies.identities import is_trusted
from allotment.render.policies.managed_objects_protected import label_variables
from allotment.render.policies.pod_template import when

_NAMESPACES = Resources(
    "", ("namespaces", "namespaces/finalize", "namespaces/status"), operations=("CREATE", "UPDATE", "DELETE")
)


def rule(platform: Platform, cluster: Cluster, policy: Policy) -> Rule:
    """The rule for one cluster."""
    return Rule(
        policy=policy,
        scope=Scope.NAMESPACE_OBJECTS,
        resources=(_NAMESPACES,),
        conditions=(),
        variables=(
            *label_variables(),
            Variable("trusted", is_trusted(platform, cluster)),
            Variable("oldTeam", label("variables.before", labels.TENANT)),
            Variable("newTeam", label("variables.after", labels.TENANT)),
        ),
        checks=(_NOT_CLAIMED, _NOT_BY_TENANTS),
    )


_NOT_CLAIMED = Check(
    name="claimed",
    message="an existing namespace is not claimed for a team",
    faults=when(
        'request.operation == "UPDATE" && variables.newTeam != "" && variables.newTeam != variables.oldTeam'
        ' && !(variables.oldTeam == "" && variables.ours)',
        "namespace ",
        Expr("request.name"),
        " exists and ",
        Expr('(variables.oldTeam == "" ? "is not Allotment\'s" : "belongs to team " + variables.oldTeam)'),
        "; it is not handed to team ",
        Expr("variables.newTeam"),
        ": move its contents and delete it, or give the team another name",
    ),
)

_NOT_BY_TENANTS = Check(
    name="changedByTenants",
    message="team namespaces are created, changed and deleted by platform engineers only",
    faults=when(
        '!variables.trusted && (variables.ours || variables.oldTeam != "" || size(variables.brought) > 0)',
        "namespace ",
        Expr("request.name"),
        " is, or would become, a namespace of the platform (",
        quote(labels.TENANT),
        "); ask the platform team to change it in the platform directory",
    ),
)

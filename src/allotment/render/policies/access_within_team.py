"""Rights in a team's namespace stay in the team: owners hand them to the team's own groups and to named guests.

Not to themselves by name: what the identity provider takes away with a group, such a binding would keep.

What an owner may hand on is bounded by the API server's escalation check; to whom, by nothing but this rule. A token
that never expires is nobody's in particular, and outlives everybody, so the kind of Secret that holds one is refused.
When a team leaves nobody gets rights any more: only what is there has to be taken away.
"""

from __future__ import annotations

from typing import Final

from allotment.model import labels
from allotment.model.cluster import Cluster
from allotment.model.platform import Platform
from allotment.model.policy import Policy
from allotment.render.policies.admission import Check, Resources, Rule, Scope, Variable
from allotment.render.policies.cel import Expr, quote, sentence
from allotment.render.policies.identities import binds_all_but_engineers, binds_tenants
from allotment.render.policies.pod_template import when

_RIGHTS: Final = Resources("rbac.authorization.k8s.io", ("rolebindings", "roles"))
_TOKENS: Final = Resources("", ("secrets",), operations=("CREATE",))


def rule(platform: Platform, cluster: Cluster, policy: Policy) -> Rule:
    """The rule for one cluster."""
    return Rule(
        policy=policy,
        scope=Scope.TEAM_NAMESPACES,
        resources=(_RIGHTS, _TOKENS),
        conditions=(binds_all_but_engineers(platform), binds_tenants(platform, cluster)),
        variables=(
            Variable("groups", _lines(labels.GROUPS_ANNOTATION)),
            Variable("guests", _lines(labels.GUESTS_ANNOTATION)),
            Variable("newSubjects", _NEW_SUBJECTS),
        ),
        checks=(_SUBJECTS, _NO_TOKENS, _LEAVING),
    )


def _lines(annotation: str) -> Expr:
    """The lines of an annotation of the namespace: names of an identity provider hold commas and blanks."""
    value = f'namespaceObject.metadata.?annotations[?{quote(annotation)}].orValue("")'
    return Expr(f'{value}.split("\\n").filter(name, name != "")')


_CREATING: Final = 'request.operation == "CREATE"'
_BINDING: Final = 'request.resource.resource == "rolebindings"'
_BEFORE: Final = "(oldObject == null ? [] : dyn(oldObject).?subjects.orValue([]))"
_NEW_SUBJECTS: Final = f"({_BINDING} ? dyn(object).?subjects.orValue([]) : []).filter(s, !(s in {_BEFORE}))"

_OURS: Final = (
    '(s.kind == "ServiceAccount" ? s.?namespace.orValue("") == request.namespace'
    ' : (!s.name.startsWith("system:")'
    ' && (s.name in variables.guests || (s.kind == "Group" && s.name in variables.groups))))'
)

_SUBJECTS: Final = Check(
    name="strangers",
    message="rights are given to the team's own groups, its guests, and its own service accounts",
    faults=Expr(
        f"variables.newSubjects.filter(s, !{_OURS}).map(s, "
        + sentence(
            "subjects holds ",
            Expr('s.kind + " " + s.?namespace.optMap(n, n + "/").orValue("") + s.name'),
            ", which is not of this team; name a group of your team (",
            Expr('variables.groups.join(", ")'),
            "), a guest that the platform directory names, or a service account of this namespace",
        )
        + ")"
    ),
)

_NO_TOKENS: Final = Check(
    name="lastingTokens",
    message="no Secret holds a token that never expires",
    faults=when(
        f'request.resource.resource == "secrets" && {_CREATING}'
        ' && dyn(object).?type.orValue("") == "kubernetes.io/service-account-token"',
        "type is kubernetes.io/service-account-token, a token that never expires; mount a projected token into the pod"
        " instead, which is renewed and ends with it",
    ),
)

_LEAVING: Final = Check(
    name="lateRights",
    message="a team that leaves gives no rights any more",
    faults=when(
        f"{quote(labels.OFFBOARDING)} in namespaceObject.metadata.?labels.orValue({{}})"
        ' && request.resource.resource != "secrets"'
        f" && ({_CREATING} || dyn(object).?rules != dyn(oldObject).?rules"
        " || dyn(object).?subjects != dyn(oldObject).?subjects)",
        Expr("request.resource.resource"),
        " ",
        Expr("request.name"),
        " gives rights in the namespace of a team that leaves; ask the platform team",
    ),
)

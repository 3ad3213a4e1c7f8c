"""A namespace becomes a team's by being created as such: none is claimed, handed on, or changed by tenants.

The first checks bind platform engineers too, and Allotment itself. An existing namespace may hold somebody's
workloads, roles and secrets; to claim it would hand them to a team. What makes a namespace ours is a claim each by
itself: the tenant's label, the platform's, and managed-by with our value. Nor does a team's namespace lose its
tenant: the next request could give it to another team, with all that is in it.

A tenant's label can be lost only while this policy is not in force. It is put back where the namespace says otherwise
that it was that team's: it still carries the platform's marks and, on the label for the bill, the team's name. What
the directory declares is no proof, since a claim would come from there.

One way in is left, and one out: `allot adopt` and its `--undo`, by an engineer in person. In takes two requests. The
first writes down, on the namespace, for which team it is; the second claims it for that team and takes the word away.
The word names the namespace's uid, so it is good for no other team, for no namespace created later under the name, and
for no second time. Out takes the record of the adoption away with the marks. A repository can hold neither: a
controller is not an engineer, and neither word nor record stands in a manifest that may be created or applied.

A label that somebody only wrote on a live namespace, before this policy stood, made it no team's. Engineers take it
off: from the system's namespaces as they like, from others in person under that field manager.
"""

from __future__ import annotations

from typing import Final

from allotment.model import labels
from allotment.model.cluster import Cluster
from allotment.model.platform import Platform
from allotment.model.policy import Policy
from allotment.render.policies.admission import Check, Resources, Rule, Scope, Variable
from allotment.render.policies.cel import Expr, label, quote, sentence, string_list
from allotment.render.policies.identities import exempt_namespaces, is_engineer, is_trusted
from allotment.render.policies.managed_objects_protected import label_variables
from allotment.render.policies.pod_template import when

_NAMESPACES = Resources(
    "",
    ("namespaces", "namespaces/finalize", "namespaces/status"),
    operations=("CREATE", "UPDATE", "DELETE"),
    cluster_scoped=True,
)


def rule(platform: Platform, cluster: Cluster, policy: Policy) -> Rule:
    """The rule for one cluster."""
    systems = string_list(exempt_namespaces(platform, cluster))
    return Rule(
        policy=policy,
        scope=Scope.NAMESPACE_OBJECTS,
        resources=(_NAMESPACES,),
        conditions=(),
        variables=(
            *label_variables(),
            Variable("trusted", is_trusted(platform, cluster)),
            # By its key: policies bind to a namespace that has the label, whatever its value.
            Variable("wasTeams", f"{_TENANT} in variables.before"),
            Variable("isTeams", f"{_TENANT} in variables.after"),
            Variable("oldTeam", label("variables.before", labels.TENANT)),
            Variable("newTeam", label("variables.after", labels.TENANT)),
            Variable(
                "marked", f"variables.ours && {label('variables.before', labels.PLATFORM)} == {quote(platform.name)}"
            ),
            Variable("billedTo", label("variables.before", labels.TEAM)),
            Variable("wordBefore", _annotation("oldObject", labels.CONSENT)),
            Variable("wordAfter", _annotation("object", labels.CONSENT)),
            Variable("recordBefore", _annotation("oldObject", labels.ADOPTED)),
            Variable("recordAfter", _annotation("object", labels.ADOPTED)),
            Variable("engineer", is_engineer(platform)),
            Variable("adopting", f"{_ADOPTING} && variables.engineer"),
            Variable("adopted", _ADOPTED),
            Variable("declared", _DECLARED),
            Variable("neverTheirs", f"variables.engineer && request.name in {systems}"),
            Variable("givenBack", _GIVEN_BACK),
            Variable("repaired", _REPAIRED),
            Variable("toPlatform", _TO_PLATFORM),
        ),
        checks=(_NOT_CLAIMED, _NOT_DISOWNED, _WORD_OF_ENGINEERS, _NOT_BY_TENANTS),
    )


def _annotation(side: str, key: str) -> str:
    return f'{side} == null ? "" : string(dyn({side}).?metadata.?annotations[?{quote(key)}].orValue(""))'


_TENANT: Final = quote(labels.TENANT)
_PLATFORM: Final = quote(labels.PLATFORM)
_CLIENT_SIDE: Final = ("argocd-controller", "argocd-application-controller", "kubectl-client-side-apply")
_SYSTEM: Final = f"request.name == {quote(labels.SYSTEM_NAMESPACE)}"

_ADOPTING: Final = (
    'request.operation == "UPDATE" && request.?subResource.orValue("") == ""'
    f' && dyn(request).?options.?fieldManager.orValue("") == {quote(labels.ADOPTING_MANAGER)}'
    ' && !request.userInfo.username.startsWith("system:serviceaccount:")'
)
_ADOPTED: Final = (
    'variables.adopting && !variables.wasTeams && variables.wordAfter == ""'
    ' && variables.wordBefore == variables.newTeam + "/" + string(dyn(oldObject).metadata.uid)'
    f' && (variables.newTeam != "" || !variables.isTeams && {_SYSTEM})'
)
# Somebody applied whole objects, the label among them, and did not only label a live one (`plan.syncing`).
_DECLARED: Final = (
    "dyn(oldObject).?metadata.?managedFields.orValue([]).exists(m,"
    f' {quote(f"f:{labels.TENANT}")} in m.?fieldsV1[?"f:metadata"][?"f:labels"].orValue({{}})'
    ' && (m.?operation.orValue("") == "Apply"'
    f' || m.?manager.orValue("").startsWith({quote(labels.FIELD_MANAGER)})'
    f' || m.?manager.orValue("") in {string_list(_CLIENT_SIDE)}))'
)
_GIVEN_BACK: Final = (
    f"variables.neverTheirs || variables.adopting && !({_PLATFORM} in variables.after)"
    ' && (variables.recordBefore != "" && variables.recordAfter == "" || !variables.declared)'
)
_REPAIRED: Final = (
    'variables.marked && !variables.wasTeams && variables.newTeam != "" && variables.newTeam == variables.billedTo'
)

# The platform's own namespace carries the cluster's mark, which `--override-identity` exchanges.
_TO_PLATFORM: Final = (
    f"!({_SYSTEM} && (variables.ours || {_PLATFORM} in variables.before)) && (variables.wasTeams"
    f" ? {_PLATFORM} in variables.before && {_PLATFORM} in variables.brought"
    f" : {_PLATFORM} in variables.brought || {quote(labels.MANAGED_BY)} in variables.brought)"
)
_TO_TEAM: Final = (
    "variables.isTeams && (!variables.wasTeams || variables.newTeam != variables.oldTeam) && !variables.repaired"
)
_OWNER: Final = Expr(
    '(variables.wasTeams ? "belongs to team " + variables.oldTeam'
    ' : variables.marked ? "was team " + variables.billedTo + "\'s" : "is not Allotment\'s")'
)

_NOT_CLAIMED = Check(
    name="claimed",
    message="an existing namespace is not claimed for a team",
    faults=when(
        f'request.operation == "UPDATE" && ({_TO_TEAM} || variables.toPlatform) && !variables.adopted',
        "namespace ",
        Expr("request.name"),
        " exists and ",
        _OWNER,
        "; it is not handed to ",
        Expr(f'({_TO_TEAM} ? "team " + variables.newTeam : "the platform")'),
        Expr(
            "(variables.wasTeams || variables.marked ? "
            + quote(": move its contents and delete it")
            + " : "
            + sentence(": a platform engineer can take it over with `allot adopt namespace/", Expr("request.name"), "`")
            + ")"
        ),
        ", or give the team another name",
    ),
)

# Without its label no policy about teams holds in it, and the next request could give it to another team.
_DISOWNED: Final = when(
    'request.operation == "UPDATE" && variables.wasTeams && !variables.isTeams && !variables.givenBack',
    "namespace ",
    Expr("request.name"),
    " is team ",
    Expr("variables.oldTeam"),
    f"'s, and the label {labels.TENANT} stays: `allot adopt --undo namespace/",
    Expr("request.name"),
    "` gives back one that was taken over; any other is emptied and deleted",
)
# Where that label was lost, this one is the proof whose it was.
_PROOF_LOST: Final = when(
    'request.operation == "UPDATE" && variables.marked && !variables.wasTeams && !variables.adopting'
    f" && !({_SYSTEM}) && variables.billedTo != {label('variables.after', labels.TEAM)}",
    "namespace ",
    Expr("request.name"),
    f" has lost the label {labels.TENANT}, and its label {labels.TEAM} says whose it was: leave it, and put the other"
    " back with `allot apply`",
)

_NOT_DISOWNED = Check(
    name="disowned",
    message="a team's namespace stays the team's",
    faults=f"{_DISOWNED} + {_PROOF_LOST}",
)

_WORD_OF_ENGINEERS = Check(
    name="consented",
    message="that an existing namespace becomes a team's is a platform engineer's word, given with `allot adopt`",
    faults=" + ".join(
        when(
            f'variables.{now} != "" && variables.{now} != variables.{earlier} && !variables.adopting',
            f"metadata.annotations.{key} is a platform engineer's word; it is given with `allot adopt` only, and"
            " stands in no manifest: take this annotation away",
        )
        for key, earlier, now in (
            (labels.CONSENT, "wordBefore", "wordAfter"),
            (labels.ADOPTED, "recordBefore", "recordAfter"),
        )
    ),
)

_NOT_BY_TENANTS = Check(
    name="changedByTenants",
    message="team namespaces are created, changed and deleted by platform engineers only",
    faults=when(
        f"!variables.trusted && (variables.ours || variables.wasTeams || size(variables.brought) > 0 || {_SYSTEM})",
        "namespace ",
        Expr("request.name"),
        " is, or would become, a namespace of the platform (",
        quote(labels.TENANT),
        "); ask the platform team to change it in the platform directory",
    ),
)

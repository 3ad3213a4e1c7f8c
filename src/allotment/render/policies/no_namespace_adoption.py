"""A namespace becomes a team's by being created as such: none is claimed, handed on, or changed by tenants.

The first checks bind platform engineers too, and Allotment itself. An existing namespace may hold somebody's
workloads, roles and secrets; to claim it would hand them to a team. What makes a namespace ours is a claim each by
itself: the tenant's label, the platform's, and managed-by with our value. Nor does a team's namespace lose its
tenant: the next request could give it to another team, with all that is in it.

A tenant's label can be lost only while this policy is not in force. It is put back where the namespace says otherwise
that it was that team's: it still carries the platform's marks and, on the label for the bill, the team's name. What
the directory declares is no proof, since a claim would come from there.

One way in is left, and one out: `allot adopt` and its `--undo`, by an engineer in person. In takes two requests. The
first writes down, on the namespace, for which team it is; the second claims it for that team, takes the word away and
leaves the record of how it was: no record comes without a claim, and no claim without one.
The word names the namespace's uid, so it is good for no other team, for no namespace created later under the name, and
for no second time. Out takes the record of the adoption away with the marks. A repository can hold neither: a
controller is not an engineer, and neither word nor record stands in a manifest that may be created or applied.

An engineer here is who is in the groups and may delete the namespace in question: a role that only patches one, as
`allot prove` needs it, changes no namespace for good.

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
from allotment.render.policies.identities import exempt_namespaces, is_controller, is_engineer
from allotment.render.policies.managed_objects_protected import label_variables
from allotment.render.policies.pod_template import when

_NAMESPACES: Final = Resources(
    "",
    ("namespaces", "namespaces/finalize", "namespaces/status"),
    operations=("CREATE", "UPDATE", "DELETE"),
    cluster_scoped=True,
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
            Variable("systems", string_list(exempt_namespaces(platform, cluster))),
            Variable("inGroup", is_engineer(platform)),
            Variable("engineer", f"variables.inGroup && ({_DRY_RUN} || {_MAY_DELETE})"),
            Variable("trusted", f"(variables.inGroup || {is_controller(platform, cluster)})"),
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
            Variable("adopting", f"{_ADOPTING} && variables.engineer"),
            Variable("adopted", _ADOPTED),
            Variable("declared", _declared("oldObject", "variables.before")),
            Variable("stillDeclared", _declared("object", "variables.after")),
            Variable("neverTheirs", "request.name in variables.systems && variables.engineer"),
            Variable("givenBack", _GIVEN_BACK),
            Variable("repaired", _REPAIRED),
            Variable("toPlatform", _TO_PLATFORM),
        ),
        checks=(
            _WITH_THE_RIGHT,
            _NOT_CLAIMED,
            _NOT_DISOWNED,
            _MARKS_AGREE,
            _WORD_OF_ENGINEERS,
            _NOT_BY_TENANTS,
            _TRUSTED_BY_NAME,
        ),
    )


def _annotation(side: str, key: str) -> str:
    return f'{side} == null ? "" : string(dyn({side}).?metadata.?annotations[?{quote(key)}].orValue(""))'


_TENANT: Final = quote(labels.TENANT)
_PLATFORM: Final = quote(labels.PLATFORM)
_CLIENT_SIDE: Final = ("argocd-controller", "argocd-application-controller", "kubectl-client-side-apply")
_CLUSTERS_MARK: Final = (labels.CLUSTER, labels.PLATFORM)
_SYSTEM: Final = f"request.name == {quote(labels.SYSTEM_NAMESPACE)}"

# Whoever changes what a namespace is, has as much power over it as who may delete it: a role that may only patch one
# gives no engineer more. What is only tried changes nothing.
_DRY_RUN: Final = "dyn(request).?dryRun.orValue(false)"
_MAY_DELETE: Final = 'authorizer.group("").resource("namespaces").name(request.name).check("delete").allowed()'

_ADOPTING: Final = (
    'request.operation == "UPDATE" && request.?subResource.orValue("") == ""'
    f' && dyn(request).?options.?fieldManager.orValue("") == {quote(labels.ADOPTING_MANAGER)}'
    ' && !request.userInfo.username.startsWith("system:serviceaccount:")'
)
_ADOPTED: Final = (
    'variables.adopting && !variables.wasTeams && variables.wordAfter == "" && variables.recordAfter != ""'
    ' && variables.wordBefore == variables.newTeam + "/" + string(dyn(oldObject).metadata.uid)'
    f' && (variables.newTeam != "" || !variables.isTeams && {_SYSTEM})'
)


def _declared(side: str, marks: str) -> str:
    """CEL: somebody applied whole objects, with all the marks that they carry, and did not only label one.

    As `plan.survey.is_applied` reads it.
    """
    return (
        f"{side} != null && dyn({side}).?metadata.?managedFields.orValue([]).exists(m,"
        f" {string_list((labels.TENANT, labels.PLATFORM, labels.MANAGED_BY))}.all(key, !(key in {marks})"
        ' || ("f:" + key) in m.?fieldsV1[?"f:metadata"][?"f:labels"].orValue({}))'
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
    f" && !({_SYSTEM})"
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

_NOT_CLAIMED: Final = Check(
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

# A namespace that begins so could be given to any team later, with what others have put into it until then.
_NOBODYS: Final = when(
    f'request.operation == "CREATE" && !variables.isTeams && !variables.engineer && !({_SYSTEM})'
    f" && ({_PLATFORM} in variables.after || {quote(labels.MANAGED_BY)} in variables.brought)",
    "namespace ",
    Expr("request.name"),
    f" would carry the platform's marks, and no team's: give it {labels.TENANT}, or take them away",
)
# By this record a namespace that a team has by the directory is told from one that somebody labelled.
_FORGOTTEN: Final = when(
    'request.operation == "UPDATE" && variables.wasTeams && variables.isTeams'
    " && variables.declared && !variables.stillDeclared",
    "namespace ",
    Expr("request.name"),
    " would lose the record of who declared it (metadata.managedFields): leave that to the API server",
)

# By that record it is told from one that the platform made, and that it may delete.
_UNRECORDED: Final = when(
    'request.operation == "UPDATE" && variables.isTeams && variables.recordBefore != "" && variables.recordAfter == ""',
    "namespace ",
    Expr("request.name"),
    f" was taken over, and the annotation {labels.ADOPTED} stays as long as it is a team's",
)

_NOT_DISOWNED: Final = Check(
    name="disowned",
    message="a team's namespace stays the team's",
    faults=f"{_DISOWNED} + {_PROOF_LOST} + {_NOBODYS} + {_FORGOTTEN} + {_UNRECORDED}",
)

_BILLED_TO: Final = label("variables.after", labels.TEAM)
_BILLED_TO_ANOTHER: Final = when(
    f"variables.isTeams && {_BILLED_TO} != variables.billedTo && {_BILLED_TO} != variables.newTeam",
    "namespace ",
    Expr("request.name"),
    " is team ",
    Expr("variables.newTeam"),
    f"'s, so its label {labels.TEAM} says no other team",
)
_WITHOUT_PLATFORM: Final = when(
    'request.operation == "UPDATE" && variables.wasTeams && variables.isTeams'
    f" && {_PLATFORM} in variables.before && !({_PLATFORM} in variables.after)",
    "namespace ",
    Expr("request.name"),
    f" keeps the label {labels.PLATFORM} as long as it is a team's",
)
# A repository that is synced into the wrong cluster must not make it another one.
_OF_ANOTHER_CLUSTER: Final = when(
    f'request.operation == "UPDATE" && {_SYSTEM} && !variables.inGroup && {string_list(_CLUSTERS_MARK)}.exists(key,'
    " key in variables.before && !(key in variables.after && variables.after[key] == variables.before[key]))",
    "the labels ",
    Expr(quote(" and ".join(_CLUSTERS_MARK))),
    " of namespace ",
    Expr("request.name"),
    " say which cluster this is; a platform engineer changes them, with --override-identity",
)

_MARKS_AGREE: Final = Check(
    name="marksDisagree",
    message="the marks of the platform's namespaces agree with each other, and say which cluster this is",
    faults=f"{_BILLED_TO_ANOTHER} + {_WITHOUT_PLATFORM} + {_OF_ANOTHER_CLUSTER}",
)

_WORD_OF_ENGINEERS: Final = Check(
    name="consented",
    message="that an existing namespace becomes a team's is a platform engineer's word, given with `allot adopt`",
    faults=" + ".join(
        when(
            f'variables.{now} != "" && variables.{now} != variables.{earlier} && !variables.{allowed}',
            f"metadata.annotations.{key} is a platform engineer's word; it is given with `allot adopt` only, and"
            " stands in no manifest: take this annotation away",
        )
        for key, earlier, now, allowed in (
            (labels.CONSENT, "wordBefore", "wordAfter", "adopting"),
            (labels.ADOPTED, "recordBefore", "recordAfter", "adopted"),
        )
    ),
)

_OF_PLATFORM: Final = f"variables.ours || variables.wasTeams || size(variables.brought) > 0 || {_SYSTEM}"

_NOT_BY_TENANTS: Final = Check(
    name="changedByTenants",
    message="team namespaces are created, changed and deleted by platform engineers only",
    faults=when(
        f"!variables.trusted && ({_OF_PLATFORM})",
        "namespace ",
        Expr("request.name"),
        " is, or would become, a namespace of the platform (",
        quote(labels.TENANT),
        "); ask the platform team to change it in the platform directory",
    ),
)

# An expression that makes a message cannot ask the authorizer: here the message alone is said, and no other asks.
_WITH_THE_RIGHT: Final = Check(
    name="changedWithoutTheRight",
    message="an engineer who makes or changes a team's namespace has to have the right to delete it, too",
    faults=when(
        f"variables.inGroup && ({_OF_PLATFORM}) && !variables.engineer",
        "to change namespace ",
        Expr("request.name"),
        " an engineer has to have the right to delete it, too",
    ),
    alone=True,
)

# Nobody is bound by policies who acts from there: whoever may make namespaces at all must not make these.
_TRUSTED_BY_NAME: Final = Check(
    name="trustedByName",
    message="namespaces of the system are made by platform engineers and the system only",
    faults=when(
        f'request.operation == "CREATE" && !variables.trusted && !({_SYSTEM}) && request.name in variables.systems',
        "namespace ",
        Expr("request.name"),
        " is the system's by the platform directory (exemptNamespaces), and no policy binds who acts from there; a"
        " platform engineer makes it, or takes its name out of exemptNamespaces",
    ),
)

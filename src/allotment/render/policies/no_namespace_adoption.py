"""A namespace becomes a team's by being created as such: none is claimed, handed on, or changed by tenants.

The first checks bind platform engineers too, and Allotment itself. An existing namespace may hold somebody's
workloads, roles and secrets; to claim it would hand them to a team. Engineers can still repair a namespace of ours
whose labels were lost, because it says that Allotment manages it.

One way in is left: `allot adopt`, by an engineer in person. It takes two requests. The first writes down, on the
namespace, for which team it is; the second claims it for that team and takes the word away. The word names the
namespace's uid, so it is good for no other team, for no namespace created later under the name, and for no second
time. A repository can hold neither: a controller is not an engineer, and the word stands in no manifest that may be
created or applied.
"""

from __future__ import annotations

from typing import Final

from allotment.model import labels
from allotment.model.cluster import Cluster
from allotment.model.platform import Platform
from allotment.model.policy import Policy
from allotment.render.policies.admission import Check, Resources, Rule, Scope, Variable
from allotment.render.policies.cel import Expr, label, quote, sentence
from allotment.render.policies.identities import is_engineer, is_trusted
from allotment.render.policies.managed_objects_protected import OURS, label_variables
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
            Variable("becomesOurs", f"{label('variables.after', labels.MANAGED_BY)} == {OURS}"),
            Variable("wordBefore", _word("oldObject")),
            Variable("wordAfter", _word("object")),
            Variable("engineer", is_engineer(platform)),
            Variable("adopting", f"{_ADOPTING} && variables.engineer"),
            Variable("adopted", _ADOPTED),
        ),
        checks=(_NOT_CLAIMED, _NOT_DISOWNED, _WORD_OF_ENGINEERS, _NOT_BY_TENANTS),
    )


def _word(side: str) -> str:
    return f'{side} == null ? "" : string(dyn({side}).?metadata.?annotations[?{quote(labels.CONSENT)}].orValue(""))'


_ADOPTING: Final = (
    'request.operation == "UPDATE" && request.?subResource.orValue("") == ""'
    f' && dyn(request).?options.?fieldManager.orValue("") == {quote(labels.ADOPTING_MANAGER)}'
    ' && !request.userInfo.username.startsWith("system:serviceaccount:")'
)
_ADOPTED: Final = (
    'variables.adopting && variables.oldTeam == "" && variables.wordAfter == ""'
    ' && variables.wordBefore == variables.newTeam + "/" + string(dyn(oldObject).metadata.uid)'
)

# To be marked as Allotment's is the first half of a claim: the second half would pass as a repair.
_CLAIM: Final = (
    'variables.newTeam != "" && variables.newTeam != variables.oldTeam'
    ' && !(variables.oldTeam == "" && variables.ours)'
    ' || variables.oldTeam == "" && variables.becomesOurs && !variables.ours'
)

_NOT_CLAIMED = Check(
    name="claimed",
    message="an existing namespace is not claimed for a team",
    faults=when(
        f'request.operation == "UPDATE" && ({_CLAIM}) && !variables.adopted',
        "namespace ",
        Expr("request.name"),
        " exists and ",
        Expr('(variables.oldTeam == "" ? "is not Allotment\'s" : "belongs to team " + variables.oldTeam)'),
        "; it is not handed to ",
        Expr('(variables.newTeam == "" ? "the platform" : "team " + variables.newTeam)'),
        Expr(
            '(variables.oldTeam == "" ? '
            + sentence(": a platform engineer can take it over with `allot adopt namespace/", Expr("request.name"), "`")
            + ' : ": move its contents and delete it")'
        ),
        ", or give the team another name",
    ),
)

# Without its label no policy about teams holds in it, and the next request could give it to another team.
_NOT_DISOWNED = Check(
    name="disowned",
    message="a team's namespace stays the team's",
    faults=when(
        'request.operation == "UPDATE" && variables.oldTeam != "" && variables.newTeam == "" && !variables.engineer',
        "namespace ",
        Expr("request.name"),
        " is team ",
        Expr("variables.oldTeam"),
        "'s; only a platform engineer takes it out of the platform",
    ),
)

_WORD_OF_ENGINEERS = Check(
    name="consented",
    message="that an existing namespace becomes a team's is a platform engineer's word, given with `allot adopt`",
    faults=when(
        'variables.wordAfter != "" && variables.wordAfter != variables.wordBefore && !variables.adopting',
        f"metadata.annotations.{labels.CONSENT} is a platform engineer's word; it is given with `allot adopt` only, and"
        " stands in no manifest: take this annotation away",
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

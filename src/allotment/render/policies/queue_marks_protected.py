"""What Kueue keeps its books by, only Kueue writes: its labels and annotations, but for those that are for users.

Kueue trusts what it finds written: which Workload stands for a job, which pods are alike, that a parent is held in a
pod's stead. So the rule names what is for users and refuses the rest of Kueue's domain, whatever a later Kueue adds.
It looks at the object, at every pod template, and at what stands between the two (the Job in a CronJob, the Jobs of a
JobSet, the patches of a TrainJob). What Kueue's webhooks and controllers wrote before may stay.

On a pod nobody can tell a role that was written by hand from the one that Kueue's webhook has written by then. A
MutatingAdmissionPolicy comes before that webhook: it leaves a mark, by which this rule refuses the pod. A cluster that
has none takes no pod groups from tenants, the only place where Kueue goes by the role.
"""

from __future__ import annotations

from typing import Final

from allotment.model import labels
from allotment.model.cluster import Cluster
from allotment.model.platform import Platform
from allotment.model.policy import Mode, Policy
from allotment.render.policies.admission import Check, Condition, Resources, Rule, Scope, Variable
from allotment.render.policies.carried import MARKED_BY_TENANT, brought, place
from allotment.render.policies.cel import Expr, first_few, quote, sentence, string_list
from allotment.render.policies.claimed import CLAIMED_MARKS, CLAIMED_OWNER, MADE_BY_OTHERS, OWN_SELECTOR
from allotment.render.policies.groups import GROUPS, NO_GROUPS, group_variables
from allotment.render.policies.identities import (
    KUEUE_NAMESPACE,
    binds_all_but_engineers,
    binds_workloads,
    by_tenant,
    told_with,
)
from allotment.render.policies.mutating import Mutation, Reinvocation, add, escaped, remove
from allotment.render.policies.placement import QUEUED_WHOLE
from allotment.render.policies.pod_template import POD_GROUP, WORKLOADS, each, pod_variables

_KUEUE: Final = "kueue.x-k8s.io/"
ROLE_HASH: Final = f"{_KUEUE}role-hash"

FOR_USERS: Final = (
    # Which queue, which rank, for how long.
    labels.KUEUE_QUEUE,
    labels.KUEUE_PRIORITY,
    f"{_KUEUE}max-exec-time-seconds",
    # Jobs that shrink and grow: each change is charged anew.
    f"{_KUEUE}elastic-job",
    f"{_KUEUE}job-completions-equal-parallelism",
    # Pod groups. Kueue's webhooks write "managed" too; by hand on a pod it makes Kueue hold it, and nothing else.
    f"{_KUEUE}managed",
    f"{_KUEUE}pod-group-fast-admission",
    POD_GROUP,
    f"{_KUEUE}pod-group-total-count",
    f"{_KUEUE}retriable-in-group",
    # Where the pods of a job stand to each other.
    f"{_KUEUE}pod-group-pod-index",
    f"{_KUEUE}pod-group-pod-index-label",
    f"{_KUEUE}pod-index-offset",
    f"{_KUEUE}podset-group-name",
    f"{_KUEUE}podset-preferred-topology",
    f"{_KUEUE}podset-required-topology",
    f"{_KUEUE}podset-slice-required-topology",
    f"{_KUEUE}podset-slice-required-topology-constraints",
    f"{_KUEUE}podset-slice-size",
    f"{_KUEUE}podset-unconstrained-topology",
)
"""Labels and annotations of Kueue's domain that tenants may write; of a pod group not all, see below."""

_PODS: Final = Resources("", ("pods",), operations=("CREATE",))
_PARENT_HOLDS: Final = f"annotations.{_KUEUE}pod-suspending-parent"


def rule(platform: Platform, cluster: Cluster, policy: Policy) -> Rule:
    """The rule for one cluster."""
    return Rule(
        policy=policy,
        scope=Scope.TEAM_NAMESPACES,
        resources=WORKLOADS,
        # A controller's pod may come of a template that is older than this rule.
        conditions=binds_workloads(platform, cluster, "pods"),
        variables=(
            by_tenant(platform, cluster),
            *pod_variables(platform, "domains", "jobs", "templates", "templatesBefore"),
            Variable("marked", _places("dyn(object)", "variables.templates")),
            Variable(
                "markedBefore", f"oldObject == null ? [] : {_places('dyn(oldObject)', 'variables.templatesBefore')}"
            ),
            Variable("marksForUsers", string_list(FOR_USERS)),
            *group_variables(platform, cluster),
            Variable("marksOfWebhooks", _OF_WEBHOOKS),
        ),
        checks=(
            _FOREIGN,
            _PATCHED,
            _LOST,
            _FORGED,
            *GROUPS,
            CLAIMED_OWNER,
            CLAIMED_MARKS,
            MADE_BY_OTHERS,
            OWN_SELECTOR,
            *(() if cluster.mutating_policies else (NO_GROUPS,)),
        ),
        told_with=told_with("pods"),
    )


def mutation(platform: Platform, cluster: Cluster, policy: Policy) -> Mutation:
    """Before Kueue's webhook writes the role: whoever else wrote one is found out.

    The role is dropped where the pod is refused anyway; a policy that only watches leaves the pod as it is.
    """
    drop = policy.modes[cluster.name] is Mode.ENFORCE
    gone = f"{remove(_annotation(ROLE_HASH))}, " if drop else ""
    return Mutation(
        name=policy.name,
        resources=(_PODS,),
        conditions=(
            binds_all_but_engineers(platform),
            Condition(
                "not-kueue", f'!request.userInfo.username.startsWith("system:serviceaccount:{KUEUE_NAMESPACE}:")'
            ),
            Condition("names-a-role", f"{quote(ROLE_HASH)} in dyn(object).metadata.?annotations.orValue({{}})"),
        ),
        variables=(),
        patches=(f"[{gone}{add(_annotation(labels.REFUSED), quote(ROLE_HASH))}]",),
        # After the webhooks it would take what Kueue wrote for the sender's.
        reinvocation=Reinvocation.NEVER,
    )


def _annotation(key: str) -> Expr:
    return quote(f"/metadata/annotations/{escaped(key)}")


def _places(here: str, templates: str) -> str:
    """CEL: the metadata of the object and of all that is made out of it, with the path of each."""
    in_cron_job = place(quote("spec.jobTemplate.metadata."), f"{here}.spec.jobTemplate.?metadata")
    in_job_set = place(quote("spec.replicatedJobs[") + ' + j.name + "].template.metadata."', "j.template.?metadata")
    return (
        f'((variables.kind == "Pod" ? [] : [{place(quote("metadata."), f"{here}.?metadata")}])'
        f" + {templates}.map(t, {place('t.at + ' + quote('metadata.'), 't.pod.?metadata')})"
        f' + (variables.kind == "CronJob" ? [{in_cron_job}] : [])'
        f' + (variables.kind == "JobSet" ? {here}.spec.?replicatedJobs.orValue([]).map(j, {in_job_set}) : []))'
    )


# Kueue's webhooks come before this rule: what they write into templates stands there already.
_OF_WEBHOOKS: Final = (
    f'variables.kind == "Deployment" ? [{quote(f"{_PARENT_HOLDS}=deployment")}]'
    f' : (variables.kind == "StatefulSet" ? [{quote(f"{_PARENT_HOLDS}=statefulset")}]'
    f' : (variables.kind == "LeaderWorkerSet" ? [{quote(f"{_PARENT_HOLDS}=leaderworkerset.x-k8s.io/leaderworkerset")},'
    f" {quote(f'annotations.{_KUEUE}pod-group-serving=true')}] : []))"
)

_CREATING: Final = 'request.operation == "CREATE"'
_FOR_PODS: Final = f'k == "{_KUEUE}managed" && variables.kind in {string_list(sorted(("CronJob", *QUEUED_WHOLE)))}'
"""In the template of what Kueue holds as a whole it would make Kueue stop the pods that it has started itself."""
_OF_KUEUE: Final = f'k.startsWith("{_KUEUE}") && !(k in variables.marksForUsers)'


def _of_kueue(kind: str) -> str:
    return (
        f"({_OF_KUEUE} || ({_FOR_PODS}))"
        f' && !(p.at != "metadata." && ("{kind}." + k + "=" + p.{kind}[k]) in variables.marksOfWebhooks)'
        # Kueue's webhook has written it by now, or somebody else did before: see the mutation.
        f' && !(variables.kind == "Pod" && {_CREATING} && k == {quote(ROLE_HASH)})'
    )


_BROUGHT: Final = brought(_of_kueue)

_FOREIGN: Final = Check(
    name="foreignMarks",
    message="labels and annotations by which Kueue keeps its books are written by Kueue only",
    faults=each(
        f"size({_BROUGHT}) > 0",
        Expr("p.at"),
        first_few(_BROUGHT),
        ": only Kueue writes this, and goes by it; take it away",
        among=MARKED_BY_TENANT,
    ),
)

_PATCH: Final = "r.trainingRuntimeSpec.template"
_PATCHES: Final = "{here}.spec.?runtimePatches.orValue([])"


def _marked(metadata: str) -> str:
    brought = f"({_OF_KUEUE} || k == {quote(POD_GROUP)})"
    return " || ".join(f"{metadata}.?{kind}.orValue({{}}).exists(k, {brought})" for kind in ("labels", "annotations"))


_PATCHED: Final = Check(
    name="patchedMarks",
    message="a TrainJob brings none of Kueue's own labels and annotations into its runtime",
    faults=Expr(
        f'(variables.byTenant && variables.kind == "TrainJob" ? {_PATCHES.format(here="dyn(object)")} : [])'
        f".filter(r, !(oldObject != null && r in {_PATCHES.format(here='dyn(oldObject)')})"
        " && has(r.trainingRuntimeSpec) && has(r.trainingRuntimeSpec.template)"
        f" && ({_marked(f'{_PATCH}.?metadata')} || {_PATCH}.?spec.?replicatedJobs.orValue([]).exists(j,"
        f" {_marked('j.?template.?metadata')} || {_marked('j.?template.?spec.?template.?metadata')})))"
        ".map(r, "
        + sentence(
            "spec.runtimePatches of ",
            Expr('string(r.?manager.orValue("nobody"))'),
            f" writes a label or annotation of {_KUEUE} that only Kueue writes, and goes by; take it away",
        )
        + ")"
    ),
)

_KEPT_ON_PODS: Final = f'(k == "{_KUEUE}managed" || {_OF_KUEUE})'
_TAKEN: Final = " + ".join(
    f'b.{kind}.filter(k, {_KEPT_ON_PODS} && !(k in variables.marked[0].{kind})).map(k, "{kind}." + k)'
    for kind in ("labels", "annotations")
)

_LOST: Final = Check(
    name="lostMarks",
    message="what Kueue wrote on a pod is not taken off it",
    faults=Expr(
        '(variables.byTenant && variables.kind == "Pod" ? variables.markedBefore : [])'
        f".filter(b, size({_TAKEN}) > 0).map(b, "
        + sentence(
            "metadata.",
            first_few(f"({_TAKEN})"),
            ": Kueue finds its pods by this; leave it until the pod is gone",
        )
        + ")"
    ),
)

_FORGED: Final = Check(
    name="forgedRoles",
    message="the role of a pod in its group is worked out by Kueue",
    faults=each(
        f"{quote(labels.REFUSED)} in p.annotations"
        f" && !variables.markedBefore.exists(b, b.at == p.at && {quote(labels.REFUSED)} in b.annotations)",
        Expr("p.at"),
        Expr(
            f'(variables.kind == "Pod" && p.annotations[{quote(labels.REFUSED)}] == {quote(ROLE_HASH)}'
            f" ? {quote(f'annotations.{ROLE_HASH}')} : {quote(f'annotations.{labels.REFUSED}')})"
        ),
        " is set: only Kueue and the API server write this; take it away",
        among="variables.marked",
    ),
)

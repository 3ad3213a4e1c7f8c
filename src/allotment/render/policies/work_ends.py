"""Work that is to end ends: until its pod is gone a device is held, whatever the accounts say by then.

A pod lingers by a long grace period, its own or one asked for when it is deleted, and by a finalizer that nobody takes
off. A Job that replaces a pod before it is gone runs two for one charge. And what makes pods takes them with it when it
is deleted: left behind they run on, and its account ends.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from allotment.model import labels
from allotment.model.cluster import Cluster, Feature
from allotment.model.platform import Platform
from allotment.model.policy import Policy
from allotment.render.policies.admission import Check, Condition, Rule, Scope, Variable
from allotment.render.policies.cel import Expr, label, quote, sentence, string_list
from allotment.render.policies.claimed import MADE_BY, MAKER
from allotment.render.policies.identities import (
    binds_all_but_engineers,
    binds_tenants,
    by_tenant,
    spec_counts,
    told_with,
)
from allotment.render.policies.placement import QUEUED_WHOLE
from allotment.render.policies.pod_template import DEVICE, WORKLOADS, each, field, pod_variables, when
from allotment.render.policies.trained import trained_variables

_ENDED: Final = tuple(replace(kinds, operations=("DELETE",)) for kinds in WORKLOADS)
_KUEUE_FINALIZER: Final = "kueue.x-k8s.io/managed"
"""Of a pod that Kueue holds; Kueue marks it with a label of the same name, and takes the finalizer off when it ends."""


def rule(platform: Platform, cluster: Cluster, policy: Policy) -> Rule:
    """The rule for one cluster."""
    return Rule(
        policy=policy,
        scope=Scope.TEAM_NAMESPACES,
        resources=(*WORKLOADS, *_ENDED),
        conditions=(
            binds_all_but_engineers(platform),
            binds_tenants(platform, cluster),
            Condition("ends-or-spec-counts", f"{_DELETING} || ({spec_counts().expression})"),
        ),
        variables=(
            by_tenant(platform, cluster),
            *pod_variables(platform, "pods", "device", "accelerated", "jobs"),
            *trained_variables(),
            Variable("maxGrace", _MAX_GRACE),
            Variable("finalizersBefore", "oldObject == null ? [] : dyn(oldObject).metadata.?finalizers.orValue([])"),
            Variable("resource", "request.resource.resource"),
        ),
        checks=(
            *(_GRACE, _DELETION, _finalizers(cluster), _REPLACED, _LEFT, _LEAVING, _MADE_AGAIN),
            *(_PATCHED_IN, _KEPT_CLUSTER, _KEPT_PARTS),
        ),
        told_with=told_with(),
    )


_DELETING: Final = 'request.operation == "DELETE"'
_PODS: Final = f"({_DELETING} ? [] : variables.pods)"
_MAX_GRACE: Final = (
    f"int(namespaceObject.metadata.?annotations[?{quote(labels.MAX_GRACE_ANNOTATION)}]"
    f'.orValue("{labels.DEFAULT_MAX_GRACE}"))'
)

_GRACE: Final = Check(
    name="longGraces",
    message="a pod ends within the grace period that its team may have",
    faults=each(
        "int(p.spec.?terminationGracePeriodSeconds.orValue(30)) > variables.maxGrace",
        field("spec.terminationGracePeriodSeconds is "),
        Expr("string(p.spec.terminationGracePeriodSeconds)"),
        "; set it to ",
        Expr("string(variables.maxGrace)"),
        " or less, the seconds that a pod of this team may take to end",
        among=_PODS,
    ),
)

_ASKED: Final = "int(request.?options.?gracePeriodSeconds.orValue(0))"

_DELETION: Final = Check(
    name="longDeletions",
    message="a pod is deleted within the grace period that its team may have",
    faults=when(
        f"{_DELETING} && {_ASKED} > variables.maxGrace",
        "the deletion asks for a grace period of ",
        Expr(f"string({_ASKED})"),
        " seconds; ask for ",
        Expr("string(variables.maxGrace)"),
        " or less, the seconds that a pod of this team may take to end",
    ),
)

_KEPT: Final = "f in variables.finalizersBefore"
_KEPT_OR_KUEUES: Final = (
    f"({_KEPT} || (f == {quote(_KUEUE_FINALIZER)} && {label('p.labels', _KUEUE_FINALIZER)} == {quote('true')}))"
)


def _finalizers(cluster: Cluster) -> Check:
    # Where Kueue does not hold pods it takes no finalizer off them either.
    good = _KEPT_OR_KUEUES if Feature.POD_INTEGRATION in cluster.features else f"({_KEPT})"
    foreign = f'p.finalizers.filter(f, variables.kind != "Pod" || !{good})'
    return Check(
        name="podFinalizers",
        message="nothing but Kueue and the Job controller holds a pod back from ending",
        faults=each(
            f"size({foreign}) > 0",
            field("metadata.finalizers holds "),
            Expr(f'{foreign}.join(", ")'),
            ", and the pod would keep what it runs on until somebody takes it off; take it away",
            among=_PODS,
        ),
    )


_REPLACES: Final = 'j.spec.?podReplacementPolicy.orValue("TerminatingOrFailed")'

_REPLACED: Final = Check(
    name="earlyReplacements",
    message="a pod with accelerators is replaced when it has ended, not before",
    faults=Expr(
        # Elsewhere it cannot be changed any more.
        f'(request.operation == "CREATE" || (variables.kind == "CronJob" && !({_DELETING}))'
        " ? variables.jobs : [])"
        f'.filter(j, {_REPLACES} != "Failed" && variables.accelerated.exists(p, p.at.startsWith(j.at))).map(j, '
        + sentence(
            Expr("j.at"),
            "podReplacementPolicy is ",
            Expr(_REPLACES),
            " for work that asks for ",
            DEVICE,
            "; set it to Failed, so that a pod is replaced only when it has let go of its devices",
        )
        + ")"
    ),
)

# Kinds whose pods have no account of their own; pods, for those of a LeaderWorkerSet own sets; and Deployments, whose
# ReplicaSets nobody in a team could end. A CronJob may leave its Jobs.
_ACCOUNTED: Final = (
    "deployments",
    "jobs",
    "jobsets",
    "leaderworkersets",
    "pods",
    "rayclusters",
    "rayjobs",
    "rayservices",
    "replicationcontrollers",
    "statefulsets",
    "trainjobs",
)
_ORPHANING: Final = "orphan"
"""The garbage collector's finalizer: it keeps what the object made, whoever deletes the object."""

# The API server's own order: what the request says, else that finalizer, else the kind's old default.
_LEAVES_UNASKED: Final = (
    f'(variables.resource in ["jobs", "replicationcontrollers"] || {quote(_ORPHANING)} in variables.finalizersBefore)'
)
_LEAVES: Final = (
    "request.?options.?propagationPolicy.orValue("
    f'request.?options.?orphanDependents.orValue({_LEAVES_UNASKED}) ? "Orphan" : "") == "Orphan"'
)
# Nobody counts the pods of a set without a queue, and leaving them is how its volumes are changed.
_UNCOUNTED: Final = (
    f'variables.resource == "statefulsets" && size(dyn(oldObject).metadata.?ownerReferences.orValue([])) == 0'
    f" && !({quote(labels.KUEUE_QUEUE)} in dyn(oldObject).metadata.?labels.orValue({{}}))"
)

_LEFT: Final = Check(
    name="leftPods",
    message="what is deleted takes its pods with it",
    faults=when(
        f"{_DELETING} && variables.resource in {string_list(_ACCOUNTED)} && {_LEAVES} && !({_UNCOUNTED})",
        "the deletion leaves behind what the ",
        Expr("variables.resource"),
        " made, which nobody would count any more; ask for propagationPolicy Background or Foreground (a request for"
        " batch/v1 that names none means Orphan; kubectl says Background unless --cascade=orphan is given)",
    ),
)

# Kueue takes a Job that is being deleted for gone, while its pods wait for the finalizer.
_HOLDERS: Final = (
    f"dyn(object).metadata.?finalizers.orValue([]).filter(f, !(f in variables.finalizersBefore)"
    f" && (f == {quote(_ORPHANING)} || variables.kind in {string_list(QUEUED_WHOLE)}))"
)

_LEAVING: Final = Check(
    name="leavingPods",
    message="no finalizer keeps work that is deleted, or its pods",
    faults=when(
        f'!({_DELETING}) && variables.byTenant && variables.kind != "Pod" && size({_HOLDERS}) > 0',
        "metadata.finalizers holds ",
        Expr(f'{_HOLDERS}.join(", ")'),
        ": the pods would run on when the ",
        Expr("variables.kind"),
        " is deleted; take it away",
    ),
)

# What it had given back when it ended would not be charged again; and until its pods are gone it would run twice.
_MADE_AGAIN: Final = Check(
    name="madeAgain",
    message="what a controller made is deleted with what it was made for",
    faults=Expr(
        f'({_DELETING} && variables.byTenant && variables.resource != "pods" ? {MADE_BY} : []).map(o, '
        + sentence(
            MAKER,
            " would make it again, with what it holds by then counted once or not at all; delete ",
            MAKER,
        )
        + ")"
    ),
)

_IN_PATCH: Final = (
    "(s.jobSet.?metadata.?finalizers.orValue([])"
    " + s.jobSet.?spec.?replicatedJobs.orValue([]).map(j, j.?template.?metadata.?finalizers.orValue([])"
    " + j.?template.?spec.?template.?metadata.?finalizers.orValue([])).flatten())"
)

_PATCHED_IN: Final = Check(
    name="patchedFinalizers",
    message="a TrainJob patches no finalizer into what its runtime makes",
    faults=each(
        f"size({_IN_PATCH}) > 0",
        Expr("s.at"),
        " writes finalizers (",
        Expr(f'{_IN_PATCH}.map(f, string(f)).join(", ")'),
        "), by which pods would run on when the TrainJob is gone; take them away",
        among=f"({_DELETING} ? [] : variables.patched)",
        called="s",
    ),
)

_RAY_JOB: Final = f'!({_DELETING}) && variables.kind == "RayJob"'
_TTL: Final = "int(dyn(object).spec.?ttlSecondsAfterFinished.orValue(0))"

# Kueue's account ends with the job; KubeRay keeps the cluster, with what runs in it, until the time is over.
_KEPT_CLUSTER: Final = Check(
    name="keptCluster",
    message="the cluster of a RayJob ends soon after the job",
    faults=when(
        f"{_RAY_JOB} && {_TTL} > variables.maxGrace",
        "spec.ttlSecondsAfterFinished is ",
        Expr(f"string({_TTL})"),
        ", and so long the Ray cluster would run on uncounted after the job has ended; set it to ",
        Expr("string(variables.maxGrace)"),
        " or less, the seconds that a pod of this team may take to end",
    ),
)

_KEPT_PARTS: Final = Check(
    name="keptParts",
    message="a RayJob deletes its whole cluster when it has ended",
    faults=when(
        f"{_RAY_JOB} && has(dyn(object).spec.deletionStrategy)",
        "spec.deletionStrategy may keep parts of the Ray cluster running, uncounted, after the job has ended; take it"
        " away (shutdownAfterJobFinishes deletes the cluster)",
    ),
)

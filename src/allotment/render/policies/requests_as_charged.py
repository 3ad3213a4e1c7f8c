"""What a queue counts is what the pods will ask for.

Kueue counts the requests of a pod template. The API server completes a *pod* (a request from its limit, a limit from
the namespace's default) but no template, and Kueue 0.19 completes it in another order: a container with limits alone
would be counted with the namespace's default request, and one with a request above the default limit could never run.
So templates say both; where the cluster has mutating policies, they are completed there.
"""

from __future__ import annotations

from typing import Final

from allotment.model import labels
from allotment.model.cluster import Cluster
from allotment.model.platform import Platform
from allotment.model.policy import Policy
from allotment.render.policies.admission import Check, Rule, Scope
from allotment.render.policies.cel import Expr, label, quote, string_list
from allotment.render.policies.entitled import LIMITS, limit
from allotment.render.policies.identities import binds_workloads, by_tenant, told_with
from allotment.render.policies.pod_template import (
    POD_GROUP,
    RAY,
    RAY_AT,
    WORKLOADS,
    each,
    field,
    pod_variables,
    when,
)
from allotment.render.policies.trained import SPOKEN, trained_variables

DEFAULTED: Final = ("cpu", "memory")
"""Resources for which a container that says nothing gets the namespace's default."""

_REQUESTS: Final = "c.?resources.?requests.orValue({})"
_LIMITS: Final = "c.?resources.?limits.orValue({})"


def rule(platform: Platform, cluster: Cluster, policy: Policy) -> Rule:
    """The rule for one cluster."""
    return Rule(
        policy=policy,
        scope=Scope.TEAM_NAMESPACES,
        resources=WORKLOADS,
        conditions=binds_workloads(platform, cluster),
        variables=(
            by_tenant(platform, cluster),
            *pod_variables(platform, "labels", "pods"),
            *trained_variables(),
            LIMITS,
        ),
        checks=(
            *(_UNREQUESTED, _UNLIMITED, _ABOVE_LIMIT, _NOT_BY_POD, _BESIDE_IN_GROUP),
            *(_STARTED_AGAIN, _DELETED_BETWEEN, _WORKERS),
        ),
        told_with=told_with(),
    )


def _check(name: str, message: str, resources: str, *said: str) -> Check:
    """Containers for which a CEL list of resources is not empty; they and those are named before what is said."""
    found = f"p.containers.filter(c, size({resources}) > 0)"
    named = Expr(f'{found}.map(c, c.name + " (" + {resources}.join(", ") + ")").join(", ")')
    return Check(name, each(f"size({found}) > 0", field("spec: container "), named, *said, among=SPOKEN), message)


_UNREQUESTED: Final = _check(
    "unrequested",
    "containers with a limit say what they request",
    f"{string_list(DEFAULTED)}.filter(r, r in {_LIMITS} && !(r in {_REQUESTS}))",
    " has a limit and no request, so the queue would count less than the pod takes; set resources.requests to the same"
    " amounts",
)


def _above_default() -> str:
    found = [
        f"({string_list([name])}.filter(r, r in {_REQUESTS} && !(r in {_LIMITS}) && {limit(f'limit.{name}')}"
        f".exists(most, quantity(string({_REQUESTS}[r])).isGreaterThan(quantity(most)))))"
        for name in DEFAULTED
    ]
    return f"({' + '.join(found)})"


_UNLIMITED: Final = _check(
    "unlimited",
    "containers that request more than the default limit say their limit",
    _above_default(),
    " requests more than a container's default limit (",
    Expr('variables.limits.filter(f, f.startsWith("limit.")).map(f, f.substring(6)).join(", ")'),
    ") and names none of its own; set resources.limits too",
)

_ABOVE_LIMIT: Final = _check(
    "aboveLimit",
    "no container requests more than its limit",
    f"{_REQUESTS}.filter(r, r in {_LIMITS}"
    f" && quantity(string({_REQUESTS}[r])).isGreaterThan(quantity(string({_LIMITS}[r]))))",
    " requests more than its limit; raise resources.limits, or request less",
)

_NOT_BY_POD: Final = Check(
    name="podLevel",
    message="resources are asked for by containers",
    faults=each(
        "size(p.spec.?resources.orValue({})) > 0",
        field("spec.resources"),
        " asks for the pod as a whole, which queues and quotas count in different ways; ask in the containers'"
        " resources",
    ),
)

_BESIDE: Final = 'p.spec.?initContainers.orValue([]).filter(c, c.?restartPolicy.orValue("") == "Always")'

_BESIDE_IN_GROUP: Final = Check(
    name="besideInGroup",
    message="a pod of a group has no init container that goes on running",
    faults=each(
        # Kueue tells the roles of a group's pods apart by what their containers ask for, and not by when they run.
        f"({quote(POD_GROUP)} in p.labels || {quote(POD_GROUP)} in p.annotations) && size({_BESIDE}) > 0",
        field("spec.initContainers: "),
        Expr(f'{_BESIDE}.map(c, string(c.name)).join(", ")'),
        " goes on running beside the others (restartPolicy Always), and the queue would count it like one that ends"
        " before them: this pod is one of a group; write it under spec.containers",
    ),
)

# Without a queue it holds no quota that it could give back.
_QUEUED_SET: Final = f'(variables.kind == "JobSet" && {label("variables.labels", labels.KUEUE_QUEUE)} != "")'
_FAILURE: Final = "dyn(object).spec.?failurePolicy"
_RULES: Final = f"{_FAILURE}.?rules.orValue([])"
_ALL_AGAIN: Final = ("RestartJobSet", "RestartJobSetAndIgnoreMaxRestarts")
_TARGETS: Final = "r.?targetReplicatedJobs.orValue([])"
_CATCHES_ALL: Final = (
    f"(size({_TARGETS}) == 0 || dyn(object).spec.?replicatedJobs.orValue([]).all(j, j.name in {_TARGETS}))"
    " && size(r.?onJobFailureReasons.orValue([])) == 0 && size(r.?onJobFailureMessagePatterns.orValue([])) == 0"
)
# Without a rule for a failure the set restarts as long as it may.
_RESTARTS: Final = (
    f'({_RULES}.exists(r, string(r.?action.orValue("")) in {string_list(_ALL_AGAIN)})'
    f" || (int({_FAILURE}.?maxRestarts.orValue(0)) > 0 && !{_RULES}.exists(r, {_CATCHES_ALL})))"
)
_JOBS: Final = "dyn(object).spec.?replicatedJobs.orValue([]).map(j, int(j.?replicas.orValue(1))).sum()"

# Kueue gives back what a Job of the set held as soon as it has succeeded, and charges nothing when it runs once more.
_STARTED_AGAIN: Final = Check(
    name="startedAgain",
    message="a JobSet of several Jobs does not run those again that have ended",
    faults=when(
        f"{_QUEUED_SET} && {_RESTARTS} && {_JOBS} > 1",
        "spec.failurePolicy runs all Jobs of the JobSet again, those that have ended and given back their quota, too;"
        " take it away and let each Job try its own pods again (backoffLimit), or write all pods as one Job of the set",
    ),
)

_TTL: Final = "ttlSecondsAfterFinished"

# The same in time: what is deleted when it has ended the JobSet makes again.
_DELETED_BETWEEN: Final = Check(
    name="deletedBetween",
    message="the Jobs of a JobSet stay until the JobSet has ended",
    faults=each(
        f"j.?template.?spec.?{_TTL}.hasValue()",
        "spec.replicatedJobs[",
        Expr("string(j.name)"),
        f"].template.spec.{_TTL} deletes a Job that has ended, and the JobSet would run it again; take it away, or"
        f" write it as the JobSet's own: spec.{_TTL}",
        among=f"({_QUEUED_SET} ? dyn(object).spec.?replicatedJobs.orValue([]) : [])",
        called="j",
    ),
)

_GROUPS: Final = (
    f'(variables.kind in ["RayCluster", "RayJob", "RayService"] ? {RAY}.?workerGroupSpecs.orValue([]) : [])'
)
_NUMBER: Final = "int(w.?replicas.orValue(0))"

# KubeRay keeps the number of workers between the two, and makes none of a suspended group; Kueue counts the number.
_WORKERS: Final = Check(
    name="otherWorkers",
    message="a group of Ray workers has as many as it says",
    faults=each(
        f"w.?suspend.orValue(false) || int(w.?minReplicas.orValue(0)) > {_NUMBER}"
        f" || int(w.?maxReplicas.orValue({_NUMBER})) < {_NUMBER}",
        Expr(f'{RAY_AT} + "workerGroupSpecs[" + string(w.groupName) + "]"'),
        ".replicas is ",
        Expr(f"string({_NUMBER})"),
        ", which the queue counts, and Ray would make another number of workers; set replicas to a number from"
        " minReplicas to maxReplicas, without suspend",
        among=_GROUPS,
        called="w",
    ),
)

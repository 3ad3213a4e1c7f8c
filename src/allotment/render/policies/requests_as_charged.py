"""What a queue counts is what the pods will ask for.

Kueue counts the requests of a pod template. The API server completes a *pod* (a request from its limit, a limit from
the namespace's default) but no template, and Kueue 0.19 completes it in another order: a container with limits alone
would be counted with the namespace's default request, and one with a request above the default limit could never run.
So templates say both; where the cluster has mutating policies, they are completed there.
"""

from __future__ import annotations

from typing import Final

from allotment.model.cluster import Cluster
from allotment.model.platform import Platform
from allotment.model.policy import Policy
from allotment.render.policies.admission import Check, Rule, Scope
from allotment.render.policies.cel import Expr, string_list
from allotment.render.policies.entitled import LIMITS, limit
from allotment.render.policies.identities import binds_workloads, by_tenant, told_with
from allotment.render.policies.pod_template import WORKLOADS, each, field, pod_variables

DEFAULTED: Final = ("cpu", "memory")
"""Resources for which a container that says nothing gets the namespace's default."""

REQUESTS: Final = "c.?resources.?requests.orValue({})"
LIMITS_OF: Final = "c.?resources.?limits.orValue({})"


def rule(platform: Platform, cluster: Cluster, policy: Policy) -> Rule:
    """The rule for one cluster."""
    return Rule(
        policy=policy,
        scope=Scope.TEAM_NAMESPACES,
        resources=WORKLOADS,
        conditions=binds_workloads(platform, cluster),
        variables=(by_tenant(platform, cluster), *pod_variables(platform, "pods"), LIMITS),
        checks=(_UNREQUESTED, _UNLIMITED, _ABOVE_LIMIT, _NOT_BY_POD),
        told_with=told_with(),
    )


def _containers(resources: str) -> tuple[str, Expr]:
    """The containers for which a CEL list of resources is not empty: whether there are any, and their names."""
    found = f"p.containers.filter(c, size({resources}) > 0)"
    return (
        f"size({found}) > 0",
        Expr(f'{found}.map(c, c.name + " (" + {resources}.join(", ") + ")").join(", ")'),
    )


_ANY, _NAMES = _containers(
    f"{string_list(DEFAULTED)}.filter(r, r in {LIMITS_OF} && !(r in {REQUESTS}))",
)
_UNREQUESTED = Check(
    name="unrequested",
    message="containers with a limit say what they request",
    faults=each(
        _ANY,
        field("spec: container "),
        _NAMES,
        " has a limit and no request, so the queue would count less than the pod takes; set resources.requests to the"
        " same amounts",
    ),
)


def _above_default() -> str:
    found = [
        f"({string_list([name])}.filter(r, r in {REQUESTS} && !(r in {LIMITS_OF}) && {limit(f'limit.{name}')}"
        f".exists(most, quantity(string({REQUESTS}[r])).isGreaterThan(quantity(most)))))"
        for name in DEFAULTED
    ]
    return f"({' + '.join(found)})"


_ANY, _NAMES = _containers(_above_default())
_UNLIMITED = Check(
    name="unlimited",
    message="containers that request more than the default limit say their limit",
    faults=each(
        _ANY,
        field("spec: container "),
        _NAMES,
        " requests more than the limit that a container gets which names none (",
        Expr('variables.limits.filter(f, f.startsWith("limit.")).map(f, f.substring(6)).join(", ")'),
        "), so its pods would be refused; set resources.limits too",
    ),
)

_ANY, _NAMES = _containers(
    f"{REQUESTS}.filter(r, r in {LIMITS_OF}"
    f" && quantity(string({REQUESTS}[r])).isGreaterThan(quantity(string({LIMITS_OF}[r]))))"
)
_ABOVE_LIMIT = Check(
    name="aboveLimit",
    message="no container requests more than its limit",
    faults=each(
        _ANY,
        field("spec: container "),
        _NAMES,
        " requests more than its limit; raise resources.limits, or request less",
    ),
)

_NOT_BY_POD = Check(
    name="podLevel",
    message="resources are asked for by containers",
    faults=each(
        "size(p.spec.?resources.orValue({})) > 0",
        field("spec.resources"),
        " asks for the pod as a whole, which queues and quotas count in different ways; ask in the containers'"
        " resources",
    ),
)

"""The rights that plan, apply and prove need in a cluster: for a ClusterRole, and to be asked about beforehand.

Derived from what is rendered and tried, not written down: a new kind, or a new probe, brings its rights along.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from allotment.model import labels
from allotment.model.cluster import Cluster
from allotment.model.manifest import Manifests
from allotment.model.platform import Platform
from allotment.model.rights import resource_of
from allotment.operations import proving_jobs, surroundings
from allotment.operations.history import RECORDS
from allotment.operations.lease import LEASE
from allotment.operations.ports import AccessQuestion
from allotment.plan import leaving, order
from allotment.prove.guardrails import GUARDRAILS, probes
from allotment.prove.probes import Create, Patch, Probe, Remove
from allotment.prove.scene import Stage
from allotment.render.manifests import render

_RBAC: Final = "rbac.authorization.k8s.io"
_KUEUE: Final = "kueue.x-k8s.io"


class Task(StrEnum):
    """What somebody wants to do to a cluster."""

    PLAN = "plan"
    APPLY = "apply"
    PROVE = "prove"


@dataclass(frozen=True, slots=True, order=True)
class Grant:
    """One verb on one resource.

    Attributes:
        name: of the only object that it is needed for; empty for all.
        namespace: where it is needed; empty for everywhere.
    """

    group: str
    resource: str
    verb: str
    name: str = ""
    namespace: str = ""

    @property
    def question(self) -> AccessQuestion:
        """The same, for the server's authorizer."""
        return AccessQuestion(self.verb, self.group, self.resource, "", self.namespace, self.name)


def rights_for(task: Task, platform: Platform, cluster: Cluster) -> tuple[Grant, ...]:
    """Everything that a task needs in a cluster, each once, sorted."""
    manifests = render(platform, cluster)
    found = [*_plan(manifests)]
    if task is Task.APPLY:
        found += _apply(manifests)
    if task is Task.PROVE:
        found += _prove(Stage(platform, cluster, manifests))
    return tuple(sorted(set(found)))


def _kinds(manifests: Manifests) -> set[tuple[str, str]]:
    """Kinds that a plan reads: those of the order, whether or not one is declared, and all that are."""
    return {*order.kinds(), *((manifest.key.group, manifest.key.kind) for manifest in manifests)}


def _plan(manifests: Manifests) -> tuple[Grant, ...]:
    leaves = any(leaving.is_leaving(manifest.body) for manifest in manifests if manifest.key.kind == "Namespace")
    return (
        *_on(_kinds(manifests), "get", "list"),
        Grant("", "nodes", "list"),
        Grant(_KUEUE, "workloads", "list"),
        *_on(_typed((*leaving.CONTROLLERS, leaving.PODS)), "list"),
        # Secrets are read by type and metadata, but RBAC knows no such difference.
        *_on(_typed(leaving.ACCESS) if leaves else (), "list"),
    )


def _apply(manifests: Manifests) -> Iterator[Grant]:
    yield from _on(_kinds(manifests), "create", "patch", "delete")
    # Nobody gives rights that he does not have, but for those who may do just that.
    yield from (Grant(_RBAC, resource, verb) for resource in ("roles", "clusterroles") for verb in ("bind", "escalate"))
    # A team that leaves: its work ends, its ways in close, finalizers of its own hold nothing up.
    yield from _on(_typed((*leaving.CONTROLLERS, leaving.PODS, *leaving.ACCESS)), "get", "list", "patch", "delete")
    yield from _on(_typed(leaving.TENANT_MADE), "get", "list", "patch")
    for key in (LEASE, RECORDS):
        (resource,) = {resource_of(key.kind)}
        yield from (Grant(key.group, resource, verb, key.name, key.namespace) for verb in ("get", "patch"))
        # RBAC cannot name an object that is not there yet.
        yield Grant(key.group, resource, "create", "", key.namespace)


def _prove(stage: Stage) -> Iterator[Grant]:
    yield from (Grant("", resource, "impersonate") for resource in ("users", "groups", "serviceaccounts"))
    yield Grant("authorization.k8s.io", "subjectaccessreviews", "create")
    yield from _on(((_group(kind.api_version or f"{_KUEUE}/v1"), kind.kind) for kind in surroundings.KINDS), "list")
    yield from _on(_typed(proving_jobs.MADE), "get", "list", "delete")
    scenes = tuple(stage.scenes())
    for guardrail in GUARDRAILS:
        for _, probe in probes(guardrail, stage, scenes):
            yield from _tried(probe)


def _tried(probe: Probe) -> Iterator[Grant]:
    """What a probe needs of whoever runs prove; as somebody else, it needs that one's rights."""
    match probe.attempt:
        case Create(body) if probe.persona.is_ourselves:
            yield from _on(_typed(((body["apiVersion"], body["kind"]),)), "create")
        case Patch(_, key, given=given):
            if probe.persona.is_ourselves:
                yield from _on(((key.group, key.kind),), "patch", *(("create",) if given is not None else ()))
            if given is not None:
                yield from _on(_typed(((given["apiVersion"], given["kind"]),)), "delete")
        case Remove(_, key) if probe.persona.is_ourselves:
            yield from _on(((key.group, key.kind),), "delete")
        case _:
            return


def _on(kinds: Iterable[tuple[str, str]], *verbs: str) -> Iterator[Grant]:
    return (Grant(group, resource_of(kind), verb) for group, kind in kinds for verb in verbs)


def _typed(types: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    return ((_group(api_version), kind) for api_version, kind in types)


def _group(api_version: str) -> str:
    return api_version.rpartition("/")[0]


def cluster_role(task: Task, grants: Iterable[Grant]) -> Mapping[str, Any]:
    """The ClusterRole that gives exactly these rights; resources with the same verbs share a rule."""
    verbs: dict[tuple[str, str, str], set[str]] = {}
    for grant in grants:
        verbs.setdefault((grant.group, grant.name, grant.resource), set()).add(grant.verb)
    rules: dict[tuple[str, str, tuple[str, ...]], list[str]] = {}
    for (group, name, resource), found in sorted(verbs.items()):
        rules.setdefault((group, name, tuple(sorted(found))), []).append(resource)
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": f"{labels.FIELD_MANAGER}-{task.value}"},
        "rules": [
            {
                "apiGroups": [group],
                "resources": resources,
                **({"resourceNames": [name]} if name else {}),
                "verbs": list(found),
            }
            for (group, name, found), resources in rules.items()
        ],
    }

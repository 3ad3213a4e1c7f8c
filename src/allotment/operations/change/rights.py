"""The rights that plan, apply and prove need in a cluster: for roles, and to be asked about beforehand.

Derived from what is rendered and tried, not written down: a new kind, or a new probe, brings its rights along.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Final

from allotment.errors import UsageError
from allotment.model import labels
from allotment.model.cluster import Cluster
from allotment.model.manifest import Manifests
from allotment.model.platform import Platform
from allotment.model.rights import resource_of
from allotment.operations.change import surroundings
from allotment.operations.change.history import RECORDS
from allotment.operations.change.lease import LEASE
from allotment.operations.prove import jobs as proving_jobs
from allotment.plan import leaving, order
from allotment.ports.kube import AccessQuestion, KubePort
from allotment.prove.guardrails import GUARDRAILS, probes
from allotment.prove.probes import Amend, Persona, Post, Probe, Remove, RunJob, RunWork
from allotment.prove.scene import SYSTEM, DeclaredCluster
from allotment.render.manifests import render

_RBAC: Final = "rbac.authorization.k8s.io"
_KUEUE: Final = "kueue.x-k8s.io"
_AUTHENTICATION: Final = "authentication.k8s.io"
_SECRETS: Final = ("", "Secret")
_CONSTRAINED: Final = "serviceaccount"
"""The mode of constrained impersonation."""


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


SUBJECTS: Final = "group:NAME, user:NAME or serviceaccount:NAMESPACE/NAME"
"""How somebody is named whom a role is to be bound to."""


def subject_of(text: str) -> Mapping[str, str]:
    """Somebody, as a binding names them.

    Raises:
        UsageError: it is not of these forms.
    """
    kind, _, name = text.partition(":")
    namespace, _, account = name.partition("/")
    match kind:
        case "group" | "user" if name:
            return {"apiGroup": _RBAC, "kind": kind.capitalize(), "name": name}
        case "serviceaccount" if namespace and account:
            return {"kind": "ServiceAccount", "namespace": namespace, "name": account}
        case _:
            raise UsageError(f"{text!r} names nobody", fix=f"write {SUBJECTS}")


def may_apply(kube: KubePort) -> bool:
    """Whether this account may begin an apply at all: each takes the lease, whatever else it needs."""
    return kube.permitted(Grant(LEASE.group, "leases", "patch", LEASE.name, LEASE.namespace).question)


def rights_for(task: Task, platform: Platform, cluster: Cluster) -> tuple[Grant, ...]:
    """Everything that a task needs in a cluster, each once, sorted."""
    manifests = render(platform, cluster)
    found = [*_plan(manifests)]
    if task is Task.APPLY:
        found += _apply(manifests)
    if task is Task.PROVE:
        found += _prove(DeclaredCluster(platform, cluster, manifests))
    return tuple(sorted(set(found)))


def _kinds(manifests: Manifests) -> set[tuple[str, str]]:
    """Kinds that a plan reads: those of the order, whether or not one is declared, and all that are."""
    return {*order.kinds(), *((manifest.key.group, manifest.key.kind) for manifest in manifests)}


def known_types() -> Iterator[tuple[str, str]]:
    """Types, (apiVersion, kind), that are looked for wherever the server knows them; in every version that may be."""
    for group, kind in order.kinds():
        yield from ((f"{group}/{version}" if group else version, kind) for version in order.VERSIONS[group])
    yield from (*leaving.CONTROLLERS, leaving.PODS, *leaving.ACCESS, *leaving.TENANT_MADE)
    yield from ((f"{_KUEUE}/{version}", "Workload") for version in order.VERSIONS[_KUEUE])


def _plan(manifests: Manifests) -> tuple[Grant, ...]:
    spaces = (manifest for manifest in manifests if manifest.key.kind == "Namespace")
    left = [space.key.name for space in spaces if leaving.is_leaving(space.body)]
    return (
        *_on(_kinds(manifests), "get", "list"),
        Grant("", "nodes", "list"),
        Grant("", "events", "list"),
        Grant(_KUEUE, "workloads", "list"),
        *_on(_typed((*leaving.CONTROLLERS, leaving.PODS)), "list"),
        # Secrets are read by type and metadata, but RBAC knows no such difference.
        *(replace(grant, namespace=name) for name in left for grant in _on(_typed(leaving.ACCESS), "list")),
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


def _prove(here: DeclaredCluster) -> Iterator[Grant]:
    yield Grant("authorization.k8s.io", "subjectaccessreviews", "create")
    beside = {(_group(kind.api_version or f"{_KUEUE}/v1"), kind.kind) for kind in surroundings.KINDS}
    yield from _on(beside - {_SECRETS}, "list")
    scenes = tuple(here.scenes())
    acts = {
        grant for guardrail in GUARDRAILS for _, probe in probes(guardrail, here, scenes) for grant in _tried(probe)
    }
    yield from (grant for grant in acts if grant.namespace in ("", SYSTEM))
    # What is needed in one team's namespace is given in all of them: one role for all. What is left is a pod in a
    # namespace of no team: it may be anything, on any node, so none of these roles gives that.
    teams = {scene.namespace for scene in scenes}
    within = {
        *_on((_SECRETS,), "list"),
        *_on(_typed(proving_jobs.MADE), "get", "list", "delete"),
        *(replace(grant, namespace="") for grant in acts if grant.namespace in teams),
    }
    yield from (replace(grant, namespace=namespace) for namespace in teams for grant in within)


def _tried(probe: Probe) -> Iterator[Grant]:
    """What a probe needs of whoever runs prove; as somebody else, it needs that one's rights."""
    match probe.attempt:
        case Post(body):
            kind, namespace = (_group(body["apiVersion"]), body["kind"]), body["metadata"].get("namespace", "")
            yield from _acted(probe.persona, _on((kind,), "create"), namespace)
        case Amend(_, key, given=given):
            name = "" if key.namespace else key.name
            yield from _acted(probe.persona, _on(((key.group, key.kind),), "patch"), key.namespace, name)
            if given is not None:
                kind = (_group(given["apiVersion"]), given["kind"])
                yield from _acted(probe.persona, _on((kind,), "create"), key.namespace)
        case Remove(_, key):
            yield from _acted(probe.persona, _on(((key.group, key.kind),), "delete"), key.namespace)
        case RunJob() | RunWork():
            yield from _acted(probe.persona, (), "")
        case _:
            return


def _acted(persona: Persona, grants: Iterable[Grant], namespace: str, name: str = "") -> Iterator[Grant]:
    """The rights themselves, or those to act as somebody who has them."""
    if persona.is_ourselves:
        yield from (replace(grant, namespace=namespace, name=name) for grant in grants)
    elif persona.account is None:
        yield Grant("", "users", "impersonate", persona.user)
        yield from (Grant("", "groups", "impersonate", group) for group in persona.groups)
    else:
        # Constrained impersonation (Kubernetes 1.36): only this, and not all that the account may do.
        yield Grant(
            _AUTHENTICATION, "serviceaccounts", f"impersonate:{_CONSTRAINED}", persona.account[1], persona.account[0]
        )
        for grant in grants:
            yield replace(grant, verb=f"impersonate-on:{_CONSTRAINED}:{grant.verb}", namespace=namespace)


def _on(kinds: Iterable[tuple[str, str]], *verbs: str) -> Iterator[Grant]:
    return (Grant(group, resource_of(kind), verb) for group, kind in kinds for verb in verbs)


def _typed(types: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    return ((_group(api_version), kind) for api_version, kind in types)


def _group(api_version: str) -> str:
    return api_version.rpartition("/")[0]


def role_objects(task: Task, platform: Platform, cluster: Cluster, bind_to: str = "") -> tuple[Mapping[str, Any], ...]:
    """The roles that a task needs in a cluster, and their bindings to somebody.

    Raises:
        UsageError: `bind_to` names nobody.
    """
    subject = subject_of(bind_to) if bind_to else None
    found = roles(task, rights_for(task, platform, cluster))
    bindings = () if subject is None else (body for role in found for body in role.bound_to(subject))
    return (*(role.body for role in found), *bindings)


def roles(task: Task, grants: Iterable[Grant]) -> tuple[BoundRole, ...]:
    """The roles that together give exactly these rights; resources with the same verbs share a rule.

    A right that is needed in some namespaces is given there only, but for apply: it makes these namespaces itself,
    and may bind any role to itself anyway.
    """
    where: dict[str, set[Grant]] = {}
    for grant in grants:
        namespace = "" if task is Task.APPLY else grant.namespace
        where.setdefault(namespace, set()).add(replace(grant, namespace=""))
    shared: dict[frozenset[Grant], list[str]] = {}
    for namespace in sorted(where):
        shared.setdefault(frozenset(where[namespace]), []).append(namespace)
    return tuple(_role(task, held, tuple(namespaces)) for held, namespaces in shared.items())


@dataclass(frozen=True, slots=True)
class BoundRole:
    """A ClusterRole or Role, and where it is to be bound.

    Attributes:
        namespaces: where a RoleBinding binds it; the empty one: a ClusterRoleBinding does.
    """

    body: Mapping[str, Any]
    namespaces: tuple[str, ...]

    def bound_to(self, subject: Mapping[str, str]) -> Iterator[Mapping[str, Any]]:
        """The bindings that give it to somebody."""
        metadata = self.body["metadata"]
        for namespace in self.namespaces:
            yield {
                "apiVersion": f"{_RBAC}/v1",
                "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
                "metadata": {"name": metadata["name"], **({"namespace": namespace} if namespace else {})},
                "roleRef": {"apiGroup": _RBAC, "kind": self.body["kind"], "name": metadata["name"]},
                "subjects": [dict(subject)],
            }


def _role(task: Task, grants: Iterable[Grant], namespaces: tuple[str, ...]) -> BoundRole:
    """One role; in the namespaces of teams a ClusterRole, which no owner there can replace."""
    name = f"{labels.FIELD_MANAGER}-{task.value}"
    metadata = {"name": name}
    if namespaces == (SYSTEM,):
        metadata["namespace"] = SYSTEM
    elif namespaces != ("",):
        metadata["name"] = f"{name}-in-teams"
    body = {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "Role" if "namespace" in metadata else "ClusterRole",
        "metadata": metadata,
        "rules": list(_rules(grants)),
    }
    return BoundRole(body, namespaces)


def _rules(grants: Iterable[Grant]) -> Iterator[Mapping[str, Any]]:
    names: dict[tuple[str, str, str], set[str]] = {}
    for grant in grants:
        names.setdefault((grant.group, grant.resource, grant.verb), set()).add(grant.name)
    verbs: dict[tuple[str, tuple[str, ...], str], set[str]] = {}
    for (group, resource, verb), found in names.items():
        verbs.setdefault((group, () if "" in found else tuple(sorted(found)), resource), set()).add(verb)
    rules: dict[tuple[str, tuple[str, ...], tuple[str, ...]], list[str]] = {}
    for (group, named, resource), wanted in sorted(verbs.items()):
        rules.setdefault((group, named, tuple(sorted(wanted))), []).append(resource)
    for (group, named, held), resources in rules.items():
        yield {
            "apiGroups": [group],
            "resources": resources,
            **({"resourceNames": list(named)} if named else {}),
            "verbs": list(held),
        }

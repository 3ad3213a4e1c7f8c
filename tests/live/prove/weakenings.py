"""One row for each way to weaken the platform by hand that is known; each names the object that drift must name.

`damages.py` takes guardrails away and asks prove which one is gone. Here the question is whether anything that an
administrator (or whoever became one) does beside or to our objects stays unnamed. Taints and labels of nodes are
not here.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from allotment.model.manifest import ObjectKey, key_of
from allotment.ports.kube import RefusedError
from tests.live.prove.conftest import Acme
from tests.live.prove.damages import TEAM, add, binding, delete, patch

_RBAC = "rbac.authorization.k8s.io"
_ADMISSION = "admissionregistration.k8s.io/v1"
_KUEUE = "kueue.x-k8s.io/v1beta2"
_POLICY = "ValidatingAdmissionPolicy"
_BINDING = "ValidatingAdmissionPolicyBinding"
_WEBHOOKS = ObjectKey(
    "admissionregistration.k8s.io", "MutatingWebhookConfiguration", "", "kueue-mutating-webhook-configuration"
)

Act = Callable[[Acme], None]


def _nothing(_acme: Acme) -> None:
    """Apply puts it right."""


@dataclass(frozen=True)
class Weakening:
    """Attributes: `named` as drift shows it; `stranger` if it is none of ours, which prove names as surroundings."""

    id: str
    named: str
    do: Act
    undo: Act = _nothing
    stranger: bool = False


def changed(id_: str, kind: str, name: str, change: dict[str, Any], namespace: str = "") -> Weakening:
    """A merge patch of an object of ours."""
    return Weakening(
        id_, f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}", patch(kind, name, change, namespace)
    )


def edited(id_: str, kind: str, name: str, edit: Callable[[dict[str, Any]], Any], namespace: str = "") -> Weakening:
    """A change of the spec of an object of ours, made from what is there."""

    def do(acme: Acme) -> None:
        manifest = acme.manifest(kind, name, namespace)
        live = acme.kube.get(manifest.api_version, manifest.key)
        assert live is not None
        spec = copy.deepcopy(dict(live["spec"]))
        edit(spec)
        acme.kube.merge_patch(manifest.api_version, manifest.key, {"spec": spec})

    return Weakening(id_, f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}", do)


def removed(id_: str, kind: str, name: str, namespace: str = "") -> Weakening:
    return Weakening(
        id_, f"{kind} {namespace}/{name}" if namespace else f"{kind} {name}", delete(kind, name, namespace)
    )


def beside(id_: str, *bodies: dict[str, Any]) -> Weakening:
    """Objects of somebody else; the last is the one to be named."""
    pairs = [add(body) for body in bodies]

    def do(acme: Acme) -> None:
        for make, _ in pairs:
            make(acme)

    def undo(acme: Acme) -> None:
        for _, remove in reversed(pairs):
            remove(acme)

    key = key_of(bodies[-1])
    return Weakening(
        id_, f"{key.kind} {key.namespace}/{key.name}" if key.namespace else f"{key.kind} {key.name}", do, undo, True
    )


def body(api_version: str, kind: str, name: str, namespace: str = "", **fields: Any) -> dict[str, Any]:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {}), **fields.pop("metadata", {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


def bound(kind: str, namespace: str, role: str, subject_kind: str, subject: str) -> dict[str, Any]:
    made = binding(kind, "evil", namespace, role, subject)
    return {**made, "subjects": [{"apiGroup": _RBAC, "kind": subject_kind, "name": subject}]}


def named(policy: str) -> str:
    return f"{policy}.allotment.dev"


def passing_over(namespace: str) -> dict[str, Any]:
    return {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": [namespace]}


def disowned(acme: Acme) -> None:
    """The tenant's label goes, which takes a time without the policy that keeps it."""
    delete(_BINDING, named("no-namespace-adoption"))(acme)
    end = time.monotonic() + 30
    while True:
        try:
            return patch("Namespace", TEAM, {"metadata": {"labels": {"allotment.dev/tenant": None}}})(acme)
        except RefusedError:
            assert time.monotonic() < end, "the policy is still in force"
            time.sleep(0.2)


def _policies() -> Iterator[Weakening]:
    queued, exposed, labelled = named("queue-required"), named("no-exposed-services"), named("labels-required")
    yield edited("policy-rule-gone", _POLICY, queued, lambda spec: spec["matchConstraints"]["resourceRules"].pop(0))
    yield changed("policy-ignored-on-failure", _POLICY, exposed, {"spec": {"failurePolicy": "Ignore"}})
    yield changed("policy-audited", _BINDING, named("priority-from-ladder"), {"spec": {"validationActions": ["Audit"]}})
    expressions = "matchExpressions"
    yield edited(
        "binding-passes-over-a-namespace", _BINDING, named("node-pool-isolation"),
        lambda spec: spec["matchResources"]["namespaceSelector"][expressions].append(passing_over(TEAM)),
    )  # fmt: skip
    rule = {"apiGroups": ["apps"], "apiVersions": ["v1"], "operations": ["*"], "resources": ["deployments"]}
    excluded = {"excludeResourceRules": [rule]}
    yield changed("binding-excludes-a-kind", _BINDING, labelled, {"spec": {"matchResources": excluded}})
    selector = {"objectSelector": {expressions: [{"key": "skip", "operator": "DoesNotExist"}]}}
    yield changed("binding-skips-a-label", _BINDING, queued, {"spec": {"matchResources": selector}})
    friend = {"name": "friend", "expression": 'request.userInfo.username != "mallory"'}
    yield edited("policy-spares-a-friend", _POLICY, queued, lambda spec: spec["matchConditions"].append(friend))
    yield changed("policy-excludes-a-kind", _POLICY, exposed, {"spec": {"matchConstraints": excluded}})
    spaces = {"namespaceSelector": {expressions: [passing_over("cv")]}}
    yield changed(
        "policy-passes-over-a-namespace", _POLICY, named("trusted-registries"), {"spec": {"matchConstraints": spaces}}
    )
    yield edited("policy-says-yes", _POLICY, labelled, lambda spec: spec["validations"][-1].update(expression="true"))
    yield changed("policy-asks-exactly", _POLICY, queued, {"spec": {"matchConstraints": {"matchPolicy": "Exact"}}})
    yield edited(
        "policy-without-updates", _POLICY, named("managed-objects-protected"),
        lambda spec: spec["matchConstraints"]["resourceRules"][0].update(operations=["CREATE", "DELETE"]),
    )  # fmt: skip
    yield changed(
        "policy-with-a-parameter", _POLICY, exposed, {"spec": {"paramKind": {"apiVersion": "v1", "kind": "ConfigMap"}}}
    )
    reference = {"name": "nope", "namespace": "default", "parameterNotFoundAction": "Allow"}
    yield changed("binding-with-a-parameter", _BINDING, exposed, {"spec": {"paramRef": reference}})
    yield removed("policy-unbound", _BINDING, named("no-namespace-adoption"))


def _bindings() -> Iterator[Weakening]:
    cluster, space = "ClusterRoleBinding", "RoleBinding"
    yield beside("admin-for-a-person", bound(cluster, "", "cluster-admin", "User", "mallory"))
    yield beside("admin-for-a-team", bound(cluster, "", "cluster-admin", "Group", "acme-nlp"))
    yield beside("another-team-in-a-namespace", bound(space, TEAM, "admin", "Group", "acme-cv"))
    yield beside("a-person-in-a-namespace", bound(space, TEAM, "edit", "User", "mallory"))
    yield beside("the-public-in-a-namespace", bound(space, TEAM, "view", "Group", "system:unauthenticated"))
    proxy = [{"apiGroups": [""], "resources": ["nodes/proxy"], "verbs": ["get", "create"]}]
    yield beside(
        "proxy-of-nodes",
        body(f"{_RBAC}/v1", "ClusterRole", "evil", rules=proxy),
        bound(cluster, "", "evil", "Group", "acme-nlp"),
    )
    secrets = [{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list"]}]
    yield beside(
        "secrets-for-all-who-view",
        bound(space, TEAM, "view", "Group", "acme-product"),
        body(
            f"{_RBAC}/v1", "ClusterRole", "evil", rules=secrets,
            metadata={"labels": {f"{_RBAC}/aggregate-to-view": "true"}},
        ),
    )  # fmt: skip
    execs = {"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["create"]}

    def widen(acme: Acme) -> None:
        manifest = acme.manifest("Role", "allotment-member", TEAM)
        acme.kube.merge_patch(manifest.api_version, manifest.key, {"rules": [*manifest.body["rules"], execs]})

    yield Weakening("member-may-exec", f"Role {TEAM}/allotment-member", widen)


def _namespace() -> Iterator[Weakening]:
    quota, hard = "allotment-quota", {"pods": "9999"}
    yield changed("quota-raised", "ResourceQuota", quota, {"spec": {"hard": hard}}, TEAM)

    def scoped(acme: Acme) -> None:
        manifest = acme.manifest("ResourceQuota", quota, TEAM)
        acme.kube.delete(manifest.api_version, manifest.key)
        acme.kube.create({**manifest.body, "spec": {"hard": {"pods": "50"}, "scopes": ["BestEffort"]}})

    def unscoped(acme: Acme) -> None:
        manifest = acme.manifest("ResourceQuota", quota, TEAM)  # scopes cannot be changed
        acme.kube.delete(manifest.api_version, manifest.key)

    yield Weakening("quota-scoped", f"ResourceQuota {TEAM}/{quota}", scoped, unscoped)
    yield removed("quota-gone", "ResourceQuota", quota, TEAM)
    yield removed("limits-gone", "LimitRange", "allotment-limits", TEAM)
    most = {"type": "Container", "default": {"cpu": "50"}, "defaultRequest": {"cpu": "50"}}
    yield beside("second-limits", body("v1", "LimitRange", "evil", TEAM, spec={"limits": [most]}))
    some = {"spec": {"podSelector": {"matchLabels": {"deny": "me"}}}}
    yield changed("wall-for-some", "NetworkPolicy", "allotment-default-deny", some, TEAM)
    hole = {"podSelector": {}, "policyTypes": ["Egress"], "egress": [{}]}
    yield beside("hole-in-the-wall", body("networking.k8s.io/v1", "NetworkPolicy", "evil", TEAM, spec=hole))
    yield changed("tokens-mounted", "ServiceAccount", "default", {"automountServiceAccountToken": True}, TEAM)
    yield beside("second-account", body("v1", "ServiceAccount", "evil", TEAM))
    of_default = {"annotations": {"kubernetes.io/service-account.name": "default"}}
    yield beside(
        "token-that-never-expires",
        body("v1", "Secret", "evil", TEAM, metadata=of_default, type="kubernetes.io/service-account-token"),
    )
    security = "pod-security.kubernetes.io/enforce"
    yield changed("pods-privileged", "Namespace", TEAM, {"metadata": {"labels": {security: "privileged"}}})
    yield changed(
        "pods-of-an-old-standard", "Namespace", TEAM, {"metadata": {"labels": {f"{security}-version": "v1.0"}}}
    )
    for name in ("queues", "priorities"):
        wider = {"metadata": {"annotations": {f"allotment.dev/{name}": "default,theirs"}}}
        yield changed(f"{name}-widened", "Namespace", TEAM, wider)
    yield Weakening("no-tenant-any-more", f"Namespace {TEAM}", disowned)


def _queues() -> Iterator[Weakening]:
    everywhere = {"spec": {"namespaceSelector": {"matchLabels": None}}}
    yield changed("queue-for-all", "ClusterQueue", "cv", everywhere)
    yield beside("door-to-another-queue", body(_KUEUE, "LocalQueue", "evil", TEAM, spec={"clusterQueue": "cv"}))
    yield changed("queue-held", "LocalQueue", "default", {"spec": {"stopPolicy": "Hold"}}, TEAM)

    def more(spec: dict[str, Any]) -> None:
        spec["resourceGroups"][-1]["flavors"][0]["resources"][0]["nominalQuota"] = "99"

    yield edited("queue-grows", "ClusterQueue", TEAM, more)
    never = {"spec": {"preemption": {"reclaimWithinCohort": "Never"}}}
    yield changed("queue-reclaims-nothing", "ClusterQueue", "cv", never)
    quota = [{"name": "nvidia.com/gpu", "nominalQuota": "99"}]
    group = {"coveredResources": ["nvidia.com/gpu"], "flavors": [{"name": "t4-spot", "resources": quota}]}
    spec = {"cohortName": "dev", "namespaceSelector": {}, "resourceGroups": [group]}
    yield beside("queue-in-our-cohort", body(_KUEUE, "ClusterQueue", "evil", spec=spec))

    def another(acme: Acme) -> None:
        manifest = acme.manifest("PriorityClass", "exploratory")
        acme.kube.delete(manifest.api_version, manifest.key)
        acme.kube.create({**manifest.body, "value": 2_000_000})

    yield Weakening("rung-raised", "PriorityClass exploratory", another, delete("PriorityClass", "exploratory"))
    yield changed("kueues-rung-raised", "WorkloadPriorityClass", "exploratory", {"value": 999_999})
    dedicated = "a10g-spot-data-science"
    yield changed("flavor-without-its-taint", "ResourceFlavor", dedicated, {"spec": {"nodeTaints": []}})
    everyones = {"key": "allotment.dev/dedicated", "operator": "Exists"}
    yield edited(
        "flavor-tolerates-more", "ResourceFlavor", "t4-spot", lambda spec: spec["tolerations"].append(everyones)
    )


def _webhooks() -> Iterator[Weakening]:
    before: list[dict[str, Any]] = []

    def set_hooks(acme: Acme, change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> None:
        live = acme.kube.get(_ADMISSION, _WEBHOOKS)
        assert live is not None
        before[:] = copy.deepcopy(live["webhooks"])
        kept = [hook for hook in map(change, copy.deepcopy(live["webhooks"])) if hook is not None]
        acme.kube.merge_patch(_ADMISSION, _WEBHOOKS, {"webhooks": kept})

    def undo(acme: Acme) -> None:
        acme.kube.merge_patch(_ADMISSION, _WEBHOOKS, {"webhooks": before})

    def weakened(id_: str, change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> Weakening:
        title = f"{_WEBHOOKS.kind} {_WEBHOOKS.name}"
        return Weakening(id_, title, lambda acme: set_hooks(acme, change), undo, stranger=True)

    yield weakened("webhooks-gone", lambda hook: None if hook["name"] in ("mpod.kb.io", "mjob.kb.io") else hook)
    yield weakened("webhooks-ignored", lambda hook: {**hook, "failurePolicy": "Ignore"})
    spared = {"namespaceSelector": {"matchExpressions": [passing_over(TEAM)]}}
    yield weakened(
        "webhooks-pass-over-a-namespace", lambda hook: {**hook, **spared} if hook["name"] == "mjob.kb.io" else hook
    )


WEAKENINGS = (*_policies(), *_bindings(), *_namespace(), *_queues(), *_webhooks())

EVERY_RUN = frozenset(
    {
        "policy-spares-a-friend", "binding-with-a-parameter", "admin-for-a-person", "secrets-for-all-who-view",
        "queue-in-our-cohort", "webhooks-gone",
    }
)  # fmt: skip
"""Those of each kind that were missed once; the rest is tried at night."""

"""One row for each way to take a guardrail away by hand; each names the guardrail that prove must name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from allotment.model.manifest import ObjectKey
from allotment.model.policy import PolicyName
from tests.live.prove.conftest import Acme

TEAM = "nlp"
_ADMISSION = "admissionregistration.k8s.io/v1"
_RBAC = "rbac.authorization.k8s.io"


@dataclass(frozen=True)
class Damage:
    """Attributes: `shown_by` "behaviour" if a probe beyond the comparison must notice; `also` may fail with it."""

    id: str
    guardrail: str
    do: Callable[[Acme], None]
    undo: Callable[[Acme], None] = lambda _acme: None
    shown_by: str = "behaviour"
    also: frozenset[str] = field(default_factory=frozenset)


def delete(kind: str, name: str, namespace: str = "") -> Callable[[Acme], None]:
    def do(acme: Acme) -> None:
        manifest = acme.manifest(kind, name, namespace)
        assert acme.kube.delete(manifest.api_version, manifest.key)

    return do


def patch(kind: str, name: str, change: dict[str, Any], namespace: str = "") -> Callable[[Acme], None]:
    def do(acme: Acme) -> None:
        manifest = acme.manifest(kind, name, namespace)
        acme.kube.merge_patch(manifest.api_version, manifest.key, change)

    return do


def add(body: dict[str, Any]) -> tuple[Callable[[Acme], None], Callable[[Acme], None]]:
    metadata = body["metadata"]
    key = ObjectKey(
        body["apiVersion"].rpartition("/")[0], body["kind"], metadata.get("namespace", ""), metadata["name"]
    )

    def do(acme: Acme) -> None:
        acme.kube.create(body)

    def undo(acme: Acme) -> None:
        acme.kube.delete(body["apiVersion"], key)

    return do, undo


def binding(kind: str, name: str, namespace: str, role: str, group: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": kind,
        "metadata": metadata,
        "roleRef": {"apiGroup": _RBAC, "kind": "ClusterRole", "name": role},
        "subjects": [{"apiGroup": _RBAC, "kind": "Group", "name": group}],
    }


def widen(role: str, rule: dict[str, Any]) -> Callable[[Acme], None]:
    def do(acme: Acme) -> None:
        manifest = acme.manifest("Role", role, TEAM)
        acme.kube.merge_patch(manifest.api_version, manifest.key, {"rules": [*manifest.body["rules"], rule]})

    return do


def another_ladder(acme: Acme) -> None:
    """The value of a PriorityClass cannot be changed, but the class can be replaced."""
    manifest = acme.manifest("PriorityClass", "scheduled-training")
    acme.kube.delete(manifest.api_version, manifest.key)
    acme.kube.create({**manifest.body, "value": 5})


def original_ladder(acme: Acme) -> None:
    manifest = acme.manifest("PriorityClass", "scheduled-training")
    acme.kube.delete(manifest.api_version, manifest.key)


def refuse_all_pods() -> tuple[Callable[[Acme], None], Callable[[Acme], None]]:
    """A policy of somebody else's that refuses whatever a team does."""
    spec = {
        "matchConstraints": {"resourceRules": [
            {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["services"]}]},
        "validations": [{"expression": "false", "message": "nothing passes"}],
    }  # fmt: skip
    policy = {
        "apiVersion": _ADMISSION,
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "nothing"},
        "spec": spec,
    }
    bound = {"apiVersion": _ADMISSION, "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": "nothing"},
             "spec": {"policyName": "nothing", "validationActions": ["Deny"]}}  # fmt: skip
    (do_policy, undo_policy), (do_binding, undo_binding) = add(policy), add(bound)

    def do(acme: Acme) -> None:
        do_policy(acme)
        do_binding(acme)

    def undo(acme: Acme) -> None:
        undo_binding(acme)
        undo_policy(acme)

    return do, undo


def spare_a_friend(name: str) -> Callable[[Acme], None]:
    """Whom a probe does not act as, no probe notices."""

    def do(acme: Acme) -> None:
        manifest = acme.manifest("ValidatingAdmissionPolicy", name)
        friend = {"name": "friend", "expression": 'request.userInfo.username != "mallory"'}
        conditions = [*manifest.body["spec"]["matchConditions"], friend]
        acme.kube.merge_patch(manifest.api_version, manifest.key, {"spec": {"matchConditions": conditions}})

    return do


def _policy_damages() -> Iterator[Damage]:
    kinds = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
    for name in PolicyName:
        yield Damage(f"{name}-deleted", name, delete(kinds[0], f"{name}.allotment.dev"))
        yield Damage(f"{name}-unbound", name, delete(kinds[1], f"{name}.allotment.dev"))
    audit = {"spec": {"validationActions": ["Audit"]}}
    for name in (PolicyName.LABELS_REQUIRED, PolicyName.TRUSTED_REGISTRIES, PolicyName.NO_EXPOSED_SERVICES):
        yield Damage(f"{name}-audited-only", name, patch(kinds[1], f"{name}.allotment.dev", audit))
    disabled = {"spec": {"matchConditions": [{"name": "never", "expression": "false"}]}}
    name = PolicyName.QUEUE_REQUIRED
    yield Damage(f"{name}-disabled", name, patch(kinds[0], f"{name}.allotment.dev", disabled))
    yield Damage(f"{name}-spares-a-friend", name, spare_a_friend(f"{name}.allotment.dev"), shown_by="comparison")


def _role_damages() -> Iterator[Damage]:
    blinded = frozenset({"no-escalation"})
    yield Damage("member-unbound", "roles", delete("RoleBinding", "allotment-member", TEAM), also=blinded)
    secrets = {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"]}
    yield Damage("member-widened", "roles", widen("allotment-member", secrets))
    execs = {"apiGroups": [""], "resources": ["pods/exec"], "verbs": ["create"]}
    yield Damage("owner-may-exec", "roles", widen("allotment-owner", execs), also=blinded)
    do, undo = add(binding("ClusterRoleBinding", "too-much", "", "view", "acme-nlp"))
    yield Damage("member-sees-all", "own-namespace-only", do, undo)
    do, undo = add(binding("RoleBinding", "too-much", "cv", "edit", "acme-nlp"))
    yield Damage("member-elsewhere", "own-namespace-only", do, undo)
    escalate = {"apiGroups": [_RBAC], "resources": ["roles"], "verbs": ["escalate", "create"]}
    yield Damage("owner-escalates", "no-escalation", widen("allotment-owner", escalate), also=frozenset({"roles"}))


def _namespace_damages() -> Iterator[Damage]:
    unsafe = {"metadata": {"labels": {"pod-security.kubernetes.io/enforce": "privileged"}}}
    yield Damage("pod-security-off", "pod-security", patch("Namespace", TEAM, unsafe))
    token = {"automountServiceAccountToken": True}
    yield Damage("tokens", "service-account", patch("ServiceAccount", "default", token, TEAM))
    yield Damage("wall-down", "network-policies", delete("NetworkPolicy", "allotment-default-deny", TEAM))
    hole = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "hole", "namespace": TEAM},
        "spec": {"podSelector": {}, "ingress": [{}], "policyTypes": ["Ingress"]},
    }
    do, undo = add(hole)
    yield Damage("hole-in-the-wall", "network-policies", do, undo)
    yield Damage("no-quota", "resource-quota", delete("ResourceQuota", "allotment-quota", TEAM))
    storage = {"spec": {"hard": {"requests.storage": "999Ti"}}}
    yield Damage("more-storage", "resource-quota", patch("ResourceQuota", "allotment-quota", storage, TEAM))
    pods = {"spec": {"hard": {"pods": "9999"}}}
    yield Damage(
        "more-pods", "resource-quota", patch("ResourceQuota", "allotment-quota", pods, TEAM), shown_by="comparison"
    )
    yield Damage("no-limits", "limit-range", delete("LimitRange", "allotment-limits", TEAM))


def _queue_damages() -> Iterator[Damage]:
    yield Damage("another-ladder", "priority-ladder", another_ladder, original_ladder)
    value = {"value": 999}
    yield Damage("kueues-ladder", "priority-ladder", patch("WorkloadPriorityClass", "exploratory", value))
    yield Damage("no-local-queue", "queues", delete("LocalQueue", "default", TEAM))
    yield Damage("no-cluster-queue", "queues", delete("ClusterQueue", TEAM))
    hold = {"spec": {"stopPolicy": "Hold"}}
    yield Damage("stopped", "queues", patch("ClusterQueue", TEAM, hold))
    alone = {"spec": {"cohortName": "elsewhere"}}
    yield Damage("other-cohort", "queues", patch("ClusterQueue", TEAM, alone), shown_by="comparison")
    do, undo = refuse_all_pods()
    yield Damage("nothing-passes", "good-work", do, undo, also=frozenset({"resource-quota"}))


SLOW = frozenset({"no-local-queue", "no-cluster-queue", "stopped"})
"""Prove gives their Job half a minute to be admitted."""


def one_of_each(damages: Iterable[Damage]) -> frozenset[str]:
    """Names of one damage for each guardrail, of those that do not take long."""
    first: dict[str, str] = {}
    for damage in damages:
        if damage.id not in SLOW:
            first.setdefault(damage.guardrail, damage.id)
    return frozenset(first.values())


DAMAGES = (*_role_damages(), *_namespace_damages(), *_policy_damages(), *_queue_damages())

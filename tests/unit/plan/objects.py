"""Desired objects of small platforms, written by hand: one of every kind that the order knows how to place."""

from __future__ import annotations

from typing import Any

from allotment.model import labels
from allotment.model.manifest import Family, Manifest, Manifests
from allotment.model.policy import NAMESPACE_GATE

PLATFORM = "acme"
CLUSTER = "dev"

INVENTORY = {labels.PLATFORM: PLATFORM, labels.MANAGED_BY: labels.MANAGED_BY_VALUE}


def manifest(family: Family, team: str | None, body: dict[str, Any]) -> Manifest:
    """A desired object with the inventory labels."""
    found = dict(body["metadata"].get("labels", {}))
    team_labels = {labels.TEAM: team} if team else {}
    metadata = {**body["metadata"], "labels": {**found, **team_labels, **INVENTORY}}
    return Manifest(family, team, {**body, "metadata": metadata})


def manifests(*objects: Manifest, cluster: str = CLUSTER) -> Manifests:
    """Desired objects in the order that `Manifests` promises."""
    return Manifests(cluster, tuple(sorted(objects, key=lambda item: (item.family, item.team or "", item.key))))


def namespace(team: str, *, annotations: dict[str, str] | None = None, more: dict[str, str] | None = None) -> Manifest:
    body: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": team, "labels": {labels.TENANT: team, labels.ISOLATION: "namespace", **(more or {})}},
    }
    if annotations:
        body["metadata"]["annotations"] = annotations
    return manifest(Family.NAMESPACES, team, body)


def quota(team: str, *, gpus: int = 8, cpu: str = "64") -> Manifest:
    hard = {
        "requests.cpu": cpu,
        "requests.memory": "256Gi",
        "pods": "50",
        "requests.nvidia.com/gpu": str(gpus),
    }
    return manifest(
        Family.RESOURCE_QUOTAS,
        team,
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": "team", "namespace": team},
            "spec": {"hard": hard},
        },
    )


def limit_range(team: str) -> Manifest:
    limit = {
        "type": "Container",
        "default": {"cpu": "1000m", "memory": "2Gi"},
        "defaultRequest": {"cpu": "0.5", "memory": "1Gi"},
    }
    return manifest(
        Family.LIMIT_RANGES,
        team,
        {
            "apiVersion": "v1",
            "kind": "LimitRange",
            "metadata": {"name": "team", "namespace": team},
            "spec": {"limits": [limit]},
        },
    )


def network_policy(team: str) -> Manifest:
    dns = {"to": [{"namespaceSelector": {"matchLabels": {"name": "kube-system"}}}], "ports": [{"port": 53}]}
    return manifest(
        Family.NETWORK_POLICIES,
        team,
        {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "NetworkPolicy",
            "metadata": {"name": "default", "namespace": team},
            "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": [], "egress": [dns]},
        },
    )


def service_account(team: str) -> Manifest:
    return manifest(
        Family.SERVICE_ACCOUNTS,
        team,
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "default", "namespace": team},
            "automountServiceAccountToken": False,
        },
    )


def claim(team: str, *, size: str = "10Gi") -> Manifest:
    return manifest(
        Family.STORAGE,
        team,
        {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "home", "namespace": team},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": "fast",
                "resources": {"requests": {"storage": size}},
            },
        },
    )


def role(team: str, *, verbs: tuple[str, ...] = ("get", "list")) -> Manifest:
    return manifest(
        Family.RBAC,
        team,
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": {"name": "member", "namespace": team},
            "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": list(verbs)}],
        },
    )


def role_binding(team: str) -> Manifest:
    return manifest(
        Family.RBAC,
        team,
        {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "member", "namespace": team},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "member"},
            "subjects": [{"kind": "Group", "name": f"{team}-members"}],
        },
    )


def priority_class(name: str = "exploratory", value: int = 1000) -> Manifest:
    return manifest(
        Family.PRIORITY_CLASSES,
        None,
        {
            "apiVersion": "scheduling.k8s.io/v1",
            "kind": "PriorityClass",
            "metadata": {"name": f"acme-{name}"},
            "value": value,
            "description": "never preempts",
            "preemptionPolicy": "Never",
        },
    )


def admission_policy() -> Manifest:
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    return manifest(
        Family.POLICIES,
        None,
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": "acme-labels-required"},
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {"resourceRules": [rule]},
                "validations": [{"expression": "has(object.metadata.labels)", "message": "labels, please"}],
            },
        },
    )


def policy_binding(team: str = "") -> Manifest:
    selector = {"matchExpressions": [{"key": labels.TENANT, "operator": "Exists"}]}
    return manifest(
        Family.POLICIES,
        None,
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": f"acme-labels-required{team}"},
            "spec": {
                "policyName": "acme-labels-required",
                "validationActions": ["Deny"],
                "matchResources": {"namespaceSelector": selector},
            },
        },
    )


def gate(*actions: str) -> tuple[Manifest, Manifest]:
    """The policy by which nobody claims a namespace, and its binding, under the names that they are rendered with."""
    policy, binding = admission_policy().body, policy_binding().body
    spec = {"policyName": NAMESPACE_GATE, "validationActions": list(actions or ("Deny",)), "matchResources": {}}
    return (
        manifest(Family.POLICIES, None, {**policy, "metadata": {"name": NAMESPACE_GATE}}),
        manifest(Family.POLICIES, None, {**binding, "metadata": {"name": NAMESPACE_GATE}, "spec": spec}),
    )


def kueue(kind: str, name: str, spec: dict[str, Any], *, team: str | None = None, space: str = "") -> Manifest:
    metadata = {"name": name, **({"namespace": space} if space else {})}
    body = {"apiVersion": "kueue.x-k8s.io/v1beta2", "kind": kind, "metadata": metadata, "spec": spec}
    return manifest(Family.KUEUE, team, body)


def flavor(name: str = "a100") -> Manifest:
    return kueue("ResourceFlavor", name, {"nodeLabels": {labels.ACCELERATOR: name}})


def cluster_queue(team: str, *, gpus: int = 8) -> Manifest:
    resources = [{"name": "nvidia.com/gpu", "nominalQuota": str(gpus)}, {"name": "cpu", "nominalQuota": "64000m"}]
    spec = {
        "cohortName": "all",
        "namespaceSelector": {"matchLabels": {labels.TENANT: team}},
        "resourceGroups": [
            {
                "coveredResources": ["nvidia.com/gpu", "cpu"],
                "flavors": [{"name": "a100", "resources": resources}],
            }
        ],
    }
    return kueue("ClusterQueue", team, spec, team=team)


def local_queue(team: str) -> Manifest:
    return kueue("LocalQueue", "default", {"clusterQueue": team}, team=team, space=team)


def guardrails(team: str) -> tuple[Manifest, ...]:
    return (quota(team), limit_range(team), network_policy(team), service_account(team))


def access(team: str) -> tuple[Manifest, ...]:
    return (role(team), role_binding(team), local_queue(team))


def team_objects(team: str) -> tuple[Manifest, ...]:
    """Everything of one team."""
    return (namespace(team), *guardrails(team), claim(team), *access(team), cluster_queue(team))


def shared_objects() -> tuple[Manifest, ...]:
    """Everything that belongs to no team."""
    return (priority_class(), admission_policy(), policy_binding(), flavor())


def platform(*teams: str) -> Manifests:
    """A whole small platform."""
    return manifests(*shared_objects(), *(item for team in teams for item in team_objects(team)))

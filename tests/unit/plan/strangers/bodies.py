"""Live objects that are not ours, in one word each."""

from __future__ import annotations

from typing import Any

RBAC = "rbac.authorization.k8s.io"
Body = dict[str, Any]


def body(api_version: str, kind: str, name: str, namespace: str = "", **fields: Any) -> Body:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {}), **fields.pop("metadata", {})}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


def rule(resources: str, verbs: str, group: str = "", **more: Any) -> dict[str, Any]:
    return {"apiGroups": [group], "resources": resources.split(), "verbs": verbs.split(), **more}


def role(name: str, *rules: dict[str, Any], namespace: str = "", aggregate_to: str = "") -> Body:
    marks = {f"{RBAC}/aggregate-to-{aggregate_to}": "true"} if aggregate_to else {}
    kind = "Role" if namespace else "ClusterRole"
    return body(f"{RBAC}/v1", kind, name, namespace, metadata={"labels": marks}, rules=list(rules))


def group(name: str) -> dict[str, str]:
    return {"kind": "Group", "name": name, "apiGroup": RBAC}


def user(name: str) -> dict[str, str]:
    return {"kind": "User", "name": name, "apiGroup": RBAC}


def account(namespace: str, name: str = "default") -> dict[str, str]:
    return {"kind": "ServiceAccount", "namespace": namespace, "name": name}


def bound(
    name: str, role_name: str, *subjects: dict[str, str], namespace: str = "", role_kind: str = "ClusterRole"
) -> Body:
    kind = "RoleBinding" if namespace else "ClusterRoleBinding"
    ref = {"apiGroup": RBAC, "kind": role_kind, "name": role_name}
    return body(f"{RBAC}/v1", kind, name, namespace, roleRef=ref, subjects=list(subjects))


def token(namespace: str, name: str = "tok") -> Body:
    """As it is listed: without its type, and without what it holds."""
    return body(
        "v1", "Secret", name, namespace, metadata={"annotations": {"kubernetes.io/service-account.name": "default"}}
    )


def queue(name: str, *, cohort: str = "", flavors: tuple[str, ...] = ()) -> Body:
    groups = [
        {"coveredResources": ["nvidia.com/gpu"], "flavors": [{"name": flavor, "resources": []} for flavor in flavors]}
    ]
    spec = {"resourceGroups": groups, **({"cohortName": cohort} if cohort else {})}
    return body("kueue.x-k8s.io/v1beta2", "ClusterQueue", name, spec=spec)


ADMIN = role("cluster-admin", rule("*", "*", "*"), {"nonResourceURLs": ["*"], "verbs": ["*"]})
VIEW = role("view", rule("pods services", "get list watch"))
EDIT = role("edit", rule("pods secrets", "get list create"), rule("pods/exec", "create"))
DISCOVERY = role("system:discovery", {"nonResourceURLs": ["/api", "/version"], "verbs": ["get"]})
SELF = role("system:basic-user", rule("selfsubjectaccessreviews", "create", "authorization.k8s.io"))
"""Roles that every cluster has."""
USUAL = (ADMIN, VIEW, EDIT, DISCOVERY, SELF)

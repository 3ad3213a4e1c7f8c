"""Kueue's webhook configurations as its manifests install them, cut down to what matters here."""

from __future__ import annotations

from typing import Any

_TEAMS_ONLY = {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system", "kueue-system"]}]}  # fmt: skip  # noqa: E501
_ASKED = (
    ("job", "batch", "jobs", ("CREATE",)),
    ("pod", "", "pods", ("CREATE",)),
    ("deployment", "apps", "deployments", ("CREATE", "UPDATE")),
    ("statefulset", "apps", "statefulsets", ("CREATE", "UPDATE")),
    ("clusterqueue", "kueue.x-k8s.io", "clusterqueues", ("CREATE",)),
    ("workload", "kueue.x-k8s.io", "workloads", ("CREATE",)),
)


def kueue_webhooks() -> tuple[dict[str, Any], dict[str, Any]]:
    """The mutating and the validating configuration."""
    return _configuration("Mutating", "m", ()), _configuration("Validating", "v", ("CREATE", "UPDATE"))


def _configuration(sort: str, letter: str, operations: tuple[str, ...]) -> dict[str, Any]:
    hooks = []
    for name, group, resource, usual in _ASKED:
        rule = {
            "apiGroups": [group],
            "apiVersions": ["v1"],
            "operations": list(operations or usual),
            "resources": [resource],
        }
        path = f"/{sort.lower()}-{group.replace('.', '-')}-v1-{name}"
        hook: dict[str, Any] = {"name": f"{letter}{name}.kb.io", "failurePolicy": "Fail", "rules": [rule]}
        hook["clientConfig"] = {"service": {"namespace": "kueue-system", "name": "kueue-webhook-service", "path": path}}
        if group != "kueue.x-k8s.io":
            hook["namespaceSelector"] = _TEAMS_ONLY
        hooks.append(hook)
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": f"{sort}WebhookConfiguration",
        "metadata": {"name": f"kueue-{sort.lower()}-webhook-configuration"},
        "webhooks": hooks,
    }

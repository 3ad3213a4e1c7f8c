"""A pod that everything admits, from which each case departs in one point."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Body = dict[str, Any]

LABELS = {
    "nlp": {"team": "nlp", "project": "chat", "cost-center": "cc-4521", "environment": "production"},
    "cv": {"team": "cv", "project": "cv-core", "cost-center": "cc-4521", "environment": "production"},
    "old": {"team": "old", "project": "old-core", "cost-center": "cc-4521", "environment": "production"},
}


def pod(
    namespace: str,
    *,
    labels: Mapping[str, str] | None = None,
    amounts: Mapping[str, str] | None = None,
    container: Mapping[str, Any] | None = None,
    spec: Mapping[str, Any] | None = None,
    name: str = "probe",
) -> Body:
    """A pod that Pod Security's `restricted` and every policy accept.

    Args:
        labels: None: the right ones.
        amounts: requests and limits; None: none at all, so that the LimitRange fills them in.
        container: changes to the container.
        spec: changes to the pod spec.
    """
    resources = {} if amounts is None else {"requests": dict(amounts), "limits": dict(amounts)}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": dict(LABELS[namespace] if labels is None else labels),
        },
        "spec": {
            "containers": [
                {
                    "name": "main",
                    "image": "registry.example/work:1",
                    "resources": resources,
                    "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
                    **(container or {}),
                }
            ],
            "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
            "restartPolicy": "Never",
            **(spec or {}),
        },
    }

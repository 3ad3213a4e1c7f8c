"""Kueue's own manifests, made to fit a cluster that has no pod network.

The API server reaches webhooks and aggregated APIs through Services. Here these are ExternalName Services that point
at 127.0.0.1, and every reference to them names the port that Kueue listens on. The server then dials loopback while it
still checks the certificate for the Service's name: Kueue is not patched, TLS is not weakened.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

from allotment.adapters.sandbox.configs import VISIBILITY_SERVICE, WEBHOOK_SERVICE

Manifest = Mapping[str, Any]

_LEFT_OUT = {"Deployment", "ConfigMap", "ServiceMonitor"}
"""What makes a pod of Kueue: here it is a process, and its configuration a file."""

_ORDER = (
    "Namespace",
    "CustomResourceDefinition",
    "ServiceAccount",
    "Secret",
    "Role",
    "ClusterRole",
    "RoleBinding",
    "ClusterRoleBinding",
    "Service",
    "MutatingWebhookConfiguration",
    "ValidatingWebhookConfiguration",
    "APIService",
)


def install_objects(
    manifests: Iterable[Manifest], ports: Mapping[str, int], *, visibility: bool
) -> tuple[dict[str, Any], ...]:
    """The objects to apply, in order.

    Args:
        manifests: `kustomize build` of Kueue's config/default.
        ports: loopback port by use.
        visibility: keep the aggregated visibility API. Without its server the APIServices have to go too, or no
            namespace could be deleted (discovery of every API is part of that).
    """
    kept = [
        _redirected(manifest, ports)
        for manifest in manifests
        if manifest["kind"] not in _LEFT_OUT and (visibility or not _is_visibility(manifest))
    ]
    services = {WEBHOOK_SERVICE, VISIBILITY_SERVICE}
    wanted = [each for each in kept if each["kind"] != "Service" or each["metadata"]["name"] in services]
    return tuple(sorted(wanted, key=lambda each: _ORDER.index(each["kind"])))


def _is_visibility(manifest: Manifest) -> bool:
    return bool(manifest["kind"] == "APIService" or manifest["metadata"]["name"] == VISIBILITY_SERVICE)


def _redirected(manifest: Manifest, ports: Mapping[str, int]) -> dict[str, Any]:
    changed: dict[str, Any] = copy.deepcopy(dict(manifest))
    webhook, visibility = ports["kueue-webhook"], ports["kueue-visibility"]
    match changed["kind"]:
        case "Service":
            changed["spec"] = {"type": "ExternalName", "externalName": "127.0.0.1"}
        case "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration":
            for hook in changed["webhooks"]:
                hook["clientConfig"]["service"]["port"] = webhook
        case "CustomResourceDefinition" if "webhook" in changed["spec"].get("conversion", {}):
            changed["spec"]["conversion"]["webhook"]["clientConfig"]["service"]["port"] = webhook
        case "APIService":
            changed["spec"]["service"]["port"] = visibility
    return changed

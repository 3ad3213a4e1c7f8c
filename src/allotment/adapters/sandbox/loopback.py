"""A controller's own manifests, made to fit a cluster that has no pod network.

The API server reaches webhooks and aggregated APIs through Services. Here these are ExternalName Services that point
at 127.0.0.1, and every reference to them names the port that the controller listens on. The server then dials loopback
while it still checks the certificate for the Service's name: no controller is patched, TLS is not weakened.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Any, Final

Manifest = Mapping[str, Any]

_LEFT_OUT: Final = {"Deployment", "ConfigMap", "ServiceMonitor"}
"""What makes a pod of a controller: here it is a process, and its configuration a file."""

_ORDER: Final = (
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


def to_loopback(manifests: Iterable[Manifest], services: Collection[str]) -> Iterator[dict[str, Any]]:
    """Copies of the manifests without what would be a pod, and with only these Services, which lead to loopback."""
    for manifest in manifests:
        is_service = manifest["kind"] == "Service"
        if manifest["kind"] in _LEFT_OUT or (is_service and manifest["metadata"]["name"] not in services):
            continue
        changed = copy.deepcopy(dict(manifest))
        if is_service:
            changed["spec"] = {"type": "ExternalName", "externalName": "127.0.0.1"}
        yield changed


def redirected(manifest: dict[str, Any], port: int, authority: str | None = None) -> dict[str, Any]:
    """The manifest with the port that its webhooks listen on.

    Args:
        manifest: changed in place.
        port: the webhooks' port.
        authority: certificate in base64 that theirs is checked against; None where the controller writes its own.
    """
    for client in _webhook_clients(manifest):
        client["service"]["port"] = port
        if authority is not None:
            client["caBundle"] = authority
    return manifest


def in_install_order(manifests: Iterable[Manifest]) -> tuple[dict[str, Any], ...]:
    """Namespace first, kinds before the webhooks that judge them."""
    return tuple(sorted(map(dict, manifests), key=lambda each: _ORDER.index(each["kind"])))


def _webhook_clients(manifest: Manifest) -> list[dict[str, Any]]:
    match manifest["kind"]:
        case "MutatingWebhookConfiguration" | "ValidatingWebhookConfiguration":
            return [hook["clientConfig"] for hook in manifest["webhooks"]]
        case "CustomResourceDefinition" if "webhook" in manifest["spec"].get("conversion", {}):
            return [manifest["spec"]["conversion"]["webhook"]["clientConfig"]]
        case _:
            return []

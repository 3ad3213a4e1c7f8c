"""Kueue's own manifests on loopback; see `loopback`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from allotment.adapters.sandbox.configs import VISIBILITY_SERVICE, WEBHOOK_SERVICE
from allotment.adapters.sandbox.loopback import Manifest, in_install_order, redirected, to_loopback


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
    objects = [
        redirected(manifest, ports["kueue-webhook"])
        for manifest in to_loopback(manifests, {WEBHOOK_SERVICE, VISIBILITY_SERVICE})
        if visibility or not _is_visibility(manifest)
    ]
    for manifest in objects:
        if manifest["kind"] == "APIService":
            manifest["spec"]["service"]["port"] = ports["kueue-visibility"]
    return in_install_order(objects)


def _is_visibility(manifest: Manifest) -> bool:
    return bool(manifest["kind"] == "APIService" or manifest["metadata"]["name"] == VISIBILITY_SERVICE)

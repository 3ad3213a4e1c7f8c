"""The default account of a team namespace: no token in pods that ask for none, and the registry's credentials."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from allotment.model.manifest import Family, Manifest
from allotment.render.objects import Site

DEFAULT_ACCOUNT: Final = "default"
"""Kubernetes makes it in every namespace, and pods that name no account run as it: hardened rather than replaced."""


def render_service_accounts(site: Site) -> Iterator[Manifest]:
    """The hardened default account of each team namespace, but where guardrails start softly."""
    for tenant in site.tenants:
        if not site.has_defaults(tenant):
            continue
        fields: dict[str, Any] = {"automountServiceAccountToken": False}
        if tenant.team.image_pull_secrets:
            fields["imagePullSecrets"] = [{"name": name} for name in tenant.team.image_pull_secrets]
        yield tenant.shelf(Family.SERVICE_ACCOUNTS).namespaced(("v1", "ServiceAccount"), DEFAULT_ACCOUNT, fields)

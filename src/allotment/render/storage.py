"""StorageClasses of the platform, and the volume claims every team starts with."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from allotment.model.manifest import Family, Manifest
from allotment.model.platform import StorageClassSpec
from allotment.model.team import Claim
from allotment.render import amounts
from allotment.render.objects import Site

_IS_DEFAULT: Final = "storageclass.kubernetes.io/is-default-class"


def render_storage(site: Site) -> Iterator[Manifest]:
    """Classes first, then each team's claims; a team that leaves keeps them, they are its data."""
    shelf = site.shelf(Family.STORAGE)
    for storage_class in site.platform.storage_classes:
        yield shelf.clustered(
            ("storage.k8s.io/v1", "StorageClass"),
            storage_class.name,
            _class_fields(storage_class),
            {_IS_DEFAULT: "true" if storage_class.default else "false"},
        )
    for tenant in site.tenants:
        claims = tenant.shelf(Family.STORAGE)
        for claim in tenant.claims:
            yield claims.namespaced(("v1", "PersistentVolumeClaim"), claim.name, {"spec": _claim_spec(claim)})


def _class_fields(storage_class: StorageClassSpec) -> dict[str, Any]:
    fields: dict[str, Any] = {"provisioner": storage_class.provisioner}
    if storage_class.parameters:
        fields["parameters"] = dict(sorted(storage_class.parameters.items()))
    fields["reclaimPolicy"] = storage_class.reclaim_policy
    # A disk is made in the zone where its first pod lands; made earlier, it could bind the pod to a zone without GPUs.
    fields["volumeBindingMode"] = "WaitForFirstConsumer"
    fields["allowVolumeExpansion"] = True
    return fields


def _claim_spec(claim: Claim) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "accessModes": [claim.access_mode],
        "resources": {"requests": {"storage": amounts.memory(claim.size)}},
    }
    if claim.storage_class:
        spec["storageClassName"] = claim.storage_class
    return spec

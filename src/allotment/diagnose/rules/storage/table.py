"""Causes of this layer in their order: of several that hold, the first is the dominant one."""

from __future__ import annotations

from typing import Final

from allotment.diagnose.finding import CauseEntry
from allotment.diagnose.rules.storage import (
    pvc_lost,
    pvc_missing,
    pvc_unbound_no_class,
    pvc_unbound_no_volume,
    pvc_zone_conflict,
    resource_claims,
    volume_in_use,
    volume_mount_failed,
)
from allotment.model.explanation import Layer

_LAYER: Final = Layer.STORAGE

CAUSES: Final[tuple[CauseEntry, ...]] = (
    CauseEntry("ALT-1701", "pvc-missing", _LAYER, "no such claim", pvc_missing.find),
    CauseEntry("ALT-1702", "pvc-lost", _LAYER, "the claim lost its volume", pvc_lost.find),
    CauseEntry("ALT-1703", "pvc-unbound-no-class", _LAYER, "no such StorageClass", pvc_unbound_no_class.find),
    CauseEntry(
        "ALT-1704",
        "pvc-unbound-wait-for-consumer-zone-conflict",
        _LAYER,
        "volume and machines in different zones",
        pvc_zone_conflict.find,
    ),
    CauseEntry(
        "ALT-1705",
        "pvc-provisioning-failed",
        _LAYER,
        "the volume cannot be made",
        pvc_unbound_no_volume.provisioning_failed,
    ),
    CauseEntry("ALT-1713", "pvc-being-made", _LAYER, "the volume is being made", pvc_unbound_no_volume.being_made),
    CauseEntry("ALT-1706", "pvc-unbound-no-volume", _LAYER, "no volume to be had", pvc_unbound_no_volume.no_volume),
    CauseEntry("ALT-1712", "pvc-terminating", _LAYER, "the claim is being deleted", pvc_lost.terminating),
    CauseEntry("ALT-1708", "volume-in-use", _LAYER, "another pod has the volume", volume_in_use.find),
    CauseEntry("ALT-1707", "volume-mount-failed", _LAYER, "a volume cannot be mounted", volume_mount_failed.find),
    CauseEntry("ALT-1709", "resource-claim-missing", _LAYER, "no such device claim", resource_claims.claim_missing),
    CauseEntry("ALT-1710", "device-class-missing", _LAYER, "no such device class", resource_claims.class_missing),
)

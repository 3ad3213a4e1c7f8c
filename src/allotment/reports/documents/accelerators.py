"""The accelerator catalogue as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from allotment.operations.directory.validating import AcceleratorLine


def accelerator_document(row: AcceleratorLine) -> Mapping[str, Any]:
    """An accelerator as JSON; memory in bytes, prices in millionths of the currency."""
    device = row.accelerator
    return {
        "name": device.name,
        "vendor": device.vendor.value,
        "product": device.product,
        "resourceName": device.resource_name,
        "memoryBytes": device.memory,
        "interconnect": device.interconnect,
        "architecture": device.architecture,
        "sliceOf": device.partition_of,
        "slices": device.partitions,
        "pricePerHourMicros": {key.value: value for key, value in device.price_per_hour.items()},
        "devices": row.devices,
        "clusters": row.clusters,
    }

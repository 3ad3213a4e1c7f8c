"""Accelerators: classes of devices, and the capacity types they are bought as."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from allotment.model.quantity import Bytes


class Vendor(StrEnum):
    """Who makes the device; decides the resource name's domain and the usual taint."""

    NVIDIA = "nvidia"
    AMD = "amd"
    INTEL = "intel"
    GOOGLE = "google"
    AWS = "aws"


class CapacityType(StrEnum):
    """How capacity is bought. The order of a team's guarantee is reserved, on-demand, spot: what stays comes first."""

    RESERVED = "reserved"
    ON_DEMAND = "on-demand"
    SPOT = "spot"


@dataclass(frozen=True, slots=True)
class Accelerator:
    """A class of device, as teams name it (``a100``, ``h100``, ``mi300x``, ``a100-1g-10gb``).

    Attributes:
        name: short name, unique in the platform.
        resource_name: extended resource that a pod requests, such as ``nvidia.com/gpu``.
        memory: device memory in bytes, per device (per slice for a MIG profile).
        interconnect: link between devices of one node (``NVLink``, ``PCIe``, ``ICI`` …).
        architecture: the vendor's generation (``Ampere``, ``CDNA 3`` …).
        node_label: label key and value by which nodes with this device are found; it becomes the flavor's node label.
        taint_key: key of the NoSchedule taint such nodes carry.
        partition_of: accelerator this is a hardware slice of (MIG), or None.
        partitions: slices of this size that one whole device gives; 1 for a whole device.
        price_per_hour: by capacity type, in millionths of the platform's currency, per device and hour.
    """

    name: str
    vendor: Vendor
    product: str
    resource_name: str
    memory: Bytes
    interconnect: str
    architecture: str
    node_label: tuple[str, str]
    taint_key: str
    partition_of: str | None
    partitions: int
    price_per_hour: Mapping[CapacityType, int]

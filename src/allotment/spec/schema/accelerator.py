"""Kind Accelerator: a class of device. The built-in catalogue is written in it too."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from allotment.spec.schema.base import KindSpec, Spec
from allotment.spec.schema.choices import CapacityTypeChoice, VendorChoice
from allotment.spec.schema.scalars import Count, LabelKey, LabelValue, Line, Memory, Name, Price, ResourceName


class NodeLabelSpec(Spec):
    """A label by which nodes are found."""

    key: LabelKey = Field(description="Key of the label.")
    value: LabelValue = Field(description="Its value.")


class AcceleratorSpec(KindSpec):
    """A class of device as teams name it. One of the catalogue's names replaces the catalogue's entry."""

    kind: Literal["Accelerator"] = Field(description="Which kind of document this is.")
    name: Name = Field(description="Short name, unique in the platform, such as a100.")
    vendor: VendorChoice = Field(description="Who makes it.")
    product: Line = Field(description="The product's full name, for people.")
    resource_name: ResourceName = Field(description="Extended resource that a pod requests, such as nvidia.com/gpu.")
    memory: Memory = Field(description="Device memory, per device (per slice for a MIG profile).")
    interconnect: Line = Field(
        default="PCIe", description="Link between devices of a node. PCIe: what every server has."
    )
    architecture: Line = Field(description="The vendor's generation, such as Ampere.")
    node_label: NodeLabelSpec | None = Field(
        default=None,
        description="Label of the nodes that have it; flavors select nodes by it. By default "
        "allotment.dev/accelerator with the accelerator's name: a label that belongs to the node pool is known "
        "while the pool stands at zero nodes, one that feature discovery sets is not, and an autoscaler would never "
        "add the first node.",
    )
    taint_key: LabelKey = Field(
        description="Key of the NoSchedule taint (value: present) that its nodes carry, so that CPU work stays away.",
    )
    partition_of: Name | None = Field(
        default=None, description="Accelerator this is a hardware slice of (MIG). None: it is a whole device."
    )
    partitions: Count = Field(
        default=1, description="Slices of this size that one whole device gives; 1 for a whole device."
    )
    price_per_hour: dict[CapacityTypeChoice, Price] = Field(
        default_factory=dict,
        description="Price per device and hour by capacity type, in the platform's currency. Types without a price "
        "are not accounted in money.",
    )

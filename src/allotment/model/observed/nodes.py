"""Nodes and their devices: device plugins' resources, and the slices, classes and claims of DRA."""

from __future__ import annotations

from typing import Any

from allotment.model.observed.base import Amounts, Condition, Object, ObjectMeta, Part, Reference, Selector
from allotment.model.observed.pods import NodeSelector, Toleration


class NodeTaint(Part, frozen=True):
    """A taint as a node carries it."""

    key: str = ""
    value: str = ""
    effect: str = ""
    time_added: str = ""


class NodeSpec(Part, frozen=True):
    """What is asked of a node."""

    unschedulable: bool = False
    taints: tuple[NodeTaint, ...] = ()
    provider_id: str = ""


class NodeStatus(Part, frozen=True):
    """How a node is."""

    capacity: Amounts = {}
    allocatable: Amounts = {}
    conditions: tuple[Condition, ...] = ()


class Node(Object, frozen=True):
    """A node."""

    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()

    @property
    def ready(self) -> bool:
        """Whether its kubelet says Ready."""
        return any(each.type == "Ready" and each.true for each in self.status.conditions)


class DeviceTaint(Part, frozen=True):
    """A taint of a device."""

    key: str = ""
    value: str = ""
    effect: str = ""


class Device(Part, frozen=True):
    """A device of a slice. Attributes and capacity as the driver publishes them, values in their typed wrapping."""

    name: str = ""
    attributes: dict[str, dict[str, Any]] = {}
    capacity: dict[str, dict[str, Any]] = {}
    taints: tuple[DeviceTaint, ...] = ()
    node_name: str = ""
    allow_multiple_allocations: bool = False


class SlicePool(Part, frozen=True):
    """The pool a slice belongs to."""

    name: str = ""
    generation: int = 0
    resource_slice_count: int = 1


class ResourceSliceSpec(Part, frozen=True):
    """Devices of one driver on one node, or reachable by several."""

    driver: str = ""
    node_name: str = ""
    all_nodes: bool = False
    node_selector: NodeSelector | None = None
    pool: SlicePool = SlicePool()
    devices: tuple[Device, ...] = ()


class ResourceSlice(Object, frozen=True):
    """A ResourceSlice."""

    spec: ResourceSliceSpec = ResourceSliceSpec()


class CelSelector(Part, frozen=True):
    """An expression on a device."""

    expression: str = ""


class DeviceSelector(Part, frozen=True):
    """A selector of devices."""

    cel: CelSelector | None = None


class DeviceClassSpec(Part, frozen=True):
    """What a class selects."""

    selectors: tuple[DeviceSelector, ...] = ()
    extended_resource_name: str = ""


class DeviceClass(Object, frozen=True):
    """A DeviceClass."""

    spec: DeviceClassSpec = DeviceClassSpec()


class ExactRequest(Part, frozen=True):
    """So many devices of a class."""

    device_class_name: str = ""
    count: int = 1
    allocation_mode: str = "ExactCount"
    selectors: tuple[DeviceSelector, ...] = ()
    admin_access: bool = False
    tolerations: tuple[Toleration, ...] = ()


class DeviceRequest(Part, frozen=True):
    """A request of a claim; before `v1` its fields stood beside the name."""

    name: str = ""
    exactly: ExactRequest | None = None
    device_class_name: str = ""
    count: int = 1
    allocation_mode: str = "ExactCount"
    selectors: tuple[DeviceSelector, ...] = ()
    tolerations: tuple[Toleration, ...] = ()
    first_available: tuple[ExactRequest, ...] = ()

    @property
    def exact(self) -> ExactRequest:
        """The request, whichever version wrote it; the first of several alternatives."""
        if self.exactly is not None:
            return self.exactly
        if self.first_available:
            return self.first_available[0]
        return ExactRequest(
            device_class_name=self.device_class_name,
            count=self.count,
            allocation_mode=self.allocation_mode,
            selectors=self.selectors,
            tolerations=self.tolerations,
        )


class ClaimDevices(Part, frozen=True):
    """What a claim asks for."""

    requests: tuple[DeviceRequest, ...] = ()


class ResourceClaimSpec(Part, frozen=True):
    """A claim's spec."""

    devices: ClaimDevices = ClaimDevices()


class AllocatedDevice(Part, frozen=True):
    """A device that a claim got."""

    request: str = ""
    driver: str = ""
    pool: str = ""
    device: str = ""
    admin_access: bool = False


class AllocatedDevices(Part, frozen=True):
    """All devices a claim got."""

    results: tuple[AllocatedDevice, ...] = ()


class Allocation(Part, frozen=True):
    """What a claim got, and where it can be used."""

    devices: AllocatedDevices = AllocatedDevices()
    node_selector: NodeSelector | None = None


class ResourceClaimStatus(Part, frozen=True):
    """How a claim is."""

    allocation: Allocation | None = None
    reserved_for: tuple[Reference, ...] = ()


class ResourceClaim(Object, frozen=True):
    """A ResourceClaim."""

    spec: ResourceClaimSpec = ResourceClaimSpec()
    status: ResourceClaimStatus = ResourceClaimStatus()


class ClaimTemplateBody(Part, frozen=True):
    """What a template makes."""

    spec: ResourceClaimSpec = ResourceClaimSpec()


class ResourceClaimTemplate(Object, frozen=True):
    """A ResourceClaimTemplate."""

    spec: ClaimTemplateBody = ClaimTemplateBody()


class NodePoolTemplateSpec(Part, frozen=True):
    """Taints that nodes of a pool get."""

    taints: tuple[NodeTaint, ...] = ()
    startup_taints: tuple[NodeTaint, ...] = ()
    requirements: tuple[dict[str, Any], ...] = ()


class NodePoolTemplate(Part, frozen=True):
    """What nodes are made from; of the metadata, their labels."""

    metadata: ObjectMeta = ObjectMeta()
    spec: NodePoolTemplateSpec = NodePoolTemplateSpec()


class KarpenterPoolSpec(Part, frozen=True):
    """Limits and template of a NodePool."""

    limits: Amounts = {}
    weight: int | None = None
    template: NodePoolTemplate = NodePoolTemplate()


class KarpenterPoolStatus(Part, frozen=True):
    """What a NodePool has made so far."""

    resources: Amounts = {}
    conditions: tuple[Condition, ...] = ()


class KarpenterNodePool(Object, frozen=True):
    """A NodePool of Karpenter."""

    spec: KarpenterPoolSpec = KarpenterPoolSpec()
    status: KarpenterPoolStatus = KarpenterPoolStatus()


class NodeClaimStatus(Part, frozen=True):
    """How far a node is on its way."""

    node_name: str = ""
    provider_id: str = ""
    capacity: Amounts = {}
    allocatable: Amounts = {}
    conditions: tuple[Condition, ...] = ()


class NodeClaim(Object, frozen=True):
    """A node that Karpenter has asked for."""

    status: NodeClaimStatus = NodeClaimStatus()


class DisruptionBudgetSpec(Part, frozen=True):
    """Which pods a budget covers."""

    selector: Selector | None = None
    min_available: int | str | None = None
    max_unavailable: int | str | None = None


class DisruptionBudgetStatus(Part, frozen=True):
    """How many may still go."""

    disruptions_allowed: int = 0


class DisruptionBudget(Object, frozen=True):
    """A PodDisruptionBudget."""

    spec: DisruptionBudgetSpec = DisruptionBudgetSpec()
    status: DisruptionBudgetStatus = DisruptionBudgetStatus()

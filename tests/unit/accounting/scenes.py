"""Small snapshots for tests of what is counted."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from allotment.accounting.ledger import CauseOfTime
from allotment.accounting.moment import Portion
from allotment.model.observed.base import Condition, ObjectMeta, OwnerReference
from allotment.model.observed.namespaced import Namespace
from allotment.model.observed.nodes import Node, NodeSpec, NodeStatus
from allotment.model.observed.pods import Container, ContainerStatus, Pod, PodSpec, PodStatus, PodTemplate, Resources
from allotment.model.observed.queueing import (
    AdmissionOf,
    FlavorSpec,
    PodSetAssigned,
    ResourceFlavor,
    Workload,
    WorkloadPodSet,
    WorkloadSpec,
    WorkloadStatus,
)
from allotment.model.observed.snapshot import DeviceUse, Gap, Objects, Snapshot, Source

GPU = "nvidia.com/gpu"


def at(ms: int) -> str:
    return dt.datetime.fromtimestamp(ms / 1000, dt.UTC).isoformat()


def node(
    name: str,
    capacity: Mapping[str, str],
    allocatable: Mapping[str, str] | None = None,
    *,
    labels: Mapping[str, str] | None = None,
    ready: bool = True,
    cordoned: bool = False,
) -> Node:
    return Node(
        metadata=ObjectMeta(name=name, uid=name, labels={"pool": "gpu", **(labels or {})}),
        spec=NodeSpec(unschedulable=cordoned),
        status=NodeStatus(
            capacity=dict(capacity),
            allocatable=dict(capacity if allocatable is None else allocatable),
            conditions=(Condition(type="Ready", status="True" if ready else "False"),),
        ),
    )


def spec_of(asks: Mapping[str, str], **more: Any) -> PodSpec:
    return PodSpec(containers=(Container(name="main", resources=Resources(requests=dict(asks))),), **more)


def pod(
    name: str,
    on: str,
    asks: Mapping[str, str],
    *,
    phase: str = "Running",
    owner: tuple[str, str] | None = None,
    statuses: tuple[ContainerStatus, ...] = (),
    init: tuple[ContainerStatus, ...] = (),
    **spec: Any,
) -> Pod:
    owners = (OwnerReference(kind=owner[0], name=owner[1], uid=owner[1], controller=True),) if owner else ()
    if init:
        spec["init_containers"] = tuple(Container(name=each.name) for each in init)
    return Pod(
        metadata=ObjectMeta(name=name, namespace="team", uid=f"pod-{name}", owner_references=owners),
        spec=spec_of(asks, node_name=on, **spec),
        status=PodStatus(phase=phase, container_statuses=statuses, init_container_statuses=init),
    )


def workload(
    name: str, flavor: str, devices: int, *, admitted: bool, refused: str = "", job: str = "", namespace: str = "team"
) -> Workload:
    conditions = [Condition(type="QuotaReserved", status="True" if admitted else "False", message=refused)]
    given = PodSetAssigned(flavors={GPU: flavor}, resource_usage={GPU: str(devices)})
    return Workload(
        metadata=ObjectMeta(
            name=name,
            namespace=namespace,
            uid=name,
            owner_references=(OwnerReference(kind="Job", name=job or name, uid=job or name, controller=True),),
        ),
        spec=WorkloadSpec(
            queue_name="main", pod_sets=(WorkloadPodSet(template=PodTemplate(spec=spec_of({GPU: str(devices)}))),)
        ),
        status=WorkloadStatus(
            admission=AdmissionOf(cluster_queue="cq", pod_set_assignments=(given,)) if admitted else None,
            conditions=tuple(conditions),
        ),
    )


def moment_of(
    t: int,
    *,
    nodes: Iterable[Node] = (),
    pods: Iterable[Pod] = (),
    workloads: Iterable[Workload] = (),
    use: Iterable[DeviceUse] = (),
    gaps: tuple[Gap, ...] = (),
    **more: Any,
) -> Snapshot:
    gpu = ResourceFlavor(metadata=ObjectMeta(name="gpu"), spec=FlavorSpec(node_labels={"pool": "gpu"}))
    objects = Objects(
        nodes=tuple(nodes),
        pods=tuple(pods),
        workloads=tuple(workloads),
        namespaces=(Namespace(metadata=ObjectMeta(name="team", labels={"allotment.dev/tenant": "nlp"})),),
        **{"flavors": (gpu,), **more},
    )
    source = Source(name="dev", observed_at=at(t), objects=objects, gaps=gaps, device_use=tuple(use))
    return Snapshot(taken_at=at(t), sources=(source,))


def by_cause(found: Iterable[Portion]) -> dict[CauseOfTime, int]:
    """Millionths of devices, in the order of precedence."""
    sums = Counter[CauseOfTime]()
    for each in found:
        sums[each.charge.cause] += each.parts
    return {cause: sums[cause] for cause in CauseOfTime if cause in sums}

"""Short ways to build what placement tests need; memory in MiB."""

from __future__ import annotations

from allotment.model.cluster import Taint
from allotment.model.quantity import MIB
from allotment.scheduling.kinds import Operator, Requirement
from allotment.scheduling.placement.model import (
    HOSTNAME_LABEL,
    ZONE_LABEL,
    AffinityTerm,
    LabelSelector,
    Node,
    Pod,
    PodAffinity,
    PodShape,
    SpreadConstraint,
)
from allotment.scheduling.placement.state import ClusterState


def node(
    name: str,
    cpu: int = 4000,
    memory: int = 8192,
    *,
    pods: int = 110,
    zone: str = "",
    labels: dict[str, str] | None = None,
    taints: tuple[Taint, ...] = (),
    unschedulable: bool = False,
    **extended: int,
) -> Node:
    own = {HOSTNAME_LABEL: name} | ({ZONE_LABEL: zone} if zone else {}) | (labels or {})
    gpus = {"nvidia.com/gpu": extended["gpus"]} if "gpus" in extended else {}
    return Node(name, {"cpu": cpu, "memory": memory * MIB, "pods": pods} | gpus, own, taints, unschedulable)


def app(value: str) -> LabelSelector:
    return LabelSelector((Requirement("app", Operator.IN, (value,)),))


def shape(
    cpu: int | None = 1000, memory: int | None = 1024, *, label: str = "", gpus: int = 0, **rest: object
) -> PodShape:
    requests = [("cpu", cpu), ("memory", None if memory is None else memory * MIB), ("nvidia.com/gpu", gpus or None)]
    return PodShape(
        labels=(("app", label),) if label else (),
        requests=tuple((name, amount) for name, amount in requests if amount is not None),
        **rest,  # type: ignore[arg-type]
    )


def pod(name: str, *args: object, priority: int = 0, start: float = 0.0, never: bool = False, **kwargs: object) -> Pod:
    return Pod(name, shape(*args, **kwargs), priority, start, never)  # type: ignore[arg-type]


def apart(label: str, topology: str = HOSTNAME_LABEL) -> PodAffinity:
    return PodAffinity(required_anti=(AffinityTerm(topology, app(label)),))


def together(label: str, topology: str = ZONE_LABEL) -> PodAffinity:
    return PodAffinity(required=(AffinityTerm(topology, app(label)),))


def evenly(label: str, *, hard: bool = True, skew: int = 1, topology: str = ZONE_LABEL) -> tuple[SpreadConstraint, ...]:
    return (SpreadConstraint(topology, skew, hard, app(label)),)


def cluster(*nodes: Node, running: tuple[tuple[Pod, str], ...] = ()) -> ClusterState:
    state = ClusterState(nodes)
    for one, where in running:
        state.add(one, state.node_index(where))
    return state

"""How many more pods of one kind a cluster can take: by placing them and taking them back, or node by node."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from allotment.model.devices import DEVICE_RESOURCES
from allotment.scheduling.placement.gpu.capacity import UNLIMITED, ShapeRoom, Stranded, room_from
from allotment.scheduling.placement.gpu.cluster import models_of, node_model
from allotment.scheduling.placement.gpu.model import WHOLE
from allotment.scheduling.placement.model import PodShape
from allotment.scheduling.placement.nodes import Bools, Ints
from allotment.scheduling.placement.state import CPU_ROW, MEMORY_ROW, ClusterState


def gpu_rows(state: ClusterState) -> list[int]:
    """Rows of the resources that are GPUs."""
    return [row for name, row in state.rows.items() if name in DEVICE_RESOURCES]


def idle_gpus(state: ClusterState, rows: Iterable[int] | None = None) -> Ints:
    """GPUs of each node that no pod asks for.

    Args:
        state: the cluster.
        rows: of the resources that are counted; None = of all that are GPUs.
    """
    idle = np.zeros(state.nodes.count, dtype=np.int64)
    for row in gpu_rows(state) if rows is None else rows:
        idle += np.maximum(state.alloc[row] - state.used[row], 0)
    return idle


def bare(shape: PodShape) -> PodShape:
    """The shape without what ties a pod to other pods: labels, affinity to pods, spread, ports, volumes."""
    return PodShape(requests=shape.requests, node_affinity=shape.node_affinity, tolerations=shape.tolerations)


def admits(state: ClusterState, shape: PodShape) -> Bools:
    """Nodes a pod of this shape may go to, whatever runs there."""
    compiled = state.compiled(bare(shape))
    allowed = compiled.statically_ok.copy()
    if not compiled.tolerates_cordon:
        allowed &= ~state.unschedulable
    return allowed


def room(state: ClusterState, shape: PodShape) -> ShapeRoom:
    """What pods of this one shape could still get on every node, by the default filters of kube-scheduler.

    Exact for what the shape itself asks for; lost are GPUs of the resource that it asks for. What ties pods to other
    pods (see `bare`) is left out.

    Args:
        state: the cluster; unchanged.
        shape: the kind of pod.
    """
    compiled = state.compiled(bare(shape))
    free_pods = np.maximum(state.nodes.pod_limit - state.pod_count, 0)
    counts: Ints = np.minimum(free_pods, UNLIMITED)
    short: dict[int, Bools] = {}
    for row, amount in compiled.requests:
        left = state.alloc[row] - state.used[row]
        short[row] = left < amount
        counts = np.minimum(counts, np.maximum(left, 0) // amount)
    allowed = admits(state, shape)
    gpus = gpu_rows(state)
    demand = sum(amount for row, amount in compiled.requests if row in gpus) * WHOLE
    nothing = np.zeros(state.nodes.count, dtype=np.bool_)
    others = [row for row in short if row not in (CPU_ROW, MEMORY_ROW, *gpus)]
    wanted = models_of(shape)
    wrong = np.array([bool(wanted) and node_model(n) not in wanted for n in state.nodes.nodes], dtype=np.bool_)
    blocked = (
        (Stranded.CORDONED, nothing if compiled.tolerates_cordon else state.unschedulable),
        (Stranded.TAINTED, compiled.tainted),
        (Stranded.WRONG_MODEL, wrong & ~compiled.admitted),
        (Stranded.NOT_SELECTED, ~compiled.admitted),
        (Stranded.TOO_MANY_PODS, free_pods == 0),
        (Stranded.LACKS_CPU, short.get(CPU_ROW, nothing)),
        (Stranded.LACKS_MEMORY, short.get(MEMORY_ROW, nothing)),
        (Stranded.LACKS_OTHER, np.logical_or.reduce([short[row] for row in others]) if others else nothing),
        (Stranded.TOO_FEW_GPUS, np.logical_or.reduce([short[row] for row in gpus if row in short] or [nothing])),
    )
    # GPUs that go by the name of another resource are no loss to the shape.
    asked = [row for row, amount in compiled.requests if row in gpus and amount]
    return room_from(idle_gpus(state, asked) * WHOLE, demand, np.where(allowed, counts, 0), blocked)

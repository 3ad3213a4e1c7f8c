"""What a cluster has left: per node used and free GPU, fragmentation by cause, and room for shapes.

Two kinds of cluster are surveyed: one of Kubernetes, with all its node rules, and a fleet whose GPUs can be shared.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final

import numpy as np

from allotment.scheduling.placement.asking import Ask, ask_text, gpu_shape_of, pod_shape_of, pod_text
from allotment.scheduling.placement.capacity import admits, bare, gpu_rows, idle_gpus
from allotment.scheduling.placement.capacity import room as pod_room
from allotment.scheduling.placement.gpu.capacity import ShapeRoom
from allotment.scheduling.placement.gpu.capacity import room as gpu_room
from allotment.scheduling.placement.gpu.cluster import gpu_shape, node_model
from allotment.scheduling.placement.gpu.fleet import Bools, GpuFleet
from allotment.scheduling.placement.gpu.fragmentation import Fragmentation, TypicalPod, measure, typical_pods
from allotment.scheduling.placement.gpu.model import WHOLE, GpuNode, GpuShape
from allotment.scheduling.placement.model import PodShape
from allotment.scheduling.placement.state import CPU_ROW, MEMORY_ROW, ClusterState

_NOT_READY: Final = frozenset({"node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"})
MOST_SHAPES: Final = 10
"""Shapes of the pods that are reported, the most frequent ones."""


@dataclass(frozen=True, slots=True)
class NodeRoom:
    """One node; GPUs in thousandths, milli-CPU, bytes of memory.

    Attributes:
        model: of its GPUs.
        cpu_free, memory_free: below 0 if more is asked for than there is.
        closed: no new pod goes there (cordoned).
        broken: it is not Ready.
    """

    name: str
    model: str
    labels: Mapping[str, str]
    gpus: int
    free: int
    cpu_free: int
    memory_free: int
    closed: bool = False
    broken: bool = False

    @property
    def used(self) -> int:
        """Milli-GPU that pods hold."""
        return self.gpus - self.free


@dataclass(frozen=True, slots=True)
class ShapeSurvey:
    """Room for one shape.

    Attributes:
        text: as `asking.parse_ask` reads it.
        asked: whether it was asked for.
        share: share of the pods that have it, 0-1; None if none of those reported has.
        demand: milli-GPU a pod takes.
        room: per node, in the order of the survey's nodes.
    """

    text: str
    asked: bool
    share: float | None
    demand: int
    room: ShapeRoom


@dataclass(frozen=True, slots=True)
class CapacitySurvey:
    """A cluster's room.

    Attributes:
        shapes: those asked for, then the most frequent ones of the pods that ask for GPU; each once.
        fragmentation: over the typical pods, nodes in the order of `nodes`; None if there is nothing to judge by.
        typical: number of typical shapes.
        pods: number of pods they were taken from; 0 if from the shapes asked for.
        sliced: milli-GPU that are counted as slices under names of their own, and are in no row.
        by_claims: milli-GPU that claims hand out (DRA), and are in no row either.
    """

    nodes: tuple[NodeRoom, ...]
    shapes: tuple[ShapeSurvey, ...]
    fragmentation: Fragmentation | None
    typical: int
    pods: int
    sliced: int = 0
    by_claims: int = 0

    @property
    def shut(self) -> int:
        """Of the idle milli-GPU, those on nodes that take no pods: cordoned, or not Ready."""
        return sum(node.free for node in self.nodes if node.closed or node.broken)

    @property
    def gpus(self) -> int:
        """Milli-GPU of all nodes."""
        return sum(node.gpus for node in self.nodes)

    @property
    def free(self) -> int:
        """Idle milli-GPU of all nodes."""
        return sum(node.free for node in self.nodes)


def survey_cluster(state: ClusterState, pods: Iterable[PodShape], asks: Sequence[Ask]) -> CapacitySurvey:
    """Survey a cluster of Kubernetes; nodes in the order in which they were given.

    Args:
        state: the cluster; unchanged.
        pods: shapes of the pods that stand for what is usual, running and pending ones.
        asks: further shapes.

    Raises:
        NotFoundError: an ask names a GPU model that is not there.
        UsageError: an ask cannot be met on such a cluster.
    """
    order = np.argsort(state.nodes.input_order)
    counts = Counter(bare(shape) for shape in pods)
    total = counts.total()
    asked = [(ask.text, pod_shape_of(ask, state.nodes.nodes)) for ask in asks]
    usual = [(shape, count / total) for shape, count in counts.most_common() if gpu_shape(shape).gpus]
    mixed = sum(bool(state.alloc[row].any()) for row in gpu_rows(state)) > 1
    # Without pods those asked for are all there is to judge by.
    judges = counts or Counter(bare(shape) for _, shape in asked)
    fleet, seen_as = fleet_of(state, judges)
    typical = typical_pods(seen_as[shape] for shape in judges.elements())

    def surveyed(text: str, share: float | None, shape: PodShape) -> ShapeSurvey:
        found = _ordered(pod_room(state, shape), order)
        return ShapeSurvey(text, share is None, share, gpu_shape(shape).demand, found)

    shapes = _each_once(
        [(pod_text(shape, mixed=mixed), surveyed(text, None, shape)) for text, shape in asked],
        [(text := pod_text(shape, mixed=mixed), surveyed(text, share, shape)) for shape, share in usual[:MOST_SHAPES]],
    )
    idle = idle_gpus(state)
    rows = gpu_rows(state)
    nodes = tuple(
        NodeRoom(
            name=(node := state.nodes.nodes[at]).name,
            model=node_model(node),
            labels=node.labels,
            gpus=WHOLE * sum(int(state.alloc[row][at]) for row in rows),
            free=WHOLE * int(idle[at]),
            cpu_free=int(state.alloc[CPU_ROW][at] - state.used[CPU_ROW][at]),
            memory_free=int(state.alloc[MEMORY_ROW][at] - state.used[MEMORY_ROW][at]),
            closed=bool(state.unschedulable[at]),
            broken=any(taint.key in _NOT_READY for taint in node.taints),
        )
        for at in order
    )
    fragmentation = Fragmentation(measure(fleet, typical).per_node[order]) if typical else None
    return CapacitySurvey(nodes, tuple(shapes), fragmentation, len(typical), total)


def _each_once(*groups: Sequence[tuple[str, ShapeSurvey]]) -> list[ShapeSurvey]:
    """Rows that say the same of every node under the same canonical text are one: the first, with the shares of all.

    The text leaves out what makes no difference to most nodes, such as a toleration of the GPU's own taint. Where it
    does make one, the room differs, and both rows stay.
    """
    rows: dict[tuple[object, ...], ShapeSurvey] = {}
    for text, row in chain(*groups):
        key = (text, row.room.fits.tobytes(), row.room.lost.tobytes(), row.room.reasons)
        first = rows.get(key)
        if first is None:
            rows[key] = row
        elif row.share is not None:
            rows[key] = replace(first, share=(first.share or 0.0) + row.share)
    return list(rows.values())


def _ordered(room: ShapeRoom, order: np.ndarray[tuple[int], np.dtype[np.int64]]) -> ShapeRoom:
    return ShapeRoom(room.fits[order], room.lost[order], tuple(room.reasons[at] for at in order))


def fleet_of(state: ClusterState, shapes: Iterable[PodShape]) -> tuple[GpuFleet, dict[PodShape, GpuShape]]:
    """The cluster as the fragmentation measure sees it, and the shapes there.

    The measure knows one rule about where a pod may go: the GPU model. Nodes that the given shapes cannot tell apart,
    by selector, affinity, taint, cordon or kind of GPU, are therefore one model, and a shape accepts the models of the
    nodes it may go to.
    """
    distinct = list(dict.fromkeys(shapes))
    allowed = [admits(state, shape) & _offers_its_gpus(state, shape) for shape in distinct]
    columns = np.array(allowed, dtype=np.bool_).reshape(len(distinct), state.nodes.count)
    classes = [columns[:, node].tobytes().hex() for node in range(state.nodes.count)]
    rows = gpu_rows(state)
    fleet = GpuFleet(
        [
            GpuNode(node.name, 0, 0, min(_MOST_GPUS, sum(int(state.alloc[row][at]) for row in rows)), classes[at])
            for at, node in enumerate(state.nodes.nodes)
        ]
    )
    fleet.cpu_left[:] = state.alloc[CPU_ROW] - state.used[CPU_ROW]
    fleet.memory_left[:] = state.alloc[MEMORY_ROW] - state.used[MEMORY_ROW]
    for at, free in enumerate(idle_gpus(state)):
        fleet.gpu_left[at] = 0
        fleet.gpu_left[at, : int(free)] = WHOLE
    seen_as = {}
    for shape, nodes in zip(distinct, allowed, strict=True):
        seen = gpu_shape(shape)
        accepted = sorted({classes[at] for at in np.flatnonzero(nodes)}) or [_NOWHERE]
        seen_as[shape] = GpuShape(seen.cpu, seen.memory, seen.gpus, seen.milli, tuple(accepted) if seen.gpus else ())
    return fleet, seen_as


_NOWHERE: Final = "nowhere"
_MOST_GPUS: Final = 1024
"""Of one node, as in the files of fleets: the measure has a place for each GPU of each node, so one node that claims
more must not fill the memory."""


def _offers_its_gpus(state: ClusterState, shape: PodShape) -> Bools:
    offers = np.ones(state.nodes.count, dtype=np.bool_)
    for row in gpu_rows(state):
        if dict(shape.requests).get(state.resource_name(row)):
            offers &= state.alloc[row] > 0
    return offers


def survey_fleet(fleet: GpuFleet, typical: Sequence[TypicalPod], pods: int, asks: Sequence[Ask]) -> CapacitySurvey:
    """Survey a fleet whose GPUs can be shared.

    Args:
        fleet: the fleet as it is.
        typical: the typical pods.
        pods: how many pods they were taken from.
        asks: further shapes.

    Raises:
        NotFoundError: an ask names a GPU model that is not there.
        UsageError: an ask says more than a fleet knows.
    """

    def surveyed(text: str, share: float | None, shape: GpuShape) -> tuple[str, ShapeSurvey]:
        return ask_text(shape), ShapeSurvey(text, share is None, share, shape.demand, gpu_room(fleet, shape))

    usual = [each for each in typical if each.shape.gpus][:MOST_SHAPES]
    shapes = _each_once(
        [surveyed(ask.text, None, gpu_shape_of(ask, fleet.models)) for ask in asks],
        [surveyed(ask_text(each.shape), each.share, each.shape) for each in usual],
    )
    nodes = tuple(
        NodeRoom(
            node.name,
            node.model,
            {},
            WHOLE * node.gpus,
            int(fleet.gpu_left[at].sum()),
            int(fleet.cpu_left[at]),
            int(fleet.memory_left[at]),
        )
        for at, node in enumerate(fleet.nodes)
    )
    return CapacitySurvey(nodes, tuple(shapes), measure(fleet, typical) if typical else None, len(typical), pods)

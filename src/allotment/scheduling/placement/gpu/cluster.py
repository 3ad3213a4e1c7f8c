"""Seeing a Kubernetes cluster as a GPU fleet, so that the GPU policies and the fragmentation measure apply to it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from allotment.errors import UsageError
from allotment.model.devices import DEVICE_RESOURCES, MODEL_LABELS
from allotment.scheduling.kinds import Operator
from allotment.scheduling.placement.gpu.fleet import GpuFleet, Ints
from allotment.scheduling.placement.gpu.fragmentation import FragmentationMeter, TypicalPod, typical_pods
from allotment.scheduling.placement.gpu.model import WHOLE, GpuNode, GpuShape
from allotment.scheduling.placement.gpu.policies import SCORES, GpuPolicy, fgd
from allotment.scheduling.placement.model import CPU, MEMORY, Node, PodShape
from allotment.scheduling.placement.shapes import CompiledShape
from allotment.scheduling.placement.state import CPU_ROW, MEMORY_ROW, ClusterState


def _gpus(amounts: Mapping[str, int]) -> int:
    return sum(amounts.get(name, 0) for name in DEVICE_RESOURCES)


def _as_gpu_node(node: Node) -> GpuNode:
    allocatable = node.allocatable
    return GpuNode(
        node.name,
        allocatable.get(CPU, 0),
        allocatable.get(MEMORY, 0),
        _gpus(allocatable),
        node_model(node),
    )


def node_model(node: Node) -> str:
    """The model of a node's GPUs as its labels name it; empty if they do not."""
    return next((node.labels[label] for label in MODEL_LABELS if label in node.labels), "")


def models_of(shape: PodShape) -> tuple[str, ...]:
    """GPU models that the pod's node selector or affinity names, sorted; empty = it names none."""
    models = {value for key, value in shape.node_affinity.selector if key in MODEL_LABELS}
    for term in shape.node_affinity.required or ():
        for rule in term.expressions:
            if rule.key in MODEL_LABELS and rule.operator is Operator.IN:
                models.update(rule.values)
    return tuple(sorted(models))


def gpu_shape(shape: PodShape) -> GpuShape:
    """A pod's shape in terms of GPUs; accepted models are those its node selector or affinity names."""
    requests = dict(shape.requests)
    gpus = _gpus(requests)
    models = models_of(shape) if gpus else ()
    return GpuShape(requests.get(CPU, 0), requests.get(MEMORY, 0), gpus, WHOLE if gpus else 0, models)


class ClusterFleet:
    """A fleet that follows a cluster. Whole GPUs only; which of a node's GPUs are in use is immaterial."""

    def __init__(self, state: ClusterState) -> None:
        self._state = state
        self.fleet = GpuFleet([_as_gpu_node(n) for n in state.nodes.nodes])
        self._seen = 0
        self._version = state.version
        self._copy(range(state.nodes.count))

    def refresh(self) -> GpuFleet:
        """The fleet as the cluster is now."""
        state = self._state
        if state.version != self._version:
            self._version = state.version
            self._copy(range(state.nodes.count))
        else:
            self._copy(sorted(set(state.changed[self._seen :])))
        self._seen = len(state.changed)
        return self.fleet

    def _copy(self, nodes: Iterable[int]) -> None:
        state, fleet = self._state, self.fleet
        for node in nodes:
            fleet.cpu_left[node] = state.alloc[CPU_ROW][node] - state.used[CPU_ROW][node]
            fleet.memory_left[node] = state.alloc[MEMORY_ROW][node] - state.used[MEMORY_ROW][node]
            shapes = [gpu_shape(r.pod.shape) for r in state.pods_on[node].values()]
            taken = sum(s.gpus for s in shapes)
            count = int(fleet.gpu_count[node])
            fleet.gpu_left[node] = 0
            fleet.gpu_left[node, : max(0, count - taken)] = WHOLE
            fleet.group_pods[node] = 0
            for shape in shapes:
                fleet.group_pods[node, min(shape.group, fleet.group_pods.shape[1] - 1)] += 1
            fleet.changed.append(node)


class ClusterGpuScorer:
    """A GPU policy as scorer of `cycle.Options`: it decides, and the default plugins break its ties.

    Args:
        state: the cluster to follow.
        policy: any but `RANDOM`, which has nothing to score.
        typical: the typical pods for FGD; those that run now if empty.

    Raises:
        UsageError: the policy is `RANDOM`.
    """

    def __init__(self, state: ClusterState, policy: GpuPolicy, typical: Iterable[TypicalPod] = ()) -> None:
        if policy is GpuPolicy.RANDOM:
            raise UsageError("the random policy scores nothing", fix="use RandomScorer")
        self._follower = ClusterFleet(state)
        self._policy = policy
        chosen = tuple(typical) or typical_pods(gpu_shape(r.pod.shape) for r in state.pods.values())
        self._meter = FragmentationMeter(self._follower.fleet.models, chosen)

    def __call__(self, compiled: CompiledShape, window: Ints) -> Ints:
        """Scores 0-100 for the feasible nodes."""
        shape = gpu_shape(compiled.shape)
        fleet = self._follower.refresh()
        if self._policy is GpuPolicy.FGD:
            return fgd(fleet, shape, window, self._meter)
        return SCORES[self._policy](fleet, shape, window)

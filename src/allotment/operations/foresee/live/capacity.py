"""Use case: how many more of a shape does a live cluster take, queue by queue, and what is out first?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from allotment.accounting.capacity import PER_DEVICE, devices_by_node
from allotment.accounting.claims import hands_out_devices
from allotment.accounting.lines import lines_of
from allotment.errors import InputError, NotFoundError
from allotment.model.devices import DEVICE_RESOURCES
from allotment.model.observed.index import Index
from allotment.model.observed.queueing import ClusterQueue, ResourceFlavor
from allotment.model.observed.snapshot import Snapshot, Source
from allotment.operations.ask.resting import NO_QUEUES, demand, queueless
from allotment.scheduling.kinds import Toleration
from allotment.scheduling.placement.asking import Ask, pod_shape_of
from allotment.scheduling.placement.capacity import room
from allotment.scheduling.placement.gpu.model import WHOLE
from allotment.scheduling.placement.model import PodShape
from allotment.scheduling.placement.survey import CapacitySurvey, survey_cluster
from allotment.scheduling.queueing.engine import QueueingEngine
from allotment.scheduling.snapshot.placement import PlacementView, is_waiting, placement_view, waiting_pod
from allotment.scheduling.snapshot.queueing import QueueingView, engine, queueing_view
from allotment.scheduling.snapshot.workloads import PODS, tolerations_of

NODES: Final = "nodes"
"""What is out first where quota is left and no node takes one more."""
_ROOM: Final = "what nodes have left"
STOPPED: Final = "queue admits nothing"
UNCOVERED: Final = "not covered by the queue"
FIRST_IN_LINE: Final = "the first in line"
"""What is out first in a strict queue whose first in line cannot go: its turn."""


@dataclass(frozen=True, slots=True)
class QueueRoom:
    """Room for one shape in one queue and flavor.

    Attributes:
        shape: as it was asked for.
        by_quota: pods that quota is left for, what can be borrowed included.
        by_nodes: pods that nodes of the flavor take now.
        out_first: the resource whose quota ends it, `NODES`, or why the queue takes none at all.
        waiting: workloads that wait in the queue, as its status counts them, and come before.
        behind: namespace/name of the first in line of a strict queue, which cannot go: nobody passes it.
        source: the cluster's name.
    """

    shape: str
    queue: str
    flavor: str
    by_quota: int
    by_nodes: int
    out_first: str
    waiting: int
    source: str = ""
    behind: str = ""

    @property
    def fits(self) -> int:
        """How many more get quota and a node now."""
        return 0 if self.behind else min(self.by_quota, self.by_nodes)


@dataclass(frozen=True, slots=True)
class LiveCapacity:
    """Room for shapes.

    Attributes:
        rooms: most room first within a shape.
        anywhere: by shape, pods that all nodes together take, whatever quota says.
        notes: what was not seen, or is not modelled.
    """

    observed_at: str
    rooms: tuple[QueueRoom, ...]
    anywhere: Mapping[str, int]
    notes: tuple[str, ...]


def capacity_live(snapshot: Snapshot, asks: Sequence[Ask]) -> LiveCapacity:
    """Room for shapes, in every queue.

    Args:
        snapshot: the moment.
        asks: the shapes.

    Raises:
        NotFoundError: a shape names a GPU model or resource that no node has.
        UsageError: a shape cannot be asked for there.
        ForbiddenError: no nodes could be read.
        InputError: there are none.
    """
    demand(snapshot, "nodes", for_what=_ROOM)
    rooms: list[QueueRoom] = []
    anywhere: dict[str, int] = {}
    notes: list[str] = []
    lacking: dict[str, list[NotFoundError]] = {}
    for source in snapshot.sources:
        index = Index(source)
        view = queueing_view(source, snapshot.taken_at or source.observed_at, index)
        fleet = _fleet(index)
        lines = _QueueLines(view, index)
        for ask in asks:
            try:
                shape = pod_shape_of(ask, fleet.state.nodes.nodes)
            except NotFoundError as error:
                # A cluster without such devices has no room for them; where none has any, that is a slip.
                lacking.setdefault(ask.text, []).append(error)
                continue
            anywhere[ask.text] = anywhere.get(ask.text, 0) + room(fleet.state, shape).count
            rooms += _rooms(ask.text, shape, lines, fleet)
        notes += [*((NO_QUEUES,) if queueless(source) else view.unmodelled), *fleet.unmodelled]
    for errors in lacking.values():
        if len(errors) == len(snapshot.sources):
            raise errors[0]
    order = {ask.text: place for place, ask in enumerate(asks)}
    rooms.sort(key=lambda each: (order[each.shape], -each.fits, each.queue, each.flavor))
    return LiveCapacity(snapshot.taken_at, tuple(rooms), anywhere, tuple(dict.fromkeys(notes)))


def survey_live(snapshot: Snapshot, asks: Sequence[Ask]) -> CapacitySurvey:
    """What the nodes of a snapshot have left, as of a placement scenario; waiting pods count as usual ones too.

    Raises:
        ForbiddenError: no nodes could be read.
        InputError: there are none, or it holds several clusters.
        NotFoundError: a shape names a GPU model that is not there.
        UsageError: a shape cannot be asked for there.
    """
    if len(snapshot.sources) != 1:
        raise InputError(
            f"the snapshot holds {len(snapshot.sources)} clusters",
            why="nodes are listed of one",
            fix="ask for a --shape, or one of them with --context",
        )
    demand(snapshot, "nodes", for_what=_ROOM)
    source: Source = snapshot.sources[0]
    index = Index(source)
    fleet = _fleet(index)
    pods = [each.pod.shape for each in fleet.state.pods.values()]
    pods += [waiting_pod(fleet, pod).pod.shape for pod in index.objects.pods if is_waiting(pod)]
    found = survey_cluster(fleet.state, [_anew(shape) for shape in pods], asks)
    parts = [part for each in devices_by_node(index).values() for part in each]
    others = [part for part in parts if part.resource not in DEVICE_RESOURCES]
    claimed = sum(part.parts for part in others if hands_out_devices(part.resource))
    sliced = sum(part.parts for part in others) - claimed
    return replace(found, sliced=sliced * WHOLE // PER_DEVICE, by_claims=claimed * WHOLE // PER_DEVICE)


def _anew(shape: PodShape) -> PodShape:
    """The shape as somebody would ask for it anew: as of `pod_shape_of`, the taint of its own GPUs is no obstacle.

    What controllers add to pods that they make, for the time in which a node is ill, says nothing of what is usual.
    """
    own = [Toleration(name, exists=True) for name, amount in shape.requests if amount and name in DEVICE_RESOURCES]
    asked = [each for each in shape.tolerations if not each.key.startswith("node.kubernetes.io/") and each not in own]
    return replace(shape, tolerations=(*asked, *own))


def _fleet(index: Index) -> PlacementView:
    if not index.nodes:
        raise InputError("no nodes were seen", why="room is what nodes have left", fix="ask a cluster that has nodes")
    return placement_view(index)


class _QueueLines:
    """The queues of a moment: who waits in them, and whom nobody passes."""

    def __init__(self, view: QueueingView, index: Index) -> None:
        self.twin, self._ids = engine(view)
        self.waiting = {queue: len(line) for queue, line in lines_of(index).items()}
        self.view = view
        strict = {each.name for each in index.objects.cluster_queues if each.spec.queueing_strategy == "StrictFIFO"}
        tried = [each for each in reversed(view.pending) if each.name not in view.absent]
        heads = {each.cluster_queue: each.name for each in tried if each.cluster_queue in strict}
        self.stuck = {queue: name for queue, name in heads.items() if self._cannot_go(name)}

    def _cannot_go(self, workload: str) -> bool:
        return self.twin.look_afresh(self._ids[workload]) is not None


def _rooms(text: str, shape: PodShape, lines: _QueueLines, fleet: PlacementView) -> Iterator[QueueRoom]:
    index = fleet.index
    on_nodes: dict[str, int] = {}
    for queue in index.cluster_queues.values():
        behind = lines.stuck.get(queue.name, "")
        for flavor in _flavors(queue, shape):
            known = index.flavors.get(flavor)
            if known is None:
                continue
            if flavor not in on_nodes:
                on_nodes[flavor] = room(fleet.state, _in_flavor(shape, known)).count
            quota, ends = _by_quota(queue, flavor, shape, lines.twin)
            if not lines.view.inactive[queue.name].active:
                quota, ends = 0, STOPPED
            if on_nodes[flavor] < quota:
                ends = NODES
            if behind and quota:
                ends = FIRST_IN_LINE
            yield QueueRoom(
                text,
                queue.name,
                flavor,
                quota,
                on_nodes[flavor],
                ends,
                lines.waiting.get(queue.name, 0),
                index.source.name,
                behind if quota else "",
            )


def _flavors(queue: ClusterQueue, shape: PodShape) -> list[str]:
    """Flavors of the group that counts what is rarest of the shape: its devices, else anything it asks for."""
    asked = dict(shape.requests)
    groups = [group for group in queue.spec.resource_groups if asked.keys() & set(group.covered_resources)]
    with_devices = [group for group in groups if any("/" in name for name in asked if name in group.covered_resources)]
    chosen = (with_devices or groups)[:1]
    return [flavor.name for group in chosen for flavor in group.flavors]


def _by_quota(queue: ClusterQueue, flavor: str, shape: PodShape, twin: QueueingEngine) -> tuple[int, str]:
    """Pods that quota is left for, and the resource that ends it."""
    asked = {name: amount for name, amount in shape.requests if amount > 0}
    groups = queue.spec.resource_groups
    if any(PODS in group.covered_resources for group in groups):
        asked[PODS] = 1
    found: list[tuple[int, str]] = []
    for name, amount in asked.items():
        group = next((each for each in groups if name in each.covered_resources), None)
        if group is None:
            return 0, f"{name} {UNCOVERED}"
        own = [each.name for each in group.flavors]
        left = [
            figures.available // amount
            for each in ([flavor] if flavor in own else own)
            if (figures := twin.quota(queue.name, each, name)) is not None
        ]
        found.append((max(left, default=0), name))
    return min(found, key=lambda each: (each[0], "/" not in each[1]), default=(0, ""))


def _in_flavor(shape: PodShape, flavor: ResourceFlavor) -> PodShape:
    """The shape with what Kueue puts into pods of a flavor."""
    rules = shape.node_affinity
    selector = tuple(sorted({**dict(rules.selector), **flavor.spec.node_labels}.items()))
    return replace(
        shape,
        node_affinity=replace(rules, selector=selector),
        tolerations=(*shape.tolerations, *tolerations_of(flavor.spec.tolerations)),
    )

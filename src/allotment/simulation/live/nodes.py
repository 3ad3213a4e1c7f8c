"""Nodes of a live cluster as they would be after a change, and which pods cannot stay on them.

==========  ===================================================  ====================================================
change      what becomes of the node                             which of its pods have to leave
==========  ===================================================  ====================================================
add-node    a further one, ready and with all devices, with the  none
            pods that DaemonSets and the kubelet keep on each
cordon      takes no new pods                                    none
drain       the same                                             as ``kubectl drain`` has it: all but those of
                                                                 DaemonSets and of the kubelet, and those that a
                                                                 PodDisruptionBudget lets nobody evict
node-down   its kubelet has not been heard of                    those that do not tolerate that for ever
drop-node   is gone                                              all
==========  ===================================================  ====================================================
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import msgspec

from allotment.errors import InputError, NotFoundError, UsageError
from allotment.model.observed.base import Condition
from allotment.model.observed.nodes import DisruptionBudget, Node, NodeTaint, ResourceSlice
from allotment.model.observed.pods import Pod, Toleration
from allotment.model.observed.snapshot import Objects
from allotment.scheduling.placement.model import HOSTNAME_LABEL, UNSCHEDULABLE_TAINT_KEY
from allotment.scheduling.snapshot.standing import selects
from allotment.simulation.changes import Absence, AddNode, DropNode, ScenarioChange, TakeAway, Term, UsePolicy

NodeChange = AddNode | DropNode | TakeAway
_UNREACHABLE: Final = "node.kubernetes.io/unreachable"
_OF_THE_SYSTEM: Final = "node.kubernetes.io/"
"""Begins the taints that say how a node is: a new one has none of them."""
_NOT_YET: Final = "node.cloudprovider.kubernetes.io/"
_MIRROR: Final = "kubernetes.io/config.mirror"
_ON_EVERY_NODE: Final = frozenset({"DaemonSet", "Node"})
"""Kinds of controllers whose pods belong to a node: one dies with it, and none is made elsewhere for it."""
_MOST_NAMED: Final = 8
_CLOSE: Final = 3
"""First letters by which the names of nodes are told to be alike."""


class NodeAct(StrEnum):
    """What is done to a node."""

    ADD = "add-node"
    CORDON = "cordon"
    DRAIN = "drain"
    DOWN = "node-down"
    DROP = "drop-node"


_ACT_OF: Final = {Absence.CORDON: NodeAct.CORDON, Absence.DRAIN: NodeAct.DRAIN, Absence.DOWN: NodeAct.DOWN}


@dataclass(frozen=True, slots=True)
class DrainBudget:
    """A PodDisruptionBudget that stands in a drain's way: it covers more of the node's pods than may go at once.

    Attributes:
        allowed: how many may go now; 0 = none, so that they stay where they are.
    """

    budget: DisruptionBudget
    pods: tuple[Pod, ...]
    allowed: int


@dataclass(frozen=True, slots=True)
class ActedNode:
    """One change of one node.

    Attributes:
        before: the node; of an added one its model.
        after: None where it is gone.
        leaving: pods that cannot stay.
        kept: pods that stay: of a cordoned node all others; of one that is drained or down those that a budget or a
            toleration holds.
        daemons: pods that belong to the node: those of DaemonSets, and the kubelet's own.
        budgets: that stand in the way.
    """

    act: NodeAct
    node: str
    before: Node
    after: Node | None
    leaving: tuple[Pod, ...] = ()
    kept: tuple[Pod, ...] = ()
    daemons: tuple[Pod, ...] = ()
    budgets: tuple[DrainBudget, ...] = ()


@dataclass(frozen=True, slots=True)
class ChangedNodes:
    """Objects after changes of nodes, and the changes in their order."""

    objects: Objects
    acted: tuple[ActedNode, ...] = field(default=())

    @property
    def leaving(self) -> tuple[Pod, ...]:
        """All pods that have to leave, in the order in which they do."""
        return tuple(pod for each in self.acted for pod in each.leaving)


def is_node_change(change: object) -> bool:
    """Whether a change is one of nodes."""
    return isinstance(change, NodeChange)


def with_node_change(before: ChangedNodes, change: ScenarioChange | UsePolicy) -> ChangedNodes:
    """The objects after one more change of a node.

    Raises:
        NotFoundError: there is no such node.
        InputError: the name of a new one is taken.
        UsageError: a term was given, or it is no change of a node.
    """
    objects = before.objects
    match change:
        case AddNode():
            after, acted = _added(objects, change)
        case DropNode():
            after, acted = _dropped(objects, change.name)
        case TakeAway():
            if change.term != Term():
                raise UsageError(
                    "a term cannot be given here",
                    why="a change of a live cluster is tried as if it were made now, for good",
                    fix="leave from and until out, or ask a scenario's file with --file",
                )
            after, acted = _away(objects, change)
        case _:
            raise UsageError("this changes no node")
    return ChangedNodes(after, (*before.acted, acted))


def _named(objects: Objects, name: str) -> Node:
    found = next((each for each in objects.nodes if each.name == name), None)
    if found is not None:
        return found
    names = [each.name for each in objects.nodes]
    close = [each for each in names if each[:_CLOSE] == name[:_CLOSE]] or names
    more = " …" if len(close) > _MOST_NAMED else ""
    fix = f"there are {', '.join(close[:_MOST_NAMED])}{more}" if names else "ask a cluster whose nodes were read"
    raise NotFoundError(f"there is no node {name!r}", fix=fix)


def _pods_on(objects: Objects, name: str) -> list[Pod]:
    """Pods that hold something there, but for those that are leaving already."""
    return [each for each in objects.pods if each.bound and each.spec.node_name == name]


def _leaves_already(pod: Pod) -> bool:
    return bool(pod.metadata.deletion_timestamp)


def belongs_to_node(pod: Pod) -> bool:
    """Whether a pod is there for the node's sake: made by a DaemonSet, or by the kubelet from a file."""
    controller = pod.metadata.controller
    return _MIRROR in pod.metadata.annotations or (controller is not None and controller.kind in _ON_EVERY_NODE)


def _with(objects: Objects, name: str, after: Node | None, gone: Sequence[Pod] = ()) -> Objects:
    leave = {id(each) for each in gone}
    nodes = tuple(after if each.name == name else each for each in objects.nodes)
    changed: Objects = msgspec.structs.replace(objects, nodes=tuple(each for each in nodes if each is not None))
    if leave:
        changed = msgspec.structs.replace(changed, pods=tuple(each for each in changed.pods if id(each) not in leave))
    return changed


# A further node


def _added(objects: Objects, change: AddNode) -> tuple[Objects, ActedNode]:
    like = _named(objects, change.like)
    if any(each.name == change.name for each in objects.nodes):
        raise InputError(f"there is a node {change.name!r} already", fix="give the node another name")
    node = _alike(like, change.name)
    daemons = tuple(_moved(each, change.name) for each in _pods_on(objects, like.name) if belongs_to_node(each))
    slices = tuple(_slice(each, change.name) for each in objects.resource_slices if each.spec.node_name == change.like)
    grown: Objects = msgspec.structs.replace(
        objects,
        nodes=(*objects.nodes, node),
        pods=(*objects.pods, *daemons) if daemons else objects.pods,
        resource_slices=(*objects.resource_slices, *slices) if slices else objects.resource_slices,
    )
    return grown, ActedNode(NodeAct.ADD, change.name, like, node, daemons=daemons)


def _alike(like: Node, name: str) -> Node:
    """A node as it comes: ready, open, and with devices none of which is broken."""
    status, spec = like.status, like.spec
    devices = {each: amount for each, amount in status.capacity.items() if "/" in each}
    conditions = (*(each for each in status.conditions if each.type != "Ready"), Condition(type="Ready", status="True"))
    taints = tuple(each for each in spec.taints if not each.key.startswith((_OF_THE_SYSTEM, _NOT_YET)))
    node: Node = msgspec.structs.replace(
        like,
        metadata=msgspec.structs.replace(
            like.metadata, name=name, uid="", labels={**like.metadata.labels, HOSTNAME_LABEL: name}
        ),
        spec=msgspec.structs.replace(spec, unschedulable=False, taints=taints, provider_id=""),
        status=msgspec.structs.replace(status, allocatable={**status.allocatable, **devices}, conditions=conditions),
    )
    return node


def _moved(pod: Pod, node: str) -> Pod:
    meta = msgspec.structs.replace(pod.metadata, name=f"{pod.name}-{node}", uid="", deletion_timestamp="")
    moved: Pod = msgspec.structs.replace(pod, metadata=meta, spec=msgspec.structs.replace(pod.spec, node_name=node))
    return moved


def _slice(of: ResourceSlice, node: str) -> ResourceSlice:
    pool = msgspec.structs.replace(of.spec.pool, name=node)
    meta = msgspec.structs.replace(of.metadata, name=f"{of.name}-{node}", uid="")
    made: ResourceSlice = msgspec.structs.replace(
        of, metadata=meta, spec=msgspec.structs.replace(of.spec, node_name=node, pool=pool)
    )
    return made


# A node that is away


def _dropped(objects: Objects, name: str) -> tuple[Objects, ActedNode]:
    node = _named(objects, name)
    there = _pods_on(objects, name)
    changed = _with(objects, name, None, there)
    slices = tuple(each for each in objects.resource_slices if each.spec.node_name != name)
    if len(slices) < len(objects.resource_slices):
        changed = msgspec.structs.replace(changed, resource_slices=slices)
    staying = [each for each in there if not _leaves_already(each)]
    daemons = tuple(each for each in staying if belongs_to_node(each))
    leaving = tuple(each for each in staying if not belongs_to_node(each))
    return changed, ActedNode(NodeAct.DROP, name, node, None, leaving, daemons=daemons)


def _away(objects: Objects, change: TakeAway) -> tuple[Objects, ActedNode]:
    node = _named(objects, change.node)
    there = _pods_on(objects, change.node)
    daemons = tuple(each for each in there if belongs_to_node(each))
    others = [each for each in there if not belongs_to_node(each) and not _leaves_already(each)]
    leaving: list[Pod] = []
    budgets: tuple[DrainBudget, ...] = ()
    if change.how is Absence.DOWN:
        after = _down(node)
        leaving = [each for each in others if not _bears(each, _UNREACHABLE)]
    else:
        after = _cordoned(node)
        if change.how is Absence.DRAIN:
            budgets = tuple(_in_the_way(objects, others))
            held = {pod.key for each in budgets if not each.allowed for pod in each.pods}
            leaving = [each for each in others if each.key not in held]
    gone = [*leaving, *(each for each in there if _leaves_already(each) and not belongs_to_node(each))]
    left = {id(each) for each in leaving}
    kept = tuple(each for each in others if id(each) not in left)
    acted = ActedNode(_ACT_OF[change.how], change.node, node, after, tuple(leaving), kept, daemons, budgets)
    return _with(objects, change.node, after, gone if change.how is not Absence.CORDON else ()), acted


def _cordoned(node: Node) -> Node:
    taints = tuple(each for each in node.spec.taints if each.key != UNSCHEDULABLE_TAINT_KEY)
    closed = NodeTaint(key=UNSCHEDULABLE_TAINT_KEY, effect="NoSchedule")
    spec = msgspec.structs.replace(node.spec, unschedulable=True, taints=(*taints, closed))
    cordoned: Node = msgspec.structs.replace(node, spec=spec)
    return cordoned


def _down(node: Node) -> Node:
    conditions = tuple(each for each in node.status.conditions if each.type != "Ready")
    lost = Condition(type="Ready", status="Unknown", reason="NodeStatusUnknown")
    taints = tuple(each for each in node.spec.taints if each.key != _UNREACHABLE)
    added = tuple(NodeTaint(key=_UNREACHABLE, effect=effect) for effect in ("NoSchedule", "NoExecute"))
    down: Node = msgspec.structs.replace(
        node,
        spec=msgspec.structs.replace(node.spec, taints=(*taints, *added)),
        status=msgspec.structs.replace(node.status, conditions=(*conditions, lost)),
    )
    return down


def _bears(pod: Pod, taint: str) -> bool:
    """Whether a pod stays for ever on a node with a taint that throws pods out."""
    return any(_tolerates(each, taint) and each.toleration_seconds is None for each in pod.spec.tolerations)


def _tolerates(toleration: Toleration, taint: str) -> bool:
    if toleration.effect not in {"", "NoExecute"} or toleration.key not in {"", taint}:
        return False
    exists = toleration.operator == "Exists"
    return exists or (bool(toleration.key) and not toleration.value)


def _in_the_way(objects: Objects, pods: Sequence[Pod]) -> list[DrainBudget]:
    """Budgets that cover more of the pods than they let go at once; pods that do not run yet are not asked for."""
    found = []
    for budget in objects.disruption_budgets:
        covered = tuple(
            each
            for each in pods
            if each.namespace == budget.namespace
            and each.status.phase != "Pending"
            and selects(budget.spec.selector, each.metadata.labels)
        )
        allowed = max(0, budget.status.disruptions_allowed)
        if len(covered) > allowed:
            found.append(DrainBudget(budget, covered, allowed))
    return found

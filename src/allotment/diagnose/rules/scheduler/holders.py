"""Who holds the room that the subject needs, whose end lets it start, and who would be moved."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Proposal
from allotment.diagnose.gangs import in_turns
from allotment.diagnose.others import called, reference_above, work_above
from allotment.diagnose.rules.scheduler.placing import Placing
from allotment.model.explanation import Doer, Patch, PatchOp, RemedyKind
from allotment.model.moments import seconds
from allotment.model.observed.base import Object, OwnerReference, Reference
from allotment.model.observed.index import kind_of
from allotment.model.observed.nodes import Node
from allotment.model.observed.pods import Pod
from allotment.model.observed.work import CronJob, DaemonSet, Job, Replicas
from allotment.observe.seen import seen_in
from allotment.scheduling.snapshot.beyond_admission import WorkloadsOfPods
from allotment.scheduling.snapshot.pods import pod_requests

_PATIENCE: Final = 60.0
"""Seconds past its time (which has the grace period in it) after which a pod is said to hang."""
_MOST: Final = 64
"""Holders whose end is tried: those that have run longest."""


@dataclass(frozen=True, slots=True)
class RoomHolder:
    """Somebody's work with pods on the nodes in question.

    Attributes:
        since: RFC 3339, when its first pod started.
        ends: whether it ends by itself; what should have ended and has not, does not.
    """

    work: Object
    target: Reference
    pods: tuple[Pod, ...]
    since: str
    ends: bool


_HolderKey = tuple[str, str, str]
"""Kind, namespace and name."""


def _key_of(each: Object) -> _HolderKey:
    return kind_of(each), each.namespace, each.name


class RoomHolders:
    """All work of a source that has pods on nodes, and what of it is on each; made once for a source."""

    def __init__(self, case: Case) -> None:
        """Of the source of a case."""
        pods: dict[_HolderKey, list[Pod]] = defaultdict(list)
        self._above: dict[tuple[str, OwnerReference], _HolderKey | None] = {}
        self.on: dict[str, set[_HolderKey]] = defaultdict(set)
        for node, there in case.index.pods_on.items():
            for pod in there:
                key = self._key(case, pod)
                pods[key].append(pod)
                self.on[node].add(key)
        self.all = {key: _holder(case, found) for key, found in pods.items()}

    def _key(self, case: Case, pod: Pod) -> _HolderKey:
        """Of what stands above a pod, which pods of one owner share; of the pod itself, where nothing does."""
        owner = pod.metadata.controller
        if owner is not None:
            asked = (pod.namespace, owner)
            if asked not in self._above:
                chain = case.index.chain(pod.metadata)
                self._above[asked] = _key_of(chain[-1]) if chain else None
            found = self._above[asked]
            if found is not None:
                return found
        return _key_of(pod)


def holders(case: Case, nodes: Iterable[Node], resource: str = "") -> list[RoomHolder]:
    """Work on some nodes but the subject's own, the longest running first; with all of its pods, wherever they are.

    Args:
        case: the subject.
        nodes: on which.
        resource: of which each holds some there; empty for whoever is there.
    """
    nodes = tuple(nodes)
    every = case.index.beside.once(RoomHolders, lambda: RoomHolders(case))
    keys = set().union(*(every.on.get(node.name, ()) for node in nodes))
    own = {pod.key for pod in case.pods}
    found = [every.all[key] for key in keys]
    others = [each for each in found if not own or each.pods[0].key not in own]
    if resource:
        names = {node.name for node in nodes}
        others = [each for each in others if _holds(each, names, resource)]
    return sorted(others, key=lambda each: (each.since, each.pods[0].spec.node_name, each.target.name))


def _holds(holder: RoomHolder, nodes: Collection[str], resource: str) -> bool:
    return any(pod.spec.node_name in nodes and pod_requests(pod.spec).get(resource) for pod in holder.pods)


def _holder(case: Case, pods: list[Pod]) -> RoomHolder:
    first = pods[0]
    above = work_above(case, first)
    since = min((pod.status.start_time or pod.metadata.creation_timestamp) for pod in pods)
    target = reference_above(case, first)
    ends = _ends(case, first, above) and not all(is_overdue(case, pod) for pod in pods)
    return RoomHolder(above, target, tuple(pods), since, ends)


def _unqueued(case: Case, pod: Pod) -> bool:
    """Whether no queue let it in, as far as that was seen.

    Whatever labels and annotations say, one did where it has a Workload that holds quota for it.
    """
    if not seen_in(case.source, "workloads", pod.namespace):
        return False
    workload = case.index.beside.once(WorkloadsOfPods, lambda: WorkloadsOfPods(case.index)).of(pod)
    return workload is None or not workload.holds_quota


def is_overdue(case: Case, pod: Pod) -> bool:
    """Whether a pod should have ended and has not."""
    told = pod.metadata.deletion_timestamp
    return bool(told) and case.now - seconds(told) > _PATIENCE


def _ends(case: Case, pod: Pod, above: Object) -> bool:
    if isinstance(above, Replicas | DaemonSet):
        return False
    if any(isinstance(each, Replicas | DaemonSet) for each in case.index.chain(pod.metadata)):
        return False
    if isinstance(above, Job | CronJob):
        return True
    owner = pod.metadata.controller
    if owner is not None and owner.kind in {"ReplicaSet", "Deployment", "StatefulSet", "DaemonSet", "Node"}:
        return False
    return pod.spec.restart_policy != "Always"


def ending(placing: Placing, nodes: Iterable[Node]) -> RoomHolder | None:
    """The work whose end lets the subject start: of those that would do alone, the longest running."""
    for each in [holder for holder in holders(placing.case, nodes) if holder.ends][:_MOST]:
        if placing.goes_on(gone=[pod.key for pod in each.pods]):
            return each
    return None


def all_ending(placing: Placing, nodes: Iterable[Node]) -> list[RoomHolder]:
    """As many as have to end until the subject fits, the longest running first; none if that does not help."""
    gone: list[str] = []
    needed: list[RoomHolder] = []
    for each in [holder for holder in holders(placing.case, nodes) if holder.ends][:_MOST]:
        gone += [pod.key for pod in each.pods]
        needed.append(each)
        if placing.goes_on(gone=gone):
            return needed
    return []


def waits(placing: Placing, nodes: Iterable[Node] | None = None, first: RoomHolder | None = None) -> Iterator[Proposal]:
    """Waiting until somebody's work ends.

    Args:
        placing: the case on the twin.
        nodes: where; those that could hold the subject if nothing else ran there, by default.
        first: whose end is known to be what is needed.
    """
    own = _own_end(placing) if first is None else None
    if own is not None:
        yield own
        return
    where = tuple(nodes) if nodes is not None else placing.able
    holder = first or ending(placing, where)
    needed = [holder] if holder is not None else all_ending(placing, where)
    if not needed:
        return
    names = ", ".join(called(placing.case, each.pods[0]) for each in needed[:3])
    more = f" and {len(needed) - 3} more" if len(needed) > 3 else ""
    yield Proposal(
        RemedyKind.WAIT_FOR_CAPACITY,
        Doer.USER,
        f"wait until {names}{more} {'ends' if len(needed) == 1 else 'have ended'}",
        needed[-1].target,
        Patch(PatchOp.WAIT, {"until": "completed"}),
        cost=20,
    )


def _own_end(placing: Placing) -> Proposal | None:
    """Waiting for the subject's own pods, where each that ends makes room for the next."""
    case = placing.case
    running = [pod for pod in case.running_pods if pod.spec.restart_policy != "Always"]
    if not running or not in_turns(case) or not placing.goes_on(gone=[pod.key for pod in running]):
        return None
    return Proposal(
        RemedyKind.WAIT_FOR_CAPACITY,
        Doer.USER,
        f"wait: its pods run {len(running)} at a time, and the next starts when one of them ends",
        reference_of(running[0]),
        Patch(PatchOp.WAIT, {"until": "completed"}),
        cost=10,
    )


def outside_queues(case: Case, holding: Iterable[RoomHolder], nodes: Iterable[Node], device: str) -> dict[str, int]:
    """Devices of some nodes that are held by what no queue admitted: by DaemonSets, bare pods; by kind of holder."""
    there = {node.name for node in nodes}
    found: dict[str, int] = defaultdict(int)
    for each in holding:
        pods = (pod for pod in each.pods if pod.spec.node_name in there and _unqueued(case, pod))
        found[each.target.kind] += sum(pod_requests(pod.spec).get(device, 0) for pod in pods)
    return {kind: held for kind, held in found.items() if held}

"""What a change of nodes does to pods: who has to leave and where to, and who of those that wait finds a node then."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from allotment.accounting.belonging import OwnerLookup
from allotment.accounting.book_checks import BookFault, findings
from allotment.accounting.books import flavor_books
from allotment.accounting.claims import claimed_devices
from allotment.diagnose.case import reference_of
from allotment.model.devices import is_device
from allotment.model.grammar import count
from allotment.model.observed.base import Reference
from allotment.model.observed.index import Index
from allotment.model.observed.pods import Pod
from allotment.observe.anonymous import is_hidden
from allotment.operations.ask.resting import half_seen
from allotment.operations.foresee.live.pod_fates import STAYING, MovedPod, PodFate, PodFates
from allotment.scheduling.snapshot.placement import PlacementView, is_waiting
from allotment.scheduling.snapshot.pods import pod_requests
from allotment.simulation.live.nodes import ActedNode, ChangedNodes, DrainBudget, NodeAct
from allotment.simulation.live.places import MOST_ASKED, PodPlace, settle_pods, waiting_in_turn

_RESTS_ON: Final = ("nodes", "pods")
_STATUS_OF_AUTOSCALER: Final = "kube-system/cluster-autoscaler-status"


@dataclass(frozen=True, slots=True)
class MovedWork:
    """What one person submitted, with its pods on changed nodes.

    Attributes:
        subject: what stands at the top above the pods.
        queue: its ClusterQueue; empty where it is in none.
        devices: of these pods, by resource.
        elsewhere: pods of it on other nodes.
    """

    subject: Reference
    queue: str
    pods: tuple[MovedPod, ...]
    devices: Mapping[str, int]
    elsewhere: int = 0

    def fated(self, *fates: PodFate) -> int:
        """How many pods fare so."""
        return sum(each.fate in fates for each in self.pods)


@dataclass(frozen=True, slots=True)
class PlacedWork:
    """What one person submitted whose pods wait for nodes, and for which a change of nodes changes something.

    Attributes:
        pods: that wait.
        devices: that they ask for, by resource.
        before, after: how many of them find a node at once.
        message: what the scheduler says to the first that finds none then.
        victims: running pods (namespace/name) that lose their place to them then.
        unmodelled: what they ask for and nobody looked at.
    """

    subject: Reference
    queue: str
    pods: int
    devices: Mapping[str, int]
    before: int
    after: int
    message: str = ""
    victims: tuple[str, ...] = ()
    unmodelled: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OtherPods:
    """Pods that have to leave and are not told of by name: of other teams, or of other namespaces than was asked."""

    pods: int = 0
    devices: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NodeEffects:
    """What changes of nodes do.

    Attributes:
        acted: the changes, in their order.
        moved: work that has pods on these nodes, worst off first.
        others: that have to leave, too.
        placed: work that waits for nodes and for which something changes.
        waiting: pods that wait for nodes, of which it was asked.
        budgets: PodDisruptionBudgets in the way of a drain.
        books: what quota and hardware say to it then.
        notes: what is not known, or not played.
    """

    acted: tuple[ActedNode, ...]
    moved: tuple[MovedWork, ...] = ()
    others: OtherPods = field(default_factory=OtherPods)
    placed: tuple[PlacedWork, ...] = ()
    waiting: int = 0
    budgets: tuple[DrainBudget, ...] = ()
    books: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def node_effects(
    before: Index, after: Index, changed: ChangedNodes, views: tuple[PlacementView, PlacementView], namespace: str = ""
) -> NodeEffects:
    """What becomes of pods.

    Args:
        before: of the source.
        after: of the source with the changes.
        changed: the changes.
        views: the nodes before and after; what finds a place keeps it there.
        namespace: whose pods are told of; empty = all.
    """
    known = _all_seen(before)
    fates = PodFates(before, changed)
    waiting = waiting_in_turn(before, views[0])
    asked = waiting[:MOST_ASKED] if known else []
    first = list(settle_pods(views[0], asked))
    second = list(settle_pods(views[1], fates.going_on(asked), fates.made_anew if known else ()))
    there = _Told(before, namespace)
    again = {id(pod) for pod in fates.made_anew}
    goes = {each.pod.key: each for each in second if id(each.pod) in again}
    then = [each for each in second if id(each.pod) not in again]
    moved = there.moved([fates.of(pod, act, goes.get(pod.key)) for act, pod in _told_of(changed)])
    return NodeEffects(
        changed.acted,
        moved,
        there.others([pod for act in changed.acted for pod in act.leaving]),
        there.placed(first, then),
        len(asked),
        tuple(each for act in changed.acted for each in act.budgets if there.tells(each.pods[0])),
        tuple(_books(before, after, changed)),
        (*_notes(before, changed, len(waiting) - len(asked), known=known), *_freed(moved)),
    )


def _all_seen(index: Index) -> bool:
    """Whether it is known what room nodes have; in a view others' pods are counted without their names."""
    lost = {gap.what for gap in index.source.gaps if gap.reason in {"forbidden", "failed"}}
    return bool(index.nodes) and not lost & set(_RESTS_ON) and not index.source.namespaces


def _freed(moved: Sequence[MovedWork]) -> Iterator[str]:
    if any(each.fated(PodFate.LOST, PodFate.JOB_FAILS, PodFate.QUEUES) for each in moved):
        yield "what comes free where a pod is lost, a Job fails or a pod queues anew is not given to others here"


def _told_of(changed: ChangedNodes) -> Iterator[tuple[ActedNode, Pod]]:
    """Pods with something to be said of, once each: those of a node that is only cordoned go on as they were."""
    gone = {id(pod) for pod in changed.leaving}
    for act in changed.acted:
        kept = () if act.act is NodeAct.CORDON else (each for each in act.kept if id(each) not in gone)
        yield from ((act, pod) for pod in (*act.leaving, *kept))


class _Told:
    """Pods put together by what a person submitted, as far as they may be told of."""

    def __init__(self, index: Index, namespace: str) -> None:
        self._index = index
        self._namespace = namespace
        self._owners = OwnerLookup(index)
        self._claimed = claimed_devices(index)

    def tells(self, pod: Pod) -> bool:
        """Whether a pod is told of by name."""
        return not is_hidden(pod.metadata) and self._namespace in {"", pod.namespace}

    def moved(self, pods: Iterable[tuple[Pod, MovedPod]]) -> tuple[MovedWork, ...]:
        """Work with pods on changed nodes."""
        together: dict[tuple[str, str, str], list[tuple[Pod, MovedPod]]] = {}
        for pod, fate in pods:
            if self.tells(pod):
                together.setdefault(self._key(pod), []).append((pod, fate))
        found = [
            MovedWork(
                self._subject(each[0][0]),
                self._owners.of_pod(each[0][0]).queue,
                tuple(fate for _, fate in each),
                self._devices(pod for pod, _ in each),
                self._bound(each[0][0]) - len(each),
            )
            for each in together.values()
        ]
        return tuple(sorted(found, key=lambda each: (-each.fated(*_WORSE), -sum(each.devices.values()))))

    def others(self, leaving: Iterable[Pod]) -> OtherPods:
        """Pods that leave and are not told of by name."""
        found = [each for each in leaving if not self.tells(each)]
        return OtherPods(len(found), self._devices(found))

    def placed(self, before: Sequence[PodPlace], after: Sequence[PodPlace]) -> tuple[PlacedWork, ...]:
        """Work that waits and of which more or fewer pods find a node."""
        then = {each.pod.key: each for each in after}
        together: dict[tuple[str, str, str], list[tuple[PodPlace, PodPlace]]] = {}
        for each in before:
            if self.tells(each.pod):
                now = then.get(each.pod.key) or PodPlace(each.pod, "", "its Job fails by the change")
                together.setdefault(self._key(each.pod), []).append((each, now))
        found = [self._of(each) for each in together.values()]
        return tuple(
            sorted((each for each in found if each.before != each.after), key=lambda one: one.after - one.before)
        )

    def _of(self, pairs: Sequence[tuple[PodPlace, PodPlace]]) -> PlacedWork:
        then = [after for _, after in pairs]
        pod = then[0].pod
        return PlacedWork(
            self._subject(pod),
            self._owners.of_pod(pod).queue,
            len(pairs),
            self._devices(each.pod for each in then),
            sum(bool(each.node) for each, _ in pairs),
            sum(bool(each.node) for each in then),
            next((each.message for each in then if not each.node), ""),
            tuple(victim for each in then for victim in each.victims),
            tuple(dict.fromkeys(note for each in then for note in each.unmodelled)),
        )

    def _key(self, pod: Pod) -> tuple[str, str, str]:
        top = self._index.top(pod)
        return pod.namespace, type(top).__name__, top.metadata.uid or top.name

    def _subject(self, pod: Pod) -> Reference:
        return reference_of(self._index.top(pod))

    def _bound(self, pod: Pod) -> int:
        """Pods on nodes of what a person submitted that a pod is of."""
        top = self._index.top(pod)
        return 1 if top is pod else sum(each.bound for each in self._index.pods_under(top.metadata.uid))

    def _devices(self, pods: Iterable[Pod]) -> dict[str, int]:
        found: dict[str, int] = {}
        for pod in pods:
            asked = {name: units for name, units in pod_requests(pod.spec).items() if units and is_device(name)}
            for name, units in {**self._claimed.get(pod.key, {}), **asked}.items():
                found[name] = found.get(name, 0) + units
        return found


_WORSE: Final = tuple(each for each in PodFate if each not in STAYING and each is not PodFate.PLACED)


def _books(before: Index, after: Index, changed: ChangedNodes) -> Iterator[str]:
    """What is promised and no longer there, devices that no quota reaches, and quota that stays what it is."""
    known = {(each.fault, each.subject, each.what) for each in findings(before)}
    then = {(each.flavor, each.resource): each for each in flavor_books(after)}
    worse = {
        f"ResourceFlavor/{each.flavor}"
        for each in flavor_books(before)
        if then[each.flavor, each.resource].schedulable < each.schedulable
    }
    added = {each.node for each in changed.acted if each.act is NodeAct.ADD}
    for each in findings(after):
        uncovered = added and each.fault is BookFault.UNCOVERED
        of_nodes = uncovered or (each.fault in _BACKING and each.subject in worse)
        if of_nodes and (each.fault, each.subject, each.what) not in known:
            yield f"books: {each.what}"
    for book in then.values() if added else ():
        if added & set(book.nodes) and book.capacity > book.nominal:
            yield (
                f"quota of flavor {book.flavor} stays {book.nominal:,} {book.resource} in all, and its nodes have "
                f"{book.capacity:,} then: queues give nobody more of it unless it is raised"
            )


_BACKING: Final = frozenset({BookFault.NO_NODES, BookFault.UNBACKED, BookFault.SHORT_NOW, BookFault.TWICE})


def _notes(index: Index, changed: ChangedNodes, unasked: int, *, known: bool) -> Iterator[str]:
    if not known:
        missed = half_seen(index.source, _RESTS_ON) or ["not all nodes and pods were seen"]
        yield f"{'; '.join(missed)}: who finds a node then is not known"
    if unasked and known:
        yield f"of {count(unasked, 'pod')} more that wait for nodes it was not asked"
    others = (each for each in index.objects.pods if is_hidden(each.metadata))
    leaving = {id(pod) for pod in changed.leaving}
    if any(is_waiting(each) or id(each) in leaving for each in others):
        yield "pods of other teams that wait or leave are not placed: they may take room that is given to others here"
    if any(act.act is NodeAct.DRAIN for act in changed.acted):
        missed = half_seen(index.source, ("poddisruptionbudgets",))
        yield from (f"{each}: others may stand in a drain's way" for each in missed)
    if any(each.act is NodeAct.DOWN and each.leaving for each in changed.acted):
        yield "pods leave a node that is down once what they tolerate is over: 5 minutes, where they do not say"
    for each in changed.acted:
        yield from _standing(each)
    if index.objects.karpenter_node_pools or _STATUS_OF_AUTOSCALER in index.config_maps:
        yield "an autoscaler may make nodes for what waits, or take empty ones away: that is not played"


def _standing(act: ActedNode) -> Iterator[str]:
    """What is so already, or is taken to be better than it is seen."""
    node = act.before
    if act.act is NodeAct.ADD:
        if not node.ready or node.spec.unschedulable:
            how = "not ready" if not node.ready else "cordoned"
            yield f"{act.node} is taken to be ready and open; {node.name}, which it is like, is {how}"
    elif act.act is NodeAct.CORDON and node.spec.unschedulable:
        yield f"{act.node} is cordoned already"
    elif act.act is NodeAct.DOWN and not node.ready:
        yield f"{act.node} is not ready already"

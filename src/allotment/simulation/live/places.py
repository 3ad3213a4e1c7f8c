"""Where pods go after a change of nodes: one after the other on the scheduler's twin, each beside those before it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import msgspec

from allotment.model.observed.index import Index
from allotment.model.observed.pods import Pod
from allotment.observe.anonymous import is_hidden
from allotment.scheduling.snapshot.placement import (
    FoundPlace,
    PlacementView,
    WaitingPod,
    is_waiting,
    place,
    waiting_pod,
)
from allotment.scheduling.snapshot.placement_trials import kept, likeness

MOST_ASKED: Final = 4096
"""Pods that wait of which it is asked where they would go: the first in the scheduler's order."""
_ANEW: Final = "/anew"
"""Ends the names of pods that are made in the place of others: no pod of a cluster has a slash in its name."""


@dataclass(frozen=True, slots=True)
class PodPlace:
    """Where one pod goes.

    Attributes:
        pod: the one that waits, or has to leave.
        node: empty where it finds none.
        message: what the scheduler says of it then.
        victims: running pods (namespace/name) that it takes the place of.
        unmodelled: what it asks for and the twin does not look at.
    """

    pod: Pod
    node: str
    message: str = ""
    victims: tuple[str, ...] = ()
    unmodelled: tuple[str, ...] = ()


def waiting_in_turn(index: Index, view: PlacementView) -> list[Pod]:
    """Pods that the scheduler is to place, in the order in which it tries them; of others' nothing is asked."""
    found = [each for each in index.objects.pods if is_waiting(each) and not is_hidden(each.metadata)]
    ranked = [
        (-waiting_pod(view, each).pod.priority, each.metadata.creation_timestamp, each.key, each) for each in found
    ]
    return [each for *_, each in sorted(ranked, key=lambda each: each[:3])]


def settle_pods(view: PlacementView, waiting: Iterable[Pod], leaving: Iterable[Pod] = ()) -> Iterator[PodPlace]:
    """Place pods, first those of the highest priority, of equals those that wait first; whoever finds a node keeps it.

    Args:
        view: the cluster; its state is changed, and stays so.
        waiting: pods that wait, in the scheduler's order.
        leaving: pods that have to leave, each of which is made anew without a node.
    """
    asked = [(each, waiting_pod(view, each)) for each in waiting]
    asked += [(each, _anew(view, each)) for each in leaving]
    for pod, each in sorted(asked, key=lambda pair: -pair[1].pod.priority):
        yield _settled(view, pod, each)


def _anew(view: PlacementView, pod: Pod) -> WaitingPod:
    """The pod that its controller makes in the place of one that leaves."""
    meta = msgspec.structs.replace(pod.metadata, name=f"{pod.name}{_ANEW}")
    spec = msgspec.structs.replace(pod.spec, node_name="")
    status = msgspec.structs.replace(pod.status, nominated_node_name="")
    return waiting_pod(view, msgspec.structs.replace(pod, metadata=meta, spec=spec, status=status))


def _settled(view: PlacementView, pod: Pod, waiting: WaitingPod) -> PodPlace:
    state = view.state
    if state.promised.get(waiting.pod.key) is not None:
        answer = place(view, waiting)
        state.promise(waiting.pod, None)
    else:
        # What was refused once is refused again, until something is placed.
        answer = kept(view, (PodPlace, likeness(view, [waiting])), lambda: place(view, waiting))
    unmodelled = waiting.unmodelled
    if isinstance(answer, FoundPlace):
        state.add(waiting.pod, state.nodes.index[answer.node])
        return PodPlace(pod, answer.node, unmodelled=unmodelled)
    if not answer.victims:
        return PodPlace(pod, "", answer.message, unmodelled=unmodelled)
    for key in answer.victims:
        state.remove(key)
    state.add(waiting.pod, state.nodes.index[answer.nominated])
    return PodPlace(pod, answer.nominated, answer.message, answer.victims, unmodelled)

"""Pods placed one after the other on trial, nothing of which stays; what was found out of pods alike is kept.

Of a busy cluster thousands of pods wait and few are unlike: what differs is a job's name, its namespace, and labels
that nobody asks for. What a trial answers is kept with the edition of the twin's state at which it was made, so that
no answer of one state is given for another.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar

from allotment.scheduling.placement.model import PodAffinity, PodShape
from allotment.scheduling.snapshot.placement import NoPlace, PlacementView, WaitingPod, place

T = TypeVar("T")
Likeness = tuple[tuple[Hashable, int], ...]
"""What decides where pods find a place one after the other: each kind in a row with how many they are."""
_NO_RULES: Final = PodAffinity()
_NAMELESS: Final = "on trial/"
"""Begins the names of pods on trial that have none: no pod of a cluster has a slash in its name."""
_MOST: Final = 1 << 12
"""Answers that are kept of one view: one that names every node of a large cluster takes 40 kB."""


@dataclass(frozen=True, slots=True)
class PlacementTrial:
    """What becomes of pods that are placed one after the other.

    Attributes:
        refused: what is said to the first that finds no place; None if all find one.
        placed: number of those before it.
        victims: pods (namespace/name) that were preempted on the way.
    """

    refused: NoPlace | None
    placed: int
    victims: tuple[str, ...]


def likeness(view: PlacementView, pods: Sequence[WaitingPod]) -> Likeness:
    """Equal for pods of which the view says the same."""
    return _rows(_as_seen(view, pods))


def tried(
    view: PlacementView, pods: Sequence[WaitingPod], gone: Iterable[str] = (), *, preempting: bool = True
) -> PlacementTrial:
    """Place pods one after the other, each beside those before it.

    Args:
        view: the cluster, in whatever state it is now.
        pods: in their order.
        gone: running pods (namespace/name) that would have ended.
        preempting: whether a pod may take the place of others.
    """
    without, alike = tuple(gone), _as_seen(view, pods)
    key = (_rows(alike), without, preempting)
    return kept(view, key, lambda: _tried(view, alike, without, preempting=preempting))


def kept(view: PlacementView, key: Hashable, made: Callable[[], T]) -> T:
    """What was found out under a key at the state that the view has now, made if nothing was.

    Args:
        view: the cluster.
        key: what the answer depends on beside the cluster.
        made: finds it out; leaves the state as it was.
    """
    answers: dict[Any, Any] = view.answers
    at = (view.state.edition, key)
    if at not in answers:
        answer = made()
        if len(answers) >= _MOST:
            answers.clear()
        answers[at] = answer
    found: T = answers[at]
    return found


def _tried(view: PlacementView, pods: Sequence[WaitingPod], gone: Iterable[str], *, preempting: bool) -> PlacementTrial:
    state = view.state
    mark = state.checkpoint()
    victims: list[str] = []
    try:
        for key in gone:
            if key in state.pods:
                state.remove(key)
        for count, each in enumerate(pods):
            answer = place(view, each)
            if isinstance(answer, NoPlace):
                if not answer.victims or not preempting:
                    return PlacementTrial(answer, count, tuple(victims))
                victims += answer.victims
                for key in answer.victims:
                    state.remove(key)
            node = answer.nominated if isinstance(answer, NoPlace) else answer.node
            pod = each.pod if each.pod.name else replace(each.pod, name=f"{_NAMELESS}{count}")
            state.add(pod, state.nodes.index[node])
    finally:
        state.rollback(mark)
    return PlacementTrial(None, len(pods), tuple(victims))


def _rows(pods: Sequence[WaitingPod]) -> Likeness:
    rows: list[tuple[Hashable, int]] = []
    for each in pods:
        if rows and (rows[-1][0] is each or rows[-1][0] == each):
            rows[-1] = (each, rows[-1][1] + 1)
        else:
            rows.append((each, 1))
    return tuple(rows)


def _as_seen(view: PlacementView, pods: Sequence[WaitingPod]) -> list[WaitingPod]:
    """The pods with only what the cluster can tell them by: nameless, where nobody asks who they are.

    Their names matter where one is promised a node, or where they ask for each other's labels or may push each other
    out.
    """
    if view.state.promised or len({each.pod.priority for each in pods}) > 1:
        return list(pods)
    if any(each.pod.shape.affinity != _NO_RULES or each.pod.shape.spread for each in pods):
        return list(pods)
    bare: dict[int, PodShape] = {}
    seen: list[WaitingPod] = []
    for at, each in enumerate(pods):
        if at and each is pods[at - 1]:
            seen.append(seen[-1])
            continue
        shape = each.pod.shape
        if id(shape) not in bare:
            bare[id(shape)] = _anonymous(view, shape)
        seen.append(replace(each, pod=replace(each.pod, name="", shape=bare[id(shape)])))
    return seen


def _anonymous(view: PlacementView, shape: PodShape) -> PodShape:
    """A shape without namespace and labels, where no rule of a running pod is about them."""
    index = view.state.index
    if index.carriers_about(index.label_set(shape.namespace, shape.labels)):
        return shape
    return replace(shape, namespace="", labels=())

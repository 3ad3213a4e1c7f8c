"""The finding of a rule about room: with the facts, the evidence and the remedies that all of them share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any, Final

from allotment.diagnose.finding import Deferred, Finding, Proposal
from allotment.diagnose.gangs import one_by_one
from allotment.diagnose.machines import added_node
from allotment.diagnose.rules.scheduler.keeping import kept
from allotment.diagnose.rules.scheduler.placing import Placing
from allotment.diagnose.rules.scheduler.rooms import condition_evidence, room_facts
from allotment.model.explanation import CauseVerdict, Confidence, Evidence, FlavorTried
from allotment.model.observed.nodes import Node

_MOST: Final = 32
"""Nodes of which an answer lists what each said."""
_OF_ONE: Final = {"node(s) were": "is", "node(s) had": "has", "node(s) didn't": "doesn't", "node(s) ": ""}
_MOST_NEW: Final = 16
"""Nodes that an answer says to add at most."""
_UNSEEN: Final = ("could not be read", "only some namespaces", "not all pods")


def about_room(
    cause: str,
    verdict: CauseVerdict,
    summary: str,
    placing: Placing,
    proposals: Iterable[Proposal] = (),
    facts: dict[str, Any] | None = None,
    evidence: tuple[Evidence, ...] = (),
) -> Finding:
    """A finding about room on nodes."""
    return Finding(
        cause,
        verdict,
        summary,
        facts=room_facts(placing, kept(placing.case).resource) | (facts or {}),
        evidence=(*evidence, *condition_evidence(placing)),
        confidence=confidence(placing),
        proposals=Deferred(proposals),
        flavors=tuple(answers(placing)),
    )


def confidence(placing: Placing) -> Confidence:
    """How sure what the twin says is: likely where it could not see, or does not model, what may matter."""
    if placing.refused is None:
        return Confidence.SURE
    notes = placing.refused.answer.unmodelled
    return Confidence.LIKELY if any(word in note for note in notes for word in _UNSEEN) else Confidence.SURE


def answers(placing: Placing) -> Iterator[FlavorTried]:
    """What each node said: those first that it selects, those with room before others, and those that came nearest.

    Nearest is by the order of the scheduler's filters, the last of which asks for room.
    """
    if placing.refused is None:
        return
    said = [
        (node, refusal)
        for refusal, nodes in reversed(placing.refused.answer.refusals)
        if len(nodes) <= _MOST
        for node in nodes
    ]
    said.sort(key=lambda each: _far_off(placing, each[0]))
    for node, refusal in said[:_MOST]:
        number = f"{placing.free(node, placing.device)} free" if placing.device else ""
        yield FlavorTried(node, ", ".join(_of_one(reason.text) for reason in refusal.reasons), number)


def _far_off(placing: Placing, node: str) -> tuple[bool, bool, bool]:
    """Whether it does not select a node, the node has too little free, and has too little at all."""
    device = placing.device or "cpu"
    asked = placing.requests.get(device, 0)
    return (
        not placing.selects(node),
        placing.free(node, device) < asked,
        placing.allocatable(node, device) < asked,
    )


def _of_one(text: str) -> str:
    """What kube-scheduler says of a number of nodes, said of one."""
    begins = next((each for each in _OF_ONE if text.startswith(each)), "")
    return _OF_ONE[begins] + text.removeprefix(begins) if begins else text


def more_nodes(placing: Placing, nodes: Iterable[Node] | None = None) -> Iterator[Proposal]:
    """As many more nodes like one that could hold it as all its pods need."""
    like = next(iter(placing.able if nodes is None else nodes), None)
    if like is not None:
        yield added_node(like, number=_needed(placing, like))


def _needed(placing: Placing, like: Node) -> int:
    """Nodes that hold the pods which find no place; one where each runs by itself, or where it would be very many."""
    refused = placing.refused
    if refused is None or one_by_one(placing.case):
        return 1
    asked = {name: amount for name, amount in refused.pod.requests.items() if amount > 0}
    each = min((placing.allocatable(like.name, name) // amount for name, amount in asked.items()), default=1)
    if refused.pod.waiting.pod.shape.affinity.required_anti:
        each = min(each, 1)
    count = -(-(len(placing.pods) - refused.placed) // max(each, 1))
    return count if count <= _MOST_NEW else 1


def together(*groups: Iterable[Proposal]) -> Iterator[Proposal]:
    """Proposals of several kinds, none worked out yet."""
    return chain(*groups)

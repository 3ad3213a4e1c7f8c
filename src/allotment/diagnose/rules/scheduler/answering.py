"""The finding of a rule about room: with the facts, the evidence and the remedies that all of them share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any, Final

from allotment.diagnose.finding import Deferred, Finding, Proposal
from allotment.diagnose.rules.scheduler.keeping import kept
from allotment.diagnose.rules.scheduler.placing import Placing
from allotment.diagnose.rules.scheduler.rooms import condition_evidence, room_facts
from allotment.diagnose.rules.scheduler.shaping import added_node
from allotment.model.explanation import CauseVerdict, Confidence, Evidence, FlavorTried
from allotment.model.observed.nodes import Node

_MOST: Final = 32
"""Nodes of which an answer lists what each said."""
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
    """What each node said, in the order of the scheduler's filters."""
    if placing.refused is None:
        return
    said = (
        (node, refusal) for refusal, nodes in placing.refused.answer.refusals if len(nodes) <= _MOST for node in nodes
    )
    for node, refusal in islice(said, _MOST):
        number = f"{placing.free(node, placing.device)} free" if placing.device else ""
        yield FlavorTried(node, ", ".join(reason.text for reason in refusal.reasons), number)


def more_nodes(placing: Placing, nodes: Iterable[Node] | None = None) -> Iterator[Proposal]:
    """One more node like one that could hold it."""
    like = next(iter(placing.able if nodes is None else nodes), None)
    if like is not None:
        yield added_node(like)


def together(*groups: Iterable[Proposal]) -> Iterator[Proposal]:
    """Proposals of several kinds, none worked out yet."""
    return chain(*groups)

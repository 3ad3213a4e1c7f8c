"""Nodes with room have as many volumes attached as they may."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding
from allotment.diagnose.rules.scheduler.answering import about_room, more_nodes, together
from allotment.diagnose.rules.scheduler.holders import holders, waits
from allotment.diagnose.rules.scheduler.placing import placing
from allotment.diagnose.rules.scheduler.verdicts import foreign_reasons, said_of
from allotment.model.explanation import CauseVerdict, Confidence, Evidence

_WORDS: Final = "max volume count"


def find(case: Case) -> Finding | None:
    """Only the scheduler can tell: how many a node takes stands in objects of the storage drivers."""
    said, it = said_of(case), placing(case)
    if said is None or it.refused is not None or not it.pods:
        return None
    message, where = said
    if not any(_WORDS in each for each in foreign_reasons(message)):
        return None
    finding = about_room(
        "too-many-volumes",
        CauseVerdict.WAITING,
        "nodes that would have room have as many volumes attached as they may",
        it,
        together(waits(it), more_nodes(it)),
        {"message": message, "holders": len(holders(case, case.index.nodes.values()))},
        (Evidence(where.object, where.field, message, "the scheduler's own words"),),
    )
    return replace(finding, confidence=Confidence.LIKELY)

"""What Kueue leaves to chance: it walks maps, so among equals it chooses at random. We choose always in the same way.

Two such choices change what is decided. Fair sharing takes targets from the child cohort with the largest share, and of
several with the same share from any. And entries of a cycle that have the same rank (priority and age included) are
processed in any order, where there may not be enough for all.
"""

from __future__ import annotations

from enum import Enum

from allotment.scheduling.queueing.entry import Entry
from allotment.scheduling.queueing.indices import NO_WORKLOAD, WorkloadId
from allotment.scheduling.queueing.records import Assignment
from allotment.scheduling.queueing.states import EVICTED


class ChanceKind(Enum):
    """What Kueue leaves to chance."""

    PREEMPTED = "preempted"
    FIRST = "first"


class Choice:
    """A choice among equals, which Kueue makes at random, and we always in the same way.

    Attributes:
        kind: who is preempted, or who goes first and gets what is not enough for all.
        preemptor: for whom, NO_WORKLOAD where nobody is preempted.
        chosen: workloads that are chosen here and may not be.
        others: workloads that may be chosen instead.
    """

    __slots__ = ("chosen", "kind", "others", "preemptor")

    def __init__(
        self, kind: ChanceKind, preemptor: WorkloadId, chosen: list[WorkloadId], others: list[WorkloadId]
    ) -> None:
        self.kind: ChanceKind = kind
        self.preemptor: WorkloadId = preemptor
        self.chosen: list[WorkloadId] = chosen
        self.others: list[WorkloadId] = others


def tosses(entries: list[Entry]) -> list[Choice]:
    """Preemptions that could be others; those that were asked for before are not told again."""
    found: list[Choice] = []
    for entry in entries:
        toss = entry.toss
        fresh = any(target.workload.state is not EVICTED for target in entry.issuing)
        if toss is not None and (fresh or not entry.targets):
            spared = [each.index for each in toss.spared]
            others = [each.index for each in toss.others]
            found.append(Choice(ChanceKind.PREEMPTED, entry.workload.index, spared, others))
    return found


class Tie:
    """An entry that came before equals, which until then could have had what they were nominated for."""

    __slots__ = ("assignments", "equals", "first")

    def __init__(self, first: Entry, equals: list[Entry]) -> None:
        self.first: Entry = first
        self.equals: list[Entry] = equals
        self.assignments: list[Assignment] = [each.assignment for each in equals]

    def lost(self) -> list[Entry]:
        """Those that did not get it."""
        return [
            each
            for each, before in zip(self.equals, self.assignments, strict=True)
            if not (each.admitted or each.issuing) or each.assignment is not before
        ]


def races(ties: list[Tie]) -> list[Choice]:
    """Entries that got something because they happened to come before an equal that did not."""
    found: list[Choice] = []
    for tie in ties:
        winner = tie.first
        if not winner.admitted and not winner.issuing:
            continue
        lost = [each.workload.index for each in tie.lost()]
        if lost and found and found[-1].others == lost:
            found[-1].chosen.append(winner.workload.index)
        elif lost:
            found.append(Choice(ChanceKind.FIRST, NO_WORKLOAD, [winner.workload.index], lost))
    return found

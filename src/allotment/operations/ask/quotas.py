"""Use cases: how near quotas are to their limits, and how the queues stand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from allotment.accounting.queue_use import QueueStanding, queue_standings
from allotment.accounting.quota_use import QuotaAlarm, QuotaLayer, QuotaUse, UsePace, quota_uses
from allotment.errors import shown
from allotment.model.grammar import count
from allotment.model.moments import moment
from allotment.model.observed.index import Index
from allotment.model.observed.snapshot import Snapshot
from allotment.operations.ask.recorded import Recording
from allotment.operations.ask.resting import demand, half_seen
from allotment.operations.ask.sparing import spared

_RESTS_ON: Final = ("resourcequotas", "clusterqueues", "cohorts", "localqueues", "workloads")
_ACCOUNTING: Final = "associations"
"""What the limits of a Slurm's accounts rest on."""
_OF_QUEUES: Final = ("clusterqueues", "cohorts", "localqueues", "workloads")


@dataclass(frozen=True, slots=True)
class QuotasAnswer:
    """All limits, the fullest first.

    Attributes:
        paced: whether dates rest on a recording.
        remarks: what narrows the answer.
    """

    uses: tuple[QuotaUse, ...]
    paced: bool
    remarks: tuple[str, ...] = ()

    @property
    def worst(self) -> QuotaAlarm:
        """The highest alarm of all."""
        return max((each.alarm for each in self.uses), default=QuotaAlarm.NONE)


@dataclass(frozen=True, slots=True)
class QueuesAnswer:
    """All ClusterQueues of all sources.

    Attributes:
        remarks: what narrows the answer.
        of_slurm: whether every source is a Slurm, the queues of which are accounts with a limit on devices.
    """

    standings: tuple[QueueStanding, ...]
    remarks: tuple[str, ...] = ()
    of_slurm: bool = False


def quotas_of(snapshot: Snapshot, teams: Mapping[str, str] | None) -> QuotasAnswer:
    """The limits at a moment.

    Args:
        snapshot: the moment.
        teams: names of teams by id, from a platform directory.

    Raises:
        ForbiddenError: no limits of any kind could be read.
    """
    demand(snapshot, "resourcequotas", "clusterqueues", for_what="which limits there are")
    uses, left = spared(snapshot, lambda each: _uses(each, teams))
    return QuotasAnswer(uses, paced=False, remarks=(*_unseen(snapshot, _RESTS_ON), *left))


def quotas_over(recorded: Recording, teams: Mapping[str, str] | None) -> QuotasAnswer:
    """The limits at the end of a recording, with the dates at which they are full at its pace.

    Raises:
        InputError: nothing of it can be read.
    """
    pace = UsePace()
    remarks: dict[str, None] = {}

    def uses_in(snapshot: Snapshot) -> tuple[QuotaUse, ...]:
        found, left = spared(snapshot, lambda each: _uses(each, teams))
        remarks.update(dict.fromkeys(left))
        return found

    last = recorded.last()
    for snapshot in recorded.snapshots():
        at = moment(snapshot.taken_at)
        if at is not None:
            pace.add(at, uses_in(snapshot))
    now = moment(last.taken_at) or 0
    uses = tuple(replace(use, full_at=pace.full_at(use, now)) for use in uses_in(last))
    return QuotasAnswer(uses, paced=True, remarks=(*recorded.remarks(), *_unseen(last, _RESTS_ON), *remarks))


def narrowed(answer: QuotasAnswer, namespace: str, *, everything: bool) -> QuotasAnswer:
    """Part of an answer.

    Args:
        answer: the whole.
        namespace: only the limits of this one; empty for all limits.
        everything: also those of which nothing is used.
    """
    uses = tuple(
        use
        for use in answer.uses
        if (everything or use.used)
        and (not namespace or (use.layer is QuotaLayer.NAMESPACE and use.name.partition(" ")[0] == namespace))
    )
    return replace(answer, uses=uses)


def _uses(snapshot: Snapshot, teams: Mapping[str, str] | None) -> tuple[QuotaUse, ...]:
    found = [use for source in snapshot.sources for use in quota_uses(Index(source), teams)]
    return tuple(sorted(found, key=lambda each: (-each.percent, *each.key)))


def queues_of(snapshot: Snapshot) -> QueuesAnswer:
    """The queues at a moment; where a queue's status says otherwise than the sum of its workloads, that is told.

    Raises:
        ForbiddenError: no queues could be read.
    """
    demand(snapshot, "clusterqueues", for_what="which ClusterQueues there are")
    standings, left = spared(
        snapshot, lambda one: tuple(found for source in one.sources for found in queue_standings(Index(source)))
    )
    differing = tuple(
        f"{_in(snapshot, standing)}ClusterQueue {shown(use.queue)} reports {use.told:,} {use.resource} in flavor "
        f"{shown(use.flavor)}; its workloads hold {use.used:,}"
        for standing in standings
        for use in standing.uses
        if use.told is not None and use.told != use.used
    )
    held = tuple(f"{_in(snapshot, each)}{_kept_before(each)}" for each in standings if each.held_back)
    of_slurm = bool(snapshot.sources) and all(each.kind == "slurm" for each in snapshot.sources)
    return QueuesAnswer(standings, (*_unseen(snapshot, _OF_QUEUES), *differing, *held, *left), of_slurm)


def _in(snapshot: Snapshot, standing: QueueStanding) -> str:
    """Which cluster, where there are several: queues are called alike in many."""
    return f"{shown(standing.cluster)}: " if len(snapshot.sources) > 1 else ""


def _kept_before(standing: QueueStanding) -> str:
    number = standing.held_back
    return (
        f"{count(number, 'more workload')} {'waits' if number == 1 else 'wait'} before {shown(standing.name)}, in "
        "LocalQueues that are stopped: Kueue does not count what stands there as pending"
    )


def _unseen(snapshot: Snapshot, rests_on: Sequence[str]) -> tuple[str, ...]:
    told: list[str] = []
    for source in snapshot.sources:
        missed = half_seen(source, rests_on)
        if any(gap.what == _ACCOUNTING for gap in source.gaps):
            missed.append("the accounting could not be read, so which limits its accounts have is not known")
        told += [f"{shown(source.name) or 'the source'}: {each}" for each in missed]
    return tuple(told)

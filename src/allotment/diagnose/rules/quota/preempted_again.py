"""Some are displaced again and again for one that does not get in: they are admitted again before it.

Kueue does not notice (kubernetes-sigs/kueue#14543), and none of its objects says so: a Workload tells for whom it was
displaced last, its statistics how often it was, events how often for the same.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from allotment.diagnose.case import Case, reference_of
from allotment.diagnose.finding import Deferred, Finding, Proposal
from allotment.diagnose.others import called, deletion, listed, reference_above, work_above
from allotment.diagnose.rules.queue.line import raised_priority
from allotment.diagnose.rules.queue.queued import other_queues
from allotment.diagnose.rules.quota.reducing import reduced
from allotment.diagnose.rules.quota.refused import quota_refusal
from allotment.diagnose.rules.quota.taken_away import preemptor_of
from allotment.model.explanation import CauseVerdict, Doer, Evidence, Patch, PatchOp, RemedyKind
from allotment.model.observed.index import Index
from allotment.model.observed.queueing import Workload
from allotment.scheduling.snapshot.standing import IN_A_QUEUE

LIVELOCK: Final = "preemption-livelock"
_OFTEN: Final = 3
"""Displaced so often for the same that does not get in, it is no chance any more."""
_OFTEN_IN_ALL: Final = 5
"""So often for whomever, the last time for one that does not get in: the count of a Workload does not tell for whom."""
_WITHIN: Final = "InClusterQueue"
_REASONS: Final = ("Preempted", "EvictedDueToPreempted")
"""Events of one preemption, of which either may have been lost."""


@dataclass(frozen=True, slots=True)
class Displaced:
    """Who is displaced again and again.

    Attributes:
        workload: of them.
        times: at least so often.
        by: for whom; it waits.
    """

    workload: Workload
    times: int
    by: Workload


class _Loops(list[Displaced]):
    """All of a source."""


def find(case: Case) -> Finding | None:
    """For either side: who is displaced, and for whom."""
    workload = case.workload
    loops = () if workload is None else [each for each in loops_of(case.index) if _goes_on(case, each)]
    if workload is None or not loops:
        return None
    own = next((each for each in loops if each.workload.metadata.uid == workload.metadata.uid), None)
    if own is not None:
        return _of_displaced(case, own)
    mine = tuple(each for each in loops if each.by.metadata.uid == workload.metadata.uid)
    return _of_preemptor(case, workload, mine) if mine else None


def _goes_on(case: Case, each: Displaced) -> bool:
    """Whether it can go on: the queue of either may have been stopped since."""
    absent = case.twins.queueing.absent
    both = (absent.get(one.key) for one in (each.workload, each.by))
    return all(one is None or one.reason not in IN_A_QUEUE for one in both)


def loops_of(index: Index) -> Sequence[Displaced]:
    """Who is displaced again and again of a source, those who are most often first; found out once."""
    return index.beside.once(_Loops, lambda: _Loops(_loops(index)))


def _loops(index: Index) -> list[Displaced]:
    waiting = {each.metadata.uid: each for each in index.objects.workloads if _waits(each)}
    found: dict[str, list[tuple[Displaced, bool]]] = defaultdict(list)
    for workload in index.objects.workloads:
        told = workload.condition("Preempted")
        by = None if told is None or not _lives(workload) else waiting.get(preemptor_of(told.message))
        if told is None or by is None or by is workload or not _can_again(workload, by, told.reason):
            continue
        for_it, in_all = _events_for(index, workload, by.metadata.uid), _counted(workload)
        if for_it >= _OFTEN or in_all >= _OFTEN_IN_ALL:
            sure = for_it >= _OFTEN or _got_in_before(workload)
            found[by.metadata.uid].append((Displaced(workload, max(for_it, in_all), by), sure))
    # What was displaced often for others, and now for the first time for this one, is in no loop.
    loops = [each for of_one in found.values() if any(sure for _, sure in of_one) for each, _ in of_one]
    return sorted(loops, key=lambda each: (-each.times, each.workload.key))


def _lives(each: Workload) -> bool:
    return each.spec.active and not each.says("Finished")


def _waits(each: Workload) -> bool:
    return _lives(each) and not each.holds_quota


def _can_again(workload: Workload, by: Workload, rule: str) -> bool:
    """Whether it can be displaced for the same: within a queue only for a higher priority."""
    return rule != _WITHIN or (workload.spec.priority or 0) < (by.spec.priority or 0)


def _events_for(index: Index, workload: Workload, uid: str) -> int:
    told: dict[str, int] = defaultdict(int)
    for event in index.events_of("Workload", workload.metadata):
        if event.reason in _REASONS and preemptor_of(event.message) == uid:
            told[event.reason] += max(1, event.count or 0, event.series.count if event.series else 0)
    return max(told.values(), default=0)


def _counted(workload: Workload) -> int:
    stats = workload.status.scheduling_stats
    return sum(each.count for each in stats.evictions if each.reason == "Preempted") if stats is not None else 0


def _got_in_before(workload: Workload) -> bool:
    """Whether it was admitted again before the one for whom it was displaced last."""
    return workload.holds_quota and not workload.says("Evicted")


def _of_displaced(case: Case, own: Displaced) -> Finding:
    name = called(case, own.by)
    return Finding(
        LIVELOCK,
        CauseVerdict.MISCONFIGURED,
        f"it is displaced again and again, {own.times} times so far, the last time for {name}, which does not get in: "
        "what is displaced for it is admitted again before it, without an end",
        facts={"displaced": own.times, "preempted_by": name},
        evidence=(_evidence(own), _of_waiting(own.by)),
        proposals=Deferred(_for_displaced(case, own)),
    )


def _of_preemptor(case: Case, workload: Workload, mine: tuple[Displaced, ...]) -> Finding:
    names = list(dict.fromkeys(called(case, each.workload) for each in mine))
    times = sum(each.times for each in mine)
    return Finding(
        LIVELOCK,
        CauseVerdict.MISCONFIGURED,
        f"{listed(names)} {'is' if len(names) == 1 else 'are'} displaced for it again and again, {times} times so far, "
        "and it does not get in: what is displaced is admitted again before it, without an end",
        facts={"displaced": times, "displaces": names},
        evidence=(*(_evidence(each) for each in mine[:3]), _of_waiting(workload)),
        proposals=Deferred(_for_preemptor(case, mine)),
    )


def _evidence(each: Displaced) -> Evidence:
    told = each.workload.condition("Preempted")
    message = "" if told is None else told.message
    where = reference_of(each.workload)
    return Evidence(where, "status.conditions[Preempted].message", message, f"displaced {each.times} times")


def _of_waiting(by: Workload) -> Evidence:
    told = by.condition("QuotaReserved")
    said = "no quota" if told is None or not told.message else told.message
    return Evidence(reference_of(by), "status.conditions[QuotaReserved].message", said, "it waits all the while")


def _for_displaced(case: Case, own: Displaced) -> Iterator[Proposal]:
    name = called(case, own.by)
    yield from other_queues(case, cost=1)
    told = own.workload.condition("Preempted")
    if told is not None and told.reason == _WITHIN:
        yield from raised_priority(case, (own.by.spec.priority or 0) - 1, f"{name} does not displace it then", cost=2)
    yield _deactivated(case, (own.by,), f"until what was displaced for it has ended, and {name} is activated again")


def _for_preemptor(case: Case, mine: tuple[Displaced, ...]) -> Iterator[Proposal]:
    refusal = quota_refusal(case)
    if refusal is not None:
        yield from reduced(case, refusal.lacks)
    yield from other_queues(case, cost=1)
    victims = tuple(each.workload for each in mine)
    own = [each for each in victims if each.namespace == case.namespace]
    if len(own) == len(victims):
        yield _ended(case, own)
    yield _deactivated(case, victims, "until it runs, and activate them again")


def _deactivated(case: Case, workloads: tuple[Workload, ...], until: str) -> Proposal:
    """What is deactivated is not admitted before the other; nothing of it is lost but what runs."""
    acts = tuple((reference_of(each), Patch(PatchOp.MERGE, {"spec": {"active": False}})) for each in workloads)
    names = listed(list(dict.fromkeys(called(case, each) for each in workloads)))
    gone: dict[str, object] = {"status": {"admission": None, "conditions": []}}
    return Proposal(
        RemedyKind.OTHER,
        Doer.PLATFORM,
        f"deactivate {names} (spec.active: false of {'its Workload' if len(acts) == 1 else 'their Workloads'}) {until}",
        acts[0][0],
        acts[0][1],
        then=acts[1:],
        effect=tuple((target, Patch(PatchOp.MERGE, gone)) for target, _ in acts),
        cost=1,
    )


def _ended(case: Case, workloads: list[Workload]) -> Proposal:
    """Work of the same namespace, which its people may delete."""
    names = listed(list(dict.fromkeys(called(case, each) for each in workloads)))
    tops = {reference_above(case, each) for each in workloads}
    pods = [pod for each in workloads for pod in case.index.pods_under(work_above(case, each).metadata.uid)]
    summary = f"stop {names}, and submit {'it' if len(tops) == 1 else 'them'} again once this runs"
    return deletion(case, workloads, summary, [*workloads, *pods])

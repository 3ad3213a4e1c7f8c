"""Whom preemption takes, rule by rule (KEP-83 and KEP-79; with fair sharing KEP-1714)."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from allotment.scheduling.queueing.inputs import AdmissionFairSharing, FairStrategy, PreemptionPolicy, Workload
from allotment.scheduling.queueing.pending.local_usage import LocalUsage
from allotment.scheduling.queueing.preemption.shared import Demand, sort_candidates, uses_any
from allotment.scheduling.queueing.records import PreemptionReason, Target
from tests.unit.scheduling.queueing.casebook import (
    ANY,
    LOWER,
    NEVER,
    NEWER,
    Desk,
    Held,
    Part,
    cq,
    each_of,
    held,
    job,
    on,
    team,
)

OWN = PreemptionReason.IN_CLUSTER_QUEUE
RECLAIMED = PreemptionReason.IN_COHORT_RECLAMATION
BORROWING = PreemptionReason.IN_COHORT_RECLAIM_WHILE_BORROWING
FAIR = PreemptionReason.IN_COHORT_FAIR_SHARING
NOBODY: dict[str, PreemptionReason] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """`job` asks for quota of flavor f that is short; `gone` have to go for it, each for its reason."""

    cluster: tuple[Part, ...]
    held: tuple[Held, ...]
    job: Workload
    gone: dict[str, PreemptionReason]
    short: tuple[str, ...] = ()
    strategies: tuple[FairStrategy, ...] = ()


def found(case: Case, *, fair: bool, usage: LocalUsage | None = None) -> list[Target]:
    desk = Desk(case.cluster, case.held, fair=fair, strategies=case.strategies, usage=usage)
    before = list(desk.ledger.tree.usage)
    asking = desk.asking(case.job)
    amounts = dict(case.job.pod_sets[0].requests)
    requests = [(desk.fr("f", resource), amount) for resource, amount in amounts.items()]
    needed = [desk.fr("f", resource) for resource in case.short or amounts]
    targets = desk.finder.targets(Demand(asking, needed, requests))
    assert desk.ledger.tree.usage == before, "a search leaves usage as it was"
    return targets


def reasons(targets: list[Target]) -> dict[str, PreemptionReason]:
    return {each.workload.spec.name: each.reason for each in targets}


ALONE = cq("a", on("f", 4), within_cluster_queue=LOWER)
NEWER_TOO = cq("a", on("f", 4), within_cluster_queue=NEWER)

WITHIN_THE_QUEUE = {
    "nobody where the policy is Never": Case(
        cluster=(cq("a", on("f", 4)),),
        held=(held("low", "a", 4),),
        job=job("j", "a", 4, priority=10),
        gone=NOBODY,
    ),
    "a lower priority": Case(
        cluster=(ALONE,), held=(held("low", "a", 4),), job=job("j", "a", 4, priority=10), gone={"low": OWN}
    ),
    "no equal priority under LowerPriority": Case(
        cluster=(ALONE,), held=(held("equal", "a", 4, since=9),), job=job("j", "a", 4, since=1), gone=NOBODY
    ),
    "an equal priority that queued later, under LowerOrNewerEqualPriority": Case(
        cluster=(NEWER_TOO,), held=(held("newer", "a", 4, since=9),), job=job("j", "a", 4, since=1), gone={"newer": OWN}
    ),
    "no equal priority that queued earlier": Case(
        cluster=(NEWER_TOO,), held=(held("older", "a", 4, since=1),), job=job("j", "a", 4, since=9), gone=NOBODY
    ),
    "no equal priority that queued at the same time": Case(
        cluster=(NEWER_TOO,), held=(held("same", "a", 4, since=5),), job=job("j", "a", 4, since=5), gone=NOBODY
    ),
    "no higher priority that queued later": Case(
        cluster=(NEWER_TOO,), held=(held("high", "a", 4, since=9, priority=1),), job=job("j", "a", 4), gone=NOBODY
    ),
    "lowest priority first": Case(
        cluster=(ALONE,),
        held=(held("p1", "a", 2, priority=1, at=9), held("p0", "a", 2, priority=0)),
        job=job("j", "a", 2, priority=5),
        gone={"p0": OWN},
    ),
    "newest admitted first within a priority": Case(
        cluster=(ALONE,),
        held=(held("old", "a", 2, at=1, since=9), held("new", "a", 2, at=9, since=1)),
        job=job("j", "a", 2, priority=5),
        gone={"new": OWN},
    ),
    "the smaller uid where priority and admission are the same": Case(
        cluster=(ALONE,),
        held=(held("z", "a", 2), held("m", "a", 2)),
        job=job("j", "a", 2, priority=5),
        gone={"m": OWN},
    ),
    "one that is on its way out already before a lower priority": Case(
        cluster=(ALONE,),
        held=(held("low", "a", 2), held("leaving", "a", 2, priority=4, evicted=True)),
        job=job("j", "a", 2, priority=5),
        gone={"leaving": OWN},
    ),
    "no more than are needed": Case(
        cluster=(cq("a", on("f", 6), within_cluster_queue=LOWER),),
        held=each_of(3, "low", "a", 2),
        job=job("j", "a", 4, priority=5),
        gone={"low3": OWN, "low2": OWN},
    ),
    "one that turns out not to be needed is spared": Case(
        cluster=(cq("a", on("f", 6), within_cluster_queue=LOWER),),
        held=(held("small", "a", 1), held("big", "a", 5, priority=1)),
        job=job("j", "a", 5, priority=9),
        gone={"big": OWN},
    ),
    "nobody where all of them would not be enough": Case(
        cluster=(ALONE,),
        held=(held("low", "a", 2), held("high", "a", 2, priority=9)),
        job=job("j", "a", 4, priority=5),
        gone=NOBODY,
    ),
    "nobody who holds only another flavor": Case(
        cluster=(cq("a", on("f", 4), on("g", 4), within_cluster_queue=LOWER),),
        held=(held("elsewhere", "a", 4, "g"), held("here", "a", 4, priority=3)),
        job=job("j", "a", 4, priority=5),
        gone={"here": OWN},
    ),
    "nobody who holds only a resource that is not short": Case(
        cluster=(cq("a", on("f", cpu=4, gpu=4), within_cluster_queue=LOWER),),
        held=(held("cpu", "a", cpu=2), held("gpu", "a", gpu=4, priority=3)),
        job=job("j", "a", cpu=2, gpu=4, priority=5),
        short=("gpu",),
        gone={"gpu": OWN},
    ),
    "until every short resource is free": Case(
        cluster=(cq("a", on("f", cpu=4, gpu=4), within_cluster_queue=LOWER),),
        held=(held("cpu", "a", cpu=4, at=2), held("gpu", "a", gpu=4, at=1)),
        job=job("j", "a", cpu=1, gpu=1, priority=5),
        gone={"cpu": OWN, "gpu": OWN},
    ),
}


BORROWER = cq("b", on("f", 4), cohort="c")
LENDER = cq("a", on("f", 4), cohort="c", reclaim_within_cohort=ANY, within_cluster_queue=LOWER)
BY_PRIORITY = cq("a", on("f", 4), cohort="c", reclaim_within_cohort=LOWER)


def may_borrow(threshold: int | None = None, nominal: int = 4, within: PreemptionPolicy = NEVER) -> Part:
    return cq(
        "a",
        on("f", nominal),
        cohort="c",
        within_cluster_queue=within,
        reclaim_within_cohort=ANY,
        borrow_within_cohort=LOWER,
        max_priority_threshold=threshold,
    )


LOAN = (cq("b", on("f", 2), cohort="c"), team("c", on("f", 2)))
THREE = (held("p1", "b", 2, priority=1), held("p2", "b", 2, priority=2), held("p5", "b", 2, priority=5))

FROM_THE_COHORT = {
    "nobody where the policy is Never": Case(
        cluster=(cq("a", on("f", 4), cohort="c"), BORROWER),
        held=each_of(4, "b", "b", 2),
        job=job("j", "a", 4, priority=9),
        gone=NOBODY,
    ),
    "under Any even a higher priority": Case(
        cluster=(LENDER, BORROWER),
        held=each_of(2, "b", "b", 4, priority=100),
        job=job("j", "a", 4),
        gone={"b2": RECLAIMED},
    ),
    "under LowerPriority no equal priority": Case(
        cluster=(BY_PRIORITY, BORROWER), held=each_of(2, "b", "b", 4), job=job("j", "a", 4), gone=NOBODY
    ),
    "under LowerPriority a lower priority": Case(
        cluster=(BY_PRIORITY, BORROWER),
        held=each_of(2, "b", "b", 4),
        job=job("j", "a", 4, priority=1),
        gone={"b2": RECLAIMED},
    ),
    "under LowerOrNewerEqualPriority one that queued later": Case(
        cluster=(cq("a", on("f", 4), cohort="c", reclaim_within_cohort=NEWER), BORROWER),
        held=(held("older", "b", 4, since=1, at=9), held("newer", "b", 4, since=9)),
        job=job("j", "a", 4, since=5),
        gone={"newer": RECLAIMED},
    ),
    "nobody of a queue within its nominal quota": Case(
        cluster=(LENDER, BORROWER, cq("d", on("f", 2), cohort="c")),
        held=(held("within", "b", 4, priority=-9), *each_of(3, "over", "d", 2)),
        job=job("j", "a", 4),
        gone={"over3": RECLAIMED, "over2": RECLAIMED},
    ),
    "reclaim from the cohort stops at nominal quota": Case(
        cluster=(cq("a", on("f", 4), cohort="c", reclaim_within_cohort=ANY, within_cluster_queue=LOWER), BORROWER),
        held=(held("mine", "a", 1, priority=3), *each_of(7, "b", "b", 1)),
        job=job("j", "a", 4, priority=5),
        gone={"b7": RECLAIMED, "b6": RECLAIMED, "b5": RECLAIMED, "mine": OWN},
    ),
    "one large job even if its queue ends below nominal quota": Case(
        cluster=(LENDER, BORROWER), held=(held("large", "b", 8),), job=job("j", "a", 2), gone={"large": RECLAIMED}
    ),
    "nobody of another cohort": Case(
        cluster=(LENDER, cq("b", on("f", 0), cohort="other"), team("other", on("f", 4))),
        held=(held("mine", "a", 4), held("theirs", "b", 4, priority=-5)),
        job=job("j", "a", 4, priority=9),
        gone={"mine": OWN},
    ),
    "nobody of a stopped queue": Case(
        cluster=(LENDER, cq("b", on("f", 4), cohort="c", stopped=True)),
        held=each_of(2, "b", "b", 4),
        job=job("j", "a", 4),
        gone=NOBODY,
    ),
    "borrowers' before one's own, whatever the priority": Case(
        cluster=(LENDER, cq("b", on("f", 2), cohort="c")),
        held=(held("mine", "a", 2), *each_of(2, "b", "b", 2, priority=5)),
        job=job("j", "a", 2, priority=9),
        gone={"b2": RECLAIMED},
    ),
    "one's own where nobody borrows": Case(
        cluster=(LENDER, BORROWER),
        held=(*each_of(2, "mine", "a", 2), held("theirs", "b", 4, priority=-5)),
        job=job("j", "a", 2, priority=9),
        gone={"mine2": OWN},
    ),
    "nobody for a loan without borrowWithinCohort": Case(
        cluster=(LENDER, BORROWER, cq("d", on("f", 2), cohort="c")),
        held=each_of(5, "b", "b", 2),
        job=job("j", "a", 6, priority=9),
        gone=NOBODY,
    ),
    "for a loan with borrowWithinCohort": Case(
        cluster=(may_borrow(), BORROWER, cq("d", on("f", 2), cohort="c")),
        held=each_of(5, "b", "b", 2),
        job=job("j", "a", 6, priority=9),
        gone={"b5": BORROWING, "b4": BORROWING, "b3": BORROWING},
    ),
    "for a loan too only down to nominal quota": Case(
        cluster=(may_borrow(), BORROWER, cq("d", on("f", 2), cohort="c")),
        held=each_of(5, "b", "b", 2),
        job=job("j", "a", 8, priority=9),
        gone=NOBODY,
    ),
    "for a loan up to maxPriorityThreshold": Case(
        cluster=(may_borrow(2, nominal=2), *LOAN),
        held=THREE,
        job=job("j", "a", 4, priority=9),
        gone={"p1": BORROWING, "p2": BORROWING},
    ),
    "for a loan nobody above maxPriorityThreshold": Case(
        cluster=(may_borrow(1, nominal=2), *LOAN), held=THREE, job=job("j", "a", 4, priority=9), gone=NOBODY
    ),
    "for a loan no equal priority, even under Any": Case(
        cluster=(may_borrow(nominal=2), *LOAN), held=THREE, job=job("j", "a", 4, priority=2), gone=NOBODY
    ),
    "above the threshold where nothing has to be borrowed": Case(
        cluster=(may_borrow(1, nominal=2), *LOAN),
        held=(held("p5", "b", 6, priority=5),),
        job=job("j", "a", 2, priority=9),
        gone={"p5": RECLAIMED},
    ),
    "without borrowing first, and who is not needed after all is spared": Case(
        cluster=(LENDER, cq("b", on("f", 0), cohort="c"), team("c", on("f", 2))),
        held=(held("mine", "a", 2), held("b1", "b", 2, at=1), held("b2", "b", 2, at=2)),
        job=job("j", "a", 4, priority=9),
        gone={"b2": RECLAIMED, "mine": OWN},
    ),
    "without borrowing first, even if more of one's own go for that": Case(
        cluster=(LENDER, cq("b", on("f", 0), cohort="c"), team("c", on("f", 5))),
        held=(*each_of(3, "mine", "a", 1), *each_of(4, "b", "b", 1)),
        job=job("j", "a", 3, priority=9),
        gone={"mine3": OWN, "mine2": OWN},
    ),
    "with borrowing at once where nominal quota is used up": Case(
        cluster=(
            cq("a", on("f", 3), cohort="c", reclaim_within_cohort=ANY, within_cluster_queue=LOWER),
            cq("b", on("f", 0), cohort="c"),
            team("c", on("f", 6)),
        ),
        held=(*each_of(3, "mine", "a", 1), *each_of(4, "b", "b", 1)),
        job=job("j", "a", 3, priority=9),
        gone={"mine3": OWN},
    ),
    "with borrowing first under borrowWithinCohort": Case(
        cluster=(may_borrow(nominal=2, within=LOWER), *LOAN),
        held=(held("mine", "a", 1), *each_of(5, "b", "b", 1)),
        job=job("j", "a", 2, priority=9),
        gone={"b5": BORROWING, "b4": BORROWING},
    ),
    "without borrowing where only that is allowed to take them": Case(
        cluster=(may_borrow(1, nominal=2, within=LOWER), *LOAN),
        held=(held("mine", "a", 1), *each_of(5, "b", "b", 1, priority=5)),
        job=job("j", "a", 2, priority=9),
        gone={"b5": RECLAIMED, "mine": OWN},
    ),
    "one's own that is on its way out before all others": Case(
        cluster=(LENDER, cq("b", on("f", 2), cohort="c")),
        held=(held("mine", "a", 2, evicted=True), *each_of(2, "b", "b", 2)),
        job=job("j", "a", 2, priority=9),
        gone={"mine": OWN},
    ),
}


def nested(*queues: Part) -> tuple[Part, ...]:
    """Cohorts left, with 4 of its own, and right and far, without, below one root."""
    return (*queues, team("root"), team("left", on("f", 4), under="root"), team("right", under="root"))


GUEST = cq("a", on("f", 0), cohort="left", reclaim_within_cohort=ANY)

HIERARCHY = {
    "what a cohort owns is taken back from outside it, as if it were one's own": Case(
        cluster=nested(GUEST, cq("d", on("f", 0), cohort="right")),
        held=(held("outside", "d", 4, priority=100),),
        job=job("j", "a", 4),
        gone={"outside": RECLAIMED},
    ),
    "what a cohort owns is a loan between its queues": Case(
        cluster=nested(GUEST, cq("d", on("f", 0), cohort="left")),
        held=(held("sibling", "d", 4, priority=-5),),
        job=job("j", "a", 4),
        gone=NOBODY,
    ),
    "a cohort within its quota shields its queues": Case(
        cluster=(
            *nested(GUEST, cq("d", on("f", 0), cohort="fair"), cq("e", on("f", 0), cohort="right")),
            team("fair", on("f", 4), under="root"),
        ),
        held=(held("shielded", "d", 4, priority=-5), held("borrowed", "e", 4)),
        job=job("j", "a", 4),
        gone={"borrowed": RECLAIMED},
    ),
    "a cohort that is back within its quota loses no more": Case(
        cluster=(
            *nested(GUEST, cq("d", on("f", 0), cohort="mid"), cq("e", on("f", 0), cohort="right")),
            team("mid", on("f", 2), under="root"),
        ),
        held=(*each_of(4, "d", "d", 1, priority=-5), *each_of(2, "e", "e", 1)),
        job=job("j", "a", 4),
        gone={"d4": RECLAIMED, "d3": RECLAIMED, "e2": RECLAIMED, "e1": RECLAIMED},
    ),
    "entitled reclaim before one by priority": Case(
        cluster=(
            cq("a", on("f", 0), cohort="left", reclaim_within_cohort=ANY, borrow_within_cohort=LOWER),
            cq("b", on("f", 0), cohort="left"),
            cq("d", on("f", 0), cohort="right"),
            team("root"),
            team("left", on("f", 4), under="root"),
            team("right", under="root"),
        ),
        held=(held("sibling", "b", 2, priority=-5), held("outside", "d", 2, priority=5)),
        job=job("j", "a", 2, priority=9),
        gone={"outside": RECLAIMED},
    ),
}

CLASSICAL = WITHIN_THE_QUEUE | {f"cohort: {name}": case for name, case in FROM_THE_COHORT.items()}
CLASSICAL |= {f"hierarchy: {name}": case for name, case in HIERARCHY.items()}


@pytest.mark.parametrize("case", CLASSICAL.values(), ids=CLASSICAL)
def test_classical(case: Case) -> None:
    assert reasons(found(case, fair=False)) == case.gone


def test_the_last_one_takes_the_place_of_one_that_is_spared() -> None:
    case = Case(
        cluster=(cq("a", on("f", 10), within_cluster_queue=LOWER),),
        held=tuple(
            held(name, "a", cpu, priority=p) for p, (name, cpu) in enumerate([("w", 3), ("x", 1), ("y", 3), ("z", 3)])
        ),
        job=job("j", "a", 9, priority=9),
        gone={"w": OWN, "y": OWN, "z": OWN},
    )
    assert [each.workload.spec.name for each in found(case, fair=False)] == ["w", "z", "y"]


def test_the_order_of_candidates() -> None:
    """Each comes before the next for one reason, though all later reasons speak against it."""
    desk = Desk(
        (cq("a", on("f", 9), cohort="c"), cq("b", on("f", 9), cohort="c")),
        (
            held("older uid", "a", 1, priority=1, at=1),
            held("uid", "a", 1, priority=1, at=1),
            held("newer", "a", 1, priority=1, at=2),
            held("lower", "a", 1, priority=0, at=1),
            held("elsewhere", "b", 1, priority=5, at=0),
            held("leaving", "a", 1, priority=9, at=0, evicted=True),
        ),
    )
    candidates = list(desk.held)
    sort_candidates(candidates, desk.catalog.queues[0], None)
    names = [each.spec.name for each in candidates]
    assert names == ["leaving", "elsewhere", "lower", "newer", "older uid", "uid"]


def test_only_who_holds_what_is_short_is_a_candidate() -> None:
    desk = Desk((cq("a", on("f", cpu=9, gpu=9)),), (held("cpu", "a", cpu=1), held("gpu", "a", gpu=1)))
    needed = [desk.fr("f", "gpu")]
    assert [each.spec.name for each in desk.held if uses_any(each, needed)] == ["gpu"]


@pytest.mark.parametrize("fair", [False, True], ids=["classical", "fair"])
def test_the_local_queue_that_has_used_more_first_with_admission_fair_sharing(fair: bool) -> None:
    case = Case(
        cluster=(cq("a", on("f", 4), within_cluster_queue=LOWER),),
        held=(held("heavy", "a", 3, local_queue="heavy", priority=1), held("light", "a", 1, local_queue="light", at=9)),
        job=job("j", "a", 1, priority=5),
        gone={"heavy": OWN},
    )
    usage = LocalUsage(AdmissionFairSharing(half_life=0, sampling_interval=1), (), ["cpu"])
    for record in Desk(case.cluster, case.held).held:
        usage.admitted(record)
    assert reasons(found(case, fair=fair, usage=usage)) == case.gone
    assert reasons(found(case, fair=fair)) == {"light": OWN}


FINAL, INITIAL = FairStrategy.LESS_THAN_OR_EQUAL_TO_FINAL_SHARE, FairStrategy.LESS_THAN_INITIAL_SHARE


def guests(count: int, a_weight: float = 1.0, b_weight: float = 1.0) -> tuple[Part, ...]:
    """Queues a and b own nothing; their cohort owns `count`."""
    return (
        cq("a", on("f", 0), cohort="c", reclaim_within_cohort=ANY, fair_weight=a_weight),
        cq("b", on("f", 0), cohort="c", fair_weight=b_weight),
        team("c", on("f", count)),
    )


def owners(*nominal: int, reclaim: object = ANY) -> tuple[Part, ...]:
    """Queues a, b, d with quota of their own."""
    return tuple(
        cq(name, on("f", amount), cohort="c", reclaim_within_cohort=reclaim, within_cluster_queue=LOWER)
        for name, amount in zip("abd", nominal, strict=True)
    )


FAIRLY = {
    "from the queue with the largest share": Case(
        cluster=owners(3, 3, 3),
        held=(*each_of(5, "b", "b", 1), *each_of(4, "d", "d", 1, priority=-5)),
        job=job("j", "a", 1),
        gone={"b5": RECLAIMED},
    ),
    "until shares are even, then in turn": Case(
        cluster=owners(3, 3, 3),
        held=(*each_of(5, "b", "b", 1), *each_of(4, "d", "d", 1)),
        job=job("j", "a", 3),
        gone={"b5": RECLAIMED, "b4": RECLAIMED, "d4": RECLAIMED},
    ),
    "of equal shares the queue whose first candidate has the lower priority": Case(
        cluster=owners(3, 3, 3),
        held=(*each_of(5, "b", "b", 1, priority=5), *each_of(4, "d", "d", 1, priority=2)),
        job=job("j", "a", 2),
        gone={"b5": RECLAIMED, "d4": RECLAIMED},
    ),
    "nobody of a queue that does not borrow": Case(
        cluster=owners(4, 4, 0),
        held=(held("mine", "a", 4), held("theirs", "b", 4, priority=-9)),
        job=job("j", "a", 2, priority=5),
        gone={"mine": OWN},
    ),
    "nobody where the policy is Never": Case(
        cluster=owners(3, 3, 0, reclaim=NEVER), held=each_of(6, "b", "b", 1), job=job("j", "a", 3), gone=NOBODY
    ),
    "under LowerPriority no equal priority": Case(
        cluster=owners(3, 3, 0, reclaim=LOWER), held=each_of(6, "b", "b", 1), job=job("j", "a", 3), gone=NOBODY
    ),
    "for a loan while one's share is at most what is left to the other": Case(
        cluster=guests(8),
        held=each_of(4, "b", "b", 2),
        job=job("j", "a", 4),
        gone={"b4": FAIR, "b3": FAIR},
    ),
    "for a loan nobody who would then have less": Case(
        cluster=guests(8), held=each_of(4, "b", "b", 2), job=job("j", "a", 6), gone=NOBODY
    ),
    "one that had more, even if nothing is left to it": Case(
        cluster=guests(8), held=(held("large", "b", 6),), job=job("j", "a", 5), gone={"large": FAIR}
    ),
    "not so where LessThanOrEqualToFinalShare is the only strategy": Case(
        cluster=guests(8), held=(held("large", "b", 6),), job=job("j", "a", 5), strategies=(FINAL,), gone=NOBODY
    ),
    "LessThanOrEqualToFinalShare takes the same for enough": Case(
        cluster=guests(8),
        held=each_of(4, "b", "b", 2),
        job=job("j", "a", 4),
        strategies=(FINAL,),
        gone={"b4": FAIR, "b3": FAIR},
    ),
    "also where LessThanInitialShare is the only strategy": Case(
        cluster=guests(8),
        held=(held("large", "b", 6),),
        job=job("j", "a", 5),
        strategies=(INITIAL,),
        gone={"large": FAIR},
    ),
    "LessThanInitialShare wants less, not the same": Case(
        cluster=guests(8), held=(held("large", "b", 6),), job=job("j", "a", 6), strategies=(INITIAL,), gone=NOBODY
    ),
    "with twice the weight twice as much may be kept": Case(
        cluster=guests(6, b_weight=2.0), held=each_of(3, "b", "b", 2), job=job("j", "a", 2), gone={"b3": FAIR}
    ),
    "with four times the weight nothing has to be given": Case(
        cluster=guests(6, b_weight=4.0), held=each_of(3, "b", "b", 2), job=job("j", "a", 2), gone=NOBODY
    ),
    "with weight zero nothing may be taken": Case(
        cluster=guests(6, a_weight=0.0), held=each_of(3, "b", "b", 2), job=job("j", "a", 2), gone=NOBODY
    ),
    "from weight zero everything may be taken": Case(
        cluster=guests(6, b_weight=0.0),
        held=each_of(3, "b", "b", 2),
        job=job("j", "a", 6),
        gone={"b3": FAIR, "b2": FAIR, "b1": FAIR},
    ),
    "between weights of zero amounts count": Case(
        cluster=guests(8, a_weight=0.0, b_weight=0.0),
        held=each_of(4, "b", "b", 2),
        job=job("j", "a", 6),
        gone=NOBODY,
    ),
    "one that turns out not to be needed is spared": Case(
        cluster=(*owners(5, 0, 0), team("c", on("f", 1))),
        held=(held("small", "b", 1), held("big", "b", 5, priority=1)),
        job=job("j", "a", 5),
        gone={"big": RECLAIMED},
    ),
    "a lower priority of one's own queue": Case(
        cluster=owners(4, 4, 0),
        held=(*each_of(4, "mine", "a", 1), *each_of(4, "theirs", "b", 1)),
        job=job("j", "a", 1, priority=5),
        gone={"mine4": OWN},
    ),
    "from the child cohort with the largest share, though a queue elsewhere has more": Case(
        cluster=(
            cq("a", on("f", 3), cohort="root", reclaim_within_cohort=ANY),
            cq("b1", on("f", 0), cohort="left"),
            cq("b2", on("f", 0), cohort="left"),
            cq("d", on("f", 0), cohort="right"),
            team("root", on("f", 6)),
            team("left", under="root"),
            team("right", under="root"),
        ),
        held=(*each_of(3, "x", "b1", 1), *each_of(2, "y", "b2", 1), *each_of(4, "z", "d", 1)),
        job=job("j", "a", 1),
        gone={"x3": RECLAIMED},
    ),
    "from a queue beside the child cohorts if it has the largest share": Case(
        cluster=(
            cq("a", on("f", 3), cohort="root", reclaim_within_cohort=ANY),
            cq("b", on("f", 0), cohort="root"),
            cq("d", on("f", 0), cohort="left"),
            team("root", on("f", 3)),
            team("left", under="root"),
        ),
        held=(*each_of(4, "b", "b", 1, priority=9), *each_of(2, "d", "d", 1)),
        job=job("j", "a", 1),
        gone={"b4": RECLAIMED},
    ),
    "one that is on its way out already before a lower priority": Case(
        cluster=owners(4, 4, 0),
        held=(held("low", "a", 2), held("leaving", "a", 2, priority=4, evicted=True)),
        job=job("j", "a", 2, priority=5),
        gone={"leaving": OWN},
    ),
    "shares are compared where the two queues' cohorts part": Case(
        cluster=(
            cq("a", on("f", 0), cohort="left", reclaim_within_cohort=LOWER),
            cq("b", on("f", 0), cohort="left"),
            cq("d", on("f", 0), cohort="right"),
            team("root", on("f", 8)),
            team("left", under="root"),
            team("right", under="root"),
        ),
        held=(*each_of(2, "sibling", "b", 2, priority=9), *each_of(2, "outside", "d", 2)),
        job=job("j", "a", 2, priority=5),
        gone=NOBODY,
    ),
    "from a sibling where one's cohort has the larger share": Case(
        cluster=(
            cq("a", on("f", 0), cohort="left", reclaim_within_cohort=ANY),
            cq("b", on("f", 0), cohort="left"),
            cq("d", on("f", 0), cohort="right"),
            team("root", on("f", 8)),
            team("left", under="root"),
            team("right", under="root"),
        ),
        held=(*each_of(2, "sibling", "b", 2), *each_of(2, "outside", "d", 2, priority=-5)),
        job=job("j", "a", 2),
        gone={"sibling2": FAIR},
    ),
}


@pytest.mark.parametrize("case", FAIRLY.values(), ids=FAIRLY)
def test_fair(case: Case) -> None:
    assert reasons(found(case, fair=True)) == case.gone

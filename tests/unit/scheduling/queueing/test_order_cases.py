"""In which order the heads of a cycle get their turn, rule by rule."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from allotment.scheduling.queueing.entry import Entry
from allotment.scheduling.queueing.gates import Gates
from allotment.scheduling.queueing.order import EntryOrder
from allotment.scheduling.queueing.records import (
    FIT,
    Assignment,
    FlavorMemory,
    Nomination,
    PreemptionReason,
    Target,
    WorkloadRecord,
)
from tests.unit.scheduling.queueing.casebook import Desk, Held, Part, cq, held, job, of, on, team


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """The head of a queue as it was nominated: what it would use, how high it would borrow, whether it preempts."""

    queue: str
    uses: tuple[tuple[str, str, int], ...] = (("f", "cpu", 1),)
    height: int = 0
    priority: int = 0
    since: int = 0
    preempts: bool = False

    def entry(self, desk: Desk, index: int) -> Entry:
        """The same in the engine's terms."""
        record = desk.asking(job(self.queue, self.queue, 1, priority=self.priority, since=self.since), index)
        assignment = Assignment(FlavorMemory(0, 0))
        assignment.mode, assignment.borrowing = FIT, self.height
        assignment.usage = {desk.fr(flavor, resource): amount for flavor, resource, amount in self.uses}
        targets = [Target(record, PreemptionReason.IN_CLUSTER_QUEUE)] if self.preempts else []
        return Entry(record, Nomination(assignment, targets))


def asks(queue: str, cpu: int = 1, **fields: Any) -> Head:
    """A head that would use so much of flavor f."""
    return Head(queue=queue, uses=(("f", "cpu", cpu),), **fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Heads, given in an order of no meaning, come in the order of `first`: names of their queues."""

    cluster: tuple[Part, ...]
    heads: tuple[Head, ...]
    first: str
    held: tuple[Held, ...] = ()
    gates: Gates = field(default_factory=Gates)
    charged: bool = True


def order_of(case: Case, heads: Sequence[Head], *, fair: bool) -> list[str]:
    desk = Desk(case.cluster, case.held, fair=fair, gates=case.gates)
    order: EntryOrder = desk.ordering().of([head.entry(desk, index) for index, head in enumerate(heads)])
    names: list[str] = []
    while (entry := order.pop()) is not None:
        workload: WorkloadRecord = entry.workload
        names.append(workload.queue.name)
        if case.charged:
            desk.ledger.charge_assignment(workload.queue, entry.assignment, workload)
    return names


PLAIN = (*(cq(name, on("f", 4), cohort="c") for name in "abd"), cq("lone", on("f", 4)))
PREEMPTORS_FIRST = Gates(prioritize_preemptor_workloads=True)
WITHOUT_PRIORITY = Gates(priority_sorting_within_cohort=False)

CLASSICAL = {
    "who does not borrow before who does, whatever the priority": Case(
        cluster=PLAIN, heads=(asks("a", height=1, priority=9), asks("b", since=9)), first="b a"
    ),
    "who borrows from nearer by first": Case(
        cluster=PLAIN, heads=(asks("a", height=2, priority=9), asks("b", height=1)), first="b a"
    ),
    "the higher priority first": Case(
        cluster=PLAIN, heads=(asks("a", since=1), asks("b", priority=5, since=9)), first="b a"
    ),
    "a priority below zero after none": Case(cluster=PLAIN, heads=(asks("a", priority=-1), asks("b")), first="b a"),
    "the higher priority first among borrowers too": Case(
        cluster=PLAIN, heads=(asks("a", height=1), asks("b", height=1, priority=1, since=5)), first="b a"
    ),
    "who has queued longer first within a priority": Case(
        cluster=PLAIN, heads=(asks("a", since=2), asks("b", since=1)), first="b a"
    ),
    "how much is asked for does not matter": Case(
        cluster=PLAIN, heads=(asks("a", 1, since=2), asks("b", 4, since=1)), first="b a"
    ),
    "what the queue uses does not matter": Case(
        cluster=PLAIN,
        held=(held("running", "b", 3),),
        heads=(asks("a", since=2), asks("b", since=1)),
        first="b a",
    ),
    "queues outside the cohort stand in the same row": Case(
        cluster=PLAIN,
        heads=(asks("a", priority=1), asks("lone", priority=2), asks("b", priority=3)),
        first="b lone a",
    ),
    "height, then priority, then age": Case(
        cluster=PLAIN,
        heads=(
            asks("a", height=1, priority=9),
            asks("b", priority=1, since=2),
            asks("d", priority=1, since=1),
            asks("lone", priority=2, since=9),
        ),
        first="lone d b a",
    ),
    "who preempts has no precedence": Case(
        cluster=PLAIN, heads=(asks("a", since=2, preempts=True), asks("b", since=1)), first="b a"
    ),
    "who preempts first with PrioritizePreemptorWorkloads, whatever the height": Case(
        cluster=PLAIN,
        heads=(asks("a", height=2, preempts=True), asks("b", priority=9)),
        gates=PREEMPTORS_FIRST,
        first="a b",
    ),
    "age alone without PrioritySortingWithinCohort": Case(
        cluster=PLAIN, heads=(asks("a", priority=9, since=2), asks("b", since=1)), gates=WITHOUT_PRIORITY, first="b a"
    ),
    "height counts without PrioritySortingWithinCohort": Case(
        cluster=PLAIN, heads=(asks("a", height=1, since=1), asks("b", since=2)), gates=WITHOUT_PRIORITY, first="b a"
    ),
    "one head alone": Case(cluster=PLAIN, heads=(asks("a"),), first="a"),
    "no head": Case(cluster=PLAIN, heads=(), first=""),
}


@pytest.mark.parametrize("case", CLASSICAL.values(), ids=CLASSICAL)
def test_classical(case: Case) -> None:
    assert order_of(case, case.heads, fair=False) == case.first.split()
    assert order_of(case, case.heads[::-1], fair=False) == case.first.split()


def guests(*, a: float = 1.0, b: float = 1.0, quota: int = 12) -> tuple[Part, ...]:
    """Queues a, b and d own nothing; their cohort owns the quota."""
    weights = {"a": a, "b": b, "d": 1.0}
    queues = (cq(name, on("f", 0), cohort="c", fair_weight=weight) for name, weight in weights.items())
    return (*queues, team("c", on("f", quota)))


def gpu_guests() -> tuple[Part, ...]:
    """The same with ten of each of two resources."""
    queues = (cq(name, on("f", cpu=0, gpu=0), cohort="c") for name in "ab")
    return (*queues, team("c", on("f", cpu=10, gpu=10)))


SIDES = (
    cq("a", on("f", 0), cohort="left"),
    cq("b", on("f", 0), cohort="left"),
    cq("d", on("f", 0), cohort="right"),
    team("root", on("f", 12)),
    team("left", under="root"),
    team("right", under="root"),
)

FAIR = {
    "the smaller share first": Case(
        cluster=guests(),
        held=(held("more", "a", 4), held("less", "b", 2)),
        heads=(asks("a", priority=9), asks("b")),
        first="b a",
    ),
    "a share counts what is asked for": Case(
        cluster=guests(), held=(held("less", "b", 2),), heads=(asks("a", 6, priority=9), asks("b", 1)), first="b a"
    ),
    "within nominal quota nothing is counted": Case(
        cluster=(*guests(), cq("own", on("f", 4), cohort="c")),
        held=(held("mine", "own", 3),),
        heads=(asks("a", priority=9), asks("own")),
        first="own a",
    ),
    "half the share with twice the weight": Case(
        cluster=guests(a=2.0),
        held=(held("a", "a", 4), held("b", "b", 3)),
        heads=(asks("a", 2), asks("b", 1, priority=9)),
        first="a b",
    ),
    "weight zero last": Case(
        cluster=guests(a=0.0), held=(held("b", "b", 9),), heads=(asks("a", 1, priority=9), asks("b", 1)), first="b a"
    ),
    "weight zero as everybody while it borrows nothing": Case(
        cluster=(cq("own", on("f", 4), cohort="c", fair_weight=0.0), *guests()),
        heads=(asks("a", priority=9), asks("own", 4)),
        first="own a",
    ),
    "of two of weight zero the one that borrows less": Case(
        cluster=guests(a=0.0, b=0.0), heads=(asks("a", 3, priority=9), asks("b", 2)), first="b a"
    ),
    "the higher priority of equal shares": Case(
        cluster=guests(), heads=(asks("a", since=1), asks("b", priority=1, since=9)), first="b a"
    ),
    "who has queued longer of equal shares and priorities": Case(
        cluster=guests(), heads=(asks("a", since=2), asks("b", since=1)), first="b a"
    ),
    "the resource with the largest share counts": Case(
        cluster=gpu_guests(),
        heads=(
            Head(queue="a", uses=(("f", "cpu", 1), ("f", "gpu", 4)), priority=9),
            Head(queue="b", uses=(("f", "cpu", 3), ("f", "gpu", 3))),
        ),
        first="b a",
    ),
    "what is borrowed of a resource is summed over flavors": Case(
        cluster=(
            *(cq(name, on("f", 0), on("g", 0), cohort="c") for name in "ab"),
            team("c", on("f", 10), on("g", 10)),
        ),
        heads=(
            Head(queue="a", uses=(("f", "cpu", 2), ("g", "cpu", 2)), priority=9),
            Head(queue="b", uses=(("f", "cpu", 3),)),
        ),
        first="b a",
    ),
    "a share is of what the cohort could lend, not of what is free": Case(
        cluster=(*gpu_guests(), cq("d", on("f", cpu=0, gpu=90), cohort="c")),
        held=(held("d", "d", gpu=90),),
        heads=(
            Head(queue="a", uses=(("f", "cpu", 2),), priority=9),
            Head(queue="b", uses=(("f", "gpu", 9),)),
        ),
        first="b a",
    ),
    "what is not lent is not counted as lendable": Case(
        cluster=(*gpu_guests(), cq("d", on("f", cpu=0, gpu=of(90, lend=0)), cohort="c")),
        heads=(
            Head(queue="a", uses=(("f", "cpu", 2),)),
            Head(queue="b", uses=(("f", "gpu", 9),), priority=9),
        ),
        first="a b",
    ),
    "what is borrowed of another flavor does not put it among the borrowers": Case(
        cluster=(
            cq("a", on("f", 4), on("g", 0), cohort="c"),
            cq("b", on("f", 0), on("g", 0), cohort="c"),
            team("c", on("f", 8), on("g", 8)),
        ),
        held=(held("a", "a", 6, "g"),),
        heads=(asks("a", 4), asks("b", 1, priority=9)),
        first="a b",
    ),
    "shares alone before 0.17": Case(
        cluster=(
            cq("a", on("f", 4), on("g", 0), cohort="c"),
            cq("b", on("f", 0), on("g", 0), cohort="c"),
            team("c", on("f", 8), on("g", 8)),
        ),
        held=(held("a", "a", 6, "g"),),
        heads=(asks("a", 4, priority=9), asks("b", 1)),
        gates=Gates(fair_sharing_prioritize_non_borrowing=False),
        first="b a",
    ),
    "shares are counted anew after each": Case(
        cluster=SIDES, heads=(asks("a", 2, since=1), asks("b", 2, since=2), asks("d", 3, since=3)), first="a d b"
    ),
    "one that got nothing adds nothing to its cohort's share": Case(
        cluster=SIDES,
        heads=(asks("a", 2, since=1), asks("b", 2, since=2), asks("d", 3, since=3)),
        charged=False,
        first="a b d",
    ),
    "what a cohort owns is no share of it above": Case(
        cluster=(*SIDES[:3], team("root", on("f", 8)), team("left", on("f", 4), under="root"), SIDES[5]),
        heads=(asks("a", 4), asks("d", 1, priority=9)),
        first="a d",
    ),
    "siblings are compared among themselves first": Case(
        cluster=SIDES,
        held=(held("a", "a", 3), held("d", "d", 4)),
        heads=(asks("a", 1, priority=9), asks("b", 1), asks("d", 1, priority=5)),
        first="b a d",
    ),
    "a cohort's weight counts for what is below it": Case(
        cluster=(*SIDES[:4], team("left", under="root", weight=3.0), SIDES[5]),
        heads=(asks("a", 5), asks("d", 2, priority=9)),
        first="a d",
    ),
    "who cannot be assigned takes part with what it uses already": Case(
        cluster=guests(),
        held=(held("a", "a", 2), held("b", "b", 1)),
        heads=(replace(asks("a"), uses=()), asks("b", 2, priority=9)),
        first="a b",
    ),
    "who preempts first with PrioritizePreemptorWorkloads": Case(
        cluster=guests(), heads=(asks("a", 4, preempts=True), asks("b")), gates=PREEMPTORS_FIRST, first="a b"
    ),
    "age alone of equal shares without PrioritySortingWithinCohort": Case(
        cluster=guests(),
        heads=(asks("a", priority=9, since=2), asks("b", since=1)),
        gates=WITHOUT_PRIORITY,
        first="b a",
    ),
    "no head": Case(cluster=guests(), heads=(), first=""),
}


@pytest.mark.parametrize("case", FAIR.values(), ids=FAIR)
def test_fair(case: Case) -> None:
    assert order_of(case, case.heads, fair=True) == case.first.split()
    assert order_of(case, case.heads[::-1], fair=True) == case.first.split()


def test_trees_are_apart_with_fair_sharing() -> None:
    """Between trees the order is any; within the tree it is by share, and nobody is left out."""
    case = Case(
        cluster=(*guests(), cq("lone", on("f", 4))),
        held=(held("more", "a", 4),),
        heads=(asks("a", priority=9), asks("lone"), asks("b")),
        first="",
    )
    names = order_of(case, case.heads, fair=True)
    assert sorted(names) == ["a", "b", "lone"]
    assert names.index("b") < names.index("a")


@pytest.mark.parametrize("fair", [False, True], ids=["classical", "fair"])
def test_equals_are_told(fair: bool) -> None:
    """In Kueue full ties come in any order; ours says who else may have come."""
    desk = Desk(guests(), fair=fair)
    heads = [asks("a", since=1), asks("b", since=1), asks("d", since=2)]
    order = desk.ordering().of([head.entry(desk, index) for index, head in enumerate(heads)])
    first = order.pop()
    assert first is not None
    assert {first.workload.queue.name, *(each.workload.queue.name for each in order.equals(first))} == {"a", "b"}

"""What a head is nominated for: how many pods, with whose eviction, and what is remembered of the last attempt."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from allotment.scheduling.queueing import flavors
from allotment.scheduling.queueing.flavors import (
    G_NO_CANDIDATES,
    G_PREEMPT,
    G_RECLAIM,
    FlavorAssigner,
    Pins,
)
from allotment.scheduling.queueing.gates import Gates
from allotment.scheduling.queueing.inputs import Workload
from allotment.scheduling.queueing.nomination import Nominator, RememberingFinder
from allotment.scheduling.queueing.records import (
    FIT,
    NO_FIT,
    PREEMPT,
    Assignment,
    FlavorMemory,
    Nomination,
    WorkloadRecord,
)
from tests.unit.scheduling.queueing.casebook import (
    ANY,
    LOWER,
    Desk,
    Held,
    Part,
    cq,
    each_of,
    held,
    job,
    on,
    pods,
    team,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """`job` is nominated as `mode` with so many pods a PodSet, and `gone` to make room."""

    cluster: tuple[Part, ...]
    job: Workload
    mode: int
    counts: tuple[int, ...]
    held: tuple[Held, ...] = ()
    gone: tuple[str, ...] = ()
    fair: bool = False
    partial: bool = True


def nominated(case: Case) -> Nomination:
    desk = Desk(case.cluster, case.held, fair=case.fair, gates=Gates(partial_admission=case.partial))
    before = list(desk.ledger.tree.usage)
    nomination = desk.nominator().nominate(desk.asking(case.job), 1)
    assert desk.ledger.tree.usage == before, "a nomination charges nothing"
    return nomination


def outcome(nomination: Nomination) -> tuple[int, tuple[int, ...], set[str]]:
    assignment = nomination.assignment
    counts = tuple(each.count for each in assignment.pod_sets)
    return assignment.mode, counts, {target.workload.spec.name for target in nomination.targets}


SEVEN = (cq("a", on("f", 7), within_cluster_queue=LOWER),)


def gang(count: int, least: int | None, priority: int = 5) -> Workload:
    return job("j", "a", 1, count=count, min_count=least, priority=priority)


CASES = {
    "all pods where all fit": Case(cluster=SEVEN, job=gang(7, 2), mode=FIT, counts=(7,)),
    "as many pods as fit": Case(cluster=SEVEN, job=gang(10, 4), mode=FIT, counts=(7,)),
    "as many as fit beside what runs": Case(
        cluster=SEVEN, held=(held("high", "a", 2, priority=9),), job=gang(10, 4), mode=FIT, counts=(5,)
    ),
    "no fewer than minCount": Case(cluster=SEVEN, job=gang(10, 8), mode=NO_FIT, counts=(10,)),
    "exactly minCount": Case(cluster=SEVEN, job=gang(10, 7), mode=FIT, counts=(7,)),
    "all or none without minCount": Case(cluster=SEVEN, job=gang(10, None), mode=NO_FIT, counts=(10,)),
    "all or none with the gate off": Case(cluster=SEVEN, job=gang(10, 4), partial=False, mode=NO_FIT, counts=(10,)),
    "PodSets shrink in proportion to what they can spare": Case(
        cluster=(cq("a", on("f", 6)),),
        job=job("j", "a", None, pods("x", 1, count=6, min_count=2), pods("y", 1, count=4, min_count=2)),
        mode=FIT,
        counts=(3, 3),
    ),
    "a PodSet without minCount stays whole": Case(
        cluster=SEVEN,
        job=job("j", "a", None, pods("driver", 1, count=2), pods("workers", 1, count=9, min_count=1)),
        mode=FIT,
        counts=(2, 5),
    ),
    "all pods by preemption rather than fewer without": Case(
        cluster=SEVEN, held=(held("low", "a", 4),), job=gang(6, 1), mode=PREEMPT, counts=(6,), gone=("low",)
    ),
    "fewer pods by preemption where that is the most": Case(
        cluster=(cq("a", on("f", 4), within_cluster_queue=LOWER),),
        held=(held("low", "a", 2), held("high", "a", 2, priority=9)),
        job=gang(6, 1),
        mode=PREEMPT,
        counts=(2,),
        gone=("low",),
    ),
    "fewer pods before waiting for all": Case(
        cluster=SEVEN, held=(held("equal", "a", 4, priority=5),), job=gang(7, 2), mode=FIT, counts=(3,)
    ),
    "all of them where waiting is all there is": Case(
        cluster=SEVEN, held=(held("equal", "a", 7, priority=5),), job=gang(7, 2), mode=PREEMPT, counts=(7,)
    ),
    "fewer pods in the second flavor": Case(
        cluster=(cq("a", on("f", 2), on("g", 5)),), job=gang(8, 3), mode=FIT, counts=(5,)
    ),
    "who holds only what is not short stays": Case(
        cluster=(cq("a", on("f", cpu=4, gpu=4), within_cluster_queue=LOWER),),
        held=(held("gpu", "a", gpu=2), held("cpu", "a", cpu=4, priority=3)),
        job=job("j", "a", cpu=2, gpu=1, priority=5),
        mode=PREEMPT,
        counts=(1,),
        gone=("cpu",),
    ),
    "who borrows only what is not short is within its quota": Case(
        cluster=(
            cq(
                "a",
                on("f", cpu=4, gpu=4),
                cohort="c",
                within_cluster_queue=LOWER,
                reclaim_within_cohort=ANY,
                borrow_within_cohort=LOWER,
            ),
            cq("b", on("f", cpu=4, gpu=0), cohort="c"),
        ),
        held=(held("mine", "a", cpu=4), held("theirs", "b", cpu=4, gpu=2)),
        job=job("j", "a", cpu=2, gpu=1, priority=5),
        mode=PREEMPT,
        counts=(1,),
        gone=("mine",),
    ),
    "room for all PodSets together": Case(
        cluster=(cq("a", on("f", 4), within_cluster_queue=LOWER),),
        held=each_of(4, "low", "a", 1),
        job=job("j", "a", None, pods("driver", 1), pods("workers", 1, count=2), priority=5),
        mode=PREEMPT,
        counts=(1, 2),
        gone=("low4", "low3", "low2"),
    ),
    "a PodSet that fits is not taken from the other's room": Case(
        cluster=(cq("a", on("f", 4), within_cluster_queue=LOWER),),
        held=each_of(3, "low", "a", 1),
        job=job("j", "a", None, pods("driver", 1), pods("workers", 1), priority=5),
        mode=PREEMPT,
        counts=(1, 1),
        gone=("low3",),
    ),
    "no room is made for the number of pods": Case(
        cluster=(cq("a", on("f", cpu=9, pods=2), within_cluster_queue=LOWER),),
        held=(held("low1", "a", cpu=1, pods=1, at=1), held("low2", "a", cpu=1, pods=1, at=2)),
        job=job("j", "a", 1, count=2, priority=5),
        mode=PREEMPT,
        counts=(2,),
        gone=("low2",),
    ),
    "from the cohort by shares with fair sharing": Case(
        cluster=(
            cq("a", on("f", 3), cohort="c", reclaim_within_cohort=ANY),
            cq("b", on("f", 3), cohort="c"),
            cq("d", on("f", 3), cohort="c"),
        ),
        held=(*each_of(5, "b", "b", 1, priority=9), *each_of(4, "d", "d", 1)),
        job=job("j", "a", 1),
        fair=True,
        mode=PREEMPT,
        counts=(1,),
        gone=("b5",),
    ),
    "from the cohort by priority without": Case(
        cluster=(
            cq("a", on("f", 3), cohort="c", reclaim_within_cohort=ANY),
            cq("b", on("f", 3), cohort="c"),
            cq("d", on("f", 3), cohort="c"),
        ),
        held=(*each_of(5, "b", "b", 1, priority=9), *each_of(4, "d", "d", 1)),
        job=job("j", "a", 1),
        mode=PREEMPT,
        counts=(1,),
        gone=("d4",),
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_nomination(case: Case) -> None:
    assert outcome(nominated(case)) == (case.mode, case.counts, set(case.gone))


class Fitting(FlavorAssigner):
    """Fits with so many pods as it is told to, and with no others."""

    def __init__(self, desk: Desk, *counts: int) -> None:
        super().__init__(desk.catalog, desk.oracle(), desk.topology, desk.gates, fair_sharing=False)
        self._counts = counts

    def assign(
        self, workload: WorkloadRecord, cycle: int, counts: list[int] | None = None, pins: Pins | None = None
    ) -> Assignment:
        assignment = super().assign(workload, cycle, counts, pins)
        asked = workload.pod_sets[0].count if counts is None else counts[0]
        assignment.mode = FIT if asked in self._counts else NO_FIT
        return assignment


BISECTION = {
    # name: (counts that fit of 5 pods, at least 1; count that is found)
    "all fit that are few enough": ((1, 2, 3), 3),
    "only the fewest": ((1,), 1),
    "it halves as if fewer always fitted: 4 is never tried": ((4, 1), 1),
    "what fits between two that do not may be missed": ((2,), 5),
    "the middle is tried first": ((3,), 3),
}


@pytest.mark.skipif(not flavors.__file__.endswith(".py"), reason="no class of a test's can extend a compiled one")
@pytest.mark.parametrize(("fitting", "expected"), BISECTION.values(), ids=BISECTION)
def test_the_search_for_fewer_pods(fitting: tuple[int, ...], expected: int) -> None:
    desk = Desk((cq("a", on("f", 9)),))
    nominator = Nominator(Fitting(desk, *fitting), RememberingFinder(desk.finder), desk.topology, desk.gates)
    nomination = nominator.nominate(desk.asking(gang(5, 1)), 1)
    assert nomination.assignment.pod_sets[0].count == expected
    assert (nomination.assignment.mode == FIT) == (expected in fitting)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Could preemption free so much cpu of flavor f? `answer`: how, and how high the job would then borrow."""

    cluster: tuple[Part, ...]
    held: tuple[Held, ...]
    cpu: int
    answer: tuple[int, int]
    priority: int = 5


A = cq("a", on("f", 4), cohort="c", within_cluster_queue=LOWER, reclaim_within_cohort=LOWER)
B = cq("b", on("f", 4), cohort="c")

ORACLE = {
    "no victims": Question(
        cluster=(A, B), held=(held("equal", "a", 8, priority=5),), cpu=4, answer=(G_NO_CANDIDATES, 1)
    ),
    "no victims within nominal quota": Question(
        cluster=(A, B), held=(held("equal", "b", 8, priority=5),), cpu=4, answer=(G_NO_CANDIDATES, 0)
    ),
    "victims of the own queue; what they borrowed is not counted any more": Question(
        cluster=(A, B), held=(held("mine", "a", 4), held("theirs", "b", 4)), cpu=4, answer=(G_PREEMPT, 0)
    ),
    "victims of others": Question(cluster=(A, B), held=(held("theirs", "b", 8),), cpu=4, answer=(G_RECLAIM, 0)),
    "victims of both count as of the own queue": Question(
        cluster=(A, B),
        held=(held("mine", "a", 1), held("theirs", "b", 7)),
        cpu=4,
        answer=(G_PREEMPT, 0),
    ),
    "a loan afterwards": Question(
        cluster=(
            cq("a", on("f", 2), cohort="c", reclaim_within_cohort=LOWER, borrow_within_cohort=LOWER),
            B,
            team("c", on("f", 2)),
        ),
        held=(*each_of(4, "theirs", "b", 2),),
        cpu=4,
        answer=(G_RECLAIM, 1),
    ),
}


@pytest.mark.parametrize("case", ORACLE.values(), ids=ORACLE)
def test_oracle(case: Question) -> None:
    desk = Desk(case.cluster, case.held)
    before = list(desk.ledger.tree.usage)
    asking = desk.asking(job("j", "a", case.cpu, priority=case.priority))
    assert desk.oracle().simulate(asking, desk.fr("f"), case.cpu) == case.answer
    assert desk.ledger.tree.usage == before


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """The last attempt stopped at the first of two flavors that both fit; which one is nominated now?"""

    flavor: str
    generations: int = 0
    cycles: int = 1
    preserved: bool = True


MEMORY = {
    "the search goes on at the next flavor": Memory(flavor="g"),
    "however long ago that was": Memory(flavor="g", cycles=9),
    "it starts over once quota of the queue became free": Memory(flavor="f", generations=1, cycles=2),
    "not if it stopped only a cycle ago": Memory(flavor="g", generations=1, cycles=1),
    "at once before 0.19": Memory(flavor="f", generations=1, cycles=1, preserved=False),
    "before 0.19 too only if quota became free": Memory(flavor="g", cycles=2, preserved=False),
}


@pytest.mark.parametrize("case", MEMORY.values(), ids=MEMORY)
def test_memory_of_the_search(case: Memory) -> None:
    desk = Desk(
        (cq("a", on("f", 4), on("g", 4)),), gates=Gates(flavor_fungibility_preserve_scan_progress=case.preserved)
    )
    record = desk.asking(job("j", "a", 1))
    record.memory = FlavorMemory(record.queue.generation, 10)
    record.memory.tried = [{desk.catalog.resource_index["cpu"]: 0}]
    record.queue.generation += case.generations
    nomination = desk.nominations().of(record, 10 + case.cycles)
    (choice,) = nomination.assignment.pod_sets[0].choices.values()
    assert desk.catalog.flavor_names[choice.flavor] == case.flavor


TREES = {
    # name: (queue where something changed, is the nomination made anew?)
    "nothing changed": (None, False),
    "a change in the own queue": ("a", True),
    "a change elsewhere in the cohort": ("b", True),
    "a change in another tree": ("far", False),
}


@pytest.mark.parametrize(("changed", "anew"), TREES.values(), ids=TREES)
def test_a_nomination_is_made_anew_where_something_changed(changed: str | None, anew: bool) -> None:
    desk = Desk((A, B, cq("far", on("f", 9), cohort="other")))
    nominations = desk.nominations()
    record = desk.asking(job("j", "a", 8))
    first = nominations.of(record, 1)
    if changed is not None:
        desk.ledger.tree.add(desk.catalog.queues[desk.catalog.queue_index[changed]].cells[0], 1)
        nominations.outdate(desk.asking(job("other", changed, 1)))
    second = nominations.of(record, 2)
    assert (second is not first) == anew
    assert second.assignment.mode == (FIT if not anew else NO_FIT)
    assert second.assignment.memory.cycle == 2

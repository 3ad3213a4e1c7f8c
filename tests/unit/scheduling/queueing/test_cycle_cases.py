"""What a whole cycle decides, rule by rule: the engine over a few queues, for as many cycles as the rule needs."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

import pytest

from allotment.scheduling.queueing.engine import QueueingEngine
from allotment.scheduling.queueing.inputs import EngineSettings, FungibilityPolicy, QueueingStrategy, Workload
from allotment.scheduling.queueing.reasons import RefusalKind
from allotment.scheduling.queueing.records import PreemptionReason
from tests.unit.scheduling.queueing.casebook import (
    ANY,
    LOWER,
    NEVER,
    Held,
    Part,
    cluster,
    cq,
    each_of,
    held,
    job,
    on,
    team,
)

OWN = PreemptionReason.IN_CLUSTER_QUEUE
RECLAIMED = PreemptionReason.IN_COHORT_RECLAMATION
STRICT = QueueingStrategy.STRICT_FIFO


class Now(Enum):
    """Where a job is after the cycles: as the last attempt left it, and whether it may try again at once."""

    RUNS = "holds quota"
    NOT_TRIED = "was no head yet"
    SHELVED = "was refused and waits until something changes"
    SHELVED_UNTRIED = "waits until something changes, as its equals were refused"
    BLOCKS = "was refused and stays at the head"
    PREEMPTS = "waits for its victims"
    LOST = "lost what it was nominated for to another and tries again"
    OVERLAPS = "wanted the victims of another and tries again"
    DEFERRED = "will fit when the victims of another are gone"


_REFUSED = {
    RefusalKind.PREEMPTING: Now.PREEMPTS,
    RefusalKind.LOST_RACE: Now.LOST,
    RefusalKind.OVERLAPPING_TARGETS: Now.OVERLAPS,
    RefusalKind.DEFERRED_BEHIND_PREEMPTION: Now.DEFERRED,
}


def where(engine: QueueingEngine, index: int) -> Now:
    place, refusal = engine.place(index), engine.refusal(index)
    if place == "running":
        return Now.RUNS
    if place == "inadmissible":
        return Now.SHELVED if refusal is not None else Now.SHELVED_UNTRIED
    assert place == "active"
    return Now.NOT_TRIED if refusal is None else _REFUSED.get(refusal.kind, Now.BLOCKS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """After `cycles` each of `jobs`, by name, is where `then` says; `evicted`: who is asked to leave, by whom, why."""

    cluster: tuple[Part, ...]
    jobs: tuple[Workload, ...]
    then: tuple[Now, ...]
    held: tuple[Held, ...] = ()
    evicted: dict[str, tuple[str, PreemptionReason]] = field(default_factory=dict)
    cycles: int = 1
    fair: bool = False
    version: str = "0.20"


def engine_of(case: Case) -> tuple[QueueingEngine, dict[int, str]]:
    engine = QueueingEngine(cluster(*case.cluster), EngineSettings(fair_sharing=case.fair, version=case.version))
    names = {}
    for each in case.held:
        index = engine.adopt(each.workload, each.admissions(), each.at, evicted=each.evicted)
        names[index] = each.workload.name
    for workload in case.jobs:
        names[engine.add(workload)] = workload.name
    return engine, names


def free(*names: str) -> tuple[Part, ...]:
    """Queues that own nothing and one cohort that owns four."""
    return (*(cq(name, on("f", 0), cohort="c") for name in names), team("c", on("f", 4)))


def pair(*policies: dict[str, object]) -> tuple[Part, ...]:
    return tuple(cq(name, on("f", 4), cohort="c", **each) for name, each in zip("ab", policies, strict=True))


OWNERS = (
    cq("a", on("f", 2), cohort="c", reclaim_within_cohort=ANY),
    cq("b", on("f", 2), cohort="c", reclaim_within_cohort=ANY),
    cq("v", on("f", 0), cohort="c"),
)
VICTIM = (held("v", "v", 4),)
BOTH_WANT_IT = (job("first", "a", 2, since=1), job("second", "b", 2, since=2))


def short(*, limit: int | None = None, reclaim: object = NEVER) -> tuple[Part, ...]:
    """Queue a has used three of its four; the cohort owns two more, which queue d may borrow."""
    return (
        cq("a", on("f", 4, borrow=limit), cohort="c", reclaim_within_cohort=reclaim),
        cq("d", on("f", 0), cohort="c"),
        team("c", on("f", 2)),
    )


def waiting(reclaim: object) -> tuple[Part, ...]:
    """Queue a's four are lent to b, of higher priority; the cohort owns two more."""
    return (
        cq("a", on("f", 4), cohort="c", reclaim_within_cohort=reclaim),
        cq("b", on("f", 0), cohort="c"),
        cq("d", on("f", 0), cohort="c"),
        team("c", on("f", 2)),
    )


CASES = {
    "one head of each queue in a cycle": Case(
        cluster=(cq("a", on("f", 4)),),
        jobs=(job("first", "a", 1, since=1), job("second", "a", 1, since=2)),
        then=(Now.RUNS, Now.NOT_TRIED),
    ),
    "the next one in the next cycle": Case(
        cluster=(cq("a", on("f", 4)),),
        jobs=(job("first", "a", 1, since=1), job("second", "a", 1, since=2)),
        cycles=2,
        then=(Now.RUNS, Now.RUNS),
    ),
    "the highest priority is the head": Case(
        cluster=(cq("a", on("f", 4)),),
        jobs=(job("low", "a", 1, since=1), job("high", "a", 1, since=2, priority=1)),
        then=(Now.NOT_TRIED, Now.RUNS),
    ),
    "the one that has queued longest is the head of equals": Case(
        cluster=(cq("a", on("f", 4)),),
        jobs=(job("later", "a", 1, since=2), job("sooner", "a", 1, since=1)),
        then=(Now.NOT_TRIED, Now.RUNS),
    ),
    "several queues of a cohort are admitted in one cycle": Case(
        cluster=free("a", "b"), jobs=(job("x", "a", 2), job("y", "b", 2)), then=(Now.RUNS, Now.RUNS)
    ),
    "who comes later must do with what is left": Case(
        cluster=free("a", "b"),
        jobs=(job("x", "a", 3, since=2), job("y", "b", 3, since=1)),
        then=(Now.LOST, Now.RUNS),
    ),
    "who lost tries again at once": Case(
        cluster=free("a", "b"),
        jobs=(job("x", "a", 3, since=2), job("y", "b", 3, since=1)),
        cycles=2,
        then=(Now.SHELVED, Now.RUNS),
    ),
    "who does not borrow gets it before a higher priority that does": Case(
        cluster=(cq("a", on("f", 4), cohort="c"), cq("b", on("f", 0), cohort="c")),
        jobs=(job("own", "a", 4, since=9), job("loan", "b", 2, priority=9)),
        then=(Now.RUNS, Now.LOST),
    ),
    "the smaller share gets it with fair sharing": Case(
        cluster=free("a", "b"),
        held=(held("a", "a", 2),),
        jobs=(job("more", "a", 2, priority=9), job("less", "b", 1)),
        fair=True,
        then=(Now.LOST, Now.RUNS),
    ),
    "the higher priority gets it without": Case(
        cluster=free("a", "b"),
        held=(held("a", "a", 2),),
        jobs=(job("more", "a", 2, priority=9), job("less", "b", 1)),
        then=(Now.RUNS, Now.LOST),
    ),
    "a refused head makes way in BestEffortFIFO": Case(
        cluster=(cq("a", on("f", 4)),),
        jobs=(job("large", "a", 5, since=1), job("small", "a", 1, since=2)),
        cycles=2,
        then=(Now.SHELVED, Now.RUNS),
    ),
    "a refused head blocks its queue in StrictFIFO": Case(
        cluster=(cq("a", on("f", 4), strategy=STRICT),),
        jobs=(job("large", "a", 5, since=1), job("small", "a", 1, since=2)),
        cycles=3,
        then=(Now.BLOCKS, Now.NOT_TRIED),
    ),
    "a blocked queue does not block another": Case(
        cluster=(cq("a", on("f", 4), strategy=STRICT, cohort="c"), cq("b", on("f", 1), cohort="c")),
        jobs=(job("large", "a", 9), job("other", "b", 1)),
        then=(Now.BLOCKS, Now.RUNS),
    ),
    "equals of a refused head are refused with it": Case(
        cluster=(cq("a", on("f", 4)),),
        jobs=(job("large", "a", 5, since=1), job("equal", "a", 5, since=2), job("small", "a", 1, since=3)),
        cycles=2,
        then=(Now.SHELVED, Now.SHELVED_UNTRIED, Now.RUNS),
    ),
    "another priority makes no equal": Case(
        cluster=(cq("a", on("f", 4)),),
        jobs=(job("large", "a", 5, priority=1), job("other", "a", 5), job("small", "a", 1, since=3)),
        cycles=2,
        then=(Now.SHELVED, Now.SHELVED, Now.NOT_TRIED),
    ),
    "equals are tried one by one in 0.17": Case(
        cluster=(cq("a", on("f", 4)),),
        jobs=(job("large", "a", 5, since=1), job("equal", "a", 5, since=2), job("small", "a", 1, since=3)),
        cycles=2,
        version="0.17",
        then=(Now.SHELVED, Now.SHELVED, Now.NOT_TRIED),
    ),
    "in StrictFIFO equals are not refused": Case(
        cluster=(cq("a", on("f", 4), strategy=STRICT),),
        jobs=(job("large", "a", 5, since=1), job("equal", "a", 5, since=2)),
        then=(Now.BLOCKS, Now.NOT_TRIED),
    ),
    "a preemptor waits for its victims": Case(
        cluster=(cq("a", on("f", 4), within_cluster_queue=LOWER),),
        held=(held("low", "a", 4),),
        jobs=(job("high", "a", 4, priority=1),),
        evicted={"low": ("high", OWN)},
        then=(Now.PREEMPTS,),
    ),
    "who is on the way out is not asked again": Case(
        cluster=(cq("a", on("f", 4), within_cluster_queue=LOWER),),
        held=(held("low", "a", 4, evicted=True),),
        jobs=(job("high", "a", 4, priority=1),),
        evicted={},
        then=(Now.PREEMPTS,),
    ),
    "two preemptors with victims of their own": Case(
        cluster=pair({"within_cluster_queue": LOWER}, {"within_cluster_queue": LOWER}),
        held=(held("low a", "a", 4), held("low b", "b", 4)),
        jobs=(job("x", "a", 4, priority=1), job("y", "b", 4, priority=1)),
        evicted={"low a": ("x", OWN), "low b": ("y", OWN)},
        then=(Now.PREEMPTS, Now.PREEMPTS),
    ),
    "whose victims another takes waits for them too": Case(
        cluster=OWNERS,
        held=VICTIM,
        jobs=BOTH_WANT_IT,
        evicted={"v": ("first", RECLAIMED)},
        then=(Now.PREEMPTS, Now.DEFERRED),
    ),
    "whose victims another takes is skipped in 0.19": Case(
        cluster=OWNERS,
        held=VICTIM,
        jobs=BOTH_WANT_IT,
        evicted={"v": ("first", RECLAIMED)},
        version="0.19",
        then=(Now.PREEMPTS, Now.OVERLAPS),
    ),
    "one that waits for another's victims keeps out who comes after": Case(
        cluster=(
            cq("a", on("f", 3), cohort="c", reclaim_within_cohort=ANY),
            cq("b", on("f", 3), cohort="c", reclaim_within_cohort=ANY),
            cq("v", on("f", 0), cohort="c"),
            cq("d", on("f", 0), cohort="c"),
        ),
        held=VICTIM,
        jobs=(job("first", "a", 3, since=1), job("second", "b", 3, since=2), job("third", "d", 2, since=3)),
        evicted={"v": ("first", RECLAIMED)},
        then=(Now.PREEMPTS, Now.DEFERRED, Now.LOST),
    ),
    "a preemptor keeps out who comes after": Case(
        cluster=(
            cq("a", on("f", 6), cohort="c", reclaim_within_cohort=ANY),
            cq("v", on("f", 0), cohort="c"),
            cq("d", on("f", 0), cohort="c"),
        ),
        held=VICTIM,
        jobs=(job("preemptor", "a", 5), job("other", "d", 2, priority=9)),
        evicted={"v": ("preemptor", RECLAIMED)},
        then=(Now.PREEMPTS, Now.LOST),
    ),
    "what a preemptor leaves over is given at once, though its victims still hold it": Case(
        cluster=(
            cq("a", on("f", 6), cohort="c", reclaim_within_cohort=ANY),
            cq("v", on("f", 0), cohort="c"),
            cq("d", on("f", 0), cohort="c"),
        ),
        held=VICTIM,
        jobs=(job("preemptor", "a", 4), job("other", "d", 2, priority=9)),
        evicted={"v": ("preemptor", RECLAIMED)},
        then=(Now.PREEMPTS, Now.RUNS),
    ),
    "nobody is preempted for one that would not fit after another": Case(
        cluster=(
            *pair({"within_cluster_queue": LOWER}, {"within_cluster_queue": LOWER}),
            cq("d", on("f", 0), cohort="c"),
        ),
        held=(held("low a", "a", 2), held("low b", "b", 2), held("loan", "d", 2, priority=9)),
        jobs=(job("x", "a", 4, priority=5, since=1), job("y", "b", 4, priority=5, since=2)),
        evicted={"low a": ("x", OWN)},
        then=(Now.PREEMPTS, Now.LOST),
    ),
    "who would not fit beside the one that takes its victims is refused": Case(
        cluster=(
            *(
                cq(
                    name,
                    on("f", 0),
                    cohort="c",
                    within_cluster_queue=LOWER,
                    reclaim_within_cohort=LOWER,
                    borrow_within_cohort=LOWER,
                )
                for name in "ab"
            ),
            team("c", on("f", 6)),
        ),
        held=(held("low a", "a", 2), held("low b", "b", 2, priority=-1)),
        jobs=(job("x", "a", 6, priority=5, since=1), job("y", "b", 4, priority=5, since=2)),
        evicted={"low a": ("x", OWN), "low b": ("x", PreemptionReason.IN_COHORT_RECLAIM_WHILE_BORROWING)},
        then=(Now.PREEMPTS, Now.SHELVED),
    ),
    "a job that can take back nothing keeps what is its own": Case(
        cluster=waiting(NEVER),
        held=(held("theirs", "b", 4, priority=9),),
        jobs=(job("mine", "a", 4), job("loan", "d", 2, priority=9)),
        then=(Now.SHELVED, Now.LOST),
    ),
    "also if it might take back from lower priorities only": Case(
        cluster=waiting(LOWER),
        held=(held("theirs", "b", 4, priority=9),),
        jobs=(job("mine", "a", 4), job("loan", "d", 2, priority=9)),
        then=(Now.SHELVED, Now.LOST),
    ),
    "it keeps no more than it asks for": Case(
        cluster=(*waiting(NEVER)[:3], team("c", on("f", 4))),
        held=(held("theirs", "b", 4, priority=9), held("mine", "a", 2)),
        jobs=(job("more", "a", 3), job("loan", "d", 2, priority=9)),
        then=(Now.SHELVED, Now.RUNS),
    ),
    "one that waits for a loan keeps what its limit allows": Case(
        cluster=short(limit=0),
        held=(held("mine", "a", 3),),
        jobs=(job("more", "a", 2, priority=9), job("loan", "d", 3)),
        then=(Now.SHELVED, Now.LOST),
    ),
    "and no more than its limit allows": Case(
        cluster=short(limit=0),
        held=(held("mine", "a", 3),),
        jobs=(job("more", "a", 2, priority=9), job("loan", "d", 2)),
        then=(Now.SHELVED, Now.RUNS),
    ),
    "under reclaimWithinCohort Any it keeps nothing": Case(
        cluster=short(limit=0, reclaim=ANY),
        held=(held("mine", "a", 3),),
        jobs=(job("more", "a", 2, priority=9), job("loan", "d", 3)),
        then=(Now.SHELVED, Now.RUNS),
    ),
    "one that fits nowhere keeps nothing": Case(
        cluster=short(),
        jobs=(job("huge", "a", 9, priority=9), job("loan", "d", 4)),
        then=(Now.SHELVED, Now.RUNS),
    ),
    "no head, no decision": Case(cluster=free("a"), jobs=(), then=()),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_cycle(case: Case) -> None:
    engine, names = engine_of(case)
    evicted = {}
    for number in range(case.cycles):
        result = engine.run_cycle(100 + number)
        for each in result.preemptions:
            evicted[names[each.workload]] = (names[each.preemptor], each.reason)
    found = {name: where(engine, index) for index, name in names.items() if index >= len(case.held)}
    assert found == {each.name: then for each, then in zip(case.jobs, case.then, strict=True)}
    assert evicted == case.evicted


def test_an_attempt_leaves_usage_as_it_was() -> None:
    case = CASES["a job that can take back nothing keeps what is its own"]
    engine, _ = engine_of(case)
    before = {name: engine.queue_usage(name) for name in "abd"}
    engine.run_cycle(1)
    assert {name: engine.queue_usage(name) for name in "abd"} == before


def test_a_preemptor_gets_its_quota_once_its_victims_have_stopped() -> None:
    """And before a higher priority of its queue that came meanwhile, in BestEffortFIFO."""
    case = CASES["a preemptor waits for its victims"]
    engine, names = engine_of(case)
    index = {name: number for number, name in names.items()}
    engine.run_cycle(1)
    engine.mark_evicted(index["low"])
    later = engine.add(job("higher", "a", 4, priority=9, since=5))
    engine.requeue_evicted(index["low"])
    assert engine.run_cycle(2).admitted == [index["high"]]
    assert where(engine, later) == Now.NOT_TRIED


def test_a_preemptor_has_no_such_precedence_in_strict_fifo() -> None:
    case = Case(
        cluster=(cq("a", on("f", 4), within_cluster_queue=LOWER, strategy=STRICT),),
        held=(held("low", "a", 4),),
        jobs=(job("high", "a", 4, priority=1),),
        then=(),
    )
    engine, _ = engine_of(case)
    engine.run_cycle(1)
    engine.mark_evicted(0)
    later = engine.add(job("higher", "a", 4, priority=9, since=5))
    engine.requeue_evicted(0)
    assert engine.run_cycle(2).admitted == [later]


def test_a_wake_up_gives_refused_jobs_another_chance() -> None:
    case = CASES["equals of a refused head are refused with it"]
    engine, names = engine_of(case)
    engine.run_cycle(1)
    engine.run_cycle(2)
    before = engine.idle
    engine.wake_all()
    assert (before, engine.idle) == (True, False)
    assert [names[index] for index in engine.run_cycle(3).refused] == ["large"]


@pytest.mark.parametrize(("version", "flavor"), [("0.20", "g"), ("0.18", "f")])
def test_who_lost_a_flavor_goes_on_with_the_next(version: str, flavor: str) -> None:
    """Even if the first is free again by then; before 0.19 the search starts over."""
    case = Case(
        cluster=(
            cq("a", on("f", 0), on("g", 4), cohort="c", when_can_borrow=FungibilityPolicy.MAY_STOP_SEARCH),
            cq("b", on("f", 0), cohort="c"),
            team("c", on("f", 4)),
        ),
        jobs=(job("x", "a", 4, since=2), job("y", "b", 4, since=1)),
        then=(),
        version=version,
    )
    engine, _ = engine_of(case)
    assert engine.run_cycle(1).admitted == [1]
    engine.finish(1)
    assert engine.run_cycle(2).admitted == [0]
    assert engine.admission(0)[0].flavors == (("cpu", flavor),)


def test_victims_by_the_time_of_their_admission() -> None:
    """The time a cycle was run at becomes the time of the reservation."""
    engine, names = engine_of(
        Case(
            cluster=(cq("a", on("f", 4), within_cluster_queue=LOWER),),
            held=each_of(1, "held", "a", 2),
            jobs=(job("late", "a", 2),),
            then=(),
        )
    )
    engine.run_cycle(50)
    engine.add(job("high", "a", 2, priority=5))
    assert [names[each.workload] for each in engine.run_cycle(51).preemptions] == ["late"]

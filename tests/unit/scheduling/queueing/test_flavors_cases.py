"""Which flavor a job gets, rule by rule. What preemption could do is scripted: the search has its own cases."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from allotment.model.cluster import Taint, TaintEffect
from allotment.scheduling.kinds import Operator, Requirement, Toleration
from allotment.scheduling.queueing.flavors import (
    G_NO_CANDIDATES,
    G_PREEMPT,
    G_RECLAIM,
    GranularMode,
    is_preferred,
)
from allotment.scheduling.queueing.indices import FlavorResource
from allotment.scheduling.queueing.inputs import (
    ClusterQueue,
    FungibilityPolicy,
    FungibilityPreference,
    ResourceFlavor,
    Workload,
)
from allotment.scheduling.queueing.reasons import DetailKind
from allotment.scheduling.queueing.records import FIT, NO_FIT, PREEMPT, Assignment, FlavorMemory, WorkloadRecord
from tests.unit.scheduling.queueing.casebook import ANY, LOWER, Desk, Held, Part, cq, held, job, on, pods, team

STOP, NEXT = FungibilityPolicy.MAY_STOP_SEARCH, FungibilityPolicy.TRY_NEXT_FLAVOR
BORROWING_FIRST = FungibilityPreference.BORROWING_OVER_PREEMPTION
PREEMPTION_FIRST = FungibilityPreference.PREEMPTION_OVER_BORROWING
TAKEN, TOO_MUCH = DetailKind.INSUFFICIENT_UNUSED_QUOTA, DetailKind.EXCEEDS_MAX_QUOTA


class Scripted:
    """An oracle that finds victims where it is told to, and remembers what it was asked."""

    def __init__(self, desk: Desk, script: dict[str, tuple[int, int]]) -> None:
        self._desk = desk
        self._script = script
        self.asked: list[tuple[str, int]] = []

    def simulate(self, workload: WorkloadRecord, fr: FlavorResource, amount: int) -> tuple[GranularMode, int]:
        catalog = self._desk.catalog
        flavor = catalog.flavor_names[catalog.flavor_of_fr[fr]]
        self.asked.append((flavor, amount))
        height = catalog.tree.borrowing_height(workload.queue.cells[fr], amount)
        return self._script.get(flavor, (G_NO_CANDIDATES, height))


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """`job` is assigned `flavors`, PodSet by PodSet, as `mode`.

    Attributes:
        victims: where preemption would help, as what, and how high the job would then borrow.
        height: how high it borrows.
        findings: what was found against the flavors that were looked at; None: not looked at.
        asked: what preemption was asked for; None: not looked at.
        tried: where the last attempt stopped, by resource.
        stopped: where this one did; None: not looked at.
    """

    cluster: tuple[Part, ...]
    job: Workload
    mode: int
    flavors: tuple[dict[str, str], ...]
    held: tuple[Held, ...] = ()
    victims: dict[str, tuple[int, int]] = field(default_factory=dict)
    height: int = 0
    findings: tuple[DetailKind, ...] | None = None
    asked: tuple[tuple[str, int], ...] | None = None
    fair: bool = False
    tried: dict[str, int] | None = None
    stopped: int | None = None
    counts: list[int] | None = None
    pinned: dict[str, str] | None = None


def assigned(case: Case) -> tuple[Desk, Scripted, Assignment]:
    desk = Desk(case.cluster, case.held, fair=case.fair)
    oracle = Scripted(desk, case.victims)
    record = desk.asking(case.job)
    index = desk.catalog.resource_index
    if case.tried is not None:
        record.memory = FlavorMemory(0, 0)
        record.memory.tried = [{index[name]: position for name, position in case.tried.items()}]
    pins = None
    if case.pinned is not None:
        pins = [{index[name]: desk.catalog.flavor_index[flavor] for name, flavor in case.pinned.items()}]
    before = list(desk.ledger.tree.usage)
    assignment = desk.assigner(oracle).assign(record, 1, case.counts, pins)
    assert desk.ledger.tree.usage == before, "an assignment charges nothing"
    return desk, oracle, assignment


def flavors_of(desk: Desk, assignment: Assignment) -> tuple[dict[str, str], ...]:
    names = desk.catalog
    return tuple(
        {names.resource_names[resource]: names.flavor_names[choice.flavor] for resource, choice in each.choices.items()}
        for each in assignment.pod_sets
    )


def one(flavor: str) -> tuple[dict[str, str], ...]:
    """One PodSet that gets its cpu there."""
    return ({"cpu": flavor},)


TWO = (cq("a", on("x", 4), on("y", 4)),)


def sharing(a: ClusterQueue, **quotas: int) -> tuple[Part, ...]:
    """Queue a in a cohort whose own quota is the given one."""
    return (a, team("c", *(on(flavor, cpu) for flavor, cpu in quotas.items())))


def queue_a(
    x: int, y: int, borrow: FungibilityPolicy, preempt: FungibilityPolicy, preference: FungibilityPreference
) -> ClusterQueue:
    return cq(
        "a",
        on("x", x),
        on("y", y),
        cohort="c",
        when_can_borrow=borrow,
        when_can_preempt=preempt,
        preference=preference,
    )


def in_order(borrow: FungibilityPolicy, preempt: FungibilityPolicy = NEXT) -> ClusterQueue:
    return queue_a(2, 4, borrow, preempt, BORROWING_FIRST)


FULL_X = (held("other", "a", 4, "x"),)

SEARCH = {
    "the first flavor that fits": Case(cluster=TWO, job=job("j", "a", 4), mode=FIT, flavors=one("x"), stopped=0),
    "the next one where the first is taken": Case(
        cluster=TWO, held=FULL_X, job=job("j", "a", 4), mode=FIT, flavors=one("y"), findings=(), stopped=-1
    ),
    "the next one where the first is too small": Case(
        cluster=(cq("a", on("x", 1), on("y", 4)),), job=job("j", "a", 2), mode=FIT, flavors=one("y"), asked=()
    ),
    "none where all are too small": Case(
        cluster=TWO, job=job("j", "a", 5), mode=NO_FIT, flavors=({},), findings=(TOO_MUCH, TOO_MUCH), asked=()
    ),
    "no more than the borrowing limit allows, ever": Case(
        cluster=sharing(cq("a", on("x", 2, borrow=1), cohort="c"), x=8),
        job=job("j", "a", 4),
        mode=NO_FIT,
        flavors=({},),
        findings=(TOO_MUCH,),
    ),
    "borrowing up to the limit": Case(
        cluster=sharing(cq("a", on("x", 2, borrow=2), cohort="c"), x=8),
        job=job("j", "a", 4),
        mode=FIT,
        flavors=one("x"),
        height=1,
    ),
    "what others do not lend is out of reach": Case(
        cluster=(cq("a", on("x", 2), cohort="c"), cq("b", on("x", 8, lend=1), cohort="c")),
        job=job("j", "a", 4),
        mode=NO_FIT,
        flavors=({},),
        findings=(TOO_MUCH,),
    ),
    "borrowing stops the search under MayStopSearch": Case(
        cluster=sharing(in_order(STOP), x=2), job=job("j", "a", 4), mode=FIT, flavors=one("x"), height=1, stopped=0
    ),
    "borrowing only when no flavor fits without, under TryNextFlavor": Case(
        cluster=sharing(in_order(NEXT), x=2), job=job("j", "a", 4), mode=FIT, flavors=one("y"), height=0
    ),
    "what fits without borrowing stops the search under TryNextFlavor too": Case(
        cluster=sharing(in_order(NEXT), x=2), job=job("j", "a", 2), mode=FIT, flavors=one("x"), height=0, stopped=0
    ),
    "the first where all of them mean borrowing": Case(
        cluster=sharing(in_order(NEXT), x=3, y=2), job=job("j", "a", 5), mode=FIT, flavors=one("x"), height=1
    ),
    "the one borrowed from nearer by": Case(
        cluster=(
            cq("a", on("x", 0), on("y", 0), cohort="c", when_can_borrow=NEXT),
            team("root", on("x", 4)),
            team("c", on("y", 4), under="root"),
        ),
        job=job("j", "a", 2),
        mode=FIT,
        flavors=one("y"),
        height=1,
    ),
    "a flavor that fits before one that means preemption, under TryNextFlavor": Case(
        cluster=TWO, held=FULL_X, victims={"x": (G_PREEMPT, 0)}, job=job("j", "a", 4), mode=FIT, flavors=one("y")
    ),
    "preemption stops the search under MayStopSearch": Case(
        cluster=(cq("a", on("x", 4), on("y", 4), when_can_preempt=STOP),),
        held=FULL_X,
        victims={"x": (G_PREEMPT, 0)},
        job=job("j", "a", 4),
        mode=PREEMPT,
        flavors=one("x"),
        stopped=0,
    ),
    "preemption that finds nobody stops nothing": Case(
        cluster=(cq("a", on("x", 4), on("y", 4), when_can_preempt=STOP),),
        held=FULL_X,
        job=job("j", "a", 4),
        mode=FIT,
        flavors=one("y"),
    ),
    "borrowing over preemption by default": Case(
        cluster=sharing(queue_a(4, 0, NEXT, NEXT, BORROWING_FIRST), y=4),
        held=FULL_X,
        victims={"x": (G_PREEMPT, 0)},
        job=job("j", "a", 4),
        mode=FIT,
        flavors=one("y"),
        height=1,
    ),
    "preemption over borrowing if preferred": Case(
        cluster=sharing(queue_a(4, 0, NEXT, NEXT, PREEMPTION_FIRST), y=4),
        held=FULL_X,
        victims={"x": (G_PREEMPT, 0)},
        job=job("j", "a", 4),
        mode=PREEMPT,
        flavors=one("x"),
    ),
    "preemption that finds nobody is not preferred to borrowing": Case(
        cluster=sharing(queue_a(4, 0, NEXT, NEXT, PREEMPTION_FIRST), y=4),
        held=FULL_X,
        job=job("j", "a", 4),
        mode=FIT,
        flavors=one("y"),
        height=1,
    ),
    "reclaiming from others over preempting one's own": Case(
        cluster=TWO,
        held=(*FULL_X, held("more", "a", 4, "y")),
        victims={"x": (G_PREEMPT, 0), "y": (G_RECLAIM, 0)},
        job=job("j", "a", 4),
        mode=PREEMPT,
        flavors=one("y"),
    ),
    "the first of two that mean the same": Case(
        cluster=TWO,
        held=(*FULL_X, held("more", "a", 4, "y")),
        victims={"x": (G_PREEMPT, 0), "y": (G_PREEMPT, 0)},
        job=job("j", "a", 4),
        mode=PREEMPT,
        flavors=one("x"),
        findings=(TAKEN, TAKEN),
    ),
    "preempting with less to borrow afterwards": Case(
        cluster=sharing(queue_a(2, 2, NEXT, NEXT, BORROWING_FIRST), x=2, y=2),
        held=(held("other", "a", 4, "x"), held("more", "a", 4, "y")),
        victims={"x": (G_PREEMPT, 1), "y": (G_PREEMPT, 0)},
        job=job("j", "a", 2),
        mode=PREEMPT,
        flavors=one("y"),
    ),
    "waiting without victims over no flavor at all": Case(
        cluster=(cq("a", on("x", 4), on("y", 1)),),
        held=FULL_X,
        job=job("j", "a", 4),
        mode=PREEMPT,
        flavors=one("x"),
        findings=(TAKEN, TOO_MUCH),
    ),
    "with victims over without": Case(
        cluster=TWO,
        held=(*FULL_X, held("more", "a", 4, "y")),
        victims={"y": (G_PREEMPT, 0)},
        job=job("j", "a", 4),
        mode=PREEMPT,
        flavors=one("y"),
    ),
    "the search goes on after the flavor tried last": Case(
        cluster=TWO, job=job("j", "a", 4), tried={"cpu": 0}, mode=FIT, flavors=one("y"), stopped=-1
    ),
    "it starts over after the last flavor": Case(
        cluster=TWO, job=job("j", "a", 4), tried={"cpu": -1}, mode=FIT, flavors=one("x"), stopped=0
    ),
    "a recomputation uses only what was nominated": Case(
        cluster=TWO,
        job=job("j", "a", 4),
        pinned={"cpu": "y"},
        mode=FIT,
        flavors=one("y"),
    ),
    "a recomputation finds none where the nominated one is too small": Case(
        cluster=(cq("a", on("x", 4), on("y", 1)),),
        job=job("j", "a", 4),
        pinned={"cpu": "y"},
        mode=NO_FIT,
        flavors=({},),
        findings=(DetailKind.NOT_NOMINATED, TOO_MUCH),
    ),
}


def full_cohort(**fields: object) -> tuple[Part, ...]:
    """Two of the cohort's four are b's nominal quota, and b uses them all."""
    return (cq("a", on("x", 2), cohort="c", **fields), cq("b", on("x", 2), cohort="c"))


B_USES_ALL = (held("theirs", "b", 4, "x"),)

QUESTION = {
    "preemption is asked about what nominal quota would hold": Case(
        cluster=full_cohort(),
        held=B_USES_ALL,
        job=job("j", "a", 2),
        mode=PREEMPT,
        flavors=one("x"),
        asked=(("x", 2),),
    ),
    "it is not asked for a loan": Case(
        cluster=full_cohort(reclaim_within_cohort=ANY),
        held=B_USES_ALL,
        job=job("j", "a", 3),
        mode=NO_FIT,
        flavors=({},),
        asked=(),
        findings=(TAKEN,),
    ),
    "it is asked for a loan with borrowWithinCohort": Case(
        cluster=full_cohort(reclaim_within_cohort=ANY, borrow_within_cohort=LOWER),
        held=B_USES_ALL,
        victims={"x": (G_RECLAIM, 1)},
        job=job("j", "a", 3),
        mode=PREEMPT,
        flavors=one("x"),
        height=1,
        asked=(("x", 3),),
    ),
    "it is asked for a loan with fair sharing": Case(
        cluster=full_cohort(reclaim_within_cohort=ANY),
        held=B_USES_ALL,
        fair=True,
        victims={"x": (G_RECLAIM, 1)},
        job=job("j", "a", 3),
        mode=PREEMPT,
        flavors=one("x"),
        height=1,
        asked=(("x", 3),),
    ),
    "with fair sharing too only under a reclaim policy": Case(
        cluster=full_cohort(),
        held=B_USES_ALL,
        fair=True,
        job=job("j", "a", 3),
        mode=NO_FIT,
        flavors=({},),
        asked=(),
    ),
    "it is asked where a cohort below the root holds the quota": Case(
        cluster=(
            cq("a", on("x", 0), cohort="left"),
            cq("b", on("x", 0), cohort="right"),
            team("root"),
            team("left", on("x", 2), under="root"),
            team("right", under="root"),
        ),
        held=(held("theirs", "b", 2, "x"),),
        job=job("j", "a", 2),
        mode=PREEMPT,
        flavors=one("x"),
        height=1,
        asked=(("x", 2),),
    ),
    "it is not asked where the quota is there": Case(
        cluster=TWO, job=job("j", "a", 4), mode=FIT, flavors=one("x"), asked=()
    ),
}

SPOT = ResourceFlavor("x", taints=(Taint("spot", "true", TaintEffect.NO_SCHEDULE),))
SOFT = ResourceFlavor("x", taints=(Taint("spot", "true", TaintEffect.PREFER_NO_SCHEDULE),))
EVICTING = ResourceFlavor("x", taints=(Taint("spot", "true", TaintEffect.NO_EXECUTE),))
KEYED = (ResourceFlavor("x", (("type", "x"),)), ResourceFlavor("y", (("type", "y"),)))
TOLERATED = (Toleration("spot", exists=True),)

ELIGIBLE = {
    "not one with a taint that is not tolerated": Case(
        cluster=(SPOT, *TWO), job=job("j", "a", 1), mode=FIT, flavors=one("y")
    ),
    "not one that would evict": Case(cluster=(EVICTING, *TWO), job=job("j", "a", 1), mode=FIT, flavors=one("y")),
    "one that would rather not": Case(cluster=(SOFT, *TWO), job=job("j", "a", 1), mode=FIT, flavors=one("x")),
    "one whose taint the pods tolerate": Case(
        cluster=(SPOT, *TWO), job=job("j", "a", 1, tolerations=TOLERATED), mode=FIT, flavors=one("x")
    ),
    "one that brings the toleration along": Case(
        cluster=(ResourceFlavor("x", (), SPOT.taints, TOLERATED), *TWO),
        job=job("j", "a", 1),
        mode=FIT,
        flavors=one("x"),
    ),
    "the one the node selector names": Case(
        cluster=(*KEYED, *TWO), job=job("j", "a", 1, node_selector=(("type", "y"),)), mode=FIT, flavors=one("y")
    ),
    "a selector by a label that no flavor has does not matter": Case(
        cluster=(*KEYED, *TWO), job=job("j", "a", 1, node_selector=(("disk", "ssd"),)), mode=FIT, flavors=one("x")
    ),
    "the one the node affinity allows": Case(
        cluster=(*KEYED, *TWO),
        job=job("j", "a", 1, required_affinity=((Requirement("type", Operator.IN, ("y", "z")),),)),
        mode=FIT,
        flavors=one("y"),
    ),
    "an alternative that says nothing of the flavor's labels allows any": Case(
        cluster=(*KEYED, *TWO),
        job=job(
            "j",
            "a",
            1,
            required_affinity=((Requirement("type", Operator.IN, ("y",)),), (Requirement("disk", Operator.EXISTS),)),
        ),
        mode=FIT,
        flavors=one("x"),
    ),
    "none where all are excluded": Case(
        cluster=(*KEYED, *TWO),
        job=job("j", "a", 1, node_selector=(("type", "z"),)),
        mode=NO_FIT,
        flavors=({},),
        findings=(DetailKind.AFFINITY_MISMATCH, DetailKind.AFFINITY_MISMATCH),
        asked=(),
    ),
}

BOTH = {"cpu": "y", "gpu": "y"}
CPU_AND_GPU = cq("a", on("x", cpu=4, gpu=0), on("y", cpu=4, gpu=4))
PREFER_PREEMPTION = cq(
    "a",
    on("x", cpu=2, gpu=4),
    cohort="c",
    when_can_borrow=NEXT,
    when_can_preempt=NEXT,
    preference=PREEMPTION_FIRST,
)

TOGETHER = {
    "the resources of a group get the same flavor": Case(
        cluster=(CPU_AND_GPU,), job=job("j", "a", cpu=2, gpu=2), mode=FIT, flavors=(BOTH,)
    ),
    "what is not asked for does not matter": Case(
        cluster=(CPU_AND_GPU,), job=job("j", "a", cpu=2), mode=FIT, flavors=one("x")
    ),
    "groups get flavors of their own": Case(
        cluster=(cq("a", on("x", 4), on("y", 4), on("v", gpu=1), on("w", gpu=4)),),
        job=job("j", "a", cpu=2, gpu=2),
        mode=FIT,
        flavors=({"cpu": "x", "gpu": "w"},),
    ),
    "what earlier PodSets got counts for later ones": Case(
        cluster=TWO,
        job=job("j", "a", None, pods("driver", 3), pods("workers", 3)),
        mode=FIT,
        flavors=({"cpu": "x"}, {"cpu": "y"}),
    ),
    "PodSets may share a flavor": Case(
        cluster=TWO,
        job=job("j", "a", None, pods("driver", 1), pods("workers", 1, count=3)),
        mode=FIT,
        flavors=({"cpu": "x"}, {"cpu": "x"}),
    ),
    "one PodSet that gets nothing refuses the job": Case(
        cluster=TWO,
        job=job("j", "a", None, pods("driver", 1), pods("workers", 5), pods("more", 1)),
        mode=NO_FIT,
        flavors=({"cpu": "x"}, {}),
    ),
    "the worst PodSet is the job's": Case(
        cluster=(cq("a", on("x", 4)),),
        held=(held("other", "a", 2, "x"),),
        victims={"x": (G_PREEMPT, 0)},
        job=job("j", "a", None, pods("driver", 1), pods("workers", 2)),
        mode=PREEMPT,
        flavors=({"cpu": "x"}, {"cpu": "x"}),
    ),
    "the worst resource is the PodSet's": Case(
        cluster=(cq("a", on("x", cpu=4, gpu=4)),),
        held=(held("other", "a", flavor="x", gpu=4),),
        victims={"x": (G_PREEMPT, 0)},
        job=job("j", "a", cpu=1, gpu=1),
        mode=PREEMPT,
        flavors=({"cpu": "x", "gpu": "x"},),
        asked=(("x", 1),),
    ),
    "where preemption is preferred a resource that borrows hides one that preempts": Case(
        cluster=(PREFER_PREEMPTION, team("c", on("x", cpu=4, gpu=0))),
        held=(held("other", "a", flavor="x", gpu=4),),
        victims={"x": (G_PREEMPT, 0)},
        job=job("j", "a", cpu=4, gpu=1),
        mode=FIT,
        flavors=({"cpu": "x", "gpu": "x"},),
        height=1,
    ),
    "a resource the queue does not cover refuses the job": Case(
        cluster=TWO,
        job=job("j", "a", cpu=1, gpu=1),
        mode=NO_FIT,
        flavors=({},),
        findings=(DetailKind.RESOURCE_UNAVAILABLE,),
    ),
    "none of it may be asked for": Case(cluster=TWO, job=job("j", "a", cpu=1, gpu=0), mode=FIT, flavors=one("x")),
    "pods count where the queue covers them": Case(
        cluster=(cq("a", on("x", cpu=9, pods=2), on("y", cpu=9, pods=3)),),
        job=job("j", "a", 1, count=3),
        mode=FIT,
        flavors=({"cpu": "y", "pods": "y"},),
    ),
    "fewer pods ask for less": Case(
        cluster=(cq("a", on("x", 4)),), job=job("j", "a", 1, count=9), counts=[4], mode=FIT, flavors=one("x")
    ),
}

CASES = {f"search: {name}": case for name, case in SEARCH.items()}
CASES |= {f"question: {name}": case for name, case in QUESTION.items()}
CASES |= {f"eligible: {name}": case for name, case in ELIGIBLE.items()}
CASES |= {f"together: {name}": case for name, case in TOGETHER.items()}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_flavors(case: Case) -> None:
    desk, oracle, assignment = assigned(case)
    assert (assignment.mode, flavors_of(desk, assignment)) == (case.mode, case.flavors)
    if case.mode != NO_FIT:
        assert assignment.borrowing == case.height
    if case.findings is not None:
        assert tuple(detail.kind for each in assignment.pod_sets for detail in each.details) == case.findings
    if case.asked is not None:
        assert tuple(oracle.asked) == case.asked
    if case.stopped is not None:
        assert [list(tried.values()) for tried in assignment.memory.tried] == [[case.stopped]]


def test_a_refused_job_uses_what_its_earlier_pod_sets_got() -> None:
    """The tournament of fair sharing counts it."""
    desk, _, assignment = assigned(TOGETHER["one PodSet that gets nothing refuses the job"])
    assert assignment.usage == {desk.fr("x"): 1}


def test_usage_is_what_the_pods_ask_for_together() -> None:
    desk, _, assignment = assigned(TOGETHER["PodSets may share a flavor"])
    assert assignment.usage == {desk.fr("x"): 4}


NO, WITHOUT, PREEMPTING, RECLAIMING, FITTING = GranularMode

BETTER = {
    # name: better, worse; each (how, height)
    "anything than nothing": ((WITHOUT, 2), (NO, 0), None),
    "victims than none, whatever the height": ((PREEMPTING, 2), (WITHOUT, 0), None),
    "by default fitting by a loan than preempting": ((FITTING, 2), (PREEMPTING, 0), BORROWING_FIRST),
    "by default reclaiming than preempting, whatever the height": ((RECLAIMING, 2), (PREEMPTING, 0), BORROWING_FIRST),
    "by default the lower height of the same": ((FITTING, 1), (FITTING, 2), BORROWING_FIRST),
    "if preferred preempting than a loan": ((PREEMPTING, 0), (FITTING, 1), PREEMPTION_FIRST),
    "if preferred the better way at the same height": ((RECLAIMING, 1), (PREEMPTING, 1), PREEMPTION_FIRST),
}


@pytest.mark.parametrize(("better", "worse", "preference"), BETTER.values(), ids=BETTER)
def test_better(better: tuple[int, int], worse: tuple[int, int], preference: FungibilityPreference | None) -> None:
    for each in [preference] if preference else list(FungibilityPreference):
        over_borrowing = each == PREEMPTION_FIRST
        assert is_preferred(*better, *worse, over_borrowing)
        assert not is_preferred(*worse, *better, over_borrowing)
        assert not is_preferred(*better, *better, over_borrowing)

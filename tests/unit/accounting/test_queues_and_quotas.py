"""Who borrows from whom, who is first in line, and how near each limit is."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from allotment.accounting.cohort_trees import QueueLoan
from allotment.accounting.queue_use import QueueUse, queue_standings
from allotment.accounting.quota_use import QuotaAlarm, QuotaLayer, QuotaUse, UsePace, quota_uses
from allotment.model.observed.base import Condition, ObjectMeta
from allotment.model.observed.index import Index
from allotment.model.observed.namespaced import QuotaStatus, ResourceQuota
from allotment.model.observed.queueing import (
    AdmissionOf,
    ClusterQueue,
    FlavorUsage,
    LocalQueue,
    LocalQueueSpec,
    PendingOrder,
    PendingWorkload,
    PodSetAssigned,
    QueueStatus,
    ReclaimablePods,
    UsageOf,
    Workload,
    WorkloadPodSet,
    WorkloadSpec,
    WorkloadStatus,
)
from allotment.model.observed.snapshot import Gap
from allotment.observe.anonymous import hidden_workload
from tests.unit.accounting.scenes import GPU, moment_of
from tests.unit.accounting.test_books import cohort, queue


def holds(queue_name: str, devices: int) -> Workload:
    given = PodSetAssigned(flavors={GPU: "gpu"}, resource_usage={GPU: str(devices)})
    return Workload(
        metadata=ObjectMeta(name=f"w-{queue_name}", namespace="team", uid=f"w-{queue_name}"),
        status=WorkloadStatus(
            admission=AdmissionOf(cluster_queue=queue_name, pod_set_assignments=(given,)),
            conditions=(Condition(type="QuotaReserved", status="True"),),
        ),
    )


def waits(name: str, priority: int, created: str) -> Workload:
    return Workload(
        metadata=ObjectMeta(name=name, namespace="team", uid=name, creation_timestamp=created),
        spec=WorkloadSpec(queue_name="main", priority=priority),
    )


def index_of(*queues: ClusterQueue, **more: Any) -> Index:
    return Index(moment_of(0, cluster_queues=queues, **more).sources[0])


SHARED = cohort("all", "3")

LOANS = {
    "nobody borrows": (index_of(queue("a", "4"), queue("b", "4"), workloads=[holds("a", 4)]), []),
    "one from one": (
        index_of(queue("a", "4"), queue("b", "4"), workloads=[holds("a", 6)]),
        [QueueLoan("a", "b", 2)],
    ),
    "in proportion to what is unused": (
        index_of(queue("a", "0"), queue("b", "6"), queue("c", "4", lend="2"), workloads=[holds("a", 4)]),
        [QueueLoan("a", "b", 3), QueueLoan("a", "c", 1)],
    ),
    "from the cohort's own first": (
        index_of(queue("a", "1"), queue("b", "4"), cohorts=(SHARED,), workloads=[holds("a", 5)]),
        [QueueLoan("a", "cohort/all", 3), QueueLoan("a", "b", 1)],
    ),
    "a cohort that is called as a queue is": (
        index_of(queue("a", "1"), queue("all", "4"), cohorts=(SHARED,), workloads=[holds("a", 5)]),
        [QueueLoan("a", "cohort/all", 3), QueueLoan("a", "all", 1)],
    ),
    "of two borrowers each what it borrows": (
        index_of(
            *(queue(name, "0") for name in ("a", "b")),
            *(queue(name, "1") for name in ("x", "y")),
            workloads=[holds("a", 1), holds("b", 1)],
        ),
        [QueueLoan("a", "x", 1), QueueLoan("b", "y", 1)],
    ),
    "of its own cohort before the one above": (
        index_of(
            *(queue(name, nominal, cohort="near") for name, nominal in (("a", "0"), ("b", "2"))),
            queue("c", "9", cohort="far"),
            cohorts=(cohort("near", "0", "top"), cohort("far", "0", "top")),
            workloads=[holds("a", 3)],
        ),
        [QueueLoan("a", "b", 2), QueueLoan("a", "c", 1)],
    ),
    "of another cohort what that one lends": (
        index_of(
            queue("a", "0", cohort="near"),
            queue("c", "9", cohort="far"),
            cohorts=(cohort("near", "0", "top"), cohort("far", "0", "top", lend="2")),
            workloads=[holds("a", 3)],
        ),
        [QueueLoan("a", "c", 2)],
    ),
    "not out of another cohort": (
        index_of(queue("a", "0"), queue("b", "4", cohort="other"), workloads=[holds("a", 2)]),
        [],
    ),
}


@pytest.mark.parametrize(("index", "loans"), LOANS.values(), ids=LOANS)
def test_loans(index: Index, loans: list[QueueLoan]) -> None:
    found = [loan for each in queue_standings(index) for use in each.uses for loan in use.lenders]

    assert found == loans


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=5))
def test_what_is_lent_is_what_is_borrowed_as_far_as_anybody_can_lend(quotas: list[tuple[int, int]]) -> None:
    queues = [queue(f"q{at}", str(nominal)) for at, (nominal, _) in enumerate(quotas)]
    index = index_of(*queues, workloads=[holds(f"q{at}", used) for at, (_, used) in enumerate(quotas) if used])
    uses = [use for each in queue_standings(index) for use in each.uses if use.resource == GPU]
    borrowed, lent = sum(use.borrowed for use in uses), sum(use.lent for use in uses)
    spare = sum(max(0, nominal - used) for nominal, used in quotas)

    assert lent == min(borrowed, spare) == sum(loan.amount for use in uses for loan in use.lenders)
    assert all(0 <= use.lent <= max(0, use.nominal - use.used) for use in uses)


NESTED = {"top": "", "near": "top", "far": "top", "deep": "far"}
AMOUNTS = st.integers(0, 9)
LIMITS = st.none() | AMOUNTS


@given(
    st.dictionaries(st.sampled_from([*NESTED]), st.tuples(AMOUNTS, LIMITS)),
    st.lists(st.tuples(st.sampled_from([*NESTED]), AMOUNTS, LIMITS, AMOUNTS), min_size=1, max_size=6),
)
def test_of_nested_cohorts_nobody_lends_more_than_it_may(
    cohorts: dict[str, tuple[int, int | None]], queues: list[tuple[str, int, int | None, int]]
) -> None:
    """What is on loan is all that is borrowed, but for what the whole tree has too little."""

    def written(limit: int | None) -> str | None:
        return None if limit is None else str(limit)

    index = index_of(
        *(queue(f"q{at}", str(own), cohort=of, lend=written(lend)) for at, (of, own, lend, _) in enumerate(queues)),
        cohorts=[
            cohort(name, str(own), above, written(lend) if above else None)
            for name, above in NESTED.items()
            for own, lend in [cohorts.get(name, (0, None))]
        ],
        workloads=[holds(f"q{at}", used) for at, (*_, used) in enumerate(queues) if used],
    )
    found = [use for each in queue_standings(index) for use in each.uses if use.resource == GPU]
    loans = [loan for use in found for loan in use.lenders]

    def inside(name: str) -> set[str]:
        below = {name} | {each for each, above in NESTED.items() if above == name}
        below |= {each for each, above in NESTED.items() if above in below}
        return {f"q{at}" for at, (of, *_) in enumerate(queues) if of in below} | {f"cohort/{each}" for each in below}

    for name in NESTED:
        ours, lend = inside(name), cohorts.get(name, (0, None))[1]
        gone = sum(loan.amount for loan in loans if loan.lender in ours and loan.borrower not in ours)
        assert lend is None or name == "top" or gone <= lend
    for use in found:
        (_, own, lend, used) = queues[int(use.queue[1:])]
        assert use.lent <= min(max(0, own - used), own if lend is None else lend)
        assert sum(loan.amount for loan in use.lenders) <= use.borrowed
    missing, _ = standing("top", cohorts, queues)
    assert sum(use.borrowed for use in found) - sum(loan.amount for loan in loans) == max(0, missing)


def standing(
    name: str, cohorts: dict[str, tuple[int, int | None]], queues: list[tuple[str, int, int | None, int]]
) -> tuple[int, int]:
    """What is used of a cohort beyond what it has, and what it has, as Kueue sums it (KEP-79)."""
    own = cohorts.get(name, (0, None))[0]
    below = [(nominal, lend, used) for of, nominal, lend, used in queues if of == name]
    for each, above in NESTED.items():
        if above == name:
            missing, quota = standing(each, cohorts, queues)
            below.append((quota, cohorts.get(each, (0, None))[1], quota + missing))
    kept = [0 if lend is None else max(0, quota - lend) for quota, lend, _ in below]
    quota = own + sum(each - local for (each, *_), local in zip(below, kept, strict=True))
    return sum(max(0, used - local) for (*_, used), local in zip(below, kept, strict=True)) - quota, quota


def test_the_most_of_a_queue_knows_what_cohorts_lend() -> None:
    """Its own cohort's lending limit is about others; another's bounds what comes of it."""
    index = index_of(
        queue("a", "4", cohort="near"),
        queue("b", "8", cohort="far"),
        cohorts=(cohort("near", "10", "top", lend="4"), cohort("far", "0", "top", lend="1")),
    )
    assert {use.queue: use.limit for use in gpu_uses(index)} == {"a": 4 + 10 + 1, "b": 8 + 4}


def test_where_workloads_may_not_be_read_use_is_what_the_queue_says() -> None:
    told = QueueStatus(flavors_reservation=(FlavorUsage(name="gpu", resources=(UsageOf(name=GPU, total="6"),)),))
    borrower = msgspec.structs.replace(queue("a", "4"), status=told)
    index = index_of(borrower, queue("b", "4"), gaps=(Gap(what="workloads", reason="forbidden"),))
    used = {use.queue: (use.used, use.lenders) for use in gpu_uses(index)}
    assert used == {"a": (6, (QueueLoan("a", "b", 2),)), "b": (0, ())}


def test_pods_that_are_over_hold_no_quota() -> None:
    (held,) = (holds("a", 8),)
    part = msgspec.structs.replace(held.status, reclaimable_pods=(ReclaimablePods(name="main", count=3),))
    partly = msgspec.structs.replace(held, spec=WorkloadSpec(pod_sets=(WorkloadPodSet(count=4),)), status=part)
    for told in (partly, hidden_workload(partly, "hidden-workload-1", {}, "")):
        (use,) = gpu_uses(index_of(queue("a", "8"), workloads=[told]))
        assert use.used == 2


def gpu_uses(index: Index) -> list[QueueUse]:
    return [use for each in queue_standings(index) for use in each.uses if use.resource == GPU]


@pytest.mark.parametrize(
    ("order", "head"),
    [
        pytest.param((), "team/urgent", id="the highest priority, then the oldest"),
        pytest.param(
            (PendingOrder(cluster_queue="a", items=(PendingWorkload(name="young", namespace="team"),)),),
            "team/young",
            id="as the visibility API says",
        ),
    ],
)
def test_the_head_of_the_line(order: tuple[PendingOrder, ...], head: str) -> None:
    local = LocalQueue(metadata=ObjectMeta(name="main", namespace="team"), spec=LocalQueueSpec(cluster_queue="a"))
    index = index_of(
        queue("a", "4"),
        local_queues=(local,),
        workloads=[
            waits("old", 1, "2026-01-01T00:00:00Z"),
            waits("urgent", 9, "2026-01-03T00:00:00Z"),
            waits("young", 9, "2026-01-04T00:00:00Z"),
        ],
    )

    (standing,) = queue_standings(Index(msgspec.structs.replace(index.source, order=order)))

    assert (standing.head, standing.pending) == (head, 3)


def test_who_waits_is_who_kueue_counts() -> None:
    """Seven wait: three have reached the queue, and its status says so."""
    held = LocalQueueSpec(cluster_queue="a", stop_policy="Hold")
    locals_ = [
        LocalQueue(metadata=ObjectMeta(name=name, namespace="team"), spec=spec)
        for name, spec in (("main", LocalQueueSpec(cluster_queue="a")), ("paused", held))
    ]

    def sent_to(name: str, local: str, **status: Any) -> Workload:
        return Workload(
            metadata=ObjectMeta(name=name, namespace="team", uid=name),
            spec=WorkloadSpec(queue_name=local),
            status=WorkloadStatus(**status),
        )

    mismatched = Condition(
        type="QuotaReserved", status="False", message="workload namespace doesn't match ClusterQueue selector"
    )
    on_hold = Condition(type="QuotaReserved", status="False", reason="OnHold")
    sent_back = Condition(type="Requeued", status="False", reason="Preempted")
    index = index_of(
        queue("a", "4"),
        local_queues=tuple(locals_),
        workloads=[
            sent_to("tried", "main"),
            sent_to("of another namespace", "main", conditions=(mismatched,)),
            sent_to("backs off", "main", conditions=(sent_back,)),
            sent_to("kept by its job", "main", conditions=(on_hold,)),
            sent_to("held", "paused"),
            sent_to("held too", "paused"),
            sent_to("lost", "no such queue"),
        ],
    )

    (standing,) = queue_standings(index)

    assert (standing.pending, standing.held_back) == (3, 2)


def use(used: int, limit: int) -> QuotaUse:
    return QuotaUse("dev", QuotaLayer.NAMESPACE, "team", "requests.nvidia.com/gpu", used, limit)


@pytest.mark.parametrize(
    ("used", "limit", "alarm"),
    [
        (0, 0, QuotaAlarm.NONE),
        (1, 0, QuotaAlarm.STOP),
        (59, 100, QuotaAlarm.NONE),
        (60, 100, QuotaAlarm.INCREASE),
        (3, 5, QuotaAlarm.INCREASE),
        (79, 100, QuotaAlarm.INCREASE),
        (4, 5, QuotaAlarm.WARNING),
        (94, 100, QuotaAlarm.WARNING),
        (19, 20, QuotaAlarm.STOP),
        (7, 5, QuotaAlarm.STOP),
    ],
)
def test_alarms_hold_from_their_percentage_on(used: int, limit: int, alarm: QuotaAlarm) -> None:
    assert use(used, limit).alarm is alarm


def test_a_limit_that_is_reached_is_not_one_job_away() -> None:
    assert [use(used, 100).words for used in (0, 99, 100)] == ["", "one job from the stop", "nothing is left"]


HOUR = 3_600_000


@pytest.mark.parametrize(
    ("course", "hours"),
    [
        pytest.param([0, 2, 4, 6], 2, id="two an hour, four are left"),
        pytest.param([6, 4, 2, 0], None, id="it falls"),
        pytest.param([5, 5, 5, 5], None, id="it stands"),
        pytest.param([5], None, id="one moment has no pace"),
        pytest.param([10, 12], 0, id="full already"),
    ],
)
def test_the_date_at_this_pace(course: list[int], hours: int | None) -> None:
    pace = UsePace()
    for hour, used in enumerate(course):
        pace.add(hour * HOUR, [use(used, 10)])
    now = (len(course) - 1) * HOUR

    assert pace.full_at(use(course[-1], 10), now) == (None if hours is None else now + hours * HOUR)


def test_the_layers_sum_a_team_and_count_what_a_queue_can_borrow() -> None:
    quotas = tuple(
        ResourceQuota(
            metadata=ObjectMeta(name=name, namespace="team"),
            status=QuotaStatus(hard={"requests.cpu": hard}, used={"requests.cpu": "3"}),
        )
        for name, hard in (("wide", "8"), ("tight", "4"))
    )
    index = index_of(queue("a", "4", borrow="3"), queue("b", "8", lend="2"), quotas=quotas, workloads=[holds("a", 6)])
    found = {(each.layer, each.name, each.resource): (each.used, each.limit) for each in quota_uses(index)}

    assert found[QuotaLayer.NAMESPACE, "team", "requests.cpu"] == (3000, 4000), "the tightest of two binds"
    assert found[QuotaLayer.TEAM, "nlp", "requests.cpu"] == (3000, 4000)
    assert found[QuotaLayer.QUEUE, "a/gpu", GPU] == (6, 6), "4, and the 2 that b lends"

"""What an emptied cluster refuses, and nothing else, is hopeless."""

from dataclasses import replace

import pytest
from hypothesis import given, settings

from allotment.scheduling.queueing.inputs import ClusterState, EngineSettings, PodSet, Workload
from allotment.scheduling.queueing.reasons import Cause
from allotment.simulation.environment import simulate
from allotment.simulation.hopeless import refused_by_emptied, softened
from allotment.simulation.present import WaitReason
from allotment.simulation.scenario import Arrival, Scenario
from tests.by_day import by_day
from tests.unit.scheduling.queueing.states import cohort, queue, state, workload
from tests.unit.scheduling.queueing.worlds import worlds


def _pods(*sizes: int) -> Workload:
    parts = tuple(PodSet(f"part{place}", 1, (("cpu", size),)) for place, size in enumerate(sizes))
    return replace(workload("w", "q", 0), pod_sets=parts)


CASES: dict[str, tuple[ClusterState, Workload, Cause | None]] = {
    "all of the queue": (state(queue("q")), workload("w", "q", 10), None),
    "one more than the queue has": (state(queue("q")), workload("w", "q", 11), Cause.EXCEEDS_MAX_QUOTA),
    "what the cohort lends": (
        state(queue("q", 4, cohort="c"), queue("lender", 6, cohort="c"), cohorts=(cohort("c"),)),
        workload("w", "q", 10),
        None,
    ),
    "more than may be borrowed": (
        state(queue("q", 4, cohort="c", borrowing=5), queue("lender", 6, cohort="c"), cohorts=(cohort("c"),)),
        workload("w", "q", 10),
        Cause.EXCEEDS_MAX_QUOTA,
    ),
    "the second flavor takes it": (
        state(queue("q", 4, flavors=("small", "large")), flavors=("small", "large")),
        _pods(4, 4),
        None,
    ),
    "a resource that nothing covers": (
        state(queue("q")),
        replace(workload("w", "q", 1), pod_sets=(PodSet("main", 1, (("nvidia.com/gpu", 1),)),)),
        Cause.NO_MATCHING_FLAVOR,
    ),
    "a smaller job is enough": (state(queue("q")), workload("w", "q", 4, count=4, min_count=2), None),
    "a stopped queue": (state(queue("q", stopped=True)), workload("w", "q", 1), Cause.QUEUE_STOPPED),
}


@pytest.mark.parametrize(("cluster", "job", "cause"), CASES.values(), ids=CASES)
def test_case(cluster: ClusterState, job: Workload, cause: Cause | None) -> None:
    found = refused_by_emptied(cluster, EngineSettings(), (job,))
    assert {name: reason.cause for name, reason in found.items()} == ({} if cause is None else {"w": cause})


def test_twins_are_tried_once_and_both_told() -> None:
    cluster = state(queue("q"))
    jobs = [workload(name, "q", cpu) for name, cpu in (("big", 11), ("fits", 10), ("twin", 11), ("bigger", 12))]
    found = refused_by_emptied(cluster, EngineSettings(), jobs)
    assert set(found) == {"big", "twin", "bigger"}
    assert found["twin"] is found["big"]
    assert "current podset request (12m) > maximum capacity (10m)" in found["bigger"].message


@given(worlds())
@settings(max_examples=by_day(60))
def test_hopeless_is_what_never_starts_alone(world: Scenario) -> None:
    """The same said by a simulation of each workload alone."""
    jobs = [arrival.workload for arrival in world.arrivals]
    found = refused_by_emptied(world.state, world.settings, jobs)
    for job in jobs[:4]:
        alone = replace(world, arrivals=(Arrival(job, 0, 10),), events=(), node_failures=None)
        assert bool(simulate(alone).pending) is (job.name in found)


def test_a_job_that_only_waits_is_not_said_to_exceed_anything() -> None:
    said = WaitReason(Cause.EXCEEDS_MAX_QUOTA, "as Kueue says it")
    assert softened(said) == WaitReason(Cause.WAITING_FOR_QUOTA, "as Kueue says it")
    behind = WaitReason(Cause.BEHIND_EQUAL_SHAPE, "")
    assert softened(behind) is behind

"""The shapes of Kueue's own performance generator, as scenarios (shared/data/kueue_golden/README.md).

Times are nanoseconds. Every queue gets the same classes of workloads; creation times are spaced by class and made
distinct by the workload's global index, so that nothing ties.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from allotment.scheduling.queueing.inputs import (
    ClusterQueue,
    ClusterState,
    EngineSettings,
    FlavorQuotas,
    PodSet,
    PreemptionPolicy,
    ResourceFlavor,
    ResourceGroup,
    ResourceQuota,
    Workload,
)
from allotment.simulation.outcome import Admitted, Decision, Evicted
from allotment.simulation.scenario import Arrival, Assumptions, Scenario

_MS = 1_000_000
_SECOND = 1_000_000_000


@dataclass(frozen=True, slots=True)
class WorkloadClass:
    """Workloads of one size: how many a queue gets, CPUs, run time, priority and spacing (ms)."""

    name: str
    count: int
    cpu: int
    runtime_ms: int
    priority: int
    interval_ms: int


@dataclass(frozen=True, slots=True)
class Shape:
    """A generator shape: cohorts of equal queues, and the classes every queue gets."""

    name: str
    cohorts: int
    queues_per_cohort: int
    classes: tuple[WorkloadClass, ...]
    nominal_cpu: int = 20
    borrowing_cpu: int = 100
    fair_sharing: bool = False


BASELINE = Shape(
    "baseline",
    cohorts=5,
    queues_per_cohort=6,
    classes=(
        WorkloadClass("small", 350, 1, 200, 50, 100),
        WorkloadClass("medium", 100, 5, 500, 100, 500),
        WorkloadClass("large", 50, 20, 1000, 200, 1200),
    ),
)
BASELINE_FAIR = replace(BASELINE, name="baseline-fair", fair_sharing=True)
LARGE_SCALE = Shape(
    "large-scale",
    cohorts=10,
    queues_per_cohort=100,
    classes=(
        WorkloadClass("small", 35, 1, 150, 50, 60),
        WorkloadClass("medium", 11, 5, 350, 100, 300),
        WorkloadClass("large", 4, 20, 700, 200, 700),
    ),
)
SMALL_2CQ = Shape(
    "small_2cq",
    cohorts=1,
    queues_per_cohort=2,
    classes=(
        WorkloadClass("small", 20, 1, 200, 50, 100),
        WorkloadClass("medium", 5, 5, 500, 100, 500),
        WorkloadClass("large", 3, 20, 1000, 200, 1200),
    ),
)


def golden_scenario(shape: Shape) -> Scenario:
    """The scenario of a shape under the generator's assumptions.

    No latencies, one wake-up timer for all queues. A timer due at an instant fires before the instant's finishes, so
    that these start the next one; the fair-sharing counts depend on it.
    """
    queues = [
        (f"cq-{cohort}-{queue}", f"cohort-{cohort}")
        for cohort in range(shape.cohorts)
        for queue in range(shape.queues_per_cohort)
    ]
    quota = ResourceQuota(nominal=shape.nominal_cpu * 1000, borrowing_limit=shape.borrowing_cpu * 1000)
    group = ResourceGroup(("cpu",), (FlavorQuotas("rf", (("cpu", quota),)),))
    return Scenario(
        id=shape.name,
        kind="golden",
        state=ClusterState(
            flavors=(ResourceFlavor("rf"),),
            cluster_queues=tuple(
                ClusterQueue(
                    name,
                    (group,),
                    cohort=cohort,
                    within_cluster_queue=PreemptionPolicy.LOWER_PRIORITY,
                    reclaim_within_cohort=PreemptionPolicy.ANY,
                )
                for name, cohort in queues
            ),
        ),
        settings=EngineSettings(fair_sharing=shape.fair_sharing),
        assumptions=Assumptions(wakeup_delay=_SECOND, shared_wakeup=True, wakeups_first=True),
        arrivals=tuple(_arrivals(shape, [name for name, _ in queues])),
    )


def _arrivals(shape: Shape, queues: list[str]) -> Iterator[Arrival]:
    index = 0
    for queue in queues:
        for each in shape.classes:
            pod_requests = (("cpu", each.cpu * 1000),)
            for number in range(each.count):
                created = (number + 1) * each.interval_ms * _MS + index
                workload = Workload(
                    name=f"{each.name}-{number}",
                    uid=f"{index:08d}",
                    cluster_queue=queue,
                    priority=each.priority,
                    queued_since=created,
                    pod_sets=(PodSet("main", 1, pod_requests),),
                )
                yield Arrival(workload, created, each.runtime_ms * _MS)
                index += 1


def golden_lines(decisions: Iterable[Decision]) -> Iterator[str]:
    """Admissions and evictions as lines of the recorded CSV, header first."""
    yield "t_ns,cycle,event,cluster_queue,workload"
    for each in decisions:
        if isinstance(each, Admitted | Evicted):
            event = "admit" if isinstance(each, Admitted) else "evict"
            yield f"{each.t},{each.cycle},{event},{each.cluster_queue},{each.workload}"

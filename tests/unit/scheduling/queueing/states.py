"""Short builders for engine inputs: one flavor `f`, resource `cpu` unless said otherwise."""

from typing import Any

from allotment.scheduling.queueing.inputs import (
    ClusterQueue,
    ClusterState,
    Cohort,
    EngineSettings,
    FlavorQuotas,
    PodSet,
    PreemptionPolicy,
    ResourceFlavor,
    ResourceGroup,
    ResourceQuota,
    Workload,
)
from allotment.simulation.scenario import Arrival, Assumptions, Scenario


def group(
    nominal: int, borrowing: int | None = None, lending: int | None = None, flavors: tuple[str, ...] = ("f",)
) -> ResourceGroup:
    quota = ResourceQuota(nominal, borrowing, lending)
    return ResourceGroup(("cpu",), tuple(FlavorQuotas(name, (("cpu", quota),)) for name in flavors))


def queue(name: str, nominal: int = 10, *, cohort: str | None = None, **changes: Any) -> ClusterQueue:
    limits = {"borrowing": changes.pop("borrowing", None), "lending": changes.pop("lending", None)}
    flavors = changes.pop("flavors", ("f",))
    return ClusterQueue(name, (group(nominal, **limits, flavors=flavors),), cohort=cohort, **changes)


def cohort(name: str, nominal: int = 0, *, parent: str | None = None, **limits: Any) -> Cohort:
    groups = (group(nominal, **limits),) if nominal or limits else ()
    return Cohort(name, parent, groups)


def state(*queues: ClusterQueue, cohorts: tuple[Cohort, ...] = (), flavors: tuple[str, ...] = ("f",)) -> ClusterState:
    return ClusterState(tuple(ResourceFlavor(name) for name in flavors), queues, cohorts)


def workload(
    name: str,
    cluster_queue: str,
    cpu: int,
    *,
    priority: int = 0,
    since: int = 0,
    min_count: int | None = None,
    count: int = 1,
) -> Workload:
    pods = PodSet("main", count, (("cpu", cpu),), min_count=min_count)
    return Workload(name, f"u-{name}", cluster_queue, priority, since, (pods,))


def scenario(
    cluster: ClusterState,
    *arrivals: tuple[Workload, int],
    settings: EngineSettings | None = None,
    latency: int = 0,
) -> Scenario:
    """Workloads arrive at their queue-order time and run as long as given."""
    return Scenario(
        "test",
        "test",
        cluster,
        settings or EngineSettings(),
        Assumptions(1000, latency, idle_cycles=4, max_cycles_per_instant=400, max_cycles_total=3000),
        tuple(Arrival(each, each.queued_since, runtime) for each, runtime in arrivals),
    )


def endless() -> ClusterState:
    """Under fair sharing a 5-CPU job in q1 and a 4-CPU job in q0, both of priority 5, preempt each other for ever.

    q1 must borrow for its job and reclaims anything; its victim returns with the smaller share and takes it back.
    """
    return state(
        queue("q0", 2, cohort="c", reclaim_within_cohort=PreemptionPolicy.LOWER_PRIORITY),
        queue(
            "q1",
            4,
            cohort="c",
            within_cluster_queue=PreemptionPolicy.LOWER_PRIORITY,
            reclaim_within_cohort=PreemptionPolicy.ANY,
        ),
    )

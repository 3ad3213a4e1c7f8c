"""Random worlds: cohort trees, flavors, topologies, gangs, partial admission, fair sharing, a cluster that changes."""

from __future__ import annotations

from hypothesis import strategies as st

from allotment.scheduling.queueing.domains.forest import HOSTNAME
from allotment.scheduling.queueing.inputs import (
    ClusterQueue,
    ClusterState,
    Cohort,
    EngineSettings,
    FlavorQuotas,
    FungibilityPolicy,
    Node,
    PodSet,
    PreemptionPolicy,
    QueueingStrategy,
    ResourceFlavor,
    ResourceGroup,
    ResourceQuota,
    Topology,
    TopologyRequest,
    Workload,
)
from allotment.simulation.events import (
    UNLIMITED,
    Cordon,
    Event,
    Eviction,
    NodeDown,
    NodeDrain,
    NodeUp,
    QuotaChange,
    StopChange,
    StopPolicy,
    Uncordon,
)
from allotment.simulation.scenario import Arrival, Assumptions, Scenario

LIMIT = st.sampled_from([None, None, None, 0, 2, 4, 6])
WITHIN = st.sampled_from(
    [PreemptionPolicy.LOWER_PRIORITY, PreemptionPolicy.LOWER_OR_NEWER_EQUAL_PRIORITY, PreemptionPolicy.NEVER]
)
RECLAIM = st.sampled_from([PreemptionPolicy.ANY, PreemptionPolicy.LOWER_PRIORITY, PreemptionPolicy.NEVER])
STOPS = (StopPolicy.NONE, StopPolicy.HOLD, StopPolicy.HOLD_AND_DRAIN)
TREES = (
    (),
    (Cohort("top"),),
    (Cohort("top"), Cohort("left", "top"), Cohort("right", "top")),
)
NEAR = (
    TopologyRequest(required="rack"),
    TopologyRequest(required=HOSTNAME),
    TopologyRequest(preferred="rack"),
    TopologyRequest(unconstrained=True),
)
ABOVE_HOSTS = (TopologyRequest(required="rack"), TopologyRequest(unconstrained=True))


@st.composite
def _quota(draw: st.DrawFn, largest: int, *, limits: bool) -> ResourceQuota:
    nominal = draw(st.sampled_from([0, largest // 2, largest // 2 + 1, largest - 1, largest]))
    return ResourceQuota(nominal, draw(LIMIT), draw(LIMIT)) if limits else ResourceQuota(nominal)


@st.composite
def _groups(draw: st.DrawFn, flavors: tuple[str, ...], largest: int, *, limits: bool) -> tuple[ResourceGroup, ...]:
    quotas = tuple(FlavorQuotas(name, (("cpu", draw(_quota(largest, limits=limits))),)) for name in flavors)
    return (ResourceGroup(("cpu",), quotas),)


@st.composite
def _queue(
    draw: st.DrawFn, name: str, cohorts: tuple[Cohort, ...], flavors: tuple[str, ...], largest: int
) -> ClusterQueue:
    above = draw(st.sampled_from([each.name for each in cohorts])) if cohorts else None
    return ClusterQueue(
        name,
        draw(_groups(flavors[: draw(st.integers(1, len(flavors)))], largest, limits=above is not None)),
        cohort=above,
        strategy=draw(st.sampled_from([QueueingStrategy.BEST_EFFORT_FIFO, QueueingStrategy.STRICT_FIFO])),
        within_cluster_queue=draw(WITHIN),
        reclaim_within_cohort=draw(RECLAIM),
        when_can_borrow=draw(st.sampled_from(FungibilityPolicy)),
        when_can_preempt=draw(st.sampled_from(FungibilityPolicy)),
        fair_weight=draw(st.sampled_from([1.0, 1.0, 2.0, 0.0])),
    )


@st.composite
def _nodes(draw: st.DrawFn) -> tuple[Node, ...]:
    """Racks of two hosts; `pods` is short as well."""
    return tuple(
        Node(
            f"n{number}",
            (("rack", f"r{number // 2}"), (HOSTNAME, f"n{number}")),
            (("cpu", draw(st.sampled_from([0, 3, 4, 6]))), ("pods", draw(st.sampled_from([2, 9])))),
        )
        for number in range(draw(st.integers(2, 5)))
    )


@st.composite
def clusters(draw: st.DrawFn, *, topology: bool) -> ClusterState:
    """With a topology one flavor, quota for more than the nodes hold, and only then nodes."""
    shape = draw(st.sampled_from(TREES))
    flavors = ("f",) if topology else ("f", "g")
    largest = 14 if topology else 8
    cohorts = tuple(
        Cohort(each.name, each.parent, draw(_groups(flavors, 4, limits=each.parent is not None)))
        if draw(st.booleans())
        else each
        for each in shape
    )
    names = [f"q{number}" for number in range(draw(st.integers(1, 3)))]
    queues = tuple(draw(_queue(name, cohorts, flavors, largest)) for name in names)
    if not topology:
        return ClusterState(tuple(ResourceFlavor(name) for name in flavors), queues, cohorts)
    levels = draw(st.sampled_from([("rack", HOSTNAME), ("rack", HOSTNAME), ("rack",)]))
    return ClusterState((ResourceFlavor("f", topology="t"),), queues, cohorts, (Topology("t", levels),), draw(_nodes()))


@st.composite
def _workload(draw: st.DrawFn, number: int, cluster: ClusterState) -> Workload:
    """A gang of up to two PodSets; one alone may be admitted in part."""
    near: tuple[TopologyRequest | None, ...] = (None,)
    if cluster.topologies:
        near = NEAR if HOSTNAME in cluster.topologies[0].levels else ABOVE_HOSTS
    parts = draw(st.sampled_from([1, 1, 2]))
    pod_sets = []
    for part in range(parts):
        count = draw(st.sampled_from([1, 1, 2, 3]))
        least = draw(st.sampled_from([None, None, 1, 2])) if parts == 1 else None
        pod_sets.append(
            PodSet(
                f"part{part}",
                count,
                (("cpu", draw(st.sampled_from([1, 2, 2, 3]))),),
                min_count=least if least is not None and least < count else None,
                topology=draw(st.sampled_from(near)),
            )
        )
    return Workload(
        f"w{number}",
        f"u{draw(st.integers(0, 9))}-{number}",
        draw(st.sampled_from([each.name for each in cluster.cluster_queues])),
        draw(st.sampled_from([0, 0, 5, 10])),
        number * 10 + draw(st.integers(0, 9)),
        tuple(pod_sets),
    )


@st.composite
def events(draw: st.DrawFn, cluster: ClusterState, workloads: int) -> tuple[Event, ...]:
    """What happens to this cluster while jobs come: no two at the same time."""
    kinds = ["quota", "quota", "evict", "stop"]
    if cluster.nodes:
        kinds = ["down", "drain", "down", "up", "cordon", "uncordon", *kinds]
    chosen: list[Event] = []
    for number in range(draw(st.integers(0, 5))):
        t = number * 25 + draw(st.integers(0, 24))
        kind = draw(st.sampled_from(kinds))
        grace = draw(st.sampled_from([None, 0, 12]))
        node = draw(st.sampled_from(cluster.nodes)).name if cluster.nodes else ""
        queue = draw(st.sampled_from(cluster.cluster_queues))
        if kind == "quota":
            limit = draw(st.sampled_from([None, UNLIMITED, 0, 3])) if queue.cohort else None
            chosen.append(QuotaChange(t, queue.name, False, "f", "cpu", draw(st.integers(0, 9)), limit, limit))
        elif kind == "stop":
            chosen.append(
                StopChange(
                    t,
                    queue.name,
                    draw(st.sampled_from(STOPS)),
                    grace,
                )
            )
        elif kind == "evict":
            chosen.append(Eviction(t, f"w{draw(st.integers(0, workloads - 1))}", grace))
        elif kind == "drain":
            chosen.append(NodeDrain(t, node, grace))
        else:
            chosen.append({"down": NodeDown, "up": NodeUp, "cordon": Cordon, "uncordon": Uncordon}[kind](t, node))
    return tuple(chosen)


@st.composite
def worlds(draw: st.DrawFn, *, topology: bool | None = None, changing: bool | None = None) -> Scenario:
    """A whole scenario; None leaves it to chance whether there is a topology, and whether the cluster changes."""
    cluster = draw(clusters(topology=draw(st.booleans()) if topology is None else topology))
    workloads = [draw(_workload(number, cluster)) for number in range(draw(st.integers(1, 9)))]
    happens = draw(st.booleans()) if changing is None else changing
    burst = draw(st.sampled_from([1, 45]))  # heads of several queues meet in one cycle where jobs come together
    return Scenario(
        "world",
        "world",
        cluster,
        EngineSettings(fair_sharing=draw(st.booleans())),
        Assumptions(
            20,
            draw(st.sampled_from([0, 0, 15])),
            4,
            40,
            200,
            not_ready_toleration=30,
            node_replacement=draw(st.booleans()),
        ),
        tuple(Arrival(each, -(-each.queued_since // burst) * burst, draw(st.integers(1, 150))) for each in workloads),
        draw(events(cluster, len(workloads))) if happens else (),
    )

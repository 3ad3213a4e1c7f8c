"""Reads a scenario (a parsed JSON object of the corpus format) into engine inputs.

Scenario units: times in milliseconds, `cpu` in millicores, `memory` in MiB, everything else in units.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from allotment.errors import InputError
from allotment.model.cluster import Taint, TaintEffect
from allotment.model.quantity import MIB
from allotment.scenarios.event_shapes import UNLIMITED_WORD
from allotment.scheduling.kinds import Operator, Requirement, Toleration
from allotment.scheduling.queueing.inputs import (
    ClusterQueue,
    ClusterState,
    Cohort,
    EngineSettings,
    FairStrategy,
    FlavorQuotas,
    FungibilityPolicy,
    FungibilityPreference,
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
    Drain,
    Event,
    Eviction,
    NodeDown,
    NodeUp,
    QuotaChange,
    StopChange,
    StopPolicy,
    Uncordon,
)
from allotment.simulation.scenario import Arrival, Environment, NodeFailures, Scenario

_VERSION: Final = re.compile(r"(?<![\w.])v?(\d+\.\d+)(?![\d])")
_IMPATIENT = ("0.17", "0.18")
"""Kueue versions that take a node for lost 30 s after it stopped being ready, not when its pods are evicted."""
JsonObject = Mapping[str, Any]


def read_scenario(raw: JsonObject) -> Scenario:
    """Scenario from its parsed JSON; recorded answers in it are ignored.

    Raises:
        InputError: a field is missing or has a value outside the format.
    """
    try:
        return _scenario(raw)
    except (KeyError, ValueError, TypeError, AttributeError) as problem:
        raise InputError(
            f"scenario {raw.get('id', '?')} cannot be read",
            why=f"what is there does not fit: {problem}",
            fix="compare the line with the scenario format's field list",
        ) from problem


def _scenario(raw: JsonObject) -> Scenario:
    env = raw["env"]
    version = _version(raw.get("kueue", ""))
    fair = raw.get("fairSharing") or {}
    return Scenario(
        id=raw["id"],
        kind=raw.get("class", ""),
        state=ClusterState(
            flavors=tuple(_flavor(each) for each in raw["flavors"]),
            cluster_queues=tuple(_cluster_queue(each) for each in raw["clusterQueues"]),
            cohorts=tuple(_cohort(each) for each in raw.get("cohorts") or ()),
            topologies=tuple(Topology(each["name"], tuple(each["levels"])) for each in raw.get("topologies") or ()),
            nodes=tuple(_node(each) for each in raw.get("nodes") or ()),
        ),
        settings=EngineSettings(
            fair_sharing=bool(fair.get("enabled", False)),
            fair_strategies=tuple(FairStrategy(each) for each in fair.get("preemptionStrategies") or ()),
            version=version,
        ),
        environment=Environment(
            wakeup_delay=env["wakeupDelay"],
            eviction_latency=env["evictionLatency"],
            idle_cycles=env["idleCycles"],
            max_cycles_per_instant=env["maxCyclesPerInstant"],
            max_cycles_total=env["maxCyclesTotal"],
            not_ready_toleration=env.get("notReadyToleration", 30_000 if version in _IMPATIENT else 300_000),
            node_replacement=env.get("nodeReplacement", True),
            status_delay=env.get("statusDelay", 0),
        ),
        arrivals=tuple(read_arrival(each) for each in raw["workloads"]),
        events=tuple(_EVENTS[each["kind"]](each) for each in raw.get("events") or ()),
        node_failures=_node_failures(raw.get("nodeFailures")),
    )


def _node_failures(raw: JsonObject | None) -> NodeFailures | None:
    return None if raw is None else NodeFailures(raw["meanBetween"], raw["meanRepair"], raw["until"])


def _version(text: str) -> str:
    """Minor version out of a text such as "main@ff69 (v0.20.0-devel, …)"; the newest if there is none."""
    found = _VERSION.search(text)
    return EngineSettings().version if found is None else found[1]


def _pairs(raw: Mapping[str, str] | None) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((raw or {}).items()))


def _amount(resource: str, amount: int) -> int:
    return amount * MIB if resource == "memory" else amount


def _amounts(raw: Mapping[str, int] | None) -> tuple[tuple[str, int], ...]:
    return tuple((name, _amount(name, amount)) for name, amount in sorted((raw or {}).items()))


def _taints(raw: Sequence[JsonObject] | None) -> tuple[Taint, ...]:
    return tuple(Taint(each["key"], each.get("value", ""), TaintEffect(each["effect"])) for each in raw or ())


def _tolerations(raw: Sequence[JsonObject] | None) -> tuple[Toleration, ...]:
    return tuple(
        Toleration(
            each.get("key", ""),
            exists=each.get("operator") == "Exists",
            value=each.get("value", ""),
            effect=TaintEffect(each["effect"]) if each.get("effect") else None,
        )
        for each in raw or ()
    )


def _flavor(raw: JsonObject) -> ResourceFlavor:
    return ResourceFlavor(
        name=raw["name"],
        node_labels=_pairs(raw.get("nodeLabels")),
        taints=_taints(raw.get("taints")),
        tolerations=_tolerations(raw.get("tolerations")),
        topology=raw.get("topology"),
    )


def _quota(resource: str, raw: JsonObject) -> ResourceQuota:
    borrowing, lending = raw.get("borrowingLimit"), raw.get("lendingLimit")
    return ResourceQuota(
        nominal=_amount(resource, raw["nominal"]),
        borrowing_limit=None if borrowing is None else _amount(resource, borrowing),
        lending_limit=None if lending is None else _amount(resource, lending),
    )


def _groups(raw: Sequence[JsonObject] | None) -> tuple[ResourceGroup, ...]:
    return tuple(
        ResourceGroup(
            covered_resources=tuple(group["coveredResources"]),
            flavors=tuple(
                FlavorQuotas(
                    flavor["flavor"],
                    tuple((name, _quota(name, quota)) for name, quota in flavor["resources"].items()),
                )
                for flavor in group["flavors"]
            ),
        )
        for group in raw or ()
    )


def _cohort(raw: JsonObject) -> Cohort:
    return Cohort(
        name=raw["name"],
        parent=raw.get("parent") or None,
        resource_groups=_groups(raw.get("resourceGroups")),
        fair_weight=float(raw.get("fairWeight", 1)),
    )


def _fungibility(word: str) -> FungibilityPolicy:
    """The words of v1beta1, Borrow and Preempt, are MayStopSearch's old names."""
    return FungibilityPolicy.MAY_STOP_SEARCH if word in {"Borrow", "Preempt"} else FungibilityPolicy(word)


def _cluster_queue(raw: JsonObject) -> ClusterQueue:
    preemption = raw.get("preemption") or {}
    borrow = preemption.get("borrowWithinCohort") or {}
    fungibility = raw.get("flavorFungibility") or {}
    return ClusterQueue(
        name=raw["name"],
        resource_groups=_groups(raw["resourceGroups"]),
        cohort=raw.get("cohort") or None,
        strategy=QueueingStrategy(raw.get("queueingStrategy", "BestEffortFIFO")),
        within_cluster_queue=PreemptionPolicy(preemption.get("withinClusterQueue", "Never")),
        reclaim_within_cohort=PreemptionPolicy(preemption.get("reclaimWithinCohort", "Never")),
        borrow_within_cohort=PreemptionPolicy(borrow.get("policy", "Never")),
        max_priority_threshold=borrow.get("maxPriorityThreshold"),
        when_can_borrow=_fungibility(fungibility.get("whenCanBorrow", "MayStopSearch")),
        when_can_preempt=_fungibility(fungibility.get("whenCanPreempt", "TryNextFlavor")),
        preference=FungibilityPreference(fungibility.get("preference") or "BorrowingOverPreemption"),
        fair_weight=float(raw.get("fairWeight", 1)),
    )


def _node(raw: JsonObject) -> Node:
    return Node(raw["name"], _pairs(raw.get("labels")), _amounts(raw["allocatable"]), _taints(raw.get("taints")))


def _topology_request(raw: JsonObject | None) -> TopologyRequest | None:
    if raw is None:
        return None
    return TopologyRequest(
        required=raw.get("required"),
        preferred=raw.get("preferred"),
        unconstrained=bool(raw.get("unconstrained", False)),
        slice_level=raw.get("podSetSliceRequiredTopology"),
        slice_size=raw.get("podSetSliceSize"),
        group=raw.get("podSetGroupName"),
    )


def _affinity(raw: Sequence[Sequence[JsonObject]] | None) -> tuple[tuple[Requirement, ...], ...]:
    return tuple(
        tuple(Requirement(each["key"], Operator(each["operator"]), tuple(each.get("values", ()))) for each in term)
        for term in raw or ()
    )


def _pod_set(raw: JsonObject) -> PodSet:
    return PodSet(
        name=raw["name"],
        count=raw["count"],
        requests=_amounts(raw.get("requests")),
        min_count=raw.get("minCount"),
        node_selector=_pairs(raw.get("nodeSelector")),
        required_affinity=_affinity(raw.get("requiredAffinity")),
        tolerations=_tolerations(raw.get("tolerations")),
        topology=_topology_request(raw.get("topologyRequest")),
    )


def completed(workload: JsonObject) -> JsonObject:
    """A further workload with what may be left out: `uid` (its name), `priority` (0), `createdAt` (0)."""
    return {"uid": workload.get("name", ""), "priority": 0, "createdAt": 0, **workload}


def read_arrival(raw: JsonObject) -> Arrival:
    """One entry of `workloads`, whose shape was checked."""
    workload = Workload(
        name=raw["name"],
        uid=raw["uid"],
        cluster_queue=raw["clusterQueue"],
        priority=raw["priority"],
        queued_since=raw["createdAt"],
        pod_sets=tuple(_pod_set(each) for each in raw["podSets"]),
    )
    return Arrival(workload, raw.get("queuedAt", raw["createdAt"]), raw["runtime"])


def _quota_change(raw: JsonObject) -> QuotaChange:
    def limit(field: str) -> int | None:
        value = raw.get(field)
        if value is None:
            return None
        return UNLIMITED if value == UNLIMITED_WORD else _amount(raw["resource"], value)

    return QuotaChange(
        t=raw["t"],
        owner=raw["cohort"] if "cohort" in raw else raw["clusterQueue"],
        of_cohort="cohort" in raw,
        flavor=raw["flavor"],
        resource=raw["resource"],
        nominal=limit("nominal"),
        borrowing_limit=limit("borrowingLimit"),
        lending_limit=limit("lendingLimit"),
    )


_EVENTS: Final[Mapping[str, Callable[[JsonObject], Event]]] = {
    "nodeDown": lambda raw: NodeDown(raw["t"], raw["node"]),
    "nodeUp": lambda raw: NodeUp(raw["t"], raw["node"]),
    "cordon": lambda raw: Cordon(raw["t"], raw["node"]),
    "uncordon": lambda raw: Uncordon(raw["t"], raw["node"]),
    "drain": lambda raw: Drain(raw["t"], raw["node"], raw.get("grace")),
    "evict": lambda raw: Eviction(raw["t"], raw["workload"], raw.get("grace")),
    "quota": _quota_change,
    "stopPolicy": lambda raw: StopChange(raw["t"], raw["clusterQueue"], StopPolicy(raw["policy"]), raw.get("grace")),
}

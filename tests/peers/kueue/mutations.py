"""Recorded scenarios, changed at random: near what the corpus covers, but not in it. Pure."""

from __future__ import annotations

import copy
from random import Random
from typing import Any

from tests.peers.kueue.scenarios import PRIORITIES, RECLAIM, STRATEGIES, THRESHOLDS, WEIGHTS, WITHIN

Scenario = dict[str, Any]
_RECORDED = ("decisions", "pending", "pendingLog", "stats")


def mutated(recorded: Scenario, seed: int) -> Scenario:
    """The inputs of a recorded scenario with other jobs, policies, quotas or sharing."""
    rng = Random(f"mutated-{seed}")
    scenario = {key: copy.deepcopy(value) for key, value in recorded.items() if key not in _RECORDED}
    scenario["id"] = f"{recorded['id']}-mutated-{seed}"
    scenario["cohorts"] = scenario.get("cohorts") or []
    scenario["env"].update(maxCyclesPerInstant=60, maxCyclesTotal=800)
    for change, chance in (
        (_other_jobs, 0.8),
        (_other_order, 0.4),
        (_other_policies, 0.5),
        (_other_quotas, 0.5),
        (_other_sharing, 0.25),
        (_other_latency, 0.2),
    ):
        if rng.random() < chance:
            change(scenario, rng)
    return scenario


def _other_jobs(scenario: Scenario, rng: Random) -> None:
    workloads = scenario["workloads"]
    names = [each["name"] for each in scenario["clusterQueues"]]
    for workload in workloads:
        if rng.random() < 0.3:
            workload["clusterQueue"] = rng.choice(names)
        if rng.random() < 0.3:
            workload["priority"] = rng.choice(PRIORITIES)
        if rng.random() < 0.3:
            workload["podSets"] = copy.deepcopy(rng.choice(workloads)["podSets"])
        if rng.random() < 0.3:
            workload["runtime"] = rng.randint(500, 60_000)


def _other_order(scenario: Scenario, rng: Random) -> None:
    """Creation times and UIDs change hands; no job enters its queue before it is created."""
    workloads = scenario["workloads"]
    for key in ("createdAt", "uid"):
        values = [each[key] for each in workloads]
        rng.shuffle(values)
        for workload, value in zip(workloads, values, strict=True):
            workload[key] = value
    for workload in workloads:
        workload["queuedAt"] = max(workload["createdAt"], workload.get("queuedAt", 0))


def _other_policies(scenario: Scenario, rng: Random) -> None:
    for queue in scenario["clusterQueues"]:
        if rng.random() < 0.5:
            reclaim = rng.choice(RECLAIM)
            queue["preemption"] = {"withinClusterQueue": rng.choice(WITHIN), "reclaimWithinCohort": reclaim}
            if reclaim != "Never" and not scenario["fairSharing"]["enabled"] and rng.random() < 0.5:
                borrow: dict[str, Any] = {"policy": "LowerPriority"}
                if rng.random() < 0.6:
                    borrow["maxPriorityThreshold"] = rng.choice(THRESHOLDS)
                queue["preemption"]["borrowWithinCohort"] = borrow
        if rng.random() < 0.4:
            borrow, preempt = (rng.choice(("MayStopSearch", "TryNextFlavor")) for _ in range(2))
            queue["flavorFungibility"] = {"whenCanBorrow": borrow, "whenCanPreempt": preempt}
            if borrow == preempt == "TryNextFlavor" and rng.random() < 0.7:
                preference = rng.choice(("BorrowingOverPreemption", "PreemptionOverBorrowing"))
                queue["flavorFungibility"]["preference"] = preference
        if rng.random() < 0.2:
            queue["queueingStrategy"] = rng.choice(("StrictFIFO", "BestEffortFIFO"))


def _other_quotas(scenario: Scenario, rng: Random) -> None:
    for owner in scenario["clusterQueues"] + scenario["cohorts"]:
        inside = owner.get("cohort") or owner.get("parent")
        for group in owner.get("resourceGroups") or ():
            if rng.random() < 0.2:
                rng.shuffle(group["flavors"])
            for flavor in group["flavors"]:
                for quota in flavor["resources"].values():
                    _other_quota(quota, rng, limits=bool(inside))


def _other_quota(quota: dict[str, Any], rng: Random, *, limits: bool) -> None:
    if rng.random() < 0.3:
        quota["nominal"] = quota["nominal"] * rng.choice((0, 1, 1, 2, 3)) // 2
    if limits and rng.random() < 0.2:
        quota["borrowingLimit"] = max(1, quota["nominal"]) * rng.choice((0, 1, 2)) // 2
    if limits and rng.random() < 0.2:
        quota["lendingLimit"] = quota["nominal"] * rng.choice((0, 1, 2)) // 2
    if rng.random() < 0.2:
        quota.pop(rng.choice(("borrowingLimit", "lendingLimit")), None)
    if quota.get("lendingLimit") is not None:
        quota["lendingLimit"] = min(quota["lendingLimit"], quota["nominal"])


def _other_sharing(scenario: Scenario, rng: Random) -> None:
    fair = not scenario["fairSharing"]["enabled"] or rng.random() < 0.5
    scenario["fairSharing"] = {"enabled": fair}
    strategies = rng.choice(STRATEGIES)
    if fair and strategies is not None:
        scenario["fairSharing"]["preemptionStrategies"] = strategies
    for owner in scenario["clusterQueues"] + scenario["cohorts"]:
        if fair and rng.random() < 0.5:
            owner["fairWeight"] = rng.choice(WEIGHTS)
        if fair:
            owner.get("preemption", {}).pop("borrowWithinCohort", None)


def _other_latency(scenario: Scenario, rng: Random) -> None:
    scenario["env"]["evictionLatency"] = rng.choice((0, 500, 1500, 3000, 10_000))

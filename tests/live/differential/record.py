"""What was done to a scenario on the live system, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.live.differential.shrinking import Scenario

MOST_ACTIONS = 15
"""Careless policies preempt in endless loops; here a loop ends."""

PENDING = "pending"
FINISHED = "finished"
EVICTED = "evicted"
RUNNING = "running"

Domains = list[tuple[list[str], int]]
"""Topology domains, by their values from the widest level on, and the pods in each."""

Shown = dict[str, str]
"""A text per workload, by name; the same text on both sides means the same decision."""


@dataclass(slots=True)
class Record:
    """One scenario's course on the live system.

    Attributes:
        actions: (verb, workload): `create`, `finish`, and `release`, which ends an eviction.
        states: after each action, what every existing workload is.
        messages: after each action, why each pending workload waits, as Kueue tells; empty if it was never tried.
        uids, created, reserved: by workload: UID, creation and (per action) quota reservation in seconds.
    """

    scenario: Scenario
    prefix: str
    actions: list[tuple[str, str]] = field(default_factory=list)
    states: list[Shown] = field(default_factory=list)
    messages: list[Shown] = field(default_factory=list)
    reserved: list[dict[str, int]] = field(default_factory=list)
    uids: dict[str, str] = field(default_factory=dict)
    created: dict[str, int] = field(default_factory=dict)

    @property
    def nested(self) -> bool:
        """Does a cohort stand in another?"""
        return any("parent" in each for each in self.scenario["cohorts"])


def next_move(record: Record, script: list[list[str]], most: int = MOST_ACTIONS) -> tuple[str, str] | None:
    """End the first eviction, if there is one; else the script's next step that can be done."""
    if len(record.actions) >= most:
        return None
    states = record.states[-1] if record.states else {}
    evicted = sorted(name for name, state in states.items() if state.startswith(EVICTED))
    if evicted:
        return "release", evicted[0]
    while script:
        verb, name = script.pop(0)
        if verb == "create" or states.get(name, "").startswith(RUNNING):
            return verb, name
    return None


def running(pod_sets: list[tuple[str, int, Mapping[str, str], Domains]]) -> str:
    """The text of an admission: name, count and flavor per resource of each PodSet, and its pods by domain."""
    parts = [
        f"{name}*{count}({', '.join(f'{resource}={flavor}' for resource, flavor in sorted(flavors.items()))})"
        + "".join(f" {'/'.join(values)}:{number}" for values, number in sorted(domains))
        for name, count, flavors, domains in pod_sets
    ]
    return f"{RUNNING} {' '.join(parts)}"


def domains_of(assignment: Mapping[str, Any] | None) -> Domains:
    """The domains of a TopologyAssignment, which the API keeps in slices with common prefixes and counts."""
    result: Domains = []
    for part in (assignment or {}).get("slices", ()):
        columns = [_unpacked(level, part["domainCount"]) for level in part["valuesPerLevel"]]
        counts = part["podCounts"]
        numbers = counts.get("individual") or [counts["universal"]] * part["domainCount"]
        result += [(list(values), number) for *values, number in zip(*columns, numbers, strict=True)]
    return result


def _unpacked(level: Mapping[str, Any], count: int) -> list[str]:
    if "universal" in level:
        return [level["universal"]] * count
    each = level["individual"]
    return [f"{each.get('prefix', '')}{root}{each.get('suffix', '')}" for root in each["roots"]]


def condition(workload: Mapping[str, Any], kind: str) -> Mapping[str, Any] | None:
    """A condition of a live Workload, if it is there."""
    conditions = workload.get("status", {}).get("conditions", [])
    return next((each for each in conditions if each["type"] == kind), None)


def holds(workload: Mapping[str, Any], kind: str) -> bool:
    """Is the condition True?"""
    found = condition(workload, kind)
    return found is not None and found["status"] == "True"


def shown(workload: Mapping[str, Any], prefix: str) -> str:
    """The text of a live Workload's state."""
    if holds(workload, "Finished"):
        return FINISHED
    if not holds(workload, "QuotaReserved"):
        return PENDING
    if holds(workload, "Evicted"):
        preempted = condition(workload, "Preempted")
        return f"{EVICTED} {preempted['reason'] if preempted else condition(workload, 'Evicted')['reason']}"  # type: ignore[index]
    mine = f"{prefix}-"
    return running(
        [
            (
                each["name"],
                each.get("count", 0),
                {resource: flavor.removeprefix(mine) for resource, flavor in each.get("flavors", {}).items()},
                [
                    ([value.removeprefix(mine) for value in values], number)
                    for values, number in domains_of(each.get("topologyAssignment"))
                ],
            )
            for each in workload["status"]["admission"]["podSetAssignments"]
        ]
    )

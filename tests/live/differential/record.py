"""What was done to a scenario on the live system, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.live.differential.scenarios import Scenario

PENDING = "pending"
FINISHED = "finished"
EVICTED = "evicted"
RUNNING = "running"

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


def running(pod_sets: list[tuple[str, int, Mapping[str, str]]]) -> str:
    """The text of an admission: name, count and flavor per resource of each PodSet."""
    parts = [
        f"{name}*{count}({', '.join(f'{resource}={flavor}' for resource, flavor in sorted(flavors.items()))})"
        for name, count, flavors in pod_sets
    ]
    return f"{RUNNING} {' '.join(parts)}"


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
            )
            for each in workload["status"]["admission"]["podSetAssignments"]
        ]
    )

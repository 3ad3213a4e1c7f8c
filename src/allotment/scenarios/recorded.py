"""Decisions recorded in a scenario file, read as the course of events they tell of."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from allotment.scenarios import checks
from allotment.scheduling.queueing.inputs import DomainCount, PodSetAdmission
from allotment.simulation.outcome import Admitted, Decision, Evicted, Finished
from allotment.simulation.present import Course

_POD_SET: Final = checks.fields(
    {"name": checks.name, "count": checks.amount, "flavors": checks.by_name(checks.text)},
    {
        "levels": checks.each(checks.name),
        "domains": checks.each(checks.fields({"values": checks.each(checks.text), "count": checks.amount})),
    },
)
_DECISION: Final = checks.fields(
    {"t": checks.amount, "event": checks.name, "workload": checks.name, "clusterQueue": checks.text},
    {"cycle": checks.amount, "podSets": checks.each(_POD_SET), "reason": checks.text, "preemptor": checks.text},
)
_DECISIONS: Final = checks.each(_DECISION)


def recorded_course(data: Mapping[str, Any]) -> Course | None:
    """The decisions recorded in a scenario; None if there are none.

    Raises:
        InputError: they are not of the format; the field is named.
    """
    raw = data.get("decisions")
    if not raw:
        return None
    _DECISIONS(raw, "decisions")
    return Course(tuple(_decisions(sorted(raw, key=lambda each: each["t"]))))


def _decisions(raw: Iterable[Mapping[str, Any]]) -> Iterable[Decision]:
    for one in raw:
        t, cycle, workload, queue = one["t"], one.get("cycle", 0), one["workload"], one["clusterQueue"]
        if one["event"] == "admit":
            yield Admitted(t, cycle, workload, queue, tuple(_pod_set(part) for part in one.get("podSets", ())))
        elif one["event"] == "evict":
            yield Evicted(t, cycle, workload, queue, one.get("reason", ""), one.get("preemptor", ""), t)
        else:
            yield Finished(t, cycle, workload, queue)


def _pod_set(raw: Mapping[str, Any]) -> PodSetAdmission:
    return PodSetAdmission(
        raw["name"],
        raw["count"],
        tuple(sorted(raw["flavors"].items())),
        tuple(raw.get("levels", ())),
        tuple(DomainCount(tuple(part["values"]), part["count"]) for part in raw.get("domains", ())),
    )

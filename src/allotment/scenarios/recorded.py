"""Decisions recorded in a scenario file, read as a decision log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from allotment.scenarios.fields import Amount, Name
from allotment.scenarios.parsing import Fields, SomeFields, parsed
from allotment.scheduling.queueing.inputs import DomainCount, PodSetAdmission
from allotment.simulation.outcome import Admitted, Decision, Evicted, Finished
from allotment.simulation.present import DecisionLog


class _DomainFields(Fields, frozen=True):
    values: tuple[str, ...]
    count: Amount


class _AdmissionFields(Fields, frozen=True):
    name: Name
    count: Amount
    flavors: dict[str, str]
    levels: tuple[Name, ...] = ()
    domains: tuple[_DomainFields, ...] = ()


class _DecisionFields(Fields, frozen=True):
    t: Amount
    event: Name
    workload: Name
    cluster_queue: str
    cycle: Amount = 0
    pod_sets: tuple[_AdmissionFields, ...] = ()
    reason: str = ""
    preemptor: str = ""


class _RecordFields(SomeFields, frozen=True):
    decisions: tuple[_DecisionFields, ...] = ()


def recorded_decisions(data: Mapping[str, Any]) -> DecisionLog | None:
    """The decisions recorded in a scenario; None if there are none.

    Raises:
        InputError: they are not of the format; the field is named.
    """
    if not data.get("decisions"):
        return None
    decisions = parsed({"decisions": data["decisions"]}, _RecordFields).decisions
    return DecisionLog(tuple(_decisions(sorted(decisions, key=lambda each: each.t))))


def _decisions(recorded: Iterable[_DecisionFields]) -> Iterable[Decision]:
    for each in recorded:
        t, cycle, workload, queue = each.t, each.cycle, each.workload, each.cluster_queue
        if each.event == "admit":
            yield Admitted(t, cycle, workload, queue, tuple(_admission(part) for part in each.pod_sets))
        elif each.event == "evict":
            yield Evicted(t, cycle, workload, queue, each.reason, each.preemptor, t)
        else:
            yield Finished(t, cycle, workload, queue)


def _admission(pod_set: _AdmissionFields) -> PodSetAdmission:
    return PodSetAdmission(
        pod_set.name,
        pod_set.count,
        tuple(sorted(pod_set.flavors.items())),
        pod_set.levels,
        tuple(DomainCount(each.values, each.count) for each in pod_set.domains),
    )

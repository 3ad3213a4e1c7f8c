"""What is recorded in a scenario file: looked at whole, and its decisions read as a decision log."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, Literal

from allotment.scenarios.fields import Amount, Name
from allotment.scenarios.parsing import Fields, SomeFields, missing, parsed, unknown_name
from allotment.scheduling.queueing.inputs import DomainCount, PodSetAdmission
from allotment.simulation.outcome import Admitted, Decision, Evicted, Finished
from allotment.simulation.present import DecisionLog
from allotment.simulation.scenario import Scenario


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
    event: Literal["admit", "evict", "finish"]
    workload: Name
    cluster_queue: Name
    cycle: Amount | None = None
    pod_sets: tuple[_AdmissionFields, ...] = ()
    reason: str = ""
    preemptor: str = ""


class _PendingFields(Fields, frozen=True):
    workload: Name
    message: str
    cluster_queue: str = ""
    ever_admitted: bool = False
    queue: str = ""


class _MessageFields(Fields, frozen=True):
    t: Amount
    cycle: Amount
    workload: Name
    message: str


class _StatsFields(SomeFields, frozen=True):
    cycles: Amount = 0


class _RecordFields(SomeFields, frozen=True):
    decisions: tuple[_DecisionFields, ...] = ()
    pending: tuple[_PendingFields, ...] = ()
    pending_log: tuple[_MessageFields, ...] = ()
    stats: _StatsFields = _StatsFields()


_PARTS: Final = ("decisions", "pending", "pendingLog", "stats")


def recorded_decisions(data: Mapping[str, Any], scenario: Scenario) -> DecisionLog | None:
    """The decisions recorded in a scenario; None if there are none.

    Args:
        data: the line.
        scenario: the scenario in it.

    Raises:
        InputError: what is recorded is not of the format, or names what the scenario lacks; the field is named.
    """
    decisions = _record(data, scenario).decisions
    if not decisions:
        return None
    return DecisionLog(tuple(_decisions(sorted(decisions, key=lambda each: each.t))))


def check_comparable(data: Mapping[str, Any], scenario: Scenario) -> None:
    """What is recorded can be compared part by part, decisions cycle by cycle.

    Args:
        data: the line.
        scenario: the scenario in it.

    Raises:
        InputError: as `recorded_decisions`; or a decision has no cycle.
    """
    for index, each in enumerate(_record(data, scenario).decisions):
        if each.cycle is None:
            raise missing(f"decisions[{index}].cycle", "a whole number of at least 0")


def _record(data: Mapping[str, Any], scenario: Scenario) -> _RecordFields:
    record = parsed({part: data[part] for part in _PARTS if part in data}, _RecordFields)
    workloads = frozenset(each.workload.name for each in scenario.arrivals)
    queues = frozenset(each.name for each in scenario.state.cluster_queues)
    for index, decision in enumerate(record.decisions):
        path = f"decisions[{index}]"
        _known(f"{path}.workload", decision.workload, workloads, "workloads")
        _known(f"{path}.clusterQueue", decision.cluster_queue, queues, "clusterQueues")
        if decision.preemptor:
            _known(f"{path}.preemptor", decision.preemptor, workloads, "workloads")
    for index, waiting in enumerate(record.pending):
        _known(f"pending[{index}].workload", waiting.workload, workloads, "workloads")
    for index, said in enumerate(record.pending_log):
        _known(f"pendingLog[{index}].workload", said.workload, workloads, "workloads")
    return record


def _known(path: str, name: str, known: Collection[str], what: str) -> None:
    """A name that the scenario lacks is a mistake: nothing could be said of it, and the answer would change."""
    if name not in known:
        raise unknown_name(path, name, known, what)


def _decisions(recorded: Iterable[_DecisionFields]) -> Iterable[Decision]:
    for each in recorded:
        t, cycle, workload, queue = each.t, each.cycle or 0, each.workload, each.cluster_queue
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

"""Changes of a scenario for a what-if: each is one edit of its JSON, or a policy.

    quota:QUEUE/FLAVOR/RESOURCE=AMOUNT   nominal quota; AMOUNT as Kubernetes writes it; QUEUE may be a cohort
    weight:QUEUE=NUMBER                  weight in fair sharing
    drop-node:NAME                       a node is gone
    policy:NAME                          see `QueuePolicy`
    job:FILE                             further workloads, in the scenario's format

What is given is never changed; an edit returns another scenario.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from allotment.errors import InputError, NotFoundError, UsageError
from allotment.model.quantity import parse_bytes, parse_cpu, parse_quantity
from allotment.scheduling.simulate.policies import QueuePolicy

Json = Mapping[str, Any]
KINDS: Final = ("quota", "weight", "drop-node", "policy", "job")
_MIB: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Change:
    """A change as the user wrote it: ``kind:body``."""

    kind: str
    body: str

    def __str__(self) -> str:
        """As it was written."""
        return f"{self.kind}:{self.body}"


def parse_change(text: str) -> Change:
    """Split a change into its kind and the rest.

    Raises:
        UsageError: there is no such kind.
    """
    kind, colon, body = text.partition(":")
    if not colon or not body or kind not in KINDS:
        raise UsageError(
            f"{text!r} is no change",
            why=f"a change is KIND:…, with one of the kinds {', '.join(KINDS)}",
            fix="write for example quota:nlp/a100-spot/nvidia.com/gpu=16, weight:nlp=2 or drop-node:gpu-7",
        )
    return Change(kind, body)


def policy_of(change: Change) -> QueuePolicy:
    """The policy that a ``policy:`` change names.

    Raises:
        UsageError: there is no such policy.
    """
    try:
        return QueuePolicy(change.body)
    except ValueError:
        raise UsageError(f"{change}: there is no such policy", fix=f"name one of {', '.join(QueuePolicy)}") from None


def edit(data: Json, change: Change) -> Json:
    """The scenario with a quota, a weight or a node changed.

    Raises:
        UsageError: the change cannot be read.
        NotFoundError: what it names is not in the scenario.
    """
    return _EDITS[change.kind](data, change)


def completed(workload: Json) -> Json:
    """A further workload with what may be left out: `uid` (its name), `priority` (0), `createdAt` (0)."""
    return {"uid": workload.get("name", ""), "priority": 0, "createdAt": 0, **workload}


def with_workload(data: Json, workload: Json) -> Json:
    """The scenario with a further workload.

    Raises:
        InputError: its name is taken, or its queue is not in the scenario.
    """
    if any(each["name"] == workload["name"] for each in data["workloads"]):
        raise InputError(f"there is a workload {workload['name']!r} already", fix="give the job another name")
    queues = [queue["name"] for queue in data["clusterQueues"]]
    if workload["clusterQueue"] not in queues:
        raise InputError(f"there is no queue {workload['clusterQueue']!r}", fix=f"the queues are {', '.join(queues)}")
    return {**data, "workloads": [*data["workloads"], workload]}


def _sides(change: Change, example: str) -> tuple[str, str]:
    left, equals, right = change.body.rpartition("=")
    if not equals or not left or not right:
        raise UsageError(f"{change}: no value", fix=f"write for example {example}")
    return left, right


def _quota(data: Json, change: Change) -> Json:
    left, amount = _sides(change, "quota:nlp/a100-spot/nvidia.com/gpu=16")
    parts = left.split("/", 2)
    if len(parts) != 3 or not all(parts):
        raise UsageError(
            f"{change}: a quota is QUEUE/FLAVOR/RESOURCE=AMOUNT", fix="write quota:nlp/a100-spot/nvidia.com/gpu=16"
        )
    owner, flavor, resource = parts
    nominal = _amount(change, resource, amount)
    known: list[str] = []

    def edited(entry: Json) -> Json:
        groups = [
            {**group, "flavors": [_with_nominal(each, flavor, resource, nominal, known) for each in group["flavors"]]}
            for group in entry.get("resourceGroups") or ()
        ]
        return {**entry, "resourceGroups": groups}

    result = _with_entry(data, change, owner, edited)
    if f"{flavor}/{resource}" not in known:
        raise NotFoundError(
            f"{owner} has no quota of {resource} in flavor {flavor}", fix=f"it has {', '.join(known) or 'none'}"
        )
    return result


def _with_nominal(entry: Json, flavor: str, resource: str, nominal: int, known: list[str]) -> Json:
    known.extend(f"{entry['flavor']}/{name}" for name in entry["resources"])
    if entry["flavor"] != flavor or resource not in entry["resources"]:
        return entry
    quota = {**entry["resources"][resource], "nominal": nominal}
    return {**entry, "resources": {**entry["resources"], resource: quota}}


def _amount(change: Change, resource: str, text: str) -> int:
    """In the scenario's units: milli-CPU, MiB, whole units."""
    try:
        if resource == "cpu":
            value = int(parse_cpu(text))
        elif resource == "memory":
            value = int(parse_bytes(text)) // _MIB
        else:
            exact = parse_quantity(text)
            if exact.denominator != 1:
                raise UsageError(f"{change}: {resource} comes in whole units", fix="write a whole number")
            value = int(exact)
    except ValueError as error:
        raise UsageError(f"{change}: {error}", fix="write an amount as Kubernetes does: 16, 500m, 64Gi") from None
    if value < 0:
        raise UsageError(f"{change}: an amount below 0", fix="write an amount of at least 0")
    return value


def _weight(data: Json, change: Change) -> Json:
    owner, text = _sides(change, "weight:nlp=2")
    try:
        weight = float(text)
    except ValueError:
        weight = -1.0
    if not 0 <= weight <= 1_000_000:
        raise UsageError(f"{change}: {text!r} is no weight", fix="write a number from 0 to 1000000")
    return _with_entry(data, change, owner, lambda entry: {**entry, "fairWeight": weight})


def _with_entry(data: Json, change: Change, name: str, edited: Callable[[Json], Json]) -> Json:
    """The scenario with the queue, or else the cohort, of that name edited."""
    for part in ("clusterQueues", "cohorts"):
        entries = data.get(part) or ()
        if any(entry["name"] == name for entry in entries):
            return {**data, part: [edited(entry) if entry["name"] == name else entry for entry in entries]}
    names = [entry["name"] for part in ("clusterQueues", "cohorts") for entry in data.get(part) or ()]
    raise NotFoundError(f"{change}: there is no queue or cohort {name!r}", fix=f"there are {', '.join(names)}")


def _drop_node(data: Json, change: Change) -> Json:
    nodes = data.get("nodes") or ()
    left = [node for node in nodes if node["name"] != change.body]
    if len(left) == len(nodes):
        some = ", ".join(node["name"] for node in nodes[:8])
        raise NotFoundError(
            f"there is no node {change.body!r} in the scenario",
            why="" if nodes else "it has no nodes: its flavors are not topology-aware",
            fix=f"its nodes are {some}" + (" …" if len(nodes) > 8 else "") if nodes else "change a quota instead",
        )
    return {**data, "nodes": left}


_EDITS: Final[Mapping[str, Callable[[Json, Change], Json]]] = {
    "quota": _quota,
    "weight": _weight,
    "drop-node": _drop_node,
}

"""Changes of a scenario for a what-if: each is one edit of its JSON, or a policy.

    quota:QUEUE/FLAVOR/RESOURCE=AMOUNT   nominal quota as a whole, as Kubernetes writes it; QUEUE may be a cohort
    grant:QUEUE/FLAVOR/RESOURCE=+AMOUNT  more of it for a while, see `timed_changes`
    weight:QUEUE=NUMBER                  weight in fair sharing
    hold:QUEUE                           the queue admits nobody for a while
    add-node:NAME=LIKE                   a further node, like one there is
    drop-node:NAME                       a node is gone
    cordon:NAME, drain:NAME, node-down:NAME   a node is away for a while
    policy:NAME                          see `QueuePolicy`
    job:FILE                             further workloads, in the scenario's format

What is given is never changed; an edit returns another scenario.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from allotment.errors import InputError, NotFoundError, UsageError
from allotment.model.quantity import Bytes, MilliCpu, format_bytes, format_cpu, parse_bytes, parse_cpu, parse_whole
from allotment.scenarios.timed_changes import (
    QuotaPlace,
    split_options,
    term_of,
    with_events,
    with_more_quota,
)
from allotment.scheduling.queueing.domains.forest import HOSTNAME
from allotment.simulation.policies import QueuePolicy

Json = Mapping[str, Any]
KINDS: Final = (
    "quota",
    "grant",
    "weight",
    "hold",
    "add-node",
    "drop-node",
    "cordon",
    "drain",
    "node-down",
    "policy",
    "job",
)
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
    """The scenario with a quota, a weight, a queue or a node changed.

    Raises:
        UsageError: the change cannot be read.
        NotFoundError: what it names is not in the scenario.
    """
    return _EDITS[change.kind](data, change)


def setting(data: Json, change: Change) -> str:
    """The quota or the weight that the change is about, as it is in this scenario; empty for other kinds.

    Raises:
        UsageError: the change cannot be read.
        NotFoundError: what it names is not in the scenario.
    """
    match change.kind:
        case "quota":
            place = _place(data, change, _sides(change, _A_QUOTA)[0])
            return _amount_text(place.resource, _nominal(data, place))
        case "weight":
            _, entry = _entry(data, change, _sides(change, _A_WEIGHT)[0])
            return f"{entry.get('fairWeight', 1.0):g}"
        case _:
            return ""


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
    left, amount = _sides(change, _A_QUOTA)
    place = _place(data, change, left)
    if amount[0] in "+-":
        raise _signed(data, change, place, amount)
    nominal = _amount(change, place.resource, amount)

    def edited(entry: Json) -> Json:
        groups = [
            {**group, "flavors": [_with_nominal(each, place, nominal) for each in group["flavors"]]}
            for group in entry.get("resourceGroups") or ()
        ]
        return {**entry, "resourceGroups": groups}

    return _with_entry(data, change, place.owner, edited)


def _signed(data: Json, change: Change, place: QuotaPlace, amount: str) -> UsageError:
    """A sign asks for more or less than now, a quota is what it is then: the answer to one is wrong for the other."""
    now = _nominal(data, place)
    moved = _amount(change, place.resource, amount[1:]) * (-1 if amount[0] == "-" else 1)
    name = f"{place.owner}/{place.flavor}/{place.resource}"
    fixes = [f"write quota:{name}={_amount_text(place.resource, max(0, now + moved))}"]
    if moved > 0:
        fixes.append(f"for a while, grant:{name}={amount}")
    return UsageError(
        f"{change}: a quota is written without a sign",
        why=f"it is the whole of it, not what is added; now it is {_amount_text(place.resource, now)}",
        fix="; or, ".join(fixes),
    )


def _grant(data: Json, change: Change) -> Json:
    body, options = split_options(change.body, ("from", "until", "lender"), str(change))
    left, equals, amount = body.rpartition("=")
    if not equals or not amount.startswith("+"):
        raise UsageError(f"{change}: no amount to add", fix=f"write for example {_A_GRANT}")
    term = term_of(options, str(change))
    place = _place(data, change, left)
    more = _amount(change, place.resource, amount[1:])
    result = with_more_quota(data, place, _nominal(data, place), more, term)
    if "lender" not in options:
        return result
    if options["lender"] == place.owner:
        raise UsageError(f"{change}: {place.owner} would lend to itself", fix="name another lender")
    lender = _place(data, change, f"{options['lender']}/{place.flavor}/{place.resource}")
    return with_more_quota(result, lender, _nominal(data, lender), -more, term)


_A_QUOTA: Final = "quota:nlp/a100-spot/nvidia.com/gpu=16"
_A_GRANT: Final = "grant:nlp/a100-spot/nvidia.com/gpu=+8,from=6h,until=30h"
_A_WEIGHT: Final = "weight:nlp=2"


def _place(data: Json, change: Change, text: str) -> QuotaPlace:
    """``QUEUE/FLAVOR/RESOURCE`` as a quota that is in the scenario."""
    parts = text.split("/", 2)
    if len(parts) != 3 or not all(parts):
        raise UsageError(
            f"{change}: a quota is QUEUE/FLAVOR/RESOURCE=AMOUNT",
            fix=f"write {_A_GRANT if change.kind == 'grant' else _A_QUOTA}",
        )
    owner, flavor, resource = parts
    part, entry = _entry(data, change, owner)
    known = [
        f"{each['flavor']}/{name}"
        for group in entry.get("resourceGroups") or ()
        for each in group["flavors"]
        for name in each["resources"]
    ]
    if f"{flavor}/{resource}" not in known:
        raise NotFoundError(
            f"{owner} has no quota of {resource} in flavor {flavor}", fix=f"it has {', '.join(known) or 'none'}"
        )
    return QuotaPlace(owner, part == "cohorts", flavor, resource)


def _nominal(data: Json, place: QuotaPlace) -> int:
    entries = data["cohorts" if place.of_cohort else "clusterQueues"]
    groups = next(entry for entry in entries if entry["name"] == place.owner)["resourceGroups"]
    flavors = [each for group in groups for each in group["flavors"] if each["flavor"] == place.flavor]
    return int(
        next(each["resources"][place.resource] for each in flavors if place.resource in each["resources"])["nominal"]
    )


def _with_nominal(entry: Json, place: QuotaPlace, nominal: int) -> Json:
    if entry["flavor"] != place.flavor or place.resource not in entry["resources"]:
        return entry
    quota = {**entry["resources"][place.resource], "nominal": nominal}
    return {**entry, "resources": {**entry["resources"], place.resource: quota}}


def _amount(change: Change, resource: str, text: str) -> int:
    """In the scenario's units: milli-CPU, MiB, bytes of storage, whole units."""
    try:
        if text[:1] in ("+", "-"):
            raise ValueError(f"{text!r} has one sign too many")
        if resource == "cpu":
            return int(parse_cpu(text))
        if resource == "memory":
            return int(parse_bytes(text)) // _MIB
        return int(parse_bytes(text)) if resource.startswith(_STORAGE) else parse_whole(text)
    except ValueError as error:
        what = f"{resource} comes in whole units; {error}" if resource not in _WRITTEN else str(error)
        raise UsageError(f"{change}: {what}", fix=_WRITTEN.get(resource, "write a whole number: 16")) from None


_STORAGE: Final = ("ephemeral-storage", "hugepages-")
_WRITTEN: Final = {
    "cpu": "write CPUs as Kubernetes does: 16, 500m",
    "memory": "write an amount as Kubernetes does: 64Gi",
}


def _amount_text(resource: str, value: int) -> str:
    match resource:
        case "cpu":
            return format_cpu(MilliCpu(value))
        case "memory":
            return format_bytes(Bytes(value * _MIB))
        case _:
            return str(value)


def _weight(data: Json, change: Change) -> Json:
    owner, text = _sides(change, _A_WEIGHT)
    try:
        if text[0] == "+":
            raise UsageError(
                f"{change}: a weight is written without a sign",
                why=f"it is the weight itself, not what is added; now it is {setting(data, change)}",
                fix=f"write weight:{owner}={text[1:]}, or the sum",
            )
        weight = float(text)
    except ValueError:
        weight = -1.0
    if not 0 <= weight <= 1_000_000:
        raise UsageError(f"{change}: {text!r} is no weight", fix="write a number from 0 to 1000000")
    return _with_entry(data, change, owner, lambda entry: {**entry, "fairWeight": weight})


def _entry(data: Json, change: Change, name: str) -> tuple[str, Json]:
    """The queue, or else the cohort, of that name, and in which part of the scenario it stands."""
    for part in ("clusterQueues", "cohorts"):
        for entry in data.get(part) or ():
            if entry["name"] == name:
                return part, entry
    names = [entry["name"] for part in ("clusterQueues", "cohorts") for entry in data.get(part) or ()]
    raise NotFoundError(f"{change}: there is no queue or cohort {name!r}", fix=f"there are {', '.join(names)}")


def _with_entry(data: Json, change: Change, name: str, edited: Callable[[Json], Json]) -> Json:
    """The scenario with that queue or cohort edited."""
    part, _ = _entry(data, change, name)
    return {**data, part: [edited(entry) if entry["name"] == name else entry for entry in data[part]]}


def _node(data: Json, name: str) -> Json:
    nodes = data.get("nodes") or ()
    found: Json | None = next((node for node in nodes if node["name"] == name), None)
    if found is None:
        some = ", ".join(node["name"] for node in nodes[:8])
        raise NotFoundError(
            f"there is no node {name!r} in the scenario",
            why="" if nodes else "it has no nodes: its flavors are not topology-aware",
            fix=f"its nodes are {some}" + (" …" if len(nodes) > 8 else "") if nodes else "change a quota instead",
        )
    return found


def _drop_node(data: Json, change: Change) -> Json:
    gone = _node(data, change.body)
    events = [event for event in data.get("events") or () if event.get("node") != change.body]
    return {**data, "nodes": [node for node in data["nodes"] if node is not gone], "events": events}


def _add_node(data: Json, change: Change) -> Json:
    name, like = _sides(change, "add-node:gpu-9=gpu-8")
    model = _node(data, like)
    if any(node["name"] == name for node in data["nodes"]):
        raise InputError(f"{change}: there is a node {name!r} already", fix="give the node another name")
    labels = {
        key: name if key == HOSTNAME and value == like else value for key, value in (model.get("labels") or {}).items()
    }
    return {**data, "nodes": [*data["nodes"], {**model, "name": name, "labels": labels}]}


def _away(first: str, last: str) -> Callable[[Json, Change], Json]:
    """A node is away for a while."""

    def edited(data: Json, change: Change) -> Json:
        name, options = split_options(change.body, ("from", "until"), str(change))
        node = {"node": _node(data, name)["name"]}
        return with_events(data, {"kind": first, **node}, {"kind": last, **node}, term_of(options, str(change)))

    return edited


def _hold(data: Json, change: Change) -> Json:
    name, options = split_options(change.body, ("from", "until"), str(change))
    part, _ = _entry(data, change, name)
    if part == "cohorts":
        raise UsageError(f"{change}: {name} is a cohort", fix="name a queue: only queues can be stopped")
    stop = {"kind": "stopPolicy", "clusterQueue": name}
    return with_events(data, {**stop, "policy": "Hold"}, {**stop, "policy": "None"}, term_of(options, str(change)))


_EDITS: Final[Mapping[str, Callable[[Json, Change], Json]]] = {
    "quota": _quota,
    "grant": _grant,
    "weight": _weight,
    "hold": _hold,
    "add-node": _add_node,
    "drop-node": _drop_node,
    "cordon": _away("cordon", "uncordon"),
    "drain": _away("drain", "uncordon"),
    "node-down": _away("nodeDown", "nodeUp"),
}

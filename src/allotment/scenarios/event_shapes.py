"""The shape of `events[]` in a queueing scenario, and that what they name exists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from allotment.errors import InputError
from allotment.scenarios.checks import Check, amount, by_kind, each, either, fields, name, one_of, wrong

UNLIMITED_WORD: Final = "unlimited"
_QUANTITIES: Final = ("nominal", "borrowingLimit", "lendingLimit")
_LIMIT: Final = either(amount, UNLIMITED_WORD)
_KIND: Final = ("kind",)
_NODE: Final = fields({"t": amount, "node": name}, beside=_KIND)
_SHAPES: Final[Mapping[str, Check]] = {
    "nodeDown": _NODE,
    "nodeUp": _NODE,
    "cordon": _NODE,
    "uncordon": _NODE,
    "drain": fields({"t": amount, "node": name}, {"grace": amount}, beside=_KIND),
    "evict": fields({"t": amount, "workload": name}, {"grace": amount}, beside=_KIND),
    "quota": fields(
        {"t": amount, "flavor": name, "resource": name},
        {
            "clusterQueue": name,
            "cohort": name,
            "nominal": amount,
            "borrowingLimit": _LIMIT,
            "lendingLimit": _LIMIT,
        },
        beside=_KIND,
    ),
    "stopPolicy": fields(
        {"t": amount, "clusterQueue": name, "policy": one_of("None", "Hold", "HoldAndDrain")},
        {"grace": amount},
        beside=_KIND,
    ),
}
EVENTS: Final = each(by_kind(_SHAPES))


def check_event_references(data: Mapping[str, Any]) -> None:
    """Nodes, jobs, queues and quotas that events name are in the scenario.

    Raises:
        InputError: one is not; the field is named.
    """
    known = {
        "node": {node["name"] for node in data.get("nodes", ())},
        "workload": {workload["name"] for workload in data["workloads"]},
        "clusterQueue": {queue["name"] for queue in data["clusterQueues"]},
        "cohort": {cohort["name"] for cohort in data.get("cohorts", ())},
    }
    quotas = {kind: _quotas(data.get(f"{kind}s", ())) for kind in ("clusterQueue", "cohort")}
    for index, event in enumerate(data.get("events", ())):
        path = f"events[{index}]"
        for field, names in known.items():
            if field in event and event[field] not in names:
                raise wrong(f"{path}.{field}", event[field], f"one of the {field}s")
        if event["kind"] == "quota":
            _check_quota(event, path, quotas)


def _check_quota(event: Mapping[str, Any], path: str, quotas: Mapping[str, set[tuple[str, str, str]]]) -> None:
    owners = [kind for kind in quotas if kind in event]
    if len(owners) != 1:
        raise InputError(
            f"{path} names {'both a clusterQueue and a cohort' if owners else 'neither a clusterQueue nor a cohort'}",
            fix="name the one whose quota changes",
        )
    if not any(field in event for field in _QUANTITIES):
        raise InputError(f"{path} changes nothing", fix=f"give one of {', '.join(_QUANTITIES)}")
    owner = event[owners[0]]
    if (owner, event["flavor"], event["resource"]) not in quotas[owners[0]]:
        known = sorted(f"{flavor}/{resource}" for name, flavor, resource in quotas[owners[0]] if name == owner)
        raise InputError(
            f"{path}: {owner} has no quota of {event['resource']} in flavor {event['flavor']}",
            why=f"it has {', '.join(known) or 'none'}",
            fix="name one it has, or give it that one from the start with a nominal quota of 0",
        )


def _quotas(owners: Any) -> set[tuple[str, str, str]]:
    return {
        (owner["name"], flavor["flavor"], resource)
        for owner in owners
        for group in owner.get("resourceGroups", ())
        for flavor in group["flavors"]
        for resource in flavor["resources"]
    }

"""The two scenario formats as shapes, checked before anything is read out of them.

A scenario comes from anybody's file; with its shape checked, the readers behind it need not doubt any type. Fields
that are not named here are left alone. null counts as absent: see `without_nulls`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from allotment.errors import InputError

Check = Callable[[object, str], None]


def _wrong(path: str, value: object, wanted: str) -> InputError:
    shown = repr(value)
    return InputError(
        f"{path or 'the line'} is {shown if len(shown) <= 60 else shown[:59] + '…'}, not {wanted}",
        fix="compare the line with the description of the scenario format",
    )


def _text(value: object, path: str) -> None:
    if not isinstance(value, str):
        raise _wrong(path, value, "text")


def _name(value: object, path: str) -> None:
    if not isinstance(value, str) or not value:
        raise _wrong(path, value, "a name")


def _flag(value: object, path: str) -> None:
    if not isinstance(value, bool):
        raise _wrong(path, value, "true or false")


def _whole(value: object, path: str) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 1 << 62:
        raise _wrong(path, value, "a whole number")


def _amount(value: object, path: str) -> None:
    _whole(value, path)
    if isinstance(value, int) and value < 0:
        raise _wrong(path, value, "a whole number of at least 0")


def _positive(value: object, path: str) -> None:
    _amount(value, path)
    if value == 0:
        raise _wrong(path, value, "a whole number of at least 1")


def _number(value: object, path: str) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value < 1e18:
        raise _wrong(path, value, "a number of at least 0")


def _each(check: Check, *, some: bool = False) -> Check:
    """A list whose items are all like this; with `some`, not an empty one."""

    def checked(value: object, path: str) -> None:
        if not isinstance(value, list) or (some and not value):
            raise _wrong(path, value, "a list that is not empty" if some else "a list")
        for index, item in enumerate(value):
            check(item, f"{path}[{index}]")

    return checked


def _named(check: Check, *, some: bool = False) -> Check:
    """A list of objects no two of which have the same name."""
    listed = _each(check, some=some)

    def checked(value: object, path: str) -> None:
        listed(value, path)
        seen: set[str] = set()
        for index, item in enumerate(value if isinstance(value, list) else ()):
            if item["name"] in seen:
                raise InputError(f"{path}[{index}]: a second {item['name']!r}", fix="give each its own name")
            seen.add(item["name"])

    return checked


def _by_name(check: Check) -> Check:
    """An object with free keys."""

    def checked(value: object, path: str) -> None:
        if not isinstance(value, dict):
            raise _wrong(path, value, "an object")
        for key, item in value.items():
            check(item, f"{path}[{key!r}]")

    return checked


def _fields(required: Mapping[str, Check], optional: Mapping[str, Check] | None = None) -> Check:
    """An object with these fields."""
    may = optional or {}

    def checked(value: object, path: str) -> None:
        if not isinstance(value, dict):
            raise _wrong(path, value, "an object")
        dotted = f"{path}." if path else ""
        for key, check in required.items():
            if key not in value:
                raise InputError(
                    f"{dotted}{key} is missing", fix="compare the line with the description of the scenario format"
                )
            check(value[key], f"{dotted}{key}")
        for key, check in may.items():
            if key in value:
                check(value[key], f"{dotted}{key}")

    return checked


_TEXTS: Final = _by_name(_text)
_AMOUNTS: Final = _by_name(_amount)
_TAINTS: Final = _each(_fields({"key": _name, "effect": _name}, {"value": _text}))
_TOLERATIONS: Final = _each(_fields({}, {"key": _text, "operator": _text, "value": _text, "effect": _text}))
_REQUIREMENTS: Final = _each(_fields({"key": _name, "operator": _name}, {"values": _each(_text)}))

# Queueing

_QUOTA: Final = _fields({"nominal": _amount}, {"borrowingLimit": _amount, "lendingLimit": _amount})
_GROUPS: Final = _each(
    _fields(
        {
            "coveredResources": _each(_name, some=True),
            "flavors": _each(_fields({"flavor": _name, "resources": _by_name(_QUOTA)}), some=True),
        }
    )
)
_POD_SET: Final = _fields(
    {"name": _name, "count": _amount},
    {
        "minCount": _amount,
        "requests": _AMOUNTS,
        "nodeSelector": _TEXTS,
        "requiredAffinity": _each(_REQUIREMENTS),
        "tolerations": _TOLERATIONS,
        "topologyRequest": _fields(
            {},
            {
                "required": _text,
                "preferred": _text,
                "unconstrained": _flag,
                "podSetSliceRequiredTopology": _text,
                "podSetSliceSize": _positive,
                "podSetGroupName": _text,
            },
        ),
    },
)
_WORKLOAD: Final = _fields(
    {
        "name": _name,
        "uid": _text,
        "clusterQueue": _name,
        "priority": _whole,
        "createdAt": _amount,
        "runtime": _amount,
        "podSets": _named(_POD_SET, some=True),
    },
    {"queuedAt": _amount},
)
_CLUSTER_QUEUE: Final = _fields(
    {"name": _name, "resourceGroups": _GROUPS},
    {
        "cohort": _text,
        "queueingStrategy": _text,
        "preemption": _fields(
            {},
            {
                "withinClusterQueue": _text,
                "reclaimWithinCohort": _text,
                "borrowWithinCohort": _fields({}, {"policy": _text, "maxPriorityThreshold": _whole}),
            },
        ),
        "flavorFungibility": _fields({}, {"whenCanBorrow": _text, "whenCanPreempt": _text, "preference": _text}),
        "fairWeight": _number,
    },
)
_STATE: Final[Mapping[str, Check]] = {
    "flavors": _named(
        _fields(
            {"name": _name}, {"nodeLabels": _TEXTS, "taints": _TAINTS, "tolerations": _TOLERATIONS, "topology": _text}
        )
    ),
    "clusterQueues": _named(_CLUSTER_QUEUE),
}
_QUEUEING: Final = _fields(
    {
        "id": _text,
        "env": _fields(
            {
                "wakeupDelay": _amount,
                "evictionLatency": _amount,
                "idleCycles": _positive,
                "maxCyclesPerInstant": _amount,
                "maxCyclesTotal": _amount,
            }
        ),
        **_STATE,
        "workloads": _named(_WORKLOAD),
    },
    {
        "class": _text,
        "kueue": _text,
        "fairSharing": _fields({}, {"enabled": _flag, "preemptionStrategies": _each(_text)}),
        "cohorts": _named(
            _fields({"name": _name}, {"parent": _text, "resourceGroups": _GROUPS, "fairWeight": _number})
        ),
        "topologies": _named(_fields({"name": _name, "levels": _each(_name, some=True)})),
        "nodes": _named(_fields({"name": _name, "allocatable": _AMOUNTS}, {"labels": _TEXTS, "taints": _TAINTS})),
    },
)

# Placement

_SELECTOR: Final = _fields({}, {"matchLabels": _TEXTS, "matchExpressions": _REQUIREMENTS})
_POD_TERM: Final = _fields(
    {"topologyKey": _name},
    {"labelSelector": _SELECTOR, "namespaceSelector": _SELECTOR, "namespaces": _each(_text)},
)
_NODE_TERM: Final = _fields({}, {"matchExpressions": _REQUIREMENTS, "matchFields": _REQUIREMENTS})
_REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED: Final = "preferredDuringSchedulingIgnoredDuringExecution"
_POD_AFFINITY: Final = _fields(
    {},
    {
        _REQUIRED: _each(_POD_TERM),
        _PREFERRED: _each(_fields({"weight": _whole, "podAffinityTerm": _POD_TERM})),
    },
)
_AFFINITY: Final = _fields(
    {},
    {
        "nodeAffinity": _fields(
            {},
            {
                _REQUIRED: _fields({"nodeSelectorTerms": _each(_NODE_TERM)}),
                _PREFERRED: _each(_fields({"weight": _whole, "preference": _NODE_TERM})),
            },
        ),
        "podAffinity": _POD_AFFINITY,
        "podAntiAffinity": _POD_AFFINITY,
    },
)
_POD: Final[Mapping[str, Check]] = {
    "namespace": _name,
    "labels": _TEXTS,
    "requests": _AMOUNTS,
    "priority": _whole,
    "preemptionPolicy": _text,
    "affinity": _AFFINITY,
    "nodeSelector": _TEXTS,
    "tolerations": _TOLERATIONS,
    "hostPorts": _each(_amount),
    "pvc": _name,
    "topologySpreadConstraints": _each(
        _fields(
            {"topologyKey": _name, "maxSkew": _positive, "whenUnsatisfiable": _name},
            {
                "labelSelector": _SELECTOR,
                "minDomains": _positive,
                "nodeAffinityPolicy": _text,
                "nodeTaintsPolicy": _text,
            },
        )
    ),
}
_PLACEMENT: Final = _fields(
    {
        "id": _text,
        "nodes": _named(
            _fields(
                {"name": _name, "allocatable": _AMOUNTS}, {"labels": _TEXTS, "taints": _TAINTS, "unschedulable": _flag}
            ),
            some=True,
        ),
        "pods": _each(_fields({"name": _name}, _POD)),
    },
    {
        "class": _text,
        "existing": _each(_fields({"name": _name, "node": _name, "start": _number}, _POD)),
        "pdbs": _each(
            _fields({"name": _name, "disruptionsAllowed": _whole}, {"selector": _SELECTOR, "namespace": _text})
        ),
        "pvcs": _each(_fields({"name": _name}, {"storageClassName": _text})),
        "storage_classes_immediate": _each(_text),
    },
)


_RUN: Final = _fields(
    {
        "makespanSeconds": _number,
        "utilisation": _by_name(_number),
        "jobs": _each(
            _fields(
                {"job": _name, "queue": _name, "waitSeconds": _number, "evictions": _amount},
                {"startedSeconds": _number},
            )
        ),
    }
)


def check_workload(data: object) -> None:
    """The shape of one entry of `workloads`.

    Raises:
        InputError: it is not of the format; the field is named.
    """
    _WORKLOAD(data, "")


def check_run(data: object) -> None:
    """The shape of a simulation as `allot simulate -o json` writes it.

    Raises:
        InputError: it is not of the format; the field is named.
    """
    _RUN(data, "")


def without_nulls(value: Any) -> Any:
    """The same JSON with every field left out whose value is null: a reader meets absent fields only."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


def check_queueing(data: object) -> None:
    """The shape of a queueing scenario, and that names in it exist.

    Raises:
        InputError: it is not of the format; the field is named.
    """
    _QUEUEING(data, "")
    if isinstance(data, dict):
        _known_references(data)


def check_placement(data: object) -> None:
    """The shape of a placement scenario, and that its pods run on its nodes, each once.

    Raises:
        InputError: it is not of the format; the field is named.
    """
    _PLACEMENT(data, "")
    if not isinstance(data, dict):
        return
    nodes = {node["name"] for node in data["nodes"]}
    seen: set[tuple[str, str]] = set()
    for part in ("existing", "pods"):
        for index, pod in enumerate(data.get(part) or ()):
            if part == "existing" and pod["node"] not in nodes:
                raise _wrong(f"existing[{index}].node", pod["node"], "one of the nodes")
            key = (pod.get("namespace") or "default", pod["name"])
            if key in seen:
                raise InputError(f"{part}[{index}]: a second pod {'/'.join(key)}", fix="give each its own name")
            seen.add(key)


def _known_references(data: Mapping[str, list[Mapping[str, object]]]) -> None:
    queues = {queue["name"] for queue in data["clusterQueues"]}
    for index, workload in enumerate(data["workloads"]):
        if workload["clusterQueue"] not in queues:
            raise _wrong(f"workloads[{index}].clusterQueue", workload["clusterQueue"], "one of the clusterQueues")

"""The two scenario formats as shapes, checked before anything is read out of them.

A scenario comes from anybody's file; with its shape checked, the readers behind it need not doubt any type. Fields
that are not named here are refused, but those whose name begins with `x-`. null counts as absent: see `without_nulls`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from allotment.errors import InputError
from allotment.scenarios.checks import (
    AMOUNTS,
    REQUIREMENTS,
    TAINTS,
    TEXTS,
    TOLERATIONS,
    Check,
    amount,
    by_name,
    each,
    fields,
    flag,
    name,
    named,
    number,
    number_or,
    one_list_of,
    one_of,
    positive,
    text,
    whole,
    wrong,
)
from allotment.scenarios.event_shapes import EVENTS, check_event_references
from allotment.scenarios.queue_checks import check_counts, check_queues

# Queueing

_QUOTA: Final = fields({"nominal": amount}, {"borrowingLimit": amount, "lendingLimit": amount})
_GROUPS: Final = each(
    fields(
        {
            "coveredResources": each(name, some=True),
            "flavors": each(fields({"flavor": name, "resources": by_name(_QUOTA)}), some=True),
        }
    )
)
_POD_SET: Final = fields(
    {"name": name, "count": amount},
    {
        "minCount": amount,
        "requests": AMOUNTS,
        "nodeSelector": TEXTS,
        "requiredAffinity": each(REQUIREMENTS),
        "tolerations": TOLERATIONS,
        "topologyRequest": fields(
            {},
            {
                "required": text,
                "preferred": text,
                "unconstrained": flag,
                "podSetSliceRequiredTopology": text,
                "podSetSliceSize": positive,
                "podSetGroupName": text,
            },
        ),
    },
)
_WORKLOAD: Final = fields(
    {
        "name": name,
        "uid": text,
        "clusterQueue": name,
        "priority": whole,
        "createdAt": amount,
        "runtime": amount,
        "podSets": named(_POD_SET, some=True),
    },
    {"queuedAt": amount},
)
_CLUSTER_QUEUE: Final = fields(
    {"name": name, "resourceGroups": _GROUPS},
    {
        "cohort": text,
        "queueingStrategy": one_of("StrictFIFO", "BestEffortFIFO"),
        "preemption": fields(
            {},
            {
                "withinClusterQueue": one_of("Never", "LowerPriority", "LowerOrNewerEqualPriority"),
                "reclaimWithinCohort": one_of("Never", "LowerPriority", "Any"),
                "borrowWithinCohort": fields(
                    {}, {"policy": one_of("Never", "LowerPriority"), "maxPriorityThreshold": whole}
                ),
            },
        ),
        "flavorFungibility": fields(
            {},
            {
                # The second words are v1beta1's; Kueue takes them as MayStopSearch.
                "whenCanBorrow": one_of("MayStopSearch", "TryNextFlavor", "Borrow"),
                "whenCanPreempt": one_of("MayStopSearch", "TryNextFlavor", "Preempt"),
                "preference": one_of("BorrowingOverPreemption", "PreemptionOverBorrowing", ""),
            },
        ),
        "fairWeight": number,
    },
)
_STRATEGIES: Final = one_list_of(
    ("LessThanOrEqualToFinalShare",),
    ("LessThanInitialShare",),
    ("LessThanOrEqualToFinalShare", "LessThanInitialShare"),
)
"""What Kueue's configuration takes (`pkg/config/validation.go`)."""
_STATE: Final[Mapping[str, Check]] = {
    "flavors": named(
        fields({"name": name}, {"nodeLabels": TEXTS, "taints": TAINTS, "tolerations": TOLERATIONS, "topology": text})
    ),
    "clusterQueues": named(_CLUSTER_QUEUE),
}
_QUEUEING: Final = fields(
    {
        "id": text,
        "env": fields(
            {
                "wakeupDelay": amount,
                "evictionLatency": amount,
                "idleCycles": positive,
                "maxCyclesPerInstant": amount,
                "maxCyclesTotal": amount,
            },
            {"notReadyToleration": amount, "nodeReplacement": flag, "statusDelay": amount},
        ),
        **_STATE,
        "workloads": named(_WORKLOAD),
    },
    {
        "class": text,
        "kueue": text,
        "fairSharing": fields({}, {"enabled": flag, "preemptionStrategies": _STRATEGIES}),
        "cohorts": named(fields({"name": name}, {"parent": text, "resourceGroups": _GROUPS, "fairWeight": number})),
        "topologies": named(fields({"name": name, "levels": each(name, some=True)})),
        "nodes": named(fields({"name": name, "allocatable": AMOUNTS}, {"labels": TEXTS, "taints": TAINTS})),
        "events": EVENTS,
        "nodeFailures": fields({"meanBetween": positive, "meanRepair": positive, "until": amount}),
    },
    beside=("seed", "decisions", "pending", "pendingLog", "stats"),
)

# Placement

_SELECTOR: Final = fields({}, {"matchLabels": TEXTS, "matchExpressions": REQUIREMENTS})
_POD_TERM: Final = fields(
    {"topologyKey": name},
    {"labelSelector": _SELECTOR, "namespaceSelector": _SELECTOR, "namespaces": each(text)},
)
_NODE_TERM: Final = fields({}, {"matchExpressions": REQUIREMENTS, "matchFields": REQUIREMENTS})
_REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED: Final = "preferredDuringSchedulingIgnoredDuringExecution"
_POD_AFFINITY: Final = fields(
    {},
    {
        _REQUIRED: each(_POD_TERM),
        _PREFERRED: each(fields({"weight": whole, "podAffinityTerm": _POD_TERM})),
    },
)
_AFFINITY: Final = fields(
    {},
    {
        "nodeAffinity": fields(
            {},
            {
                _REQUIRED: fields({"nodeSelectorTerms": each(_NODE_TERM)}),
                _PREFERRED: each(fields({"weight": whole, "preference": _NODE_TERM})),
            },
        ),
        "podAffinity": _POD_AFFINITY,
        "podAntiAffinity": _POD_AFFINITY,
    },
)
_HOST_PORT: Final = number_or(fields({"port": amount}, {"protocol": text, "hostIP": text}))
_POD: Final[Mapping[str, Check]] = {
    "namespace": name,
    "labels": TEXTS,
    "requests": AMOUNTS,
    "priority": whole,
    "priorityClassName": text,
    "preemptionPolicy": text,
    "affinity": _AFFINITY,
    "nodeSelector": TEXTS,
    "tolerations": TOLERATIONS,
    "hostPorts": each(_HOST_PORT),
    "images": each(name),
    "pvc": name,
    "topologySpreadConstraints": each(
        fields(
            {"topologyKey": name, "maxSkew": positive, "whenUnsatisfiable": name},
            {
                "labelSelector": _SELECTOR,
                "minDomains": positive,
                "nodeAffinityPolicy": text,
                "nodeTaintsPolicy": text,
                "matchLabelKeys": each(name),
            },
        )
    ),
}
_PLACEMENT: Final = fields(
    {
        "id": text,
        "nodes": named(
            fields(
                {"name": name, "allocatable": AMOUNTS},
                {"labels": TEXTS, "taints": TAINTS, "unschedulable": flag, "images": AMOUNTS},
            ),
            some=True,
        ),
        "pods": each(fields({"name": name}, _POD)),
    },
    {
        "class": text,
        "existing": each(fields({"name": name, "node": name, "start": number}, _POD)),
        "nominated": each(fields({"name": name, "nominatedNodeName": name, "start": number}, _POD)),
        "namespaces": by_name(TEXTS),
        "pdbs": each(fields({"name": name, "disruptionsAllowed": whole}, {"selector": _SELECTOR, "namespace": text})),
        "pvcs": each(fields({"name": name}, {"storageClassName": text, "namespace": name})),
        "storage_classes_immediate": each(text),
    },
    beside=("seed", "kubernetes", "priority_classes", "answers"),
)


def check_workload(data: object) -> None:
    """The shape of one entry of `workloads`.

    Raises:
        InputError: it is not of the format; the field is named.
    """
    _WORKLOAD(data, "")
    if isinstance(data, dict):
        check_counts(data)


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
        check_queues(data)
        _known_references(data)
        check_event_references(data)


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
    for part, field in (("existing", "node"), ("nominated", "nominatedNodeName"), ("pods", "")):
        for index, pod in enumerate(data.get(part) or ()):
            if field and pod[field] not in nodes:
                raise wrong(f"{part}[{index}].{field}", pod[field], "one of the nodes")
            key = (pod.get("namespace") or "default", pod["name"])
            if key in seen:
                raise InputError(f"{part}[{index}]: a second pod {'/'.join(key)}", fix="give each its own name")
            seen.add(key)


def _known_references(data: Mapping[str, list[Mapping[str, object]]]) -> None:
    queues = {queue["name"] for queue in data["clusterQueues"]}
    for index, workload in enumerate(data["workloads"]):
        if workload["clusterQueue"] not in queues:
            raise wrong(f"workloads[{index}].clusterQueue", workload["clusterQueue"], "one of the clusterQueues")

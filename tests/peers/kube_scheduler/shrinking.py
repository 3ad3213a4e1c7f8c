"""Makes a scenario on which both sides differ as small as it gets, so that a person can read it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

Json = dict[str, Any]
Differs = Callable[[list[Json]], list[bool]]

LISTS = ("pods", "existing", "nominated", "nodes", "pdbs")
OPTIONAL = (
    "taints",
    "unschedulable",
    "images",
    "labels",
    "namespace",
    "affinity",
    "tolerations",
    "topologySpreadConstraints",
    "hostPorts",
    "nodeSelector",
    "priority",
    "preemptionPolicy",
    "pvc",
    "requests",
)
_MOST_ROUNDS = 40


def _without(scenario: Json, field: str, first: int, count: int) -> Json:
    smaller = copy.deepcopy(scenario)
    gone = smaller[field][first : first + count]
    del smaller[field][first : first + count]
    if field == "nodes":
        names = {node["name"] for node in gone}
        smaller["existing"] = [pod for pod in smaller["existing"] if pod["node"] not in names]
        waiting = smaller.get("nominated", ())
        smaller["nominated"] = [pod for pod in waiting if pod["nominatedNodeName"] not in names]
    return smaller


def simplifications(scenario: Json) -> Iterator[Json]:
    """Scenarios with something less: halves of lists first, then single entries, then single fields."""
    for field in LISTS:
        size = len(scenario.get(field, ()))
        width = size // 2
        while width >= 1:
            for first in range(0, size, width):
                yield _without(scenario, field, first, width)
            width //= 2
    for field in LISTS:
        for i, item in enumerate(scenario.get(field, ())):
            for name in OPTIONAL:
                if item.get(name):
                    smaller = copy.deepcopy(scenario)
                    smaller[field][i][name] = {} if name == "requests" else None
                    if smaller[field][i][name] is None:
                        del smaller[field][i][name]
                    yield smaller


def shrunk(scenario: Json, differs: Differs) -> Json:
    """The smallest scenario found that still differs.

    Args:
        scenario: one that differs.
        differs: says for each of several scenarios whether it does, in one go.
    """
    for _ in range(_MOST_ROUNDS):
        candidates = list(simplifications({k: v for k, v in scenario.items() if k != "answers"}))
        found = next((c for c, bad in zip(candidates, differs(candidates), strict=True) if bad), None)
        if found is None:
            return scenario
        scenario = found
    return scenario

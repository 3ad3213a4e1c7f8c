"""What pods take, and what Kueue writes down for them. Pure; the second opinion that no code of ours has a part in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from typing import Any

from allotment.model.quantity import parse_quantity

Amounts = dict[str, Fraction]

NOT_COMPARED = frozenset({"pods"})


def total(parts: Iterable[Mapping[str, Fraction]]) -> Amounts:
    result: Amounts = {}
    for part in parts:
        for name, amount in part.items():
            result[name] = result.get(name, Fraction(0)) + amount
    return result


def largest(parts: Iterable[Mapping[str, Fraction]]) -> Amounts:
    result: Amounts = {}
    for part in parts:
        for name, amount in part.items():
            result[name] = max(result.get(name, Fraction(0)), amount)
    return result


def amounts(quantities: Mapping[str, Any] | None) -> Amounts:
    return {name: parse_quantity(str(amount)) for name, amount in (quantities or {}).items()}


def times(number: int, part: Mapping[str, Fraction]) -> Amounts:
    return {name: number * amount for name, amount in part.items()}


def pod_requests(spec: Mapping[str, Any]) -> Amounts:
    """What a pod as the API server stored it requests of a node.

    The rule is PodRequests of k8s.io/component-helpers v0.36 (resource/helpers.go). Containers and sidecars run
    together; an init container runs beside the sidecars that stand before it and nothing else, so the pod needs the
    larger of both. What the pod says as a whole goes before the sum of its containers; the overhead comes on top.
    """
    together = total(_requests(each) for each in spec.get("containers") or ())
    beside: Amounts = {}
    peaks: list[Amounts] = []
    for each in spec.get("initContainers") or ():
        if each.get("restartPolicy") == "Always":
            together = total((together, _requests(each)))
            beside = total((beside, _requests(each)))
            peaks.append(beside)
        else:
            peaks.append(total((beside, _requests(each))))
    whole = largest((together, *peaks)) | amounts((spec.get("resources") or {}).get("requests"))
    return total((whole, amounts(spec.get("overhead"))))


def _requests(container: Mapping[str, Any]) -> Amounts:
    return amounts((container.get("resources") or {}).get("requests"))


def charged(workload: Mapping[str, Any]) -> Amounts:
    """What an admitted Workload holds of its ClusterQueue; nothing while it waits."""
    assignments = (workload.get("status", {}).get("admission") or {}).get("podSetAssignments") or ()
    return total(amounts(each.get("resourceUsage")) for each in assignments)


def taken(pods: Iterable[Mapping[str, Any]]) -> Amounts:
    """What pods that stand on nodes and have not ended hold together."""
    return total(pod_requests(pod["spec"]) for pod in _on_nodes(pods))


def _on_nodes(pods: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    ended = ("Succeeded", "Failed")
    return (pod for pod in pods if pod["spec"].get("nodeName") and pod.get("status", {}).get("phase") not in ended)


def difference(one: Mapping[str, Fraction], other: Mapping[str, Fraction]) -> dict[str, tuple[str, str]]:
    """Where two accounts disagree: (this, that) by resource."""
    names = (set(one) | set(other)) - NOT_COMPARED
    pairs = {name: (one.get(name, Fraction(0)), other.get(name, Fraction(0))) for name in sorted(names)}
    return {name: (str(this), str(that)) for name, (this, that) in pairs.items() if this != that}

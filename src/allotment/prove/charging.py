"""What pods request, and what Kueue charged for them. Pure: two readings of the same work, compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Final

from allotment.model.manifest import Body
from allotment.model.quantity import format_amount, parse_quantity

Amounts = dict[str, Fraction]

_BY_COUNT: Final = "pods"
"""Kueue charges it where a queue covers it; no pod requests it."""


def requested(pods: Iterable[Body]) -> Amounts:
    """What pods request together, as the API server stored them."""
    return _sum(pod_requests(pod["spec"]) for pod in pods)


def charged(workloads: Iterable[Body]) -> Amounts:
    """What admitted Workloads hold of their queues."""
    return _sum(
        _amounts(assignment.get("resourceUsage"))
        for workload in workloads
        for assignment in (workload.get("status", {}).get("admission") or {}).get("podSetAssignments") or ()
    )


def pod_requests(spec: Body) -> Amounts:
    """What a pod requests of a node.

    As PodRequests of k8s.io/component-helpers (resource/helpers.go, v0.36.3) has it: containers and sidecars run side
    by side; an init container runs beside the sidecars before it. What the pod asks for as a whole replaces the sum,
    and the overhead of its runtime comes on top.
    """
    side_by_side = [_of(container) for container in spec.get("containers") or ()]
    before: list[Amounts] = []
    peaks: list[Amounts] = []
    for container in spec.get("initContainers") or ():
        if container.get("restartPolicy") == "Always":
            before.append(_of(container))
            peaks.append(_sum(before))
        else:
            peaks.append(_sum((*before, _of(container))))
    most = _largest((_sum((*side_by_side, *before)), *peaks))
    whole = most | _amounts((spec.get("resources") or {}).get("requests"))
    return _sum((whole, _amounts(spec.get("overhead"))))


def differences(charge: Mapping[str, Fraction], asked: Mapping[str, Fraction]) -> tuple[str, ...]:
    """Where the two disagree, in words; empty if they are one."""
    names = sorted((set(charge) | set(asked)) - {_BY_COUNT})
    pairs = ((name, charge.get(name, Fraction(0)), asked.get(name, Fraction(0))) for name in names)
    return tuple(
        f"{name}: charged {format_amount(one)}, taken {format_amount(other)}"
        for name, one, other in pairs
        if one != other
    )


def told(amounts: Mapping[str, Fraction]) -> str:
    """Amounts in words."""
    return ", ".join(f"{name} {format_amount(amount)}" for name, amount in sorted(amounts.items()) if amount)


def _of(container: Body) -> Amounts:
    return _amounts((container.get("resources") or {}).get("requests"))


def _amounts(quantities: Body | None) -> Amounts:
    return {name: parse_quantity(str(amount)) for name, amount in (quantities or {}).items()}


def _sum(parts: Iterable[Mapping[str, Fraction]]) -> Amounts:
    result: Amounts = {}
    for part in parts:
        for name, amount in part.items():
            result[name] = result.get(name, Fraction(0)) + amount
    return result


def _largest(parts: Iterable[Mapping[str, Fraction]]) -> Amounts:
    result: Amounts = {}
    for part in parts:
        for name, amount in part.items():
            result[name] = max(result.get(name, Fraction(0)), amount)
    return result

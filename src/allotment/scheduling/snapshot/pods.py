"""What a pod asks for in all: containers, init containers, sidecars, overhead and pod-level resources.

As Kubernetes' resource helpers (`PodRequests`) sum it, which kube-scheduler, quotas and Kueue share. A limit without a
request counts as the request: the API server fills it in for pods, Kueue for the templates of a Workload.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from allotment.model.observed.base import Amounts
from allotment.model.observed.pods import PodSpec, Resources
from allotment.scheduling.snapshot.quantities import Billionths, exact, rounded

_POD_LEVEL: Final = ("cpu", "memory")
_HUGE_PAGES: Final = "hugepages-"


def pod_requests(spec: PodSpec) -> dict[str, int]:
    """What one pod asks for, by resource: CPU in milli-CPU, memory in bytes, all else in units; rounded up.

    Args:
        spec: of a pod, or of the template that it is made from.
    """
    return {resource: rounded(resource, amount) for resource, amount in exact_requests(spec).items()}


def exact_requests(spec: PodSpec) -> Billionths:
    """The same before it is rounded."""
    total = _of_containers(spec)
    if spec.resources is not None:
        _set_level(total, spec.resources)
    _add(total, exact(spec.overhead))
    return total


def _of_containers(spec: PodSpec) -> Billionths:
    """The larger of what runs together, and what initialises with the sidecars that have started by then."""
    together: Billionths = {}
    for container in spec.containers:
        _add(together, _asked(container.resources))
    sidecars: Billionths = {}
    initialising: Billionths = {}
    for container in spec.init_containers:
        asked = _asked(container.resources)
        if container.sidecar:
            _add(together, asked)
            _add(sidecars, asked)
            asked = sidecars
        else:
            asked = dict(asked)
            _add(asked, sidecars)
        _raise(initialising, asked)
    _raise(together, initialising)
    return together


def _asked(resources: Resources) -> Billionths:
    if not resources.limits:
        return exact(resources.requests)
    merged: Amounts = {**resources.limits, **resources.requests}
    return exact(merged)


def _set_level(total: Billionths, level: Resources) -> None:
    """A request of the pod stands in place of the containers' sum; its limit alone, only where they ask for nothing."""
    for resource, amount in exact(level.limits).items():
        if _counts_for_pod(resource):
            total.setdefault(resource, amount)
    for resource, amount in exact(level.requests).items():
        if _counts_for_pod(resource):
            total[resource] = amount


def _counts_for_pod(resource: str) -> bool:
    return resource in _POD_LEVEL or resource.startswith(_HUGE_PAGES)


def _add(total: Billionths, more: Mapping[str, int]) -> None:
    for resource, amount in more.items():
        total[resource] = total.get(resource, 0) + amount


def _raise(floor: Billionths, other: Mapping[str, int]) -> None:
    for resource, amount in other.items():
        floor[resource] = max(floor.get(resource, 0), amount)

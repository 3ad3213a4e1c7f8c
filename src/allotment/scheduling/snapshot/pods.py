"""What a pod asks for in all: containers, init containers, sidecars, overhead and pod-level resources.

As Kubernetes' resource helpers (`PodRequests`) sum it, which kube-scheduler, quotas and Kueue share. A limit without a
request counts as the request: the API server fills it in for pods, Kueue for the templates of a Workload. Of the pods
of a cluster most ask for what many others do: each sum is worked out once.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Final, NamedTuple

from allotment.model.observed.base import Amount, Amounts
from allotment.model.observed.pods import PodSpec, Resources
from allotment.scheduling.snapshot.quantities import Billionths, exact, rounded

_POD_LEVEL: Final = ("cpu", "memory")
_HUGE_PAGES: Final = "hugepages-"
_KINDS: Final = 1 << 14
"""Sums that are kept: few clusters have so many kinds of pods."""
Listed = tuple[tuple[str, Amount], ...]
"""Amounts of a list of resources."""


class AskedFor(NamedTuple):
    """All of a pod's spec that decides what it asks for; equal for pods that ask for the same in the same way.

    Attributes:
        containers: requests and limits of each.
        initial: of each init container whether it is a sidecar, its requests and its limits.
        level: requests and limits of the pod as a whole, if it has any.
        overhead: of its RuntimeClass.
    """

    containers: tuple[tuple[Listed, Listed], ...]
    initial: tuple[tuple[bool, Listed, Listed], ...]
    level: tuple[Listed, Listed] | None
    overhead: Listed


def asked_for(spec: PodSpec) -> AskedFor:
    """What decides what a pod asks for.

    Args:
        spec: of a pod, or of the template that it is made from.
    """
    return AskedFor(
        tuple([_listed(each.resources) for each in spec.containers]),
        tuple([(each.sidecar, *_listed(each.resources)) for each in spec.init_containers]),
        None if spec.resources is None else _listed(spec.resources),
        tuple(spec.overhead.items()),
    )


def _listed(resources: Resources) -> tuple[Listed, Listed]:
    return tuple(resources.requests.items()), tuple(resources.limits.items())


def pod_requests(spec: PodSpec) -> dict[str, int]:
    """What one pod asks for, by resource: CPU in milli-CPU, memory in bytes, all else in units; rounded up.

    Args:
        spec: of a pod, or of the template that it is made from.
    """
    return dict(request_pairs(asked_for(spec)))


@lru_cache(maxsize=_KINDS)
def request_pairs(asked: AskedFor) -> tuple[tuple[str, int], ...]:
    """The same as pairs, in the order of resources."""
    return tuple(sorted((resource, rounded(resource, amount)) for resource, amount in _exact(asked).items()))


def exact_requests(spec: PodSpec) -> Billionths:
    """The same before it is rounded."""
    return _exact(asked_for(spec))


def _exact(asked: AskedFor) -> Billionths:
    total = _of_containers(asked)
    if asked.level is not None:
        _set_level(total, *asked.level)
    _add(total, exact(dict(asked.overhead)))
    return total


def _of_containers(asked: AskedFor) -> Billionths:
    """The larger of what runs together, and what initialises with the sidecars that have started by then."""
    together: Billionths = {}
    for requests, limits in asked.containers:
        _add(together, _filled(requests, limits))
    sidecars: Billionths = {}
    initialising: Billionths = {}
    for sidecar, requests, limits in asked.initial:
        amounts = _filled(requests, limits)
        if sidecar:
            _add(together, amounts)
            _add(sidecars, amounts)
            amounts = sidecars
        else:
            _add(amounts, sidecars)
        _raise(initialising, amounts)
    _raise(together, initialising)
    return together


def _filled(requests: Listed, limits: Listed) -> Billionths:
    merged: Amounts = {**dict(limits), **dict(requests)}
    return exact(merged)


def _set_level(total: Billionths, requests: Listed, limits: Listed) -> None:
    """A request of the pod stands in place of the containers' sum; its limit alone, only where they ask for nothing."""
    for resource, amount in exact(dict(limits)).items():
        if _counts_for_pod(resource):
            total.setdefault(resource, amount)
    for resource, amount in exact(dict(requests)).items():
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

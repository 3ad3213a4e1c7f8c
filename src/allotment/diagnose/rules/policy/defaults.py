"""What the LimitRanges of a namespace make of a pod before anything else looks at it: defaults for what it left out.

As `kube-apiserver` does it: a limit stands for a request that is missing, then the LimitRanges' defaults fill in, one
range after the other; what is already there is never changed.
"""

from __future__ import annotations

from typing import Final

import msgspec

from allotment.model.observed.base import Amounts
from allotment.model.observed.index import Index
from allotment.model.observed.namespaced import LimitItem, LimitRange
from allotment.model.observed.pods import Container, PodSpec

CONTAINER: Final = "Container"
POD: Final = "Pod"


def admitted(index: Index, namespace: str, spec: PodSpec) -> PodSpec:
    """A pod's spec with the defaults of its namespace, and the class that is everybody's default.

    Args:
        index: of the source that the namespace is in.
        namespace: where the pod is made.
        spec: as it was written.
    """
    limits: Amounts = {}
    requests: Amounts = {}
    default = next((each.name for each in index.objects.priority_classes if each.global_default), "")
    for item in items_of(index, namespace, CONTAINER):
        most = {**item.max, **item.default}
        limits = {**most, **limits}
        requests = {**item.min, **most, **item.default_request, **requests}
    return msgspec.structs.replace(
        spec,
        priority_class_name=spec.priority_class_name or default,
        containers=tuple(_filled(each, requests, limits) for each in spec.containers),
        init_containers=tuple(_filled(each, requests, limits) for each in spec.init_containers),
    )


def ranges_of(index: Index, namespace: str) -> list[LimitRange]:
    """The LimitRanges of a namespace."""
    return index.limit_ranges_in.get(namespace, [])


def items_of(index: Index, namespace: str, type_: str) -> list[LimitItem]:
    """All bounds of one type in a namespace."""
    return [item for each in ranges_of(index, namespace) for item in each.spec.limits if item.type == type_]


def _filled(container: Container, requests: Amounts, limits: Amounts) -> Container:
    own = container.resources
    asked = {**requests, **own.limits, **own.requests}
    bound = {**limits, **own.limits}
    if asked == own.requests and bound == own.limits:
        return container
    return msgspec.structs.replace(container, resources=msgspec.structs.replace(own, requests=asked, limits=bound))

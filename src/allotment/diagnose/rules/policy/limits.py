"""LimitRanges against pods: every bound of a namespace that a pod breaks, recomputed as `kube-apiserver` does."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

from allotment.diagnose.case import Case
from allotment.diagnose.rules.policy.amounts import amount
from allotment.diagnose.rules.policy.defaults import CONTAINER, POD, admitted, ranges_of
from allotment.model.observed.base import Amounts
from allotment.model.observed.index import Index
from allotment.model.observed.namespaced import LimitItem, LimitRange
from allotment.model.observed.pods import Container, PodSpec


@dataclass(frozen=True, slots=True)
class Breach:
    """A bound that a pod breaks.

    Attributes:
        bound: ``max``, ``min`` or ``ratio``.
        container: which; empty for the pod as a whole.
        index: of the item in the LimitRange.
    """

    range: LimitRange
    index: int
    type: str
    bound: str
    resource: str
    container: str
    asked: Fraction
    allowed: Fraction


def breaches(case: Case, spec: PodSpec) -> list[Breach]:
    """All bounds of the subject's namespace that a pod breaks, its defaults filled in."""
    return breaches_in(case.index, case.namespace, spec)


def breaches_in(index: Index, namespace: str, spec: PodSpec) -> list[Breach]:
    """All bounds of a namespace that a pod breaks, its defaults filled in; found out once for pods alike."""
    if not ranges_of(index, namespace):
        return []
    kept = index.beside.once(_Breaches, _Breaches)
    key = (namespace, *(_asked(each) for each in (spec.containers, spec.init_containers)))
    if key not in kept:
        kept[key] = _breaches(index, namespace, spec)
    return kept[key]


class _Breaches(dict[tuple[object, ...], list[Breach]]):
    """What has been found out, by namespace and by what containers ask for."""


def _asked(containers: Iterable[Container]) -> tuple[object, ...]:
    return tuple(
        (each.name, *each.resources.requests.items(), None, *each.resources.limits.items()) for each in containers
    )


def _breaches(index: Index, namespace: str, spec: PodSpec) -> list[Breach]:
    whole = admitted(index, namespace, spec)
    found: list[Breach] = []
    for each in ranges_of(index, namespace):
        for number, item in enumerate(each.spec.limits):
            if item.type == CONTAINER:
                for container in (*whole.containers, *whole.init_containers):
                    own = container.resources
                    found += _broken(each, number, item, container.name, own.requests, own.limits)
            elif item.type == POD:
                found += _broken(each, number, item, "", *_of_pod(whole))
    return found


def _of_pod(spec: PodSpec) -> tuple[Amounts, Amounts]:
    return _joined(spec, requests=True), _joined(spec, requests=False)


def _joined(spec: PodSpec, *, requests: bool) -> Amounts:
    def of(container: Container) -> Amounts:
        return container.resources.requests if requests else container.resources.limits

    total: dict[str, Fraction] = {}
    for container in spec.containers:
        for resource, value in of(container).items():
            total[resource] = total.get(resource, Fraction(0)) + amount(value)
    for container in spec.init_containers:
        for resource, value in of(container).items():
            total[resource] = max(total.get(resource, Fraction(0)), amount(value))
    return {resource: _text(value) for resource, value in total.items()}


def _text(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else f"{int(value * 10**9)}n"


def _broken(
    each: LimitRange, number: int, item: LimitItem, container: str, requests: Amounts, limits: Amounts
) -> list[Breach]:
    found = []
    for resource, value in item.max.items():
        most = amount(value)
        asked = max(amount(requests.get(resource)), amount(limits.get(resource)))
        if asked > most:
            found.append(Breach(each, number, item.type, "max", resource, container, asked, most))
    for resource, value in item.min.items():
        least = amount(value)
        given = [amount(listed[resource]) for listed in (requests, limits) if resource in listed]
        if not given or min(given) < least:
            asked = min(given, default=Fraction(0))
            found.append(Breach(each, number, item.type, "min", resource, container, asked, least))
    for resource, value in item.max_limit_request_ratio.items():
        request, limit = amount(requests.get(resource)), amount(limits.get(resource))
        if request and limit / request > amount(value):
            found.append(Breach(each, number, item.type, "ratio", resource, container, limit / request, amount(value)))
    return found

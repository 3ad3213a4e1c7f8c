"""What Kueue counts for the pods of a PodSet, and whether the namespace's limit ranges allow it.

Kueue fills in what the API server will fill in when it makes the pods (the overhead of a RuntimeClass, defaults of
limit ranges), refuses what that server would refuse, and only then leaves out and transforms as it is configured.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from allotment.model.observed.base import Amounts
from allotment.model.observed.index import Index
from allotment.model.observed.pods import Container, PodSpec, Resources
from allotment.scheduling.snapshot.pods import AskedFor, asked_for, exact_requests
from allotment.scheduling.snapshot.quantities import Billionths, all_units, billionths, rounded
from allotment.scheduling.snapshot.settings import KueueSettings, Transformation

_BILLION: Final = 10**9
_ABOVE_MAX: Final = "requests must not be above the limitRange max"
_BELOW_MIN: Final = "requests must not be below the limitRange min"
_ABOVE_LIMIT: Final = "requests must not exceed its limits"


@dataclass(slots=True)
class RangeSummary:
    """All limit ranges of a namespace for one type: the tightest bounds, the first defaults."""

    max: Amounts
    min: Amounts
    default: Amounts
    default_request: Amounts


@dataclass(frozen=True, slots=True)
class CountedPod:
    """What pods of a template ask for as Kueue counts it, for one pod.

    Attributes:
        requests: by resource, as the twin counts.
        raw: the same before anything was left out or transformed: what topology-aware scheduling fits on nodes.
        problem: why Kueue refuses the template, in its words; empty where it does not.
        by_range: whether that is because of a limit range.
    """

    requests: dict[str, int]
    raw: dict[str, int]
    problem: str = ""
    by_range: bool = False


class Counting:
    """Counts templates; what it needs of a source is looked up once."""

    def __init__(self, index: Index, settings: KueueSettings) -> None:
        """For the namespaces and RuntimeClasses of a source."""
        self._overheads: dict[str, Amounts] = {
            each.name: each.overhead.pod_fixed for each in index.objects.runtime_classes if each.overhead is not None
        }
        self._ranges: dict[str, dict[str, RangeSummary]] = {}
        for limit_range in index.objects.limit_ranges:
            summary = self._ranges.setdefault(limit_range.namespace, {})
            for item in limit_range.spec.limits:
                known = summary.setdefault(item.type, RangeSummary({}, {}, {}, {}))
                known.max = _lowest(known.max, item.max)
                known.min = _highest(known.min, item.min)
                known.default = {**item.default, **known.default}
                known.default_request = {**item.default_request, **known.default_request}
        self._counted: dict[tuple[str, str, AskedFor, str], CountedPod] = {}
        self._excluded = settings.excluded_prefixes
        self._uncounted = settings.uncounted
        self._transformations = settings.transformations or {}

    def of(self, namespace: str, spec: PodSpec, where: str) -> CountedPod:
        """Count one pod; one that asks for the same as another in the same place is not counted again.

        Args:
            namespace: of the workload.
            spec: of the template.
            where: path of the pod's spec in the workload, for what Kueue would say.
        """
        place = namespace if namespace in self._ranges else ""
        key = (place, spec.runtime_class_name, asked_for(spec), where)
        found = self._counted.get(key)
        if found is None:
            found = self._counted[key] = self._count(spec, self._ranges.get(namespace, {}), where)
        return found

    def _count(self, spec: PodSpec, ranges: Mapping[str, RangeSummary], where: str) -> CountedPod:
        adjusted = self._adjusted(spec, ranges)
        total = exact_requests(adjusted)
        raw = {resource: rounded(resource, amount) for resource, amount in total.items()}
        problem = _over_limits(adjusted, where)
        by_range = False
        if not problem and ranges:
            problem, by_range = _out_of_range(adjusted, raw, ranges, where), True
        if not self._excluded and not self._transformations and not self._uncounted:
            return CountedPod(raw, raw, problem, by_range and bool(problem))
        counted = transformed(self._kept(total), self._transformations)
        requests = {resource: max(0, rounded(resource, amount)) for resource, amount in counted.items()}
        return CountedPod(requests, raw, problem, by_range and bool(problem))

    def _kept(self, total: Billionths) -> Billionths:
        return {
            name: amount
            for name, amount in total.items()
            if name not in self._uncounted and not name.startswith(self._excluded)
        }

    def _adjusted(self, spec: PodSpec, ranges: Mapping[str, RangeSummary]) -> PodSpec:
        if spec.runtime_class_name and not spec.overhead and spec.runtime_class_name in self._overheads:
            spec = msgspec.structs.replace(spec, overhead=self._overheads[spec.runtime_class_name])
        of_containers = ranges.get("Container")
        if of_containers is not None:
            spec = msgspec.structs.replace(
                spec,
                containers=tuple(_defaulted(each, of_containers) for each in spec.containers),
                init_containers=tuple(_defaulted(each, of_containers) for each in spec.init_containers),
            )
        if spec.resources is not None:
            of_pods = ranges.get("Pod", RangeSummary({}, {}, {}, {}))
            level = _filled(spec.resources, of_pods)
            # Unlike the API server, Kueue lets a pod's limit stand for its request whatever the containers ask for.
            level = msgspec.structs.replace(level, requests={**level.limits, **level.requests})
            spec = msgspec.structs.replace(spec, resources=level)
        return spec


def transformed(total: Billionths, transformations: Mapping[str, Transformation]) -> Billionths:
    """Requests with resources counted as others; outputs of one name add up, and not below zero."""
    if not any(resource in transformations for resource in total):
        return total
    retained: Billionths = {}
    made: Billionths = {}
    for resource, amount in total.items():
        rule = transformations.get(resource)
        if rule is None or rule.retain:
            retained[resource] = amount
        if rule is None:
            continue
        times = total.get(rule.multiply_by, _BILLION)
        for output, factor in rule.outputs:
            made[output] = made.get(output, 0) + -(-amount * times * factor // _BILLION**2)
    for output, amount in made.items():
        retained[output] = retained.get(output, 0) + max(0, amount)
    return retained


def _filled(resources: Resources, summary: RangeSummary) -> Resources:
    return msgspec.structs.replace(
        resources,
        limits={**summary.default, **resources.limits},
        requests={**summary.default_request, **resources.requests},
    )


def _defaulted(container: Container, summary: RangeSummary) -> Container:
    if not summary.default and not summary.default_request:
        return container
    return msgspec.structs.replace(container, resources=_filled(container.resources, summary))


def _lowest(one: Amounts, other: Amounts) -> Amounts:
    return {
        **one,
        **{
            name: value for name, value in other.items() if name not in one or billionths(value) < billionths(one[name])
        },
    }


def _highest(one: Amounts, other: Amounts) -> Amounts:
    return {
        **one,
        **{
            name: value for name, value in other.items() if name not in one or billionths(value) > billionths(one[name])
        },
    }


def _over_limits(spec: PodSpec, where: str) -> str:
    found: list[str] = []
    for path, container in _containers(spec, where):
        resources = container.resources
        if resources.limits and resources.requests:
            found += _invalid(path, _greater(all_units(resources.requests), resources.limits), _ABOVE_LIMIT)
    if spec.resources is not None:
        over = _greater(all_units(spec.resources.requests), spec.resources.limits)
        found += _invalid(f"{where}.resources", over, _ABOVE_LIMIT)
    return f"resources validation failed: {_aggregate(found)}" if found else ""


def _out_of_range(spec: PodSpec, total: dict[str, int], ranges: Mapping[str, RangeSummary], where: str) -> str:
    found: list[str] = []
    of_containers = ranges.get("Container")
    if of_containers is not None:
        for path, container in _containers(spec, where):
            requests = {**container.resources.limits, **container.resources.requests}
            limits = container.resources.limits
            most = all_units(_highest(requests, limits))
            least = all_units(_lowest(requests, limits))
            found += _invalid(path, _greater(most, of_containers.max), _ABOVE_MAX)
            found += _invalid(path, _less(least, of_containers.min), _BELOW_MIN)
    of_pods = ranges.get("Pod")
    if of_pods is not None:
        found += _invalid(where, _greater(total, of_pods.max), _ABOVE_MAX)
        found += _invalid(where, _less(total, of_pods.min), _BELOW_MIN)
    return f"resources didn't satisfy LimitRange constraints: {_aggregate(found)}" if found else ""


def _containers(spec: PodSpec, where: str) -> Iterable[tuple[str, Container]]:
    for number, container in enumerate(spec.init_containers):
        yield f"{where}.initContainers[{number}]", container
    for number, container in enumerate(spec.containers):
        yield f"{where}.containers[{number}]", container


def _greater(amounts: Mapping[str, int], bounds: Amounts) -> list[str]:
    over = all_units(bounds)
    return sorted(name for name, amount in amounts.items() if name in over and amount > over[name])


def _less(amounts: Mapping[str, int], bounds: Amounts) -> list[str]:
    under = all_units(bounds)
    return sorted(name for name, amount in amounts.items() if name in under and amount < under[name])


def _invalid(path: str, resources: list[str], why: str) -> list[str]:
    if not resources:
        return []
    named = ",".join(f'"{each}"' for each in resources)
    return [f"{path}: Invalid value: [{named}]: {why}"]


def _aggregate(found: list[str]) -> str:
    return found[0] if len(found) == 1 else f"[{', '.join(found)}]"

"""ResourceQuotas against pods: what a quota counts, what is used of it, and what one more pod would use.

As `kube-apiserver` counts: a pod that is over counts nothing; a quota with scopes counts only the pods that they fit.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Final

from allotment.diagnose.case import Case
from allotment.diagnose.rules.policy.amounts import amount, summed
from allotment.model.observed.base import Amount, Amounts
from allotment.model.observed.index import Index
from allotment.model.observed.namespaced import ResourceQuota, ScopeExpression
from allotment.model.observed.pods import Container, Pod, PodSpec

MUST_SAY: Final = ("cpu", "memory", "requests.cpu", "requests.memory", "limits.cpu", "limits.memory")
"""Resources that every container must say something of where a quota bounds them."""
_PODS: Final = ("pods", "count/pods")
_REQUESTS: Final = "requests."
_LIMITS: Final = "limits."
_PLAIN: Final = ("cpu", "memory", "ephemeral-storage")
_Listed = tuple[tuple[str, Amount], ...]
_Amounts = tuple[_Listed, _Listed]
_Asked = tuple[tuple[_Amounts, ...], tuple[tuple[bool, _Amounts], ...], _Listed]


@dataclass(frozen=True, slots=True)
class Excess:
    """A bound that the pods which are missing would pass.

    Attributes:
        needed: by one pod.
    """

    quota: ResourceQuota
    resource: str
    hard: Fraction
    used: Fraction
    needed: Fraction


def quotas_of(case: Case) -> list[ResourceQuota]:
    """The namespace's."""
    return case.index.quotas_in.get(case.namespace, [])


class _Excesses(dict[tuple[object, ...], list[Excess]]):
    """What has been found out, by namespace, number of pods, and all that quotas look at in them."""


def excesses(case: Case, spec: PodSpec, pods: int) -> list[Excess]:
    """Bounds that so many more pods of the subject would pass; found out once for pods alike."""
    kept = case.index.beside.once(_Excesses, _Excesses)
    scoped = (spec.priority_class_name, spec.active_deadline_seconds is None)
    key = (case.namespace, pods, _asked(spec), *scoped)
    if key not in kept:
        kept[key] = list(_excesses(case, spec, pods))
    return kept[key]


def _excesses(case: Case, spec: PodSpec, pods: int) -> Iterator[Excess]:
    for quota in quotas_of(case):
        if not counts(quota, spec):
            continue
        use = use_of(spec)
        for resource, hard in quota.spec.hard.items():
            needed = use.get(resource)
            if not needed:
                continue
            used = _used(case, quota, resource)
            if used + needed * pods > amount(hard):
                yield Excess(quota, resource, amount(hard), used, needed)


def room_for(index: Index, namespace: str, spec: PodSpec, gone: Collection[str]) -> int | None:
    """How many more such pods the quotas of a namespace allow; None for any number.

    Args:
        index: of the source.
        namespace: of the pods.
        spec: with its defaults.
        gone: pods (namespace/name) that use nothing any more.
    """
    use, found = use_of(spec), None
    for quota in index.quotas_in.get(namespace, ()):
        if not counts(quota, spec):
            continue
        living = (pod for pod in index.living_in.get(namespace, ()) if pod.key not in gone)
        used = _total(pod.spec for pod in living if counts(quota, pod.spec))
        for resource, hard in quota.spec.hard.items():
            if use.get(resource):
                left = max(0, int((amount(hard) - used.get(resource, Fraction(0))) / use[resource]))
                found = left if found is None else min(found, left)
    return found


class _Used(dict[str, dict[str, Fraction]]):
    """What pods use of each resource, by namespace/name of the quota."""


def _used(case: Case, quota: ResourceQuota, resource: str) -> Fraction:
    if not case.seen("pods") and resource in quota.status.used:
        return amount(quota.status.used[resource])
    kept = case.index.beside.once(_Used, _Used)
    if quota.key not in kept:
        kept[quota.key] = _total(
            pod.spec for pod in case.index.living_in.get(quota.namespace, ()) if counts(quota, pod.spec)
        )
    return kept[quota.key].get(resource, Fraction(0))


def _total(specs: Iterable[PodSpec]) -> dict[str, Fraction]:
    """What pods use in all; equal ones are multiplied, for a namespace has few shapes of them."""
    total: dict[str, Fraction] = {}
    for asked, times in Counter(_asked(spec) for spec in specs).items():
        for resource, value in _use(asked).items():
            total[resource] = total.get(resource, Fraction(0)) + value * times
    return total


def unsaid(case: Case, spec: PodSpec) -> list[tuple[ResourceQuota, str, list[str]]]:
    """Quota, resource and containers that do not say how much of it they want, though the quota bounds it."""
    found = []
    for quota in quotas_of(case):
        if not counts(quota, spec):
            continue
        for resource in quota.spec.hard:
            if resource in MUST_SAY:
                silent = [
                    each.name for each in (*spec.containers, *spec.init_containers) if not _says(each, resource, spec)
                ]
                if silent:
                    found.append((quota, resource, silent))
    return found


def _says(container: Container, resource: str, spec: PodSpec) -> bool:
    limits = resource.startswith(_LIMITS)
    name = resource.removeprefix(_LIMITS).removeprefix(_REQUESTS)
    levels = [container.resources, *([spec.resources] if spec.resources is not None else [])]
    return any(name in level.limits or (not limits and name in level.requests) for level in levels)


def use_of(spec: PodSpec) -> dict[str, Fraction]:
    """What one pod uses of every resource that a quota can bound."""
    return dict(_use(_asked(spec)))


def _asked(spec: PodSpec) -> _Asked:
    """All that the use of a pod depends on, to be compared with that of others."""
    return (
        tuple(_amounts(each) for each in spec.containers),
        tuple((each.sidecar, _amounts(each)) for each in spec.init_containers),
        tuple(spec.overhead.items()),
    )


def _amounts(container: Container) -> _Amounts:
    return tuple(container.resources.requests.items()), tuple(container.resources.limits.items())


@lru_cache(maxsize=1 << 12)
def _use(asked: _Asked) -> Mapping[str, Fraction]:
    requests = _joined(asked, requests=True)
    limits = _joined(asked, requests=False)
    use: dict[str, Fraction] = {name: Fraction(1) for name in _PODS}
    for resource, value in requests.items():
        use[_REQUESTS + resource] = value
        if resource in _PLAIN:
            use[resource] = value
    for resource, value in limits.items():
        if resource in _PLAIN:
            use[_LIMITS + resource] = value
    return use


def _joined(asked: _Asked, *, requests: bool) -> dict[str, Fraction]:
    def of(amounts: _Amounts) -> Amounts:
        own, limits = amounts
        return {**dict(limits), **dict(own)} if requests else dict(limits)

    containers, initialising, overhead = asked
    together = summed([of(each) for each in (*containers, *(each for sidecar, each in initialising if sidecar))])
    for sidecar, each in initialising:
        if not sidecar:
            for resource, value in summed([of(each)]).items():
                together[resource] = max(together.get(resource, Fraction(0)), value)
    for resource, value in summed([dict(overhead)]).items():
        together[resource] = together.get(resource, Fraction(0)) + value
    return together


def counts(quota: ResourceQuota, spec: PodSpec) -> bool:
    """Whether a quota counts a pod: all its scopes fit."""
    scoped = [ScopeExpression(scope_name=name, operator="Exists") for name in quota.spec.scopes]
    if quota.spec.scope_selector is not None:
        scoped += quota.spec.scope_selector.match_expressions
    return all(_fits(each, spec) for each in scoped)


def _fits(scope: ScopeExpression, spec: PodSpec) -> bool:
    best_effort = not any(each.resources.requests or each.resources.limits for each in spec.containers)
    match scope.scope_name:
        case "Terminating":
            return spec.active_deadline_seconds is not None
        case "NotTerminating":
            return spec.active_deadline_seconds is None
        case "BestEffort":
            return best_effort
        case "NotBestEffort":
            return not best_effort
        case "PriorityClass":
            return _in_scope(scope, spec.priority_class_name)
        case _:
            # Affinity across namespaces: rare, and not told from what is read.
            return False


def _in_scope(scope: ScopeExpression, value: str) -> bool:
    match scope.operator:
        case "In":
            return value in scope.values
        case "NotIn":
            return value not in scope.values
        case "DoesNotExist":
            return not value
        case _:
            return bool(value)


def users_of(case: Case, quota: ResourceQuota) -> list[Pod]:
    """Pods that use a quota, those of the subject left out."""
    own = {pod.key for pod in case.pods}
    return [
        pod for pod in case.index.living_in.get(quota.namespace, ()) if pod.key not in own and counts(quota, pod.spec)
    ]

"""What a ClusterQueue promises beyond its own quota, and older ResourceQuotas that allow less than it promises."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from allotment.model import labels
from allotment.model.devices import device_words
from allotment.model.manifest import Body, Manifests, ObjectKey, key_of
from allotment.model.quantity import format_resource, parse_quantity
from allotment.plan.strangers.grounds import cohort_of

_LIMITS: Final = (("borrowingLimit", "borrow", "from"), ("lendingLimit", "lend", "to"))
_ENDLESS: Final = frozenset({"pods", "ephemeral-storage"})
"""Amounts of a queue that are as good as endless."""


def sharing_remark(live: Body, after: Body) -> str:
    """What a queue may borrow and lends afterwards, where that is other than now: no field may say so.

    A cohort without limits is borrowing and lending without limit. Of devices alone: the rest follows from them.
    """
    now, then = _sharing(live), _sharing(after)
    if now == then:
        return ""
    return f"from then on it {'; '.join(then)}" if then else "from then on it borrows from nobody, and lends to nobody"


def _sharing(queue: Body) -> tuple[str, ...]:
    cohort = cohort_of(queue)
    return tuple(_ways(queue, cohort)) if cohort else ()


def _ways(queue: Body, cohort: str) -> Iterator[str]:
    for limit, verb, side in _LIMITS:
        free, bounded, none = [], [], []
        for flavor, resource in _amounts(queue):
            if not device_words(resource["name"]):
                continue
            words = f"{flavor} {_words(resource['name'])}"
            if limit not in resource:
                free.append(words)
            elif _amount(resource[limit]):
                bounded.append(f"{words} up to {format_resource(resource['name'], _amount(resource[limit]))}")
            else:
                none.append(words)
        if free or bounded:
            said = [*([f"{', '.join(free)} without limit"] if free else []), *bounded]
            yield f"may {verb} {side} cohort {cohort}: {', '.join(said)}"
        elif none:
            yield f"may {verb} nothing {side} cohort {cohort}"


def _amounts(queue: Body) -> Iterator[tuple[str, Body]]:
    for group in (queue.get("spec") or {}).get("resourceGroups") or ():
        for flavor in group.get("flavors") or ():
            for resource in flavor.get("resources") or ():
                yield flavor["name"], resource


def _words(resource: str) -> str:
    return device_words(resource) or {"cpu": "CPU"}.get(resource, resource)


def _amount(value: object) -> Fraction:
    try:
        return Fraction(0) if value is None else parse_quantity(str(value))
    except ValueError:
        return Fraction(0)


@dataclass(frozen=True, slots=True)
class Promise:
    """What a queue promises of one resource.

    Attributes:
        own: its quota over all flavors.
        most: with all that it may borrow of devices; the cohorts have no more than everything that is declared.
    """

    own: Fraction
    most: Fraction


def promises(queue: Body, desired: Manifests) -> dict[str, Promise]:
    """By resource, what a declared queue promises."""
    everything: dict[str, Fraction] = {}
    for item in desired:
        if item.key.kind in {"ClusterQueue", "Cohort"}:
            for _, resource in _amounts(item.body):
                name = resource["name"]
                everything[name] = everything.get(name, Fraction(0)) + _amount(resource.get("nominalQuota"))
    found: dict[str, Promise] = {}
    for _, resource in _amounts(queue):
        name, own = resource["name"], _amount(resource.get("nominalQuota"))
        if name in _ENDLESS:
            continue
        if not cohort_of(queue) or not device_words(name):
            most = own
        else:
            most = own + _amount(resource["borrowingLimit"]) if "borrowingLimit" in resource else everything[name]
        before = found.get(name, Promise(Fraction(0), Fraction(0)))
        found[name] = Promise(before.own + own, before.most + most)
    return {name: Promise(each.own, min(each.most, everything.get(name, each.most))) for name, each in found.items()}


def kept_below(queue: Body, quotas: Iterable[Body], desired: Manifests) -> Iterator[str]:
    """ResourceQuotas that stay in a team's namespaces and allow less than its queue promises, each in a sentence.

    Args:
        queue: as declared.
        quotas: live, of the team's namespaces.
        desired: everything that is declared.
    """
    declared = {item.key for item in desired}
    promised = promises(queue, desired)
    for body in sorted(quotas, key=key_of):
        key = key_of(body)
        ours = labels.PLATFORM in (body["metadata"].get("labels") or {})
        below = [] if key in declared or ours or _scoped(body) else list(_below(body, promised))
        if below:
            yield _sentence(key, queue["metadata"]["name"], below)


def _scoped(quota: Body) -> bool:
    """It counts only some pods, and may well be smaller."""
    spec = quota.get("spec") or {}
    return bool(spec.get("scopes") or spec.get("scopeSelector"))


def _below(quota: Body, promised: Mapping[str, Promise]) -> Iterator[str]:
    hard = (quota.get("spec") or {}).get("hard") or {}
    for name, promise in sorted(promised.items()):
        limit = hard.get(f"requests.{name}", hard.get(name))
        if limit is not None and _amount(limit) < promise.most:
            allowed, own, most = (format_resource(name, each) for each in (_amount(limit), promise.own, promise.most))
            borrowed = "" if promise.own == promise.most else f", and up to {most} with what it borrows"
            yield f"{allowed} {_words(name)}, where the queue promises {own}{borrowed}"


def _sentence(key: ObjectKey, queue: str, below: Sequence[str]) -> str:
    return (
        f"ResourceQuota {key.namespace}/{key.name} stays, and allows less than ClusterQueue {queue} promises: "
        f"{'; '.join(below)}. Kueue admits work above it, whose pods the quota then refuses, replacement pods "
        f"included: raise it, or take it away: kubectl delete resourcequota {key.name} --namespace {key.namespace}"
    )


def queues_of(desired: Manifests, namespace: str) -> list[Body]:
    """The declared ClusterQueues to which the declared LocalQueues of a namespace lead."""
    names = {
        item.body["spec"]["clusterQueue"]
        for item in desired
        if (item.key.kind, item.key.namespace) == ("LocalQueue", namespace)
    }
    return [item.body for item in desired if item.key.kind == "ClusterQueue" and item.key.name in names]


def spaces_of(desired: Manifests, queue: str) -> tuple[str, ...]:
    """The namespaces whose declared LocalQueues lead to a ClusterQueue."""
    return tuple(
        sorted(
            {
                item.key.namespace
                for item in desired
                if item.key.kind == "LocalQueue" and item.body["spec"]["clusterQueue"] == queue
            }
        )
    )

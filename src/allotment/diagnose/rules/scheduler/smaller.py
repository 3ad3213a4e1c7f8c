"""Less of what a pod asks for, so that it fits: the most that does, in numbers that people write."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, Final

from allotment.diagnose.amending import containers_patch
from allotment.diagnose.case import Case
from allotment.diagnose.emptied import grows
from allotment.diagnose.gangs import one_by_one
from allotment.diagnose.never import fleet_of
from allotment.diagnose.rules.scheduler.placing import Placing, reshaped
from allotment.diagnose.rules.scheduler.reshaping import asking
from allotment.diagnose.rules.scheduler.rooms import told
from allotment.model.observed.pods import Container, PodSpec
from allotment.scheduling.queueing.quantity import render_amount
from allotment.scheduling.snapshot.placement_trials import tried
from allotment.scheduling.snapshot.quantities import units

Amounts = Mapping[str, int]
"""What a pod asks for, by resource, in the twins' units."""
Fits = Callable[[Amounts], bool]
"""Whether pods fit that ask for other amounts of some resources."""
_STEPS: Final = {"cpu": (1000, 100), "memory": (1 << 30, 1 << 20), "ephemeral-storage": (1 << 30, 1 << 20)}
"""What a smaller amount is rounded down to: whole CPUs and GiB where that leaves anything."""


def rounded(resource: str, amount: int) -> int:
    """The largest amount that people write and that is no more; 0 if there is none."""
    return next((amount // step * step for step in _STEPS.get(resource, (1,)) if amount >= step), 0)


def largest(fits: Callable[[int], bool], most: int, step: int = 1) -> int:
    """The largest multiple of a step from 0 to `most` that fits, if smaller ones always do; -1 if none does."""
    low, high = -1, most // step
    while low < high:
        middle = (low + high + 1) // 2
        if fits(middle * step):
            low = middle
        else:
            high = middle - 1
    return low * step if low > 0 else low


def most_of(wanted: Amounts, fits: Fits) -> dict[str, int] | None:
    """The most of each resource that fits, all of them above 0, those that are named first before the others.

    Args:
        wanted: more than this is of no use.
        fits: what fits with some amounts fits with smaller ones.
    """
    found = {resource: rounded(resource, amount) for resource, amount in wanted.items()}
    if not all(found.values()):
        return None
    if fits(found):
        return found
    names = list(found)
    for at, resource in enumerate(names):
        rest = dict.fromkeys(names[at + 1 :], 0)
        amount = _most_of_one(resource, found[resource], partial(_fits_with, fits, {**found, **rest}, resource))
        if not amount:
            return None
        found[resource] = amount
    return found


def _most_of_one(resource: str, most: int, fits: Callable[[int], bool]) -> int:
    found = (largest(fits, most, step) for step in _STEPS.get(resource, (1,)))
    return next((amount for amount in found if amount > 0), 0)


def _fits_with(fits: Fits, amounts: Amounts, resource: str, amount: int) -> bool:
    return fits({**amounts, resource: amount})


def fits_now(placing: Placing) -> Fits:
    """Whether all pods of a subject find a place now."""
    return lambda amounts: placing.fits(partial(asking, amounts=dict(amounts)))


def fits_alone(placing: Placing) -> Fits | None:
    """Whether they do with nobody else there, one of them where each runs by itself; None where that is not known."""
    case = placing.case
    if not placing.pods or grows(case.index):
        return None
    view = fleet_of(case).nodes
    pods = [each.waiting for each in (placing.pods[:1] if one_by_one(case) else placing.pods)]

    def fits(amounts: Amounts) -> bool:
        return tried(view, reshaped(pods, partial(asking, amounts=dict(amounts))), preempting=False).refused is None

    return fits


def asking_less(spec: PodSpec, less: Amounts) -> dict[str, Any] | None:
    """The patch by which pods ask for so much less of each resource; None where their containers do not ask for more.

    The container that asks for most gives it, and where that would leave it nothing, all that ask for as much. A limit
    goes down with the request where they are one.
    """
    changes: dict[str, dict[str, Any]] = {}
    whole: dict[str, dict[str, str]] = {}
    of_pod = {} if spec.resources is None else spec.resources.requests
    for resource, amount in less.items():
        if resource in of_pod:
            left_of_pod = units(resource, of_pod[resource]) - amount
            if left_of_pod <= 0:
                return None
            for listed in _of_pod(spec, resource):
                whole.setdefault(listed, {})[resource] = render_amount(resource, left_of_pod)
            continue
        asked = {each.name: asked_of(each, resource) for each in spec.containers}
        left = _left(resource, asked, amount)
        if left is None:
            return None
        for container in spec.containers:
            if left[container.name] < asked[container.name]:
                change = changes.setdefault(container.name, {"resources": {}})["resources"]
                for listed in _to_change(container, resource):
                    change.setdefault(listed, {})[resource] = render_amount(resource, left[container.name])
    return {**(containers_patch(changes) if changes else {}), **({"resources": whole} if whole else {})}


def _of_pod(spec: PodSpec, resource: str) -> Iterator[str]:
    """Lists in which what a pod as a whole asks for is to go down."""
    if spec.resources is None:
        return
    yield "requests"
    asked, limits = units(resource, spec.resources.requests[resource]), spec.resources.limits
    if resource in limits and units(resource, limits[resource]) <= asked:
        yield "limits"


def besides(spec: PodSpec, resource: str) -> str:
    """What of a request its containers do not ask for, in words with a comma before; empty where that is nothing."""
    said = []
    over = units(resource, spec.overhead.get(resource, 0))
    if over:
        said.append(f"{told(resource, over)} the overhead of the runtime class {spec.runtime_class_name}")
    for each in spec.init_containers:
        amount = asked_of(each, resource) if each.restart_policy == "Always" else 0
        if amount and not (spec.resources is not None and resource in spec.resources.requests):
            said.append(f"{told(resource, amount)} for the sidecar {each.name}")
    return f", of it {' and '.join(said)}" if said else ""


def _left(resource: str, asked: Amounts, less: int) -> dict[str, int] | None:
    """What containers ask for once they ask for so much less in all; None where that is nothing."""
    name = max(asked, key=lambda each: asked[each], default="")
    if name and asked[name] > less:
        return {**asked, name: asked[name] - less}
    total = sum(asked.values()) - less
    level = largest(lambda each: sum(min(each, one) for one in asked.values()) <= total, max(asked.values(), default=0))
    level = rounded(resource, level)
    return {each: min(level, one) for each, one in asked.items()} if level > 0 else None


def unseen_beside(case: Case) -> str:
    """That pods which stand on every node were not seen, a clause: they leave less of it; empty where they were."""
    return "" if case.seen_everywhere("daemonsets") else ", less what pods on every node hold, which were not seen"


def asked_of(container: Container, resource: str) -> int:
    """What a container asks for: its limit where it says nothing else."""
    amounts = {**container.resources.limits, **container.resources.requests}
    return units(resource, amounts.get(resource, 0))


def _to_change(container: Container, resource: str) -> Iterator[str]:
    requests, limits = container.resources.requests, container.resources.limits
    if resource in requests:
        yield "requests"
    if resource in limits and units(resource, limits[resource]) <= asked_of(container, resource):
        yield "limits"

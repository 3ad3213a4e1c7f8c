"""A pod asks for a resource that no node has; another, written nearly so, is there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Final

from allotment.diagnose.amending import changed_pods, containers_patch
from allotment.diagnose.case import Case
from allotment.diagnose.finding import Finding, Proposal
from allotment.diagnose.rules.scheduler.answering import about_room
from allotment.diagnose.rules.scheduler.karpenter import kept_off, may_grow, may_offer
from allotment.diagnose.rules.scheduler.placing import Placing, is_accelerator, of_device_class, placing
from allotment.diagnose.rules.scheduler.reshaping import asking
from allotment.diagnose.rules.scheduler.rooms import listed
from allotment.model.explanation import CauseVerdict, Confidence, RemedyKind
from allotment.model.spelling import nearest

_MIG: Final = "/mig-"


class _Resources(frozenset[str]):
    """Resources that some node of a source has for pods."""


def _there(it: Placing) -> frozenset[str]:
    index = it.case.index
    kept = index.beside.get(_Resources)
    if not isinstance(kept, _Resources):
        nodes = it.view.state.nodes.nodes
        found = {name for node in nodes for name, amount in node.allocatable.items() if amount > 0}
        kept = index.beside[_Resources] = _Resources(found)
    return kept


def unknown(it: Placing) -> tuple[str, list[str]]:
    """A resource that is asked for and no node has, and those that nodes have in its place; empty without."""
    if it.refused is None:
        return "", []
    there = _there(it)
    for name in it.requests:
        if name not in there and "/" in name and not of_device_class(it.case, name):
            return name, sorted(each for each in there if is_accelerator(each) or "/" in each)
    return "", []


def find(case: Case) -> Finding | None:
    """No node has it, nor has any been seen to have had it, and nothing that nodes have is called nearly so."""
    found = asked_for(case)
    # Nodes to be that are tainted may have it: the taint is told then.
    return None if found is None or found.facts["nearest"] or kept_off(case) else found


def asked_for(case: Case) -> Finding | None:
    """The resource that no node has, whatever nodes have in its place."""
    it = placing(case)
    name, there = unknown(it)
    if not name or _MIG in name or any(_MIG in each for each in there):
        return None
    if any(name in node.status.capacity for node in case.index.nodes.values()):
        return None
    near = nearest(name, there)
    said = f"nodes have {listed(there)}" if there else "no node has any device"
    finding = about_room(
        "extended-resource-unknown",
        CauseVerdict.MISCONFIGURED,
        f"a pod asks for {it.requests[name]} {name}, which no node has; {said}",
        it,
        replaced(it, name, [near, *(each for each in there if each != near)] if near else there),
        {"asked": name, "resources_of_nodes": there, "nearest": near},
    )
    # A NodePool may make nodes that have it, and a new node may come to have it.
    unsure = may_grow(case) or may_offer(case, name)
    return replace(finding, confidence=Confidence.LIKELY) if unsure else finding


def replaced(it: Placing, name: str, others: list[str]) -> Iterator[Proposal]:
    """Another resource in its place, as much of it, where that fits."""
    if it.refused is None:
        return
    container = next((each for each in it.refused.pod.spec.containers if name in _amounts(each)), None)
    if container is None:
        return
    amount = it.requests[name]
    # What it asks for besides is not what it meant by this.
    for cost, other in enumerate(each for each in others if not it.requests.get(each)):
        if it.fits(partial(asking, amounts={name: 0, other: amount})):
            both = {name: None, other: str(amount)}
            patch = containers_patch({container.name: {"resources": {"requests": both, "limits": both}}})
            yield changed_pods(RemedyKind.REDUCE_REQUEST, f"ask for {other} in place of {name}", it.case, patch, cost)


def _amounts(container: object) -> dict[str, object]:
    resources = getattr(container, "resources", None)
    return {} if resources is None else {**resources.limits, **resources.requests}

"""Flavors whose topology was not seen, or has no levels: the twin counts their quota and does not look at places.

Whether a topology's domains have room cannot be told without its levels, so nobody is said to fit or not to fit there:
what asks for a place in such a queue is taken to ask for quota alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Final

from allotment.errors import quoted
from allotment.model.observed import queueing as observed
from allotment.model.observed.index import Index
from allotment.scheduling.queueing.inputs import PodSetAdmission, Workload

_MOST_NAMED: Final = 5

Unlevelled = Mapping[str, str]
"""By flavor, the name of its topology."""


def unlevelled_flavors(index: Index) -> Unlevelled:
    """The flavors that name a topology whose levels are not known."""
    levelled = {each.name for each in index.objects.topologies if each.spec.levels}
    named = {name: each.spec.topology_name for name, each in index.flavors.items()}
    return {name: topology for name, topology in named.items() if topology and topology not in levelled}


def without_places(workload: Workload, queue: observed.ClusterQueue, unlevelled: Unlevelled) -> Workload:
    """A workload that asks for no place in a topology, where a flavor of its queue has none that is known."""
    flavors = {each.name for group in queue.spec.resource_groups for each in group.flavors}
    if not unlevelled or unlevelled.keys().isdisjoint(flavors):
        return workload
    return replace(workload, pod_sets=tuple(replace(each, topology=None) for each in workload.pod_sets))


def without_domains(given: tuple[PodSetAdmission, ...], unlevelled: Unlevelled) -> tuple[PodSetAdmission, ...]:
    """What was given, without places in topologies that are not known."""
    if not unlevelled:
        return given
    return tuple(
        each
        if unlevelled.keys().isdisjoint(flavor for _, flavor in each.flavors)
        else replace(each, levels=(), domains=())
        for each in given
    )


def notes_on(unlevelled: Unlevelled) -> Iterator[str]:
    """What is not looked at, in words."""
    for flavor, topology in sorted(unlevelled.items())[:_MOST_NAMED]:
        yield (
            f"the levels of topology {quoted(topology)} were not seen: of flavor {quoted(flavor)} only the quota is "
            f"looked at, not whether pods fit within a domain"
        )
    if len(unlevelled) > _MOST_NAMED:
        yield f"the same holds for {len(unlevelled) - _MOST_NAMED:,} more flavors"

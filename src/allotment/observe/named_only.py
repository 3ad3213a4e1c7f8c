"""Kinds of the cluster that printed objects name, and of which none was printed: their absence means nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from allotment.model.observed.snapshot import Gap, Objects

_DETAIL: Final = "objects name some, and none is among them"


def named_only(objects: Objects) -> tuple[Gap, ...]:
    """A gap a kind; who has rights in one namespace alone prints none of the cluster's objects."""
    return tuple(
        Gap(what=plural, reason="failed", detail=_DETAIL)
        for plural, none, named in _kinds(objects)
        if none and any(named)
    )


def _kinds(objects: Objects) -> Iterator[tuple[str, bool, Iterator[str]]]:
    """Plural, whether there is none, and the names by which others mean one."""
    queues, flavors = objects.cluster_queues, objects.flavors
    yield "clusterqueues", not queues, (each.spec.cluster_queue for each in objects.local_queues)
    offered = (each.name for queue in queues for group in queue.spec.resource_groups for each in group.flavors)
    yield "resourceflavors", not flavors, offered
    yield "topologies", not objects.topologies, (each.spec.topology_name for each in flavors)
    checks = (name for queue in queues for name in queue.spec.admission_checks)
    yield "admissionchecks", not objects.admission_checks, checks

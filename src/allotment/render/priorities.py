"""The priority ladder, twice: PriorityClasses for kube-scheduler, WorkloadPriorityClasses for Kueue."""

from __future__ import annotations

from collections.abc import Iterator

from allotment.model.manifest import Family, Manifest
from allotment.render.objects import Site


def render_priorities(site: Site) -> Iterator[Manifest]:
    """Both classes of every rung, under one name and with one value."""
    shelf = site.shelf(Family.PRIORITY_CLASSES)
    for rung in site.platform.priorities:
        yield shelf.clustered(
            ("scheduling.k8s.io/v1", "PriorityClass"),
            rung.name,
            {
                "value": rung.value,
                # The server stores no `false` here, and whoever applied it would own a field that is not there.
                **({"globalDefault": True} if rung.default else {}),
                "preemptionPolicy": "PreemptLowerPriority" if rung.preempts else "Never",
                "description": rung.description,
            },
        )
        yield shelf.clustered(
            (site.kueue_api, "WorkloadPriorityClass"),
            rung.name,
            {"value": rung.value, "description": rung.description},
        )

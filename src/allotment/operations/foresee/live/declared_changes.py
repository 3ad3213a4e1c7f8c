"""What a change of the platform directory does to queues, in the words that `allot whatif` takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from allotment.model.cluster import Cluster
from allotment.model.platform import Platform
from allotment.render.manifests import render
from allotment.simulation.changes import NO_LIMIT, QuotaLimit

_KIND: Final = "ClusterQueue"
_NOMINAL: Final = "nominalQuota"
_LIMITS: Final[Mapping[QuotaLimit, str]] = {
    QuotaLimit.BORROWING: "borrowingLimit",
    QuotaLimit.LENDING: "lendingLimit",
}
Place = tuple[str, str, str]
"""A quota: queue, flavor and resource."""


def queue_changes(before: Platform, after: Platform, cluster: Cluster) -> tuple[str, ...]:
    """Changes of quotas and limits of queues in a cluster; of queues that come or go nothing is said.

    Args:
        before: as declared.
        after: as it would be declared.
        cluster: of the latter.
    """
    old = before.cluster(cluster.name)
    was = {} if old is None else _quotas(before, old)
    return tuple(
        word
        for place, quota in _quotas(after, cluster).items()
        if place in was
        for word in _words(place, was[place], quota)
    )


def _words(place: Place, was: Mapping[str, Any], quota: Mapping[str, Any]) -> Iterator[str]:
    # Nominal quotas first: a lending limit is measured by them.
    if quota[_NOMINAL] != was[_NOMINAL]:
        yield f"quota:{'/'.join(place)}={quota[_NOMINAL]}"
    for limit, name in _LIMITS.items():
        if quota.get(name) != was.get(name):
            yield f"{limit.value}:{'/'.join(place)}={quota.get(name, NO_LIMIT)}"


def _quotas(platform: Platform, cluster: Cluster) -> dict[Place, Mapping[str, Any]]:
    return {
        (manifest.key.name, flavor["name"], quota["name"]): quota
        for manifest in render(platform, cluster)
        if manifest.key.kind == _KIND
        for group in manifest.body["spec"]["resourceGroups"]
        for flavor in group["flavors"]
        for quota in flavor["resources"]
    }

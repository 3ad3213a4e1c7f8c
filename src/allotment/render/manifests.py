"""Platform to manifests: all desired objects of one cluster. Add a family to `_FAMILIES`, and it is rendered."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, pairwise
from typing import Final

from allotment.errors import ConflictError
from allotment.model.cluster import Cluster
from allotment.model.manifest import Manifest, Manifests, ObjectKey
from allotment.model.platform import Platform
from allotment.render.isolation import check_tenancy
from allotment.render.kueue import render_kueue
from allotment.render.limit_ranges import render_limit_ranges
from allotment.render.namespaces import render_namespaces
from allotment.render.network import render_network_policies
from allotment.render.objects import Site, site_of
from allotment.render.policies import render_policies
from allotment.render.policies.identities import exempt_namespaces
from allotment.render.priorities import render_priorities
from allotment.render.protection import instructed
from allotment.render.quotas import render_quotas
from allotment.render.rbac import render_rbac
from allotment.render.service_accounts import render_service_accounts
from allotment.render.storage import render_storage

_FAMILIES: Final[tuple[Callable[[Site], Iterator[Manifest]], ...]] = (
    render_namespaces,
    render_rbac,
    render_service_accounts,
    render_quotas,
    render_limit_ranges,
    render_network_policies,
    render_storage,
    render_priorities,
    render_kueue,
)


def render(platform: Platform, cluster: Cluster) -> Manifests:
    """All objects that Allotment wants in a cluster; the same input gives the same bytes.

    Raises:
        InputError: a team that needs a cluster to itself is not alone in it.
        ConflictError: two objects have one identity; a validated platform cannot get there.
    """
    check_tenancy(platform, cluster)
    site = site_of(platform, cluster)
    rendered = chain(chain.from_iterable(family(site) for family in _FAMILIES), render_policies(platform, cluster))
    keyed = sorted(((manifest.key, manifest) for manifest in instructed(rendered)), key=_order)
    _refuse_duplicates(cluster, keyed)
    objects = tuple(manifest for _key, manifest in keyed)
    return Manifests(cluster.name, objects, exempt_namespaces(platform, cluster))


def _order(keyed: tuple[ObjectKey, Manifest]) -> tuple[str, str, ObjectKey]:
    key, manifest = keyed
    return manifest.family.value, manifest.team or "", key


def _refuse_duplicates(cluster: Cluster, keyed: list[tuple[ObjectKey, Manifest]]) -> None:
    # Not neighbours in the sorted order when two families or two teams collide: hence by key alone.
    for (key, one), (next_key, other) in pairwise(sorted(keyed, key=lambda item: item[0])):
        if key == next_key:
            raise ConflictError(
                f"two objects of cluster {cluster.name} are {key}: one of {_owner(one)}, one of {_owner(other)}",
                why="the second would overwrite the first",
                fix="rename one of them in the platform directory",
            )


def _owner(manifest: Manifest) -> str:
    owner = "the platform" if manifest.team is None else f"team {manifest.team}"
    return f"{owner} ({manifest.family.value})"

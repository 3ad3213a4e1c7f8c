"""What every rendered object has in common: labels, metadata, and to whom it belongs.

Label dicts are built once for each (owner, family) and shared by its objects, which nobody changes afterwards: a
cluster with a thousand teams has some twenty thousand objects.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from allotment.model import labels
from allotment.model.cluster import Cluster, KueueApi
from allotment.model.manifest import Family, Manifest
from allotment.model.platform import Platform
from allotment.model.team import Claim, Placement, Team

Fields = Mapping[str, Any]
"""Top-level fields of an object besides apiVersion, kind and metadata."""

Type = tuple[str, str]
"""(apiVersion, kind)."""

_KUEUE_API: Final = {version: f"kueue.x-k8s.io/{version}" for version in KueueApi}


@dataclass(frozen=True, slots=True)
class Shelf:
    """Objects of one family and one owner; builds them with the labels they share.

    Attributes:
        team: the owner, or None for the platform itself.
        namespace: the owner's namespace; empty for the platform.
    """

    family: Family
    team: str | None
    namespace: str
    labels: Mapping[str, str]

    def namespaced(self, type_: Type, name: str, fields: Fields) -> Manifest:
        """An object in the owner's namespace."""
        return self._build(type_, {"name": name, "namespace": self.namespace, "labels": self.labels}, fields)

    def clustered(
        self, type_: Type, name: str, fields: Fields, annotations: Mapping[str, str] | None = None
    ) -> Manifest:
        """A cluster-scoped object."""
        metadata: dict[str, Any] = {"name": name, "labels": self.labels}
        if annotations:
            metadata["annotations"] = annotations
        return self._build(type_, metadata, fields)

    def _build(self, type_: Type, metadata: Mapping[str, Any], fields: Fields) -> Manifest:
        api_version, kind = type_
        return Manifest(
            self.family, self.team, {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}
        )


@dataclass(frozen=True, slots=True)
class Tenant:
    """One namespace of a team in one cluster.

    Attributes:
        labels: what all its objects there carry: ownership, inventory and the bill.
    """

    team: Team
    placement: Placement
    namespace: str
    labels: Mapping[str, str]

    @property
    def is_first(self) -> bool:
        """Whether it is the first of the team's namespaces: what the team has once comes with that one."""
        return self.namespace == self.team.namespaces[0]

    @property
    def claims(self) -> tuple[Claim, ...]:
        """The volume claims that belong into this namespace."""
        given = self.team.storage.claims
        here = (each for each in given if not each.clusters or self.placement.cluster in each.clusters)
        return tuple(each for each in here if not each.namespaces or self.namespace in each.namespaces)

    @property
    def leaving(self) -> bool:
        """Whether the team is being offboarded: it runs nothing any more, only its data remain."""
        return self.team.offboarding is not None

    def shelf(self, family: Family, extra: Mapping[str, str] | None = None) -> Shelf:
        """Where the tenant's objects of one family are built; `extra` labels come on top."""
        return Shelf(
            family, self.team.id, self.namespace, {**self.labels, labels.FAMILY: family.value, **(extra or {})}
        )


@dataclass(frozen=True, slots=True)
class Site:
    """One cluster of a platform with its tenants: what every family is rendered from.

    Attributes:
        tenants: every namespace of every team.
    """

    platform: Platform
    cluster: Cluster
    tenants: tuple[Tenant, ...]

    @property
    def teams(self) -> Iterator[Tenant]:
        """Every team once, by its first namespace."""
        return (tenant for tenant in self.tenants if tenant.is_first)

    @property
    def kueue_api(self) -> str:
        """The apiVersion in which the cluster's Kueue objects are written."""
        return _KUEUE_API[self.cluster.kueue_api]

    def starts_softly(self, tenant: Tenant) -> bool:
        """Whether work runs in the namespace that was there before: what its pods lack is not filled in, nor asked for.

        A default limit below a container's own request, a quota on what no container names, or a token that is no
        longer mounted would keep pods from being replaced.
        """
        return tenant.namespace in self.cluster.warn_namespaces and not tenant.leaving

    def has_defaults(self, tenant: Tenant) -> bool:
        """Whether what pods lack is filled in: in a namespace that starts softly only what work relies on already."""
        return not self.starts_softly(tenant) or tenant.namespace in self.cluster.with_defaults

    def shelf(self, family: Family) -> Shelf:
        """Where the platform's own objects are built. They cost nothing: no labels of the bill."""
        return Shelf(family, None, "", {**_inventory(self.platform), labels.FAMILY: family.value})


def site_of(platform: Platform, cluster: Cluster) -> Site:
    """The cluster with the teams that are present in it, in the platform's order."""
    return Site(
        platform,
        cluster,
        tuple(
            tenant
            for team, placement in platform.teams_in(cluster.name)
            for tenant in _tenants(platform, team, placement)
        ),
    )


def _tenants(platform: Platform, team: Team, placement: Placement) -> Iterator[Tenant]:
    common = {
        **_inventory(platform),
        labels.TEAM: team.id,
        labels.COST_CENTER: team.cost_center,
        labels.ENVIRONMENT: placement.environment.value,
    }
    if team.projects:
        # What belongs to the whole team is billed to its first project.
        common[labels.PROJECT] = team.projects[0].name
    for namespace in team.namespaces:
        yield Tenant(team, placement, namespace, common)


def _inventory(platform: Platform) -> dict[str, str]:
    return {labels.MANAGED_BY: labels.MANAGED_BY_VALUE, labels.PLATFORM: platform.name}

"""What the declaration says of a cluster, as far as strangers are judged by it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from allotment.model import labels
from allotment.model.cluster import Cluster, Feature, KueueApi
from allotment.model.manifest import Manifests, ObjectKey
from allotment.model.platform import AcceptedStranger, Platform

Rule = Mapping[str, Any]

OWNER_ROLE: Final = "allotment-owner"
_NAME_LABEL: Final = "kubernetes.io/metadata.name"


@dataclass(frozen=True, slots=True)
class Tenancy:
    """One namespace of a team.

    Attributes:
        groups: the team's own groups, whatever their role.
        own_rules: what an owner may do there: whom he may give what, the API server bounds by it.
        labels: of the namespace, as declared.
    """

    team: str
    namespace: str
    groups: frozenset[str]
    leaving: bool
    own_rules: tuple[Rule, ...]
    labels: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Grounds:
    """One cluster as declared.

    Attributes:
        declared: identity of every object of ours.
        tenancies: by namespace.
        exempt: namespaces that no policy touches; never a team's.
        teams_of: by group, the teams it stands in.
        cohorts: names of our cohorts.
        flavors: names of our flavors.
        policies: names of our admission policies.
        pods_queue: Kueue queues plain pods too.
        soft: namespaces of teams where nothing is filled in or asked for yet.
        today: when acceptances end.
    """

    platform: str
    kueue_api: str
    declared: frozenset[ObjectKey]
    tenancies: Mapping[str, Tenancy]
    exempt: frozenset[str]
    admin_groups: frozenset[str]
    teams_of: Mapping[str, tuple[str, ...]]
    cohorts: frozenset[str]
    flavors: frozenset[str]
    policies: frozenset[str]
    pods_queue: bool
    accepted: tuple[AcceptedStranger, ...]
    soft: frozenset[str] = frozenset()
    today: dt.date = field(default=dt.date.min)

    def team(self, namespace: str) -> str:
        """The team of a namespace; empty if it is no team's."""
        tenancy = self.tenancies.get(namespace)
        return tenancy.team if tenancy is not None else ""


_KUEUE_API: Final = {version: f"kueue.x-k8s.io/{version}" for version in KueueApi}


def grounds(platform: Platform, cluster: Cluster, manifests: Manifests, today: dt.date) -> Grounds:
    """What to judge strangers by in one cluster."""
    tenancies = _tenancies(platform, cluster, manifests)
    return Grounds(
        platform=platform.name,
        kueue_api=_KUEUE_API[cluster.kueue_api],
        declared=frozenset(manifest.key for manifest in manifests),
        tenancies=tenancies,
        exempt=frozenset(platform.exempt_namespaces) - tenancies.keys(),
        admin_groups=frozenset(platform.admin_groups),
        teams_of=_teams_of(platform),
        cohorts=_cohorts(manifests),
        flavors=_names(manifests, "ResourceFlavor"),
        policies=_names(manifests, "MutatingAdmissionPolicy", "ValidatingAdmissionPolicy"),
        pods_queue=Feature.POD_INTEGRATION in cluster.features,
        accepted=platform.accepted,
        soft=frozenset(cluster.warn_namespaces) & tenancies.keys(),
        today=today,
    )


def _tenancies(platform: Platform, cluster: Cluster, manifests: Manifests) -> dict[str, Tenancy]:
    rules: dict[str, tuple[Rule, ...]] = {}
    marks: dict[str, Mapping[str, str]] = {}
    for manifest in manifests:
        key = manifest.key
        if (key.kind, key.name) == ("Role", OWNER_ROLE):
            rules[key.namespace] = tuple(manifest.body.get("rules") or ())
        elif key.kind == "Namespace":
            marks[key.name] = {**(manifest.body["metadata"].get("labels") or {}), _NAME_LABEL: key.name}
    return {
        namespace: Tenancy(
            team=team.name,
            namespace=namespace,
            groups=frozenset(team.groups.all),
            leaving=team.offboarding is not None,
            own_rules=rules.get(namespace, ()),
            labels=marks.get(namespace, {labels.TENANT: team.id, _NAME_LABEL: namespace}),
        )
        for team, _ in platform.teams_in(cluster.name)
        for namespace in team.namespaces
    }


def _teams_of(platform: Platform) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for team in platform.teams:
        for group in team.groups.all:
            found[group] = (*found.get(group, ()), team.name)
    return found


def _cohorts(manifests: Manifests) -> frozenset[str]:
    queues = (manifest.body for manifest in manifests if manifest.key.kind == "ClusterQueue")
    return _names(manifests, "Cohort") | {name for body in queues if (name := cohort_of(body))}


def cohort_of(queue: Mapping[str, Any]) -> str:
    """The cohort of a ClusterQueue, in either version of Kueue's API; empty if it has none."""
    spec = queue.get("spec") or {}
    return str(spec.get("cohortName") or spec.get("cohort") or "")


def _names(manifests: Manifests, *kinds: str) -> frozenset[str]:
    return frozenset(manifest.key.name for manifest in manifests if manifest.key.kind in kinds)

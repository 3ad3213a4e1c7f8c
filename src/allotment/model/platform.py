"""The platform: everything one directory declares, after defaults and checks."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from allotment.model.accelerator import Accelerator
from allotment.model.cluster import Cluster
from allotment.model.policy import USUAL_IDLE, IdlePolicy, IdleWork, Policy, Priority, SharedService, SloTier
from allotment.model.requests.gates import Approvals, Route
from allotment.model.requests.grant import DeclaredGrant
from allotment.model.slurm.declared import DeclaredSlurm
from allotment.model.team import Placement, Team


@dataclass(frozen=True, slots=True)
class StorageClassSpec:
    """A StorageClass the platform creates in every cluster."""

    name: str
    provisioner: str
    parameters: Mapping[str, str]
    reclaim_policy: str
    default: bool


@dataclass(frozen=True, slots=True)
class Gitops:
    """Where the rendered tree lives, for the Flux and Argo CD entry points."""

    repository: str
    branch: str
    path: str


@dataclass(frozen=True, slots=True)
class AcceptedStranger:
    """An object in the clusters that is not ours, known and wanted all the same.

    Attributes:
        namespace: empty for every namespace, and for cluster-scoped objects.
        subjects: of a binding: names of those it is accepted for; empty for whomever it names.
        until: last day of the acceptance; None for good.
    """

    kind: str
    namespace: str
    name: str
    subjects: tuple[str, ...]
    reason: str
    until: dt.date | None


_NOBODY: Final = Route("nobody", (), (), answer_within=86_400, escalates_to="", others_only=True)
NOTHING_AT_ONCE: Final = Approvals((), (_NOBODY,), (), (), _NOBODY.name, None)
"""Of a platform that no directory declares: whatever is asked for waits for somebody, and there is nobody."""


@dataclass(frozen=True, slots=True)
class Platform:
    """The whole declaration, valid by construction.

    Attributes:
        currency: ISO 4217 code; every price is in millionths of it.
        admin_groups: identity provider's groups of the platform engineers.
        auditor_groups: of those who read the audit trail of a server.
        accelerators: the catalogue, built-in entries included, by name.
        priorities: the ladder, highest first.
        exempt_namespaces: system namespaces no policy touches.
        prove_image: image of the work that prove runs for real; empty: that work is followed to its admission only.
        help_page: URL of a page on how to submit work, which refusals name; empty: they name none.
        idle: rules of idleness, one at most for a kind of work.
        slurms: that are declared beside the clusters; nothing of quotas, plans and books is about them.
        accepted: what `drift` and `prove` do not name though it is not ours.
        approvals: what is given at once, and who decides on the rest.
        grants: by name; the teams' placements have what they give, and lack what they take, already.
    """

    name: str
    currency: str
    admin_groups: tuple[str, ...]
    accelerators: Mapping[str, Accelerator]
    clusters: tuple[Cluster, ...]
    teams: tuple[Team, ...]
    priorities: tuple[Priority, ...]
    policies: tuple[Policy, ...]
    slo_tiers: tuple[SloTier, ...]
    shared_services: tuple[SharedService, ...]
    storage_classes: tuple[StorageClassSpec, ...]
    exempt_namespaces: tuple[str, ...]
    gitops: Gitops
    accepted: tuple[AcceptedStranger, ...] = ()
    prove_image: str = ""
    auditor_groups: tuple[str, ...] = ()
    help_page: str = ""
    idle: tuple[IdlePolicy, ...] = (USUAL_IDLE,)
    slurms: tuple[DeclaredSlurm, ...] = ()
    approvals: Approvals = NOTHING_AT_ONCE
    grants: tuple[DeclaredGrant, ...] = ()

    def as_of(self, day: dt.date) -> Platform:
        """The platform on a day: whatever has a last day, and outlived it, is gone."""
        return replace(self, teams=tuple(team.as_of(day) for team in self.teams))

    def cluster(self, name: str) -> Cluster | None:
        """The cluster of that name, or None."""
        return next((cluster for cluster in self.clusters if cluster.name == name), None)

    def slurm(self, name: str) -> DeclaredSlurm | None:
        """The Slurm of that name, or None."""
        return next((each for each in self.slurms if each.name == name), None)

    def team(self, name: str) -> Team | None:
        """The team of that name, or None."""
        return next((team for team in self.teams if team.name == name), None)

    def teams_in(self, cluster: str) -> Iterator[tuple[Team, Placement]]:
        """Teams present in a cluster with their placement, in the platform's order."""
        for team in self.teams:
            placement = team.placement_in(cluster)
            if placement is not None:
                yield team.there(cluster), placement

    def knowing(self, cluster: Cluster) -> frozenset[str] | None:
        """Names of the teams that know of a cluster: those with a pool, or a place, there; None for every team."""
        owners = {each.dedicated_to for each in cluster.node_pools}
        if None in owners:
            return None
        return frozenset(each.name for each in self.teams if each.id in owners or each.placement_in(cluster.name))

    def idle_policy(self, work: IdleWork) -> IdlePolicy | None:
        """The rule of idleness of a kind of work; None where there is none."""
        return next((each for each in self.idle if work in each.work), None)

    @property
    def default_priority(self) -> Priority:
        """The rung of work that names none."""
        return next(rung for rung in self.priorities if rung.default)

"""Where probes happen: one cluster, or one team's namespace in it, with the people who try."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from allotment.model import labels
from allotment.model.cluster import Cluster, Feature, Flavor
from allotment.model.manifest import Family, Manifest, Manifests, ObjectKey
from allotment.model.platform import Platform
from allotment.model.policy import Mode, Policy, PolicyName
from allotment.model.team import Groups, Placement, PodSecurityLevel, Team
from allotment.prove.probes import Persona

SYSTEM: Final = "kube-system"
"""Namespace of the controllers that probes act as."""

_AUTHENTICATED: Final = "system:authenticated"
_SYSTEM_ACCOUNTS: Final = ("system:serviceaccounts", "system:serviceaccounts:kube-system", _AUTHENTICATED)

REPLICA_SET_CONTROLLER: Final = Persona(
    "the ReplicaSet controller", "system:serviceaccount:kube-system:replicaset-controller", _SYSTEM_ACCOUNTS
)
"""Kubernetes lets it make pods in every namespace: who wants to get past the guardrails goes through it."""

JOB_CONTROLLER: Final = Persona(
    "the Job controller", "system:serviceaccount:kube-system:job-controller", _SYSTEM_ACCOUNTS
)

DEFAULTS_OBJECT: Final = f"work-defaults.{labels.DOMAIN}"
"""Name of the MutatingAdmissionPolicy that fills in what has only one right answer."""

UNKNOWN_IMAGE: Final = "allotment.invalid/prove:none"
"""An image that can never be pulled: `.invalid` resolves nowhere."""


@dataclass(frozen=True, slots=True)
class DeclaredCluster:
    """One cluster of a platform with all that it should hold."""

    platform: Platform
    cluster: Cluster
    manifests: Manifests

    def policy(self, name: PolicyName) -> Policy | None:
        """The policy, if it is rendered for this cluster."""
        policy = next((policy for policy in self.platform.policies if policy.name is name), None)
        wanted = policy_object(name)
        rendered = any(manifest.key.name == wanted for manifest in self.manifests.of(Family.POLICIES))
        return policy if rendered else None

    def mode(self, name: PolicyName) -> Mode | None:
        """The policy's mode in this cluster; None if it is not rendered."""
        policy = self.policy(name)
        return None if policy is None else policy.modes[self.cluster.name]

    def only_warns(self, name: PolicyName, namespace: str) -> bool:
        """Whether a policy that refuses in this cluster only warns in a namespace."""
        policy = self.policy(name)
        return (
            policy is not None
            and policy.modes[self.cluster.name] is Mode.ENFORCE
            and policy.may_only_warn
            and namespace in self.cluster.warned
            and namespace not in policy.exempt_namespaces
        )

    @property
    def warned_outside_teams(self) -> tuple[str, ...]:
        """Namespaces of no team in which policies only warn."""
        of_teams = {name for team, _ in self.platform.teams_in(self.cluster.name) for name in team.namespaces}
        left_alone = {*of_teams, *self.platform.exempt_namespaces}
        return tuple(name for name in self.cluster.warned if name not in left_alone)

    @property
    def device_flavors(self) -> Iterator[Flavor]:
        """Flavors with accelerators, in order of preference."""
        return (flavor for flavor in self.cluster.flavors if flavor.accelerator is not None)

    @property
    def image(self) -> str:
        """An image that the policies let through; nothing ever runs it."""
        policy = self.policy(PolicyName.TRUSTED_REGISTRIES)
        return f"{policy.registries[0].rstrip('/')}/allotment-prove:none" if policy else UNKNOWN_IMAGE

    def scenes(self, teams: Iterable[str] | None = None) -> Iterator[Scene]:
        """Every namespace of every team of the cluster, or of those named."""
        wanted = None if teams is None else frozenset(teams)
        for team, placement in self.platform.teams_in(self.cluster.name):
            if wanted is None or team.name in wanted:
                yield from (Scene(self, team, placement, namespace) for namespace in team.namespaces)


@dataclass(frozen=True, slots=True)
class Scene:
    """One namespace of a team in one cluster."""

    here: DeclaredCluster
    team: Team
    placement: Placement
    namespace: str

    @property
    def is_first(self) -> bool:
        """Whether it is the first of the team's namespaces: what the team has once is tried from there."""
        return self.namespace == self.team.namespaces[0]

    @property
    def foreign_namespace(self) -> str:
        """A namespace of another team of the cluster; `default` where there is no other."""
        teams = (team for team, _ in self.here.platform.teams_in(self.here.cluster.name))
        return next((team.namespaces[0] for team in teams if team is not self.team), "default")

    @property
    def pod_security(self) -> PodSecurityLevel:
        """What pods have to keep to there."""
        return self.team.pod_security_in(self.namespace)

    @property
    def fills_in(self) -> bool:
        """Whether what work leaves out there, and what has only one right answer, is filled in."""
        return self.here.cluster.mutating_policies and self.namespace not in self.here.cluster.warned

    @property
    def starts_softly(self) -> bool:
        """Whether work runs there that was there before: nothing is filled in, and nothing asked for, yet."""
        return self.namespace in self.here.cluster.warn_namespaces and not self.leaving

    @property
    def leaving(self) -> bool:
        """Whether the team is being offboarded."""
        return self.team.offboarding is not None

    @property
    def labels(self) -> dict[str, str]:
        """Labels of good work of this team."""
        found = {
            labels.TEAM: self.team.id,
            labels.COST_CENTER: self.team.cost_center,
            labels.ENVIRONMENT: self.placement.environment.value,
        }
        if self.team.projects:
            found[labels.PROJECT] = self.team.projects[0].name
        return found

    @property
    def flavor(self) -> Flavor | None:
        """The flavor that the team's queue offers first; None for a team without accelerators."""
        entries = self.placement.accelerators
        return self.here.cluster.flavor(entries[0].flavor) if entries else None

    @property
    def reachable_flavor(self) -> Flavor | None:
        """The team's first flavor, else the first in the cluster that is no other team's."""
        shared = (flavor for flavor in self.here.device_flavors if flavor.dedicated_to in (None, self.team.id))
        return self.flavor or next(shared, None)

    @property
    def resource(self) -> str:
        """Resource name of an accelerator: the team's first, else the cluster's, else the catalogue's."""
        flavor = self.reachable_flavor
        catalogue = self.here.platform.accelerators
        accelerator = flavor.accelerator if flavor is not None else None
        chosen = catalogue[accelerator] if accelerator is not None else next(iter(catalogue.values()))
        return chosen.resource_name

    @property
    def devices(self) -> int:
        """Accelerators that a pod has to ask for to find a node: one where no node takes work without.

        None where the team has none: then nothing of it runs there.
        """
        return 0 if self.flavor is None or self.here.cluster.takes_plain_work else 1

    @property
    def queues_pods(self) -> bool:
        """Whether pods wait in queues by themselves."""
        return Feature.POD_INTEGRATION in self.here.cluster.features

    @property
    def only_jobs(self) -> bool:
        """Whether people can submit work as Jobs only: it needs accelerators, and pods cannot wait for them."""
        return self.devices > 0 and not self.queues_pods

    @property
    def unit(self) -> str:
        """What people submit to run one pod, in words."""
        return "Job" if self.only_jobs else "pod"

    def mine(self, family: Family, kind: str = "") -> tuple[Manifest, ...]:
        """The team's manifests of a family, perhaps of one kind, but for those in its other namespaces."""
        return tuple(
            manifest
            for manifest in self.here.manifests.of(family)
            if manifest.team == self.team.id
            and kind in ("", manifest.key.kind)
            and manifest.key.namespace in ("", self.namespace)
        )

    def key(self, family: Family, kind: str) -> ObjectKey | None:
        """Identity of the team's first object of a kind."""
        return next((manifest.key for manifest in self.mine(family, kind)), None)

    @property
    def owner(self) -> Persona | None:
        """An owner, by a group that makes owners only."""
        return self._persona("owner", self.team.groups.owners)

    @property
    def member(self) -> Persona | None:
        """A member, by a group that makes members only."""
        return self._persona("member", self.team.groups.members)

    @property
    def viewer(self) -> Persona | None:
        """A viewer, by a group that makes viewers only."""
        return self._persona("viewer", self.team.groups.viewers)

    @property
    def debugger(self) -> Persona | None:
        """Somebody with the right to exec only."""
        return self._persona("exec holder", self.team.groups.exec)

    @property
    def people(self) -> tuple[Persona, ...]:
        """Everybody of the team whom probes act as."""
        everybody = (self.owner, self.member, self.viewer, self.debugger, self.worker)
        return tuple(dict.fromkeys(persona for persona in everybody if persona is not None))

    @property
    def account(self) -> Persona:
        """Whoever holds a token of the namespace's default service account."""
        groups = ("system:serviceaccounts", f"system:serviceaccounts:{self.namespace}", _AUTHENTICATED)
        user = f"system:serviceaccount:{self.namespace}:default"
        return Persona(f"the default service account of {self.namespace}", user, groups)

    @property
    def worker(self) -> Persona | None:
        """Who submits work: a member, or an owner where the team has no group for members alone."""
        return self.member or self.owner or self._as("member", self._within_team(self.team.groups.members))

    @property
    def maker(self) -> Persona | None:
        """Who makes pods: whoever submits work, or where that is Jobs only, the controller that makes pods of them."""
        return JOB_CONTROLLER if self.only_jobs else self.worker

    @property
    def blurred(self) -> Mapping[str, str]:
        """Roles that somebody has, but nobody alone: by role, why what its groups may do shows nothing about it."""
        roles = {
            "owner": (self.team.groups.owners, self.owner),
            "member": (self.team.groups.members, self.member),
            "viewer": (self.team.groups.viewers, self.viewer),
            "exec": (self.team.groups.exec, self.debugger),
        }
        return {
            role: f"each group of this role ({', '.join(groups)}) has another role as well, here or in another team, "
            "and with it more rights"
            for role, (groups, persona) in roles.items()
            if groups and persona is None
        }

    def _within_team(self, groups: tuple[str, ...]) -> tuple[str, ...]:
        """Groups with several roles, all of them in this team: good enough to submit work as."""
        elsewhere = Counted.of(self.here.platform)
        own = tuple(_roles(self.team.groups))
        return tuple(group for group in groups if own.count(group) == elsewhere.times(group))

    def _persona(self, role: str, groups: tuple[str, ...]) -> Persona | None:
        # A group that stands in two roles, in two teams, or among the engineers, has more rights than the role: what
        # it may do would say nothing about the role.
        elsewhere = Counted.of(self.here.platform)
        alone = tuple(group for group in groups if elsewhere.times(group) == 1)
        return self._as(role, alone)

    def _as(self, role: str, groups: tuple[str, ...]) -> Persona | None:
        if not groups:
            return None
        article = "an" if role[0] in "aeiou" else "a"
        user = f"allotment-prove:{self.team.name}:{role.replace(' ', '-')}"
        return Persona(f"{article} {role} of {self.team.name}", user, (groups[0], _AUTHENTICATED))


@dataclass(frozen=True, slots=True)
class Counted:
    """In how many roles each group stands, over the whole platform."""

    groups: tuple[str, ...]

    @classmethod
    def of(cls, platform: Platform) -> Counted:
        """Count a platform's groups."""
        found = list(platform.admin_groups)
        for team in platform.teams:
            found.extend(_roles(team.groups))
        return cls(tuple(found))

    def times(self, group: str) -> int:
        """How often the group stands somewhere."""
        return self.groups.count(group)


def _roles(groups: Groups) -> Iterator[str]:
    for role in (groups.owners, groups.members, groups.viewers, groups.exec):
        yield from dict.fromkeys(role)


def warning_object(name: PolicyName) -> str:
    """Name of a policy's second binding, which only warns."""
    return f"{policy_object(name)}-warn"


def system_object(name: PolicyName) -> str:
    """Name of the binding that puts a policy in force in the platform's own namespace."""
    return f"{policy_object(name)}-system"


def elsewhere_object(name: PolicyName) -> str:
    """Name of the binding that puts a policy in force outside of the teams' namespaces."""
    return f"{policy_object(name)}-elsewhere"


def policy_object(name: PolicyName) -> str:
    """Name of a policy's objects in the cluster, as refusals quote it."""
    return f"{name.value}.{labels.DOMAIN}"

"""Teams: who they are, where they run, and what they may use there."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from allotment.model.cluster import Environment
from allotment.model.names import tenant_name
from allotment.model.quantity import Bytes, MilliCpu
from allotment.model.quota import Allowance, FlavorAllowance, Quota


class Isolation(StrEnum):
    """How strong a team's boundary is, weakest (and cheapest) first."""

    NAMESPACE = "namespace"
    NODE_POOL = "node-pool"
    CLUSTER = "cluster"
    SUBSCRIPTION = "subscription"


class PodSecurityLevel(StrEnum):
    """Kubernetes' Pod Security Standards, strictest first."""

    RESTRICTED = "restricted"
    BASELINE = "baseline"
    PRIVILEGED = "privileged"


@dataclass(frozen=True, slots=True)
class Groups:
    """The identity provider's group ids by role. Exec into pods is a right of its own."""

    owners: tuple[str, ...]
    members: tuple[str, ...]
    viewers: tuple[str, ...]
    exec: tuple[str, ...]

    @property
    def all(self) -> tuple[str, ...]:
        """Every group once, in the order of the roles."""
        return tuple(dict.fromkeys((*self.owners, *self.members, *self.viewers, *self.exec)))


@dataclass(frozen=True, slots=True)
class AccessRule:
    """Verbs on resources of API groups, as Kubernetes' RBAC has them; the core group is the empty text."""

    api_groups: tuple[str, ...]
    resources: tuple[str, ...]
    verbs: tuple[str, ...]

    def creates(self) -> Iterator[tuple[str, str]]:
        """Every (group, resource) that whoever holds the rule may make."""
        if "create" in self.verbs:
            yield from ((group, name) for group in self.api_groups for name in self.resources if "/" not in name)


@dataclass(frozen=True, slots=True)
class ExtraRules:
    """Rights of a team's roles beyond those that every team has.

    What viewers are given members have too, and what members are given owners have too; exec stands alone.
    """

    owner: tuple[AccessRule, ...] = ()
    member: tuple[AccessRule, ...] = ()
    viewer: tuple[AccessRule, ...] = ()
    exec: tuple[AccessRule, ...] = ()

    def held_by(self, role: str) -> tuple[AccessRule, ...]:
        """All further rules of ``owner``, ``member``, ``viewer`` or ``exec``."""
        match role:
            case "owner":
                return (*self.viewer, *self.member, *self.owner)
            case "member":
                return (*self.viewer, *self.member)
            case "viewer":
                return self.viewer
            case _:
                return self.exec


@dataclass(frozen=True, slots=True)
class PodLimits:
    """The most that one pod of a member may ask for; None where it is not limited.

    `accelerators` counts devices of whatever resource the pod asks for.
    """

    cpu: MilliCpu | None
    memory: Bytes | None
    accelerators: int | None


@dataclass(frozen=True, slots=True)
class Compute:
    """CPU and memory of a container; None where nothing is said."""

    cpu: MilliCpu | None = None
    memory: Bytes | None = None


@dataclass(frozen=True, slots=True)
class ContainerDefaults:
    """What containers get that name no requests, and no limits, of their own."""

    requests: Compute = Compute()
    limits: Compute = Compute()


@dataclass(frozen=True, slots=True)
class NamespaceQuota:
    """What the namespace's ResourceQuota allows at once, borrowed quota included.

    Attributes:
        accelerators: devices by extended resource name.
        objects: counts by ResourceQuota key, such as ``count/jobs.batch``.
    """

    requests_cpu: MilliCpu
    limits_cpu: MilliCpu
    requests_memory: Bytes
    limits_memory: Bytes
    accelerators: tuple[tuple[str, int], ...]
    pods: int
    storage: Bytes
    claims: int
    objects: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Placement:
    """A team's presence in one cluster.

    Attributes:
        cohort: cohort its queue joins, or None for a queue of its own.
        cpu: milli-CPU in the cluster's CPU flavor.
        memory: bytes in the cluster's CPU flavor.
        accelerators: one entry for every flavor that the team's queue offers, in order of preference.
    """

    cluster: str
    environment: Environment
    cohort: str | None
    weight: int
    cpu: Allowance
    memory: Allowance
    accelerators: tuple[FlavorAllowance, ...]
    namespace_quota: NamespaceQuota

    @property
    def quota(self) -> Quota:
        """What its queue is given."""
        return Quota(self.cpu, self.memory, self.accelerators)


@dataclass(frozen=True, slots=True)
class Project:
    """A project of a team: a value of the ``project`` label, perhaps with a cost centre of its own."""

    name: str
    cost_center: str


@dataclass(frozen=True, slots=True)
class Claim:
    """A volume claim that the team starts with.

    Attributes:
        namespaces: which of the team's get it; all of them if empty.
        clusters: in which of the team's it is; in all of them if empty.
    """

    name: str
    size: Bytes
    storage_class: str
    access_mode: str
    namespaces: tuple[str, ...] = ()
    clusters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Storage:
    """Default storage of a team."""

    total: Bytes
    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class Contact:
    """Whom to ask; `kind` is ``email``, ``chat`` or ``pager``."""

    kind: str
    address: str


@dataclass(frozen=True, slots=True)
class Offboarding:
    """A team that leaves: it runs nothing any more; its data stay until the date has passed."""

    keep_data_until: dt.date


@dataclass(frozen=True, slots=True)
class PodSecurityException:
    """A weaker Pod Security level than everybody's, for a reason and until a day.

    Attributes:
        namespaces: where it holds; everywhere the team is if empty.
        until: the last day on which it holds.
    """

    level: PodSecurityLevel
    reason: str
    until: dt.date
    namespaces: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Team:
    """A tenant.

    Attributes:
        name: what it is called in the directory and in all that people read.
        id: what clusters know it by, for good: labels, nodes and queues carry it. Its first name, usually still its
            name.
        guests: users and groups besides the team's own to whom its owners may give rights in its namespace.
        extra_rules: rights of its roles that other teams' roles do not have.
        container_defaults: where they differ from everybody's.
        namespaces: in every cluster the same, but for those of `only_in`; their order says nothing.
        pod_security: None where the team's namespaces are as everybody's.
        max_grace: seconds that a pod may take to end.
        priorities: names of the ladder's rungs its work may use; the first is its default.
        image_pull_secrets: names of Secrets for the registry that its default account uses.
        placements: one per cluster, in the platform's order of clusters.
        offboarding: set once the team has been removed and only its data remain.
        only_in: clusters of namespaces that are not in all of the team's.
    """

    name: str
    id: str
    display_name: str
    namespaces: tuple[str, ...]
    groups: Groups
    guests: tuple[str, ...]
    extra_rules: ExtraRules
    pod_security: PodSecurityException | None
    member_limits: PodLimits
    container_defaults: ContainerDefaults
    max_grace: int
    isolation: Isolation
    cost_center: str
    environments: tuple[Environment, ...]
    projects: tuple[Project, ...]
    priorities: tuple[str, ...]
    storage: Storage
    image_pull_secrets: tuple[str, ...]
    contacts: tuple[Contact, ...]
    placements: tuple[Placement, ...]
    offboarding: Offboarding | None
    only_in: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def queue(self) -> str:
        """Usual name of the team's ClusterQueue in the per-team layout."""
        return tenant_name(self.id)

    def exception_in(self, namespace: str) -> PodSecurityException | None:
        """The exception that holds in one of the team's namespaces."""
        given = self.pod_security
        return given if given is not None and (not given.namespaces or namespace in given.namespaces) else None

    def pod_security_in(self, namespace: str) -> PodSecurityLevel:
        """What the team's pods have to keep to there."""
        given = self.exception_in(namespace)
        return PodSecurityLevel.RESTRICTED if given is None else given.level

    def as_of(self, day: dt.date) -> Team:
        """The team on a day: an exception whose last day has passed is gone."""
        if self.pod_security is None or day <= self.pod_security.until:
            return self
        return replace(self, pod_security=None)

    def there(self, cluster: str) -> Team:
        """The team as it is in a cluster: without namespaces that are elsewhere alone."""
        away = {name for name, clusters in self.only_in.items() if cluster not in clusters}
        if not away:
            return self
        return replace(self, namespaces=tuple(each for each in self.namespaces if each not in away))

    def placement_in(self, cluster: str) -> Placement | None:
        """The team's presence in that cluster, or None."""
        return next((placement for placement in self.placements if placement.cluster == cluster), None)

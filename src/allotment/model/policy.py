"""Policies, priorities, service levels and shared services."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from allotment.model import labels


class Mode(StrEnum):
    """What a policy does with a violation."""

    AUDIT = "audit"
    WARN = "warn"
    ENFORCE = "enforce"


class PolicyName(StrEnum):
    """Every guardrail Allotment renders as a ValidatingAdmissionPolicy; `render/policies/` has one file for each."""

    GPU_REQUESTS_EQUAL_LIMITS = "gpu-requests-equal-limits"
    ACCELERATORS_ONLY_IN_TEAM_NAMESPACES = "accelerators-only-in-team-namespaces"
    PLACEMENT_REQUIRED = "placement-required"
    LABELS_REQUIRED = "labels-required"
    QUEUE_REQUIRED = "queue-required"
    PRIORITY_FROM_LADDER = "priority-from-ladder"
    NODE_POOL_ISOLATION = "node-pool-isolation"
    NO_DIRECT_NODE_BINDING = "no-direct-node-binding"
    MANAGED_OBJECTS_PROTECTED = "managed-objects-protected"
    NO_NAMESPACE_ADOPTION = "no-namespace-adoption"
    NO_EXPOSED_SERVICES = "no-exposed-services"
    TRUSTED_REGISTRIES = "trusted-registries"
    REQUESTS_AS_CHARGED = "requests-as-charged"
    WORK_FITS = "work-fits"
    POD_SECURITY_OF_TEMPLATES = "pod-security-of-templates"
    SUBMITTER_KEPT = "submitter-kept"
    QUEUE_MARKS_PROTECTED = "queue-marks-protected"
    WORK_ENDS = "work-ends"
    NO_SIDE_DOORS = "no-side-doors"
    ACCESS_WITHIN_TEAM = "access-within-team"


NAMESPACE_GATE: Final = f"{PolicyName.NO_NAMESPACE_ADOPTION}.{labels.DOMAIN}"
"""Name of the policy object, and of its binding, after which no existing namespace can be given our marks."""

NEVER_SOFTENED: Final = frozenset(
    {
        PolicyName.ACCESS_WITHIN_TEAM,
        PolicyName.MANAGED_OBJECTS_PROTECTED,
        PolicyName.NODE_POOL_ISOLATION,
        PolicyName.NO_DIRECT_NODE_BINDING,
        PolicyName.NO_EXPOSED_SERVICES,
        PolicyName.NO_NAMESPACE_ADOPTION,
        PolicyName.NO_SIDE_DOORS,
        PolicyName.PRIORITY_FROM_LADDER,
        PolicyName.SUBMITTER_KEPT,
    }
)
"""Policies that refuse in every namespace, those where the others only warn included.

They keep a tenant inside its namespace: away from others' nodes, devices, secrets, names and running work. None of them
refuses what controllers make of work that was there before (`tests/unit/render/policies/test_warning.py`).
"""


@dataclass(frozen=True, slots=True)
class Policy:
    """One guardrail as the platform declares it.

    Attributes:
        modes: the mode in force by cluster name, overrides applied; every cluster has an entry.
        exempt_namespaces: further namespaces besides the system's that the policy leaves alone.
        registries: image prefixes; only for `TRUSTED_REGISTRIES`, where empty means the policy is not rendered.
        csi_drivers: storage drivers that pods may name in their volumes; only for `NO_SIDE_DOORS`.
    """

    name: PolicyName
    modes: Mapping[str, Mode]
    exempt_namespaces: tuple[str, ...]
    registries: tuple[str, ...]
    csi_drivers: tuple[str, ...]

    @property
    def may_only_warn(self) -> bool:
        """Whether it only warns in the namespaces where guardrails start on work that was there before."""
        return self.name not in NEVER_SOFTENED

    def refuses_everywhere_in(self, cluster: str) -> bool:
        """Whether other rules may leave to it what it refuses: it does so there, and in every namespace."""
        return self.modes[cluster] is Mode.ENFORCE and not self.exempt_namespaces


class IdleMode(StrEnum):
    """Whether a rule of idleness acts. In shadow mode it says what it would have done, and nothing else."""

    SHADOW = "shadow"


class IdleAction(StrEnum):
    """What is to become of work whose devices idle."""

    ASK = "ask"
    """Its owner is asked whether it is still needed."""
    STOP = "stop"


class IdleWork(StrEnum):
    """Kinds of work that are judged alike, in the words of `allot waste --idle`."""

    JOB = "job"
    NOTEBOOK = "notebook"
    SERVICE = "service"


@dataclass(frozen=True, slots=True)
class IdlePolicy:
    """When work that holds devices is idle for too long, and what would be done about it.

    Attributes:
        work: kinds that it is about.
        below: percent; a device is idle while it is less busy.
        after: seconds that all devices of a job have to be idle without a break.
    """

    name: str
    work: frozenset[IdleWork]
    below: int
    after: int
    action: IdleAction
    mode: IdleMode = IdleMode.SHADOW


USUAL_IDLE: Final = IdlePolicy("idle-30m", frozenset(IdleWork), 20, 1800, IdleAction.ASK)
"""Where a directory declares none: allocated and idle for 30 minutes."""


@dataclass(frozen=True, slots=True)
class Priority:
    """A rung of the ladder: a PriorityClass and a WorkloadPriorityClass of one name and value.

    Attributes:
        value: 0 … 1,000,000,000 (more is the system's).
        preempts: whether work of this rung may displace lower rungs.
        default: pods that name no class get this one; exactly one rung of a ladder is the default.
    """

    name: str
    value: int
    preempts: bool
    default: bool
    description: str


@dataclass(frozen=True, slots=True)
class SloTier:
    """A service level.

    Attributes:
        latency_p99_ms: bound on the 99th percentile, milliseconds.
        availability_ppm: availability target in parts per million (99.95 % = 999,500).
        min_requests_per_second: load from which the tier is meant; 0 for batch.
        spot_allowed: whether services of this tier may run on spot capacity.
    """

    name: str
    latency_p99_ms: int
    availability_ppm: int
    min_requests_per_second: int
    spot_allowed: bool
    default_priority: str


class Direction(StrEnum):
    """Which way a shared service's traffic is opened, seen from the team's namespace."""

    EGRESS = "egress"
    INGRESS = "ingress"


@dataclass(frozen=True, slots=True)
class Port:
    """A port of a shared service."""

    protocol: str
    port: int


METADATA_NETWORKS: Final = ("169.254.169.254/32", "168.63.129.16/32", "fd00:ec2::254/128")
"""Where clouds hand credentials of the node to whoever asks: instance metadata (IPv4, IPv6) and Azure's wire server."""


@dataclass(frozen=True, slots=True)
class SharedService:
    """A service of the platform that team namespaces may reach, or that reaches into them (scraping).

    Either `namespace` (with `pod_labels`) or `cidrs` names the other side.
    """

    name: str
    direction: Direction
    namespace: str | None
    pod_labels: Mapping[str, str]
    cidrs: tuple[str, ...]
    ports: tuple[Port, ...]
    description: str

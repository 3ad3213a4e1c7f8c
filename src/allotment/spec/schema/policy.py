"""Kinds Priority, Policy, SloTier and SharedService."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from allotment.model.policy import Direction, Mode
from allotment.spec.schema.base import KindSpec, Spec
from allotment.spec.schema.choices import DirectionChoice, ModeChoice, PolicyNameChoice
from allotment.spec.schema.scalars import (
    Availability,
    Cidr,
    Count,
    Flag,
    LabelKey,
    LabelValue,
    Line,
    Milliseconds,
    Name,
    ObjectName,
    PortNumber,
    Text,
)


class PrioritySpec(KindSpec):
    """A rung of the ladder. Without any, the reference ladder of three rungs holds."""

    kind: Literal["Priority"] = Field(description="Which kind of document this is.")
    name: Name = Field(description="Name of the PriorityClass and of the WorkloadPriorityClass.")
    value: Count = Field(description="0 to 1,000,000,000; more is the system's.")
    preempts: Flag = Field(
        default=False, description="Whether its work may displace lower rungs. Off: displacing is a right to be given."
    )
    default: Flag = Field(
        default=False, description="Whether work that names no class gets this one; exactly one rung."
    )
    description: Text = Field(default="", validate_default=False, description="What it is for. Empty by default.")


class PolicySpec(KindSpec):
    """A guardrail that is not to be as by default (enforced everywhere)."""

    kind: Literal["Policy"] = Field(description="Which kind of document this is.")
    name: PolicyNameChoice = Field(description="Which guardrail.")
    mode: ModeChoice = Field(
        default=Mode.ENFORCE, description="audit, warn or enforce. enforce: a rule that only warns guards nothing."
    )
    exempt_namespaces: tuple[ObjectName, ...] = Field(
        default=(), description="Namespaces it leaves alone besides the platform's exempt ones. None by default."
    )
    registries: tuple[Line, ...] = Field(
        default=(), description="Image prefixes; only for trusted-registries, which is off while the list is empty."
    )
    csi_drivers: tuple[ObjectName, ...] = Field(
        default=(),
        description="Storage drivers that pods may name in their volumes; only for no-side-doors. None by default: a "
        "driver's parameters may name secrets of other namespaces.",
    )


class SloTierSpec(KindSpec):
    """A service level. Without any, the three reference tiers hold."""

    kind: Literal["SloTier"] = Field(description="Which kind of document this is.")
    name: Name = Field(description="Name of the tier.")
    latency_p99: Milliseconds = Field(description="Bound on the 99th percentile: 200ms, 2s, 1h.")
    availability: Availability = Field(description="Target in percent: 99.95%.")
    min_requests_per_second: Count = Field(default=0, description="Load from which the tier is meant; 0 for batch.")
    spot_allowed: Flag = Field(
        default=False,
        description="Whether its services may run on spot. Off: a service that vanishes breaks its promise.",
    )
    default_priority: Name = Field(description="Rung of the ladder its services get.")


class PortSpec(Spec):
    """A port."""

    port: PortNumber = Field(description="1 to 65535.")
    protocol: Literal["TCP", "UDP", "SCTP"] = Field(default="TCP", description="TCP: nearly every service is.")


class SharedServiceSpec(KindSpec):
    """An opening in the default-deny network of team namespaces."""

    kind: Literal["SharedService"] = Field(description="Which kind of document this is.")
    name: Name = Field(description="Name of the opening and of its NetworkPolicy.")
    direction: DirectionChoice = Field(
        default=Direction.EGRESS, description="egress: teams reach it. ingress: it reaches the teams (scraping)."
    )
    namespace: ObjectName | None = Field(default=None, description="Namespace of the other side; or else cidrs.")
    pod_labels: dict[LabelKey, LabelValue] = Field(
        default_factory=dict, description="Pods of that namespace. All of them by default; narrow it where you can."
    )
    cidrs: tuple[Cidr, ...] = Field(
        default=(), description="Address ranges of the other side, where it is outside the cluster."
    )
    ports: tuple[PortSpec, ...] = Field(description="Ports; at least one, so that no opening is wider than needed.")
    description: Text = Field(default="", validate_default=False, description="Why it is open. Empty by default.")

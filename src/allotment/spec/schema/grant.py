"""Kind Grant: what a team has beyond its own for a time."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from allotment.model.quantity import Bytes, MilliCpu
from allotment.spec.schema.base import KindSpec, Spec
from allotment.spec.schema.scalars import Count, Cpu, Line, Memory, Name, ObjectName, TenantName, scalar
from allotment.spec.schema.times import Instant


def _as_it_is(value: str) -> str:
    return value


Words = Annotated[str, *scalar(_as_it_is, {"type": "string"}, "text")]
"""Somebody's own words: whatever stands in them, the directory can be read."""


class ShareSpec(Spec):
    """Quota in one flavor of a cluster, with the CPU and memory that come with it."""

    cluster: Name = Field(description="Name of the cluster.")
    flavor: Line = Field(
        description="Flavor (a100-spot), or accelerator (a100), as in the team's placement there, which has to name it."
    )
    devices: Count = Field(description="How many devices.")
    cpu: Cpu = Field(default=MilliCpu(0), json_schema_extra={"default": 0}, description="CPU. None by default.")
    memory: Memory = Field(default=Bytes(0), json_schema_extra={"default": 0}, description="Memory. None by default.")


class TakenShareSpec(ShareSpec):
    """Quota that another team does without."""

    team: TenantName = Field(description="Whose it is.")


class GrantedNamespaceSpec(Spec):
    """A namespace that the team has besides its own."""

    name: TenantName = Field(description="Name of the namespace; nobody else has one of that name.")
    clusters: tuple[Name, ...] = Field(
        default=(), description="Which of the team's clusters it is in. All of them by default."
    )


class GrantedVolumeSpec(Spec):
    """A volume claim that the team has besides its own, in the first of its namespaces."""

    name: ObjectName = Field(description="Name of the claim.")
    size: Memory = Field(description="Size, such as 500Gi; it counts against the team's storage.")
    clusters: tuple[Name, ...] = Field(
        default=(), description="Which of the team's clusters it is in. All of them by default."
    )


class GrantSpec(KindSpec):
    """What a team has beyond its own as long as the document is there: who removes the file ends it."""

    kind: Literal["Grant"] = Field(description="Which kind of document this is.")
    name: Name = Field(description="Name of the grant; Allotment's own are named as their request.")
    team: TenantName = Field(description="Team that has it.")
    since: Instant = Field(
        alias="from", description="When it begins, for people: it counts from when the file is there."
    )
    until: Instant | None = Field(
        default=None,
        description="When it ends. For good by default. The file still counts afterwards, and `validate` says so.",
    )
    gpus: tuple[ShareSpec, ...] = Field(
        default=(), description="Quota that is given, one entry for each cluster and flavor. None by default."
    )
    namespaces: tuple[GrantedNamespaceSpec, ...] = Field(
        default=(),
        description="Namespaces that are given, with all guardrails; they and what is in them go with the document. "
        "None by default.",
    )
    volumes: tuple[GrantedVolumeSpec, ...] = Field(
        default=(),
        description="Volume claims that are given; they and their data go with the document. None by default.",
    )
    taken_from: tuple[TakenShareSpec, ...] = Field(
        default=(),
        description="Of whom: their quota falls as long as the grant is there. By default nobody's: there has to be "
        "hardware that is promised to nobody.",
    )
    reason: Words = Field(default="", description="Why, for whoever reads this next. Empty by default.")

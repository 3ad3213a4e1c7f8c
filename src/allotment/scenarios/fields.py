"""What fields of both scenario formats hold; the descriptions are what messages say of a wrong value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal, TypeAlias, TypeVar

from msgspec import Meta, field

from allotment.model.cluster import Taint, TaintEffect
from allotment.scenarios.parsing import MILLISECONDS, Fields
from allotment.scheduling.kinds import Operator, Requirement, Toleration

_Item = TypeVar("_Item")
_MOST: Final = (1 << 62) - 1
"""Whole numbers fit 63 bits."""

Name: TypeAlias = Annotated[str, Meta(min_length=1, description="a name")]
Whole: TypeAlias = Annotated[int, Meta(ge=-_MOST, le=_MOST, description="a whole number")]
Amount: TypeAlias = Annotated[int, Meta(ge=0, le=_MOST, description="a whole number of at least 0")]
Milliseconds: TypeAlias = Annotated[int, Meta(ge=0, le=_MOST, description=f"{MILLISECONDS}, at least 0")]
PositiveMilliseconds: TypeAlias = Annotated[int, Meta(ge=1, le=_MOST, description=f"{MILLISECONDS}, at least 1")]
Quantity: TypeAlias = Annotated[
    int,
    Meta(
        ge=0,
        le=_MOST,
        description="a whole number of at least 0 (cpu in milli-CPU, memory and ephemeral-storage in MiB, else units)",
    ),
]
"""Of a resource."""
Seconds: TypeAlias = Annotated[
    Annotated[int, Meta(ge=0, lt=10**18)] | Annotated[float, Meta(ge=0, lt=1e18)],
    Meta(description="a number of seconds since 1970"),
]
Positive: TypeAlias = Annotated[int, Meta(ge=1, le=_MOST, description="a whole number of at least 1")]
Number: TypeAlias = Annotated[
    Annotated[int, Meta(ge=0, lt=10**18)] | Annotated[float, Meta(ge=0, lt=1e18)],
    Meta(description="a number of at least 0"),
]
Some: TypeAlias = Annotated[tuple[_Item, ...], Meta(min_length=1, description="a list that is not empty")]


class TaintFields(Fields, frozen=True):
    """A taint of a node or a flavor."""

    key: Name
    effect: TaintEffect
    value: str = ""


class TolerationFields(Fields, frozen=True):
    """A toleration; how long it lasts plays no part."""

    key: str = ""
    operator: Literal["Equal", "Exists", ""] = ""
    value: str = ""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute", ""] = ""
    toleration_seconds: Whole | None = None


class RequirementFields(Fields, frozen=True):
    """A requirement on labels."""

    key: Name
    operator: Operator
    values: tuple[str, ...] = ()


class NodeFields(Fields, frozen=True):
    """A node."""

    name: Name
    allocatable: dict[Name, Quantity]
    labels: dict[Name, str] = field(default_factory=dict)
    taints: tuple[TaintFields, ...] = ()


def read_taints(taints: tuple[TaintFields, ...]) -> tuple[Taint, ...]:
    """Taints as both twins have them."""
    return tuple(Taint(each.key, each.value, each.effect) for each in taints)


def read_tolerations(tolerations: tuple[TolerationFields, ...]) -> tuple[Toleration, ...]:
    """Tolerations as both twins have them."""
    return tuple(
        Toleration(
            each.key,
            exists=each.operator == "Exists",
            value=each.value,
            effect=TaintEffect(each.effect) if each.effect else None,
        )
        for each in tolerations
    )


def read_requirements(requirements: tuple[RequirementFields, ...]) -> tuple[Requirement, ...]:
    """Requirements as both twins have them."""
    return tuple(Requirement(each.key, each.operator, each.values) for each in requirements)


def read_labels(labels: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """Labels by name."""
    return tuple(sorted(labels.items()))

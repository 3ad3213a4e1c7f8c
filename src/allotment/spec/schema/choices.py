"""Words out of closed lists; a typo is answered with the nearest word."""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any

from allotment.model.accelerator import CapacityType, Vendor
from allotment.model.cluster import Environment, Feature, KueueApi, Purpose, QueueLayout, TaintEffect
from allotment.model.policy import Direction, IdleAction, IdleMode, IdleWork, Mode, PolicyName
from allotment.model.requests.terms import RequestKind, WorkloadType
from allotment.model.team import Isolation, PodSecurityLevel
from allotment.spec.problems import did_you_mean, echo
from allotment.spec.schema.base import refuse
from allotment.spec.schema.scalars import scalar


def choice(enum: type[Enum]) -> Any:
    """Annotations of a word out of a closed list, the values of an enumeration."""
    names = [str(member.value) for member in enum]

    def parse(value: str) -> Enum:
        if value not in names:
            refuse(f"{echo(value)} is not known here", did_you_mean(value, names))
        return enum(value)

    return scalar(parse, {"type": "string", "enum": names}, ", ".join(names))


CapacityTypeChoice = Annotated[CapacityType, *choice(CapacityType)]
VendorChoice = Annotated[Vendor, *choice(Vendor)]
TaintEffectChoice = Annotated[TaintEffect, *choice(TaintEffect)]
EnvironmentChoice = Annotated[Environment, *choice(Environment)]
FeatureChoice = Annotated[Feature, *choice(Feature)]
KueueApiChoice = Annotated[KueueApi, *choice(KueueApi)]
PurposeChoice = Annotated[Purpose, *choice(Purpose)]
QueueLayoutChoice = Annotated[QueueLayout, *choice(QueueLayout)]
IdleActionChoice = Annotated[IdleAction, *choice(IdleAction)]
IdleModeChoice = Annotated[IdleMode, *choice(IdleMode)]
IdleWorkChoice = Annotated[IdleWork, *choice(IdleWork)]
ModeChoice = Annotated[Mode, *choice(Mode)]
PolicyNameChoice = Annotated[PolicyName, *choice(PolicyName)]
DirectionChoice = Annotated[Direction, *choice(Direction)]
IsolationChoice = Annotated[Isolation, *choice(Isolation)]
PodSecurityChoice = Annotated[PodSecurityLevel, *choice(PodSecurityLevel)]
RequestKindChoice = Annotated[RequestKind, *choice(RequestKind)]
WorkloadTypeChoice = Annotated[WorkloadType, *choice(WorkloadType)]

"""Words out of closed lists; a typo is answered with the nearest word."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from allotment.model.accelerator import CapacityType, Vendor
from allotment.model.cluster import Environment, Feature, KueueApi, Purpose, QueueLayout, TaintEffect
from allotment.model.policy import Direction, Mode, PolicyName
from allotment.model.team import Isolation, PodSecurityLevel
from allotment.spec.problems import did_you_mean, echo
from allotment.spec.schema.base import refuse
from allotment.spec.schema.scalars import scalar


def _choice(enum: type[StrEnum]) -> Any:
    names = [member.value for member in enum]

    def parse(value: str) -> StrEnum:
        if value not in names:
            refuse(f"{echo(value)} is not known here", did_you_mean(value, names))
        return enum(value)

    return scalar(parse, {"type": "string", "enum": names}, ", ".join(names))


CapacityTypeChoice = Annotated[CapacityType, *_choice(CapacityType)]
VendorChoice = Annotated[Vendor, *_choice(Vendor)]
TaintEffectChoice = Annotated[TaintEffect, *_choice(TaintEffect)]
EnvironmentChoice = Annotated[Environment, *_choice(Environment)]
FeatureChoice = Annotated[Feature, *_choice(Feature)]
KueueApiChoice = Annotated[KueueApi, *_choice(KueueApi)]
PurposeChoice = Annotated[Purpose, *_choice(Purpose)]
QueueLayoutChoice = Annotated[QueueLayout, *_choice(QueueLayout)]
ModeChoice = Annotated[Mode, *_choice(Mode)]
PolicyNameChoice = Annotated[PolicyName, *_choice(PolicyName)]
DirectionChoice = Annotated[Direction, *_choice(Direction)]
IsolationChoice = Annotated[Isolation, *_choice(Isolation)]
PodSecurityChoice = Annotated[PodSecurityLevel, *_choice(PodSecurityLevel)]

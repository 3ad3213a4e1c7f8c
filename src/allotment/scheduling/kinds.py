"""What both twins say of nodes and pods: taints and tolerations, conditions on labels, and when they match.

Semantics of the Kubernetes API (`k8s.io/component-helpers/scheduling/corev1`); `Gt` and `Lt` compare integers.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from allotment.model.cluster import Taint, TaintEffect

_INT64: Final = 1 << 63


class Operator(Enum):
    """Operators of label and node selectors."""

    IN = "In"
    NOT_IN = "NotIn"
    EXISTS = "Exists"
    DOES_NOT_EXIST = "DoesNotExist"
    GT = "Gt"
    LT = "Lt"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition on a label (or on the node name, for fields)."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()


class Toleration(NamedTuple):
    """A toleration of a pod; an empty key with `exists` tolerates every key, no effect means every effect."""

    key: str = ""
    exists: bool = False
    value: str = ""
    effect: TaintEffect | None = None


def requirement_matches(requirement: Requirement, labels: Mapping[str, str]) -> bool:
    """Whether the labels satisfy one requirement."""
    operator = requirement.operator
    value = labels.get(requirement.key)
    if operator is Operator.IN:
        return value is not None and value in requirement.values
    if operator is Operator.NOT_IN:
        return value is None or value not in requirement.values
    if operator is Operator.EXISTS:
        return value is not None
    if operator is Operator.DOES_NOT_EXIST:
        return value is None
    if value is None or len(requirement.values) != 1:
        return False
    have, bound = _integer(value), _integer(requirement.values[0])
    if have is None or bound is None:
        return False
    return have > bound if operator is Operator.GT else have < bound


def _integer(text: str) -> int | None:
    # int() alone would take "1_0" and " 1", which the API server's parser refuses.
    digits = text[1:] if text[:1] in {"+", "-"} else text
    if not (digits.isascii() and digits.isdigit()):
        return None
    number = int(text)
    return number if -_INT64 <= number < _INT64 else None


def tolerates(toleration: Toleration, taint: Taint) -> bool:
    """Whether one toleration covers one taint."""
    if toleration.effect is not None and toleration.effect is not taint.effect:
        return False
    if toleration.key and toleration.key != taint.key:
        return False
    return toleration.exists or toleration.value == taint.value


def first_untolerated(taints: Iterable[Taint], tolerations: Sequence[Toleration]) -> Taint | None:
    """The first taint that keeps pods away (NoSchedule, NoExecute) and that no toleration covers."""
    for taint in taints:
        if taint.effect is not TaintEffect.PREFER_NO_SCHEDULE and not any(
            tolerates(each, taint) for each in tolerations
        ):
            return taint
    return None


def intolerable_preferences(taints: Iterable[Taint], tolerations: Sequence[Toleration]) -> int:
    """Number of PreferNoSchedule taints that are not tolerated."""
    return sum(
        taint.effect is TaintEffect.PREFER_NO_SCHEDULE and not any(tolerates(each, taint) for each in tolerations)
        for taint in taints
    )

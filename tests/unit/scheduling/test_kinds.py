"""Taints and tolerations, conditions on labels: what matches, for both twins."""

from __future__ import annotations

import pytest

from allotment.model.cluster import Taint, TaintEffect
from allotment.scheduling.kinds import (
    Operator,
    Requirement,
    Toleration,
    first_untolerated,
    intolerable_preferences,
    requirement_matches,
    tolerates,
)

LABELS = {"disk": "ssd", "generation": "4", "odd": "1_0", "huge": "9223372036854775808", "squared": "²", "arabic": "٣"}


@pytest.mark.parametrize(
    ("key", "operator", "values", "expected"),
    [
        ("disk", Operator.IN, ("hdd", "ssd"), True),
        ("disk", Operator.IN, ("hdd",), False),
        ("none", Operator.IN, ("hdd",), False),
        ("disk", Operator.NOT_IN, ("ssd",), False),
        ("none", Operator.NOT_IN, ("ssd",), True),
        ("disk", Operator.EXISTS, (), True),
        ("none", Operator.EXISTS, (), False),
        ("none", Operator.DOES_NOT_EXIST, (), True),
        ("generation", Operator.GT, ("3",), True),
        ("generation", Operator.GT, ("4",), False),
        ("generation", Operator.LT, ("+5",), True),
        ("generation", Operator.LT, ("-5",), False),
        ("disk", Operator.GT, ("3",), False),
        ("none", Operator.LT, ("3",), False),
        ("odd", Operator.GT, ("3",), False),
        ("generation", Operator.GT, ("3", "2"), False),
        ("huge", Operator.GT, ("3",), False),
        ("squared", Operator.GT, ("1",), False),
        ("generation", Operator.GT, ("²",), False),
        ("arabic", Operator.LT, ("9",), False),
    ],
)
def test_requirement(key: str, operator: Operator, values: tuple[str, ...], expected: bool) -> None:
    assert requirement_matches(Requirement(key, operator, values), LABELS) is expected


TAINT = Taint("gpu", "yes", TaintEffect.NO_SCHEDULE)


@pytest.mark.parametrize(
    ("toleration", "expected"),
    [
        (Toleration(exists=True), True),
        (Toleration("gpu", exists=True), True),
        (Toleration("gpu", value="yes"), True),
        (Toleration("gpu", value="no"), False),
        (Toleration("gpu"), False),
        (Toleration("other", exists=True), False),
        (Toleration("gpu", exists=True, effect=TaintEffect.NO_SCHEDULE), True),
        (Toleration("gpu", exists=True, effect=TaintEffect.NO_EXECUTE), False),
    ],
)
def test_toleration(toleration: Toleration, expected: bool) -> None:
    assert tolerates(toleration, TAINT) is expected
    assert first_untolerated((TAINT,), (toleration,)) is (None if expected else TAINT)


def test_soft_taints_only_count() -> None:
    soft = Taint("spot", "", TaintEffect.PREFER_NO_SCHEDULE)
    assert first_untolerated((soft,), ()) is None
    assert intolerable_preferences((soft, TAINT, soft), ()) == 2
    assert intolerable_preferences((soft,), (Toleration("spot", exists=True),)) == 0

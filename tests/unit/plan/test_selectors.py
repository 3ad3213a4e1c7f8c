"""Label selectors."""

from __future__ import annotations

from typing import Any

import pytest

from allotment.plan.selectors import matches

LABELS = {"team": "nlp", "tier": "gold"}


def expression(operator: str, key: str = "team", *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator} | ({"values": list(values)} if values else {})]}


@pytest.mark.parametrize(
    ("selector", "selects"),
    [
        ({}, True),
        ({"matchLabels": None, "matchExpressions": None}, True),
        ({"matchLabels": {"team": "nlp", "tier": "gold"}}, True),
        ({"matchLabels": {"team": "nlp", "tier": "tin"}}, False),
        ({"matchLabels": {"other": ""}}, False),
        (expression("In", "team", "cv", "nlp"), True),
        (expression("In", "team", "cv"), False),
        (expression("In", "other", "nlp"), False),
        (expression("NotIn", "team", "cv"), True),
        (expression("NotIn", "team", "nlp"), False),
        (expression("NotIn", "other", "nlp"), True),
        (expression("Exists"), True),
        (expression("Exists", "other"), False),
        (expression("DoesNotExist"), False),
        (expression("DoesNotExist", "other"), True),
        ({"matchLabels": {"tier": "tin"}, **expression("Exists")}, False),
        ({"matchLabels": {"tier": "gold"}, **expression("Exists", "other")}, False),
    ],
)
def test_what_a_selector_selects(selector: dict[str, Any], selects: bool) -> None:
    assert matches(selector, LABELS) is selects

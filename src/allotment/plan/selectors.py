"""Label selectors, as the API server reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def matches(selector: Mapping[str, Any], found: Mapping[str, str]) -> bool:
    """Whether a label selector selects what has these labels."""
    return all(found.get(key) == value for key, value in (selector.get("matchLabels") or {}).items()) and all(
        holds(expression, found) for expression in selector.get("matchExpressions") or ()
    )


def holds(expression: Mapping[str, Any], found: Mapping[str, str]) -> bool:
    """Whether one of a selector's `matchExpressions` holds for these labels."""
    key, values = expression["key"], expression.get("values") or ()
    match expression["operator"]:
        case "In":
            return found.get(key) in values
        case "NotIn":
            return found.get(key) not in values
        case "Exists":
            return key in found
        case _:
            return key not in found

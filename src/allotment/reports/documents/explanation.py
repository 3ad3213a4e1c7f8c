"""A field of the directory, explained, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from allotment.spec.explaining import Field, FieldExplanation


def explanation_document(found: FieldExplanation) -> Mapping[str, Any]:
    """A field and what stands below it."""
    return {
        "kind": "FieldExplanation",
        **_field(found.field),
        "fields": [_field(child) for child in found.children],
    }


def _field(field: Field) -> Mapping[str, Any]:
    base: dict[str, Any] = {
        "field": field.path,
        "type": field.type,
        "required": field.required,
        "description": field.description,
        "choices": field.choices,
    }
    return {**base, "default": field.default} if field.has_default else base

"""Objects and their fields, as every document names them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from allotment.model.manifest import ObjectKey
from allotment.plan.difference import ABSENT, FieldChange


def object_document(key: ObjectKey) -> dict[str, str]:
    """Which object."""
    return {"group": key.group, "kind": key.kind, "namespace": key.namespace, "name": key.name}


def field_document(change: FieldChange) -> Mapping[str, Any]:
    """A field that changes, as JSON."""
    sides = {name: value for name, value in (("old", change.old), ("new", change.new)) if value is not ABSENT}
    owner = {"by": change.by, "since": change.since} if change.by else {}
    return {"field": change.field, **sides, **owner}

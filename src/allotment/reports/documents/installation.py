"""What is installed, and how it is set, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from allotment.operations.directory.configuration import Value


def setting_document(row: Value) -> Mapping[str, Any]:
    """A setting, and where its value comes from."""
    return {"key": row.key, "value": row.value, "origin": row.origin, "from": row.detail}


def version_document(row: tuple[str, str]) -> Mapping[str, str]:
    """The version of a component: (component, version)."""
    return {"name": row[0], "version": row[1]}

"""The difference of two objects as JSON Patch (RFC 6902) operations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation; `value` is None for ``remove``."""

    op: str
    path: str
    value: Any = None

    @property
    def replaces_scalar(self) -> bool:
        """Whether this sets one field that is there already to a plain value."""
        return self.op == "replace" and not isinstance(self.value, dict | list)

    def is_done_in(self, body: Mapping[str, Any]) -> bool:
        """Whether the field is there and holds the value."""
        found: Any = body
        for name in self.path.split("/")[1:]:
            key = name.replace("~1", "/").replace("~0", "~")
            if not isinstance(found, Mapping) or key not in found:
                return False
            found = found[key]
        return bool(found == self.value)

    def as_json(self) -> dict[str, Any]:
        """As RFC 6902 writes it."""
        if self.op == "remove":
            return {"op": self.op, "path": self.path}
        return {"op": self.op, "path": self.path, "value": self.value}


def patch_between(old: Mapping[str, Any], new: Mapping[str, Any]) -> tuple[Operation, ...]:
    """Operations that turn `old` into `new`, in the order of their paths. Lists are replaced as a whole."""
    return tuple(_differences(old, new, ""))


def _differences(old: Mapping[str, Any], new: Mapping[str, Any], path: str) -> Iterator[Operation]:
    for name in sorted(old.keys() | new.keys()):
        # RFC 6901: "~" and "/" inside a name are escaped.
        here = f"{path}/{name.replace('~', '~0').replace('/', '~1')}"
        if name not in new:
            yield Operation("remove", here)
        elif name not in old:
            yield Operation("add", here, new[name])
        elif isinstance(old[name], dict) and isinstance(new[name], dict):
            yield from _differences(old[name], new[name], here)
        elif old[name] != new[name]:
            yield Operation("replace", here, new[name])

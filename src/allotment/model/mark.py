"""A cluster's mark: which platform's cluster it is, as it says itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from allotment.model import labels
from allotment.model.manifest import ObjectKey

MARK: Final = ObjectKey("", "Namespace", "", labels.SYSTEM_NAMESPACE)
"""The object that carries it."""


@dataclass(frozen=True, slots=True)
class Mark:
    """Names of a platform and of one of its clusters."""

    platform: str
    cluster: str

    def __str__(self) -> str:
        """``platform/cluster``, as `--override-identity` takes it."""
        return f"{self.platform}/{self.cluster}"


def mark_of(namespace: Mapping[str, Any]) -> Mark | None:
    """The mark that the system namespace carries; None where it carries none."""
    found = namespace["metadata"].get("labels") or {}
    platform, cluster = found.get(labels.PLATFORM), found.get(labels.CLUSTER)
    return Mark(platform, cluster) if platform and cluster else None

"""A cluster that is made up, as what makes it up has it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from allotment.model.manifest import Body
from allotment.ports.kube import KubePort


class MadeUpCluster(KubePort, Protocol):
    """An API server in memory."""

    def held(self, kind: str) -> Iterator[Body]:
        """All objects of a kind, as they are kept and in no order: nobody may change them, and nothing is copied."""
        ...

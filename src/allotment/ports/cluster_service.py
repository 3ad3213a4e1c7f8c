"""What administrators ask of a server about the clusters that it follows: the same whether it is here or afar."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class ToldCluster:
    """A cluster, as the server sees it.

    Attributes:
        name: of the platform directory.
        state: ``current``, ``stale`` (away, and told as it was), ``silent`` (nothing is known) or ``opening``.
        observed_at: RFC 3339, when what is known was seen; empty where nothing was.
        age_seconds: since then; None where nothing was seen.
        error: what is wrong; empty where nothing is.
        gaps: kinds that could not be read.
        connected: when a credential was given for it, in milliseconds since the epoch; None where the server reaches
            it by its own kubeconfig.
        connected_by: who gave it.
    """

    name: str
    state: str
    observed_at: str = ""
    age_seconds: int | None = None
    error: str = ""
    gaps: tuple[str, ...] = ()
    connected: int | None = None
    connected_by: str = ""


class ClusterService(Protocol):
    """Everything may raise `StoreError`, and from afar `UnreachableError`, `NotSignedInError`, `ForbiddenError`."""

    def clusters(self) -> tuple[ToldCluster, ...]:
        """All that the platform declares."""
        ...

    def connect_cluster(self, name: str, kubeconfig: Mapping[str, Any]) -> ToldCluster:
        """Reach a cluster by a kubeconfig from now on; how it does then.

        Args:
            name: of the platform directory.
            kubeconfig: with one context, and all that it names in it.

        Raises:
            NotFoundError: no such cluster is declared.
            InputError: it is such that no server may keep it.
        """
        ...

    def disconnect_cluster(self, name: str) -> None:
        """Keep no credential of it any more.

        Raises:
            NotFoundError: none is kept.
        """
        ...

    def rotate_key(self) -> int:
        """Seal every credential anew with a new key; how many there were.

        Raises:
            UsageError: the key is not the server's to change.
        """
        ...

"""Credentials of clusters as a store keeps them: sealed, so that the store alone, or a backup of it, opens nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from allotment.model.audit.act import AuditedAct


@dataclass(frozen=True, slots=True)
class SealedCredential:
    """What a server reaches a cluster by, as it is kept.

    Attributes:
        platform: whose cluster.
        cluster: its name there.
        sealed: the credential, as `Sealing` makes it.
        at: when it was given, in milliseconds since the epoch.
        by: who gave it.
    """

    platform: str
    cluster: str
    sealed: str
    at: int
    by: str


class CredentialReader(Protocol):
    """What can be asked. Everything may raise `StoreError` and `UnreachableError`."""

    def cluster_credentials(self, platform: str) -> tuple[SealedCredential, ...]:
        """Those of a platform, by the names of its clusters."""
        ...


class CredentialStore(CredentialReader, Protocol):
    """What the one process that writes may do besides."""

    def keep_cluster_credentials(
        self, credentials: Sequence[SealedCredential], audited: Sequence[AuditedAct] = ()
    ) -> None:
        """Keep some, all or none, each in the place of what was kept of its cluster."""
        ...

    def drop_cluster_credential(self, platform: str, cluster: str, audited: Sequence[AuditedAct] = ()) -> bool:
        """Keep one no more; whether there was one. Where there was none, nothing is kept of it."""
        ...

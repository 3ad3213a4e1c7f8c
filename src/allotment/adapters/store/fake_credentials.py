"""Sealed credentials in memory."""

from __future__ import annotations

from collections.abc import Sequence

from allotment.adapters.store.fake_part import MemoryPart
from allotment.model.audit.act import AuditedAct
from allotment.ports.cluster_credentials import SealedCredential


class MemoryCredentials(MemoryPart):
    """A part of `MemoryStore`, which keeps acts."""

    def __init__(self) -> None:
        """None yet."""
        super().__init__()
        self._credentials: dict[tuple[str, str], SealedCredential] = {}

    def cluster_credentials(self, platform: str) -> tuple[SealedCredential, ...]:
        """See the port."""
        return tuple(each for (of, _), each in sorted(self._credentials.items()) if of == platform)

    def keep_cluster_credentials(
        self, credentials: Sequence[SealedCredential], audited: Sequence[AuditedAct] = ()
    ) -> None:
        """See the port."""
        self._credentials |= {(each.platform, each.cluster): each for each in credentials}
        self.audit(audited)

    def drop_cluster_credential(self, platform: str, cluster: str, audited: Sequence[AuditedAct] = ()) -> bool:
        """See the port."""
        found = self._credentials.pop((platform, cluster), None) is not None
        self.audit(audited if found else ())
        return found

"""Use cases: a cluster is connected by a credential that is kept sealed; it is taken back; the key is changed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from allotment.errors import NotFoundError, shown
from allotment.model.access.caller import Caller
from allotment.model.audit.act import AuditSubject, AuditVerb, act_of
from allotment.operations.fleet.one_context import no_files, one_context
from allotment.ports.clock import Clock, epoch_ms
from allotment.ports.cluster_credentials import CredentialStore, SealedCredential
from allotment.ports.sealing import Sealing


class ClusterCredentials:
    """What a server reaches clusters by that it was told; for several threads. Nothing of it is ever told again."""

    def __init__(
        self,
        store: CredentialStore,
        sealing: Callable[[], Sealing],
        platform: Callable[[], str],
        clock: Clock,
        changed: Callable[[str], None] = lambda _: None,
    ) -> None:
        """What is kept is looked at.

        Args:
            store: where they are kept.
            sealing: with the keys; only asked for where something is kept, or is to be.
            platform: name of it.
            clock: time.
            changed: is told the name of a cluster that is reached otherwise from now on.
        """
        self._store = store
        self._sealing = sealing
        self._platform = platform
        self._clock = clock
        self._changed = changed
        self._lock = threading.Lock()
        self._kept = {each.cluster: each for each in store.cluster_credentials(platform())}

    def on_change(self, changed: Callable[[str], None]) -> None:
        """Tell somebody of clusters that are reached otherwise from now on."""
        self._changed = changed

    def kept(self, cluster: str) -> SealedCredential | None:
        """What is kept of a cluster; None where the server's own environment says how it is reached."""
        with self._lock:
            return self._kept.get(cluster)

    def opened(self, cluster: str) -> Mapping[str, Any] | None:
        """The kubeconfig of a cluster; None where none is kept.

        Raises:
            UnsealableError: the server has another key than it was sealed with.
        """
        kept = self.kept(cluster)
        if kept is None:
            return None
        plain = self._sealing().opened(kept.sealed, self._about(cluster))
        found: Mapping[str, Any] = msgspec.json.decode(plain)
        return found

    def connect(self, caller: Caller, cluster: str, document: object) -> SealedCredential:
        """Keep what a cluster is reached by from now on, in the place of what was kept before.

        Args:
            caller: who tells it.
            cluster: a declared one's name.
            document: a kubeconfig with one context, and with no file in it.

        Raises:
            InputError: it is such that no server may keep it.
        """
        plain = msgspec.json.encode(one_context(document, "", cluster, no_files))
        now = epoch_ms(self._clock)
        sealed = self._sealing().seal(plain, self._about(cluster))
        kept = SealedCredential(self._platform(), cluster, sealed, now, caller.name)
        subject = AuditSubject(f"cluster/{cluster}", cluster)
        self._store.keep_cluster_credentials([kept], [act_of(caller, AuditVerb.CLUSTER_CONNECTED, now, subject)])
        with self._lock:
            self._kept[cluster] = kept
        self._changed(cluster)
        return kept

    def disconnect(self, caller: Caller, cluster: str) -> None:
        """Keep it no more.

        Raises:
            NotFoundError: nothing is kept.
        """
        subject = AuditSubject(f"cluster/{cluster}", cluster)
        act = act_of(caller, AuditVerb.CLUSTER_DISCONNECTED, epoch_ms(self._clock), subject)
        if not self._store.drop_cluster_credential(self._platform(), cluster, [act]):
            raise NotFoundError(
                f"no credential of cluster {shown(cluster)} is kept", fix="`allot cluster status` says which are"
            )
        with self._lock:
            self._kept.pop(cluster, None)
        self._changed(cluster)

    def rotate_key(self, caller: Caller) -> int:
        """Seal all anew with a new key, and let the old ones go; how many there were.

        Broken off in between, both keys are there, and whoever calls it again goes on.

        Raises:
            UnsealableError: one of them cannot be opened; none is changed.
            UsageError: the key comes from a variable, and no other stands in front of it.
        """
        sealing, now = self._sealing(), epoch_ms(self._clock)
        with self._lock:
            plain = [(each, sealing.opened(each.sealed, self._about(each.cluster))) for each in self._kept.values()]
            if not plain or all(sealing.is_newest(each.sealed) for each, _ in plain):
                sealing.add_key()
            anew = [replace(each, sealed=sealing.seal(text, self._about(each.cluster))) for each, text in plain]
            act = act_of(caller, AuditVerb.KEY_ROTATED, now, details=(("credentials", str(len(anew))),))
            self._store.keep_cluster_credentials(anew, [act])
            self._kept = {each.cluster: each for each in anew}
            sealing.drop_old_keys()
        return len(anew)

    def _about(self, cluster: str) -> str:
        """Where a credential stands: sealed for one cluster, it opens as no other's."""
        return f"cluster credential\0{self._platform()}\0{cluster}"

"""Clusters of a server elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from typing import Any, BinaryIO, Final
from urllib.parse import quote

from allotment.model.jobs.written import write_value
from allotment.ports.cluster_service import ToldCluster

_PATIENCE: Final = 30.0


class ClustersThere:
    """A part of `RemoteServer`, which asks."""

    def _ask(self, verb: str, path: str, kind: str, type_: Any, body: bytes | BinaryIO | None = None) -> Any:
        raise NotImplementedError

    def _sent(
        self, verb: str, path: str, body: bytes | BinaryIO | None, patience: float
    ) -> AbstractContextManager[Any]:
        raise NotImplementedError

    def clusters(self) -> tuple[ToldCluster, ...]:
        """All that the server follows."""
        found: tuple[ToldCluster, ...] = self._ask("GET", "/api/v1/clusters", "clusters", tuple[ToldCluster, ...])
        return found

    def connect_cluster(self, name: str, kubeconfig: Mapping[str, Any]) -> ToldCluster:
        """Reach it by that from now on."""
        body = write_value("kubeconfig", dict(kubeconfig)).encode()
        found: ToldCluster = self._ask("PUT", _credential(name), "cluster", ToldCluster, body)
        return found

    def disconnect_cluster(self, name: str) -> None:
        """Keep it no more."""
        with self._sent("DELETE", _credential(name), None, _PATIENCE):
            pass

    def rotate_key(self) -> int:
        """Seal all anew."""
        found: int = self._ask("POST", "/api/v1/cluster-key", "sealed", int)
        return found


def _credential(name: str) -> str:
    return f"/api/v1/clusters/{quote(name, safe='')}/credential"

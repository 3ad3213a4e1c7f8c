"""Clusters of a server elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from allotment.adapters.server.asking import PATIENCE, AskedOverHttp
from allotment.model.jobs.written import write_value
from allotment.ports.cluster_service import ToldCluster


class ClustersThere(AskedOverHttp):
    """`ports.cluster_service.ClusterService`, over HTTP."""

    def clusters(self) -> tuple[ToldCluster, ...]:
        """All that the server follows."""
        return self._ask("GET", "/api/v1/clusters", "clusters", tuple[ToldCluster, ...])

    def connect_cluster(self, name: str, kubeconfig: Mapping[str, Any]) -> ToldCluster:
        """Reach it by that from now on."""
        body = write_value("kubeconfig", dict(kubeconfig)).encode()
        return self._ask("PUT", _credential(name), "cluster", ToldCluster, body)

    def disconnect_cluster(self, name: str) -> None:
        """Keep it no more."""
        with self._sent("DELETE", _credential(name), None, PATIENCE):
            pass

    def rotate_key(self) -> int:
        """Seal all anew."""
        return self._ask("POST", "/api/v1/cluster-key", "sealed", int)


def _credential(name: str) -> str:
    return f"/api/v1/clusters/{quote(name, safe='')}/credential"

"""A kubeconfig that is written anew while somebody works with it: its credentials are taken up, no other server is."""

from __future__ import annotations

from pathlib import Path

import httpx2 as httpx
import pytest
import yaml
from lightkube.config.kubeconfig import SingleConfig

from allotment.adapters.kube import kubeconfig
from allotment.adapters.kube.client import KubeClient, http_client
from allotment.adapters.kube.renewing import Renewal
from allotment.errors import NotSignedInError

TOKENS = {"old": "token-of-yesterday", "new": "token-of-today"}


class Cluster:
    """A server that takes one token, and a kubeconfig for it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "config"
        self.takes = TOKENS["old"]
        self.asked: list[str] = []
        self.made = 0
        self.write(TOKENS["old"])

    def write(self, token: str, server: str = "https://dev:6443") -> None:
        document = {
            "clusters": [{"name": "dev", "cluster": {"server": server}}],
            "users": [{"name": "me", "user": {"token": token}}],
            "contexts": [{"name": "dev", "context": {"cluster": "dev", "user": "me"}}],
            "current-context": "dev",
        }
        self.file.write_text(yaml.safe_dump(document))

    def answer(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.url.host)
        if request.headers.get("Authorization") != f"Bearer {self.takes}":
            return httpx.Response(401)
        return httpx.Response(200, json={"gitVersion": "v1.36.3"})

    def connected(self, config: SingleConfig) -> httpx.Client:
        self.made += 1
        return http_client(config, httpx.MockTransport(self.answer))

    def client(self) -> KubeClient:
        config = self.load()
        return KubeClient(self.connected(config), renewal=Renewal(self.load, self.connected, config))

    def load(self) -> SingleConfig:
        return kubeconfig.load(self.file, None)


def test_new_credentials_are_taken_up_once_the_old_ones_are_not(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path)
    with cluster.client() as kube:
        assert kube.server().version == "v1.36.3"
        cluster.takes = TOKENS["new"]
        for _ in range(2):
            with pytest.raises(NotSignedInError):
                kube.server()
        assert cluster.made == 1
        cluster.write(TOKENS["new"])
        assert kube.server().version == "v1.36.3"
        assert kube.server().version == "v1.36.3"
        assert cluster.made == 2
        cluster.takes = "neither"
        with pytest.raises(NotSignedInError):
            kube.server()
        assert cluster.made == 2


@pytest.mark.parametrize("text", ["", "users: [", "kind: Config\n"])
def test_a_kubeconfig_that_is_being_written_changes_nothing(tmp_path: Path, text: str) -> None:
    cluster = Cluster(tmp_path)
    with cluster.client() as kube:
        cluster.takes = TOKENS["new"]
        cluster.file.write_text(text)
        with pytest.raises(NotSignedInError):
            kube.server()
        cluster.write(TOKENS["new"])
        assert kube.server().version == "v1.36.3"


def test_a_context_that_leads_elsewhere_by_now_is_not_followed(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path)
    with cluster.client() as kube:
        cluster.takes = TOKENS["new"]
        cluster.write(TOKENS["new"], "https://production:6443")
        with pytest.raises(NotSignedInError):
            kube.server()
        assert set(cluster.asked) == {"dev"}

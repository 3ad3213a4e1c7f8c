"""Clusters that a GitOps tool brings to what the rendered tree says, each by its tool's own rules."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2 as httpx
import yaml
from lightkube.config.client_adapter import verify_cluster
from lightkube.config.models import User

from allotment.adapters.kube import kubeconfig
from allotment.adapters.kube.client import KubeClient, http_client
from allotment.model import labels
from allotment.model.cluster import Cluster
from allotment.model.manifest import Body, ObjectKey, key_of
from allotment.model.platform import Platform
from allotment.operations.change.planning import WORKERS, side_by_side
from allotment.operations.directory.rendering import render_tree
from allotment.plan import order
from allotment.ports.kube import RefusedError
from allotment.render.protection import KEPT

FLUX = "kustomize-controller"
FLUX_LABELS = {
    "kustomize.toolkit.fluxcd.io/name": "allotment-acme",
    "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
}


def tree_in(folder: Path, platform: Platform, clusters: Sequence[Cluster]) -> Path:
    """The tree of these clusters, written to a folder."""
    for path, text in render_tree(platform, clusters).files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return folder


def built(kustomize: Path, directory: Path) -> list[dict[str, Any]]:
    """What the real kustomize makes of a folder."""
    result = subprocess.run([str(kustomize), "build", str(directory)], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    return [body for body in yaml.load_all(result.stdout, Loader=yaml.CSafeLoader) if body]


class _As(httpx.BaseTransport):
    """Writes under another field manager than ours."""

    def __init__(self, inner: httpx.BaseTransport, manager: str) -> None:
        self._inner = inner
        self._manager = manager

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if "fieldManager" in request.url.params:
            request.url = request.url.copy_set_param("fieldManager", self._manager)
        return self._inner.handle_request(request)

    def close(self) -> None:
        self._inner.close()


@contextmanager
def connect_as(kubeconfig_file: Path, manager: str) -> Iterator[KubeClient]:
    """A client whose applies are those of a tool."""
    config = kubeconfig.load(kubeconfig_file, None)
    tls = verify_cluster(config.cluster, config.user or User(), config.abs_file)
    with KubeClient(http_client(config, _As(httpx.HTTPTransport(verify=tls), manager))) as kube:
        yield kube


@dataclass(frozen=True)
class Flux:
    """Flux's kustomize-controller by its documented rules: its labels on every object, namespaces first, server-side
    apply by force, and then whatever of its own the tree no longer holds is deleted, but for what is marked.
    """

    kube: KubeClient

    def sync(self, tree: Iterable[Body]) -> str:
        """Bring the cluster to the tree; what was said where something was refused, and then nothing else is done."""
        bodies = [self._labelled(body) for body in tree]
        for stage in (True, False):
            part = [body for body in bodies if (body["kind"] == "Namespace") is stage]
            said = "".join(side_by_side(self._applied, part, WORKERS))
            if said:
                return said
        self._prune({key_of(body) for body in bodies})
        return ""

    def _applied(self, body: Body) -> str:
        try:
            self.kube.apply(body, force=True)
        except RefusedError as error:
            return error.message
        return ""

    def _labelled(self, body: Body) -> dict[str, Any]:
        metadata = body["metadata"]
        return {**body, "metadata": {**metadata, "labels": {**metadata.get("labels", {}), **FLUX_LABELS}}}

    def _prune(self, kept: set[ObjectKey]) -> None:
        selector = ",".join(f"{key}={value}" for key, value in FLUX_LABELS.items())
        for group, kind in order.kinds():
            for version in order.VERSIONS[group]:
                api_version = f"{group}/{version}" if group else version
                if self.kube.serves(api_version, kind):
                    self._prune_kind(self.kube.list(api_version, kind, labels=selector), kept)
                    break

    def _prune_kind(self, found: Iterable[Body], kept: set[ObjectKey]) -> None:
        for body in list(found):
            marks: Mapping[str, str] = body["metadata"].get("annotations") or {}
            disabled = marks.get(labels.FLUX_PRUNE) == KEPT[labels.FLUX_PRUNE]
            if key_of(body) not in kept and not disabled:
                self.kube.delete(body["apiVersion"], key_of(body))


def until(what: str, check: Callable[[], bool], seconds: float = 60) -> None:
    """Wait for something that controllers do."""
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, what
        time.sleep(0.3)

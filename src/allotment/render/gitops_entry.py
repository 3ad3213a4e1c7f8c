"""Entry points of the GitOps tree: Flux Kustomizations and an Argo CD ApplicationSet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from allotment.model import labels
from allotment.model.platform import Gitops, Platform
from allotment.render.yaml_text import to_documents, to_yaml


def entry_points(platform: Platform, clusters: Sequence[str]) -> Iterator[tuple[str, str]]:
    """The files by which Flux or Argo CD finds each cluster's directory."""
    for cluster in clusters:
        yield f"flux/{cluster}.yaml", to_documents(_flux(platform, cluster))
    yield "argocd/applicationset.yaml", to_yaml(_application_set(platform, clusters))


def _directory(gitops: Gitops, cluster: str) -> str:
    return "/".join(part for part in (gitops.path.strip("/"), "clusters", cluster) if part and part != ".")


def _flux(platform: Platform, cluster: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A source and a Kustomization, to be applied in the cluster itself."""
    name = f"{labels.MANAGED_BY_VALUE}-{platform.name}"
    gitops = platform.gitops
    source = {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "GitRepository",
        "metadata": {"name": name, "namespace": "flux-system"},
        "spec": {"interval": "1m", "url": gitops.repository, "ref": {"branch": gitops.branch}},
    }
    kustomization = {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": name, "namespace": "flux-system"},
        "spec": {
            "interval": "10m",
            "retryInterval": "1m",
            "timeout": "5m",
            "path": f"./{_directory(gitops, cluster)}",
            "prune": True,
            "wait": True,
            "sourceRef": {"kind": "GitRepository", "name": name},
        },
    }
    return source, kustomization


def _application_set(platform: Platform, clusters: Sequence[str]) -> dict[str, Any]:
    """One Application for each cluster; Argo CD must know the clusters by the same names."""
    name = f"{labels.MANAGED_BY_VALUE}-{platform.name}"
    gitops = platform.gitops
    elements = [{"cluster": cluster, "path": _directory(gitops, cluster)} for cluster in clusters]
    source = {"repoURL": gitops.repository, "targetRevision": gitops.branch, "path": "{{ .path }}"}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ApplicationSet",
        "metadata": {"name": name, "namespace": "argocd"},
        "spec": {
            "goTemplate": True,
            "goTemplateOptions": ["missingkey=error"],
            "generators": [{"list": {"elements": elements}}],
            "template": {
                "metadata": {"name": name + "-{{ .cluster }}"},
                "spec": {
                    "project": "default",
                    "source": source,
                    "destination": {"name": "{{ .cluster }}"},
                    "syncPolicy": {
                        "automated": {"prune": True, "selfHeal": True},
                        # Field ownership is what keeps Allotment, Kueue and the users apart on one object.
                        "syncOptions": ["ServerSideApply=true"],
                    },
                },
            },
        },
    }

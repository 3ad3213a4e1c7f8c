"""Entry points of the GitOps tree: Flux Kustomizations and an Argo CD ApplicationSet.

Both tools apply by force: what exists under a name of the tree is taken over. What keeps them from taking over a
namespace is the platform's own policy (`render.protection`); Flux gets it by a Kustomization that comes first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from allotment.model import labels
from allotment.model.manifest import Manifest, Manifests
from allotment.model.platform import Gitops, Platform
from allotment.render.protection import is_gate
from allotment.render.yaml_text import to_documents, to_yaml

_LONGEST_NAME: Final = 63
"""Flux labels every object with its Kustomization's name, Argo CD can with its Application's: a label value's limit."""
_DIGEST: Final = 8
"""Hexadecimal digits that stand for the rest of a name that is too long."""

_GATE_FOLDER: Final = "gate"


def entry_points(platform: Platform, clusters: Sequence[Manifests]) -> Iterator[tuple[str, str]]:
    """The files by which Flux or Argo CD finds each cluster's directory."""
    for manifests in clusters:
        gate = [manifest for manifest in manifests if is_gate(manifest)]
        yield f"flux/{manifests.cluster}.yaml", to_documents(_flux(platform, manifests.cluster, gate))
        yield from _gate_files(manifests.cluster, gate)
    yield "argocd/applicationset.yaml", to_yaml(_application_set(platform, [one.cluster for one in clusters]))


def bounded(name: str) -> str:
    """The name, or its beginning with a digest of the whole: never longer than a label's value, and still one's own."""
    if len(name) <= _LONGEST_NAME:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:_DIGEST]
    return f"{name[: _LONGEST_NAME - _DIGEST - 1].rstrip('-.')}-{digest}"


def _directory(gitops: Gitops, *parts: str) -> str:
    return "/".join(part for part in (gitops.path.strip("/"), *parts) if part and part != ".")


def _gate_files(cluster: str, gate: Sequence[Manifest]) -> Iterator[tuple[str, str]]:
    """A folder of the cluster's that holds the objects which come first, and no others."""
    if gate:
        folder = f"clusters/{cluster}/{_GATE_FOLDER}"
        yield f"{folder}/policy.yaml", to_documents(manifest.body for manifest in gate)
        kustomization = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
        yield f"{folder}/kustomization.yaml", to_yaml({**kustomization, "resources": ["policy.yaml"]})


def _flux(platform: Platform, cluster: str, gate: Sequence[Manifest]) -> Iterator[Mapping[str, Any]]:
    """A source and Kustomizations, to be applied in the cluster itself."""
    name = f"{labels.MANAGED_BY_VALUE}-{platform.name}"
    source, first, gitops = bounded(name), bounded(f"{name}-{_GATE_FOLDER}"), platform.gitops
    yield {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "GitRepository",
        "metadata": {"name": source, "namespace": "flux-system"},
        "spec": {"interval": "1m", "url": gitops.repository, "ref": {"branch": gitops.branch}},
    }
    directory = _directory(gitops, "clusters", cluster)
    if not gate:
        yield _kustomization(source, source, directory, {})
        return
    yield _kustomization(first, source, _directory(gitops, "clusters", cluster, _GATE_FOLDER), {})
    without = {"dependsOn": [{"name": first}], "patches": [_deletion(manifest) for manifest in gate]}
    yield _kustomization(source, source, directory, without)


def _kustomization(name: str, source: str, directory: str, more: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
        "kind": "Kustomization",
        "metadata": {"name": name, "namespace": "flux-system"},
        "spec": {
            "interval": "10m",
            "retryInterval": "1m",
            "timeout": "5m",
            "path": f"./{directory}",
            "prune": True,
            # What cannot be changed in place is a person's to judge: by force it would be deleted and made anew.
            "force": False,
            # Without the Kustomization nobody keeps the objects; they do not go with it.
            "deletionPolicy": "Orphan",
            "wait": True,
            "sourceRef": {"kind": "GitRepository", "name": source},
            **more,
        },
    }


def _deletion(manifest: Manifest) -> dict[str, Any]:
    """A patch that leaves an object out: two Kustomizations that both apply it would fight for it."""
    key = manifest.key
    patch = {
        "apiVersion": manifest.api_version,
        "kind": key.kind,
        "metadata": {"name": key.name},
        "$patch": "delete",
    }
    return {"patch": to_yaml(patch), "target": {"kind": key.kind, "name": key.name.replace(".", r"\.")}}


def _application_set(platform: Platform, clusters: Sequence[str]) -> dict[str, Any]:
    """One Application for each cluster; Argo CD must know the clusters by the same names."""
    name = f"{labels.MANAGED_BY_VALUE}-{platform.name}"
    gitops = platform.gitops
    elements = [
        {
            "cluster": cluster,
            "application": bounded(f"{name}-{cluster}"),
            "path": _directory(gitops, "clusters", cluster),
        }
        for cluster in clusters
    ]
    source = {"repoURL": gitops.repository, "targetRevision": gitops.branch, "path": "{{ .path }}"}
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "ApplicationSet",
        "metadata": {"name": bounded(name), "namespace": "argocd"},
        "spec": {
            "goTemplate": True,
            "goTemplateOptions": ["missingkey=error"],
            # An Application goes with its line here; what it applied does not go with it.
            "syncPolicy": {"preserveResourcesOnDeletion": True},
            "generators": [{"list": {"elements": elements}}],
            "template": {
                "metadata": {"name": "{{ .application }}"},
                "spec": {
                    "project": "default",
                    "source": source,
                    "destination": {"name": "{{ .cluster }}"},
                    "syncPolicy": {
                        "automated": {"prune": True, "selfHeal": True},
                        "syncOptions": [
                            # Field ownership is what keeps Allotment, Kueue and the users apart on one object.
                            "ServerSideApply=true",
                            # What another Application keeps is not taken over.
                            "FailOnSharedResource=true",
                        ],
                    },
                },
            },
        },
    }

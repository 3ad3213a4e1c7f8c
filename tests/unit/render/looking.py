"""Finding rendered objects again: by kind, team and name."""

from __future__ import annotations

from allotment.model.manifest import Body, Manifest, Manifests
from allotment.model.platform import Platform
from allotment.render.manifests import render


def rendered(platform: Platform, cluster: str = "dev") -> Manifests:
    """The objects of a cluster, by its name."""
    target = platform.cluster(cluster)
    assert target is not None, cluster
    found = render(platform, target)
    assert found.objects, "nothing is rendered: nothing would be looked at"
    return found


def find(manifests: Manifests, kind: str, name: str, namespace: str = "") -> Body:
    """The one object of that identity; fails when there is none."""
    found = [
        manifest.body
        for manifest in manifests
        if (manifest.key.kind, manifest.key.namespace, manifest.key.name) == (kind, namespace, name)
    ]
    assert len(found) == 1, f"{len(found)} objects are {kind} {namespace}/{name}"
    return found[0]


def of_kind(manifests: Manifests, kind: str) -> list[Manifest]:
    """All objects of a kind."""
    return [manifest for manifest in manifests if manifest.key.kind == kind]

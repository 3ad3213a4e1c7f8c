"""Manifests of all clusters to one GitOps tree that kustomize, Flux and Argo CD read.

    base/platform/<family>.yaml             the platform's own objects that every cluster has
    base/teams/<team>/<family>.yaml         a team's objects that all of its clusters have
    clusters/<name>/kustomization.yaml      which bases a cluster takes
    clusters/<name>/resources/<owner>.yaml  objects that not every one of the clusters concerned has
    clusters/<name>/patches/<owner>/*.yaml  where this cluster differs from the base; a folder for each namespace of a
                                            team that has another name
    clusters/<name>/gate/…                  what Flux applies before the rest; it is in the bases, too
    flux/<name>.yaml, argocd/…              entry points

The manifests are the truth and the tree is only a factoring of them: ``kustomize build clusters/<name>`` gives back
exactly the objects that `apply` would send. Adding a team adds one directory and one line for each of its clusters.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from allotment.model import labels
from allotment.model.manifest import Manifest, Manifests, ObjectKey
from allotment.model.platform import Platform
from allotment.render.gitops_entry import entry_points
from allotment.render.json_patch import Operation, patch_between
from allotment.render.yaml_text import to_documents, to_yaml

_PLATFORM_OWNER: Final = "platform"
_KUSTOMIZATION: Final = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}

Identity = tuple[str, ObjectKey]
"""(apiVersion, key): a patch cannot change an object's version, so versions are factored apart."""


@dataclass(frozen=True, slots=True)
class _Owner:
    """A team, or the platform itself (`team` is None), with the clusters that have it."""

    team: str | None
    clusters: tuple[str, ...]

    @property
    def base(self) -> str:
        return f"base/teams/{self.team}" if self.team else "base/platform"

    @property
    def name(self) -> str:
        return f"team-{self.team}" if self.team else _PLATFORM_OWNER


def gitops_tree(platform: Platform, clusters: Sequence[Manifests]) -> Mapping[str, str]:
    """The tree as relative path → text, sorted by path.

    Args:
        platform: names the repository for the entry points.
        clusters: the manifests of every cluster of the tree.
    """
    files: dict[str, str] = {}
    overlays = {manifests.cluster: _Overlay(manifests.cluster) for manifests in clusters}
    for owner, objects in _by_owner(clusters):
        shared = [by_cluster for by_cluster in objects.values() if len(by_cluster) == len(owner.clusters)]
        bases = [by_cluster[owner.clusters[0]] for by_cluster in shared]
        files.update(_base(owner, bases))
        for cluster in owner.clusters:
            overlay = overlays[cluster]
            if bases:
                overlay.resources.append(f"../../{owner.base}")
            own = [mine[cluster] for mine in objects.values() if len(mine) < len(owner.clusters) and cluster in mine]
            overlay.add_own(owner, own)
            overlay.add_patches(owner, [(base, mine[cluster]) for base, mine in zip(bases, shared, strict=True)], own)
    for overlay in overlays.values():
        files.update(overlay.files())
    files.update(entry_points(platform, clusters))
    return dict(sorted(files.items()))


def _by_owner(clusters: Sequence[Manifests]) -> Iterator[tuple[_Owner, dict[Identity, dict[str, Manifest]]]]:
    """Each owner with its objects, every object with its version in each cluster; the platform comes first."""
    present: dict[str | None, dict[str, None]] = {None: {manifests.cluster: None for manifests in clusters}}
    objects: dict[str | None, dict[Identity, dict[str, Manifest]]] = defaultdict(dict)
    for manifests in clusters:
        for manifest in manifests:
            present.setdefault(manifest.team, {})[manifests.cluster] = None
            identity = (manifest.api_version, manifest.key)
            objects[manifest.team].setdefault(identity, {})[manifests.cluster] = manifest
    for team in sorted(objects, key=lambda name: (name is not None, name or "")):
        yield _Owner(team, tuple(present[team])), objects[team]


def _base(owner: _Owner, bases: Sequence[Manifest]) -> Iterator[tuple[str, str]]:
    families: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for manifest in bases:
        families[manifest.family].append(manifest.body)
    for family, bodies in families.items():
        yield f"{owner.base}/{family}.yaml", to_documents(bodies)
    if families:
        resources = [f"{family}.yaml" for family in sorted(families)]
        yield f"{owner.base}/kustomization.yaml", to_yaml({**_KUSTOMIZATION, "resources": resources})


class _Overlay:
    """Collects what one cluster's directory holds."""

    def __init__(self, cluster: str) -> None:
        self._root = f"clusters/{cluster}"
        self.resources: list[str] = []
        self._patches: list[dict[str, Any]] = []
        self._files: dict[str, str] = {}

    def add_own(self, owner: _Owner, manifests: Iterable[Manifest]) -> None:
        """Objects that are in no base."""
        bodies = [manifest.body for manifest in manifests]
        if bodies:
            path = f"resources/{owner.name}.yaml"
            self._files[f"{self._root}/{path}"] = to_documents(bodies)
            self.resources.append(path)

    def add_patches(self, owner: _Owner, pairs: Iterable[tuple[Manifest, Manifest]], own: Sequence[Manifest]) -> None:
        """What turns the base's objects into this cluster's.

        Operations that every object of a team needs (its environment label, mostly) become one patch that selects
        the team by label, so that a difference between clusters costs one file and not one for each object. It meets
        the objects in no base (`own`) too, and must not change them.
        """
        differences = [(mine, patch_between(base.body, mine.body)) for base, mine in pairs]
        common = _common_operations([operations for _, operations in differences], own) if owner.team else ()
        if common:
            selector = {"labelSelector": f"{labels.TEAM}={owner.team},{labels.MANAGED_BY}={labels.MANAGED_BY_VALUE}"}
            self._add_patch(f"patches/{owner.name}/all.yaml", selector, common)
        for mine, operations in differences:
            rest = tuple(operation for operation in operations if operation not in common)
            if rest:
                self._add_patch(f"patches/{owner.name}/{_file_of(mine.key, owner)}", _target(mine), rest)

    def _add_patch(self, path: str, target: dict[str, str], operations: Sequence[Operation]) -> None:
        self._files[f"{self._root}/{path}"] = "".join(
            f"- {line}" if start else f"  {line}"
            for operation in operations
            for start, line in _numbered(to_yaml(operation.as_json()))
        )
        self._patches.append({"path": path, "target": target})

    def files(self) -> Iterator[tuple[str, str]]:
        """The directory's files; a cluster without any object still has a kustomization."""
        kustomization: dict[str, Any] = {**_KUSTOMIZATION, "resources": sorted(self.resources)}
        if self._patches:
            kustomization["patches"] = self._patches
        yield from self._files.items()
        yield f"{self._root}/kustomization.yaml", to_yaml(kustomization)


def _numbered(text: str) -> Iterator[tuple[bool, str]]:
    for number, line in enumerate(text.splitlines(keepends=True)):
        yield number == 0, line


def _common_operations(differences: Sequence[Sequence[Operation]], own: Sequence[Manifest]) -> tuple[Operation, ...]:
    """Operations that stand in every difference and may be applied alone: replacements of one scalar."""
    if len(differences) < 2 or not all(differences):
        return ()
    return tuple(
        operation
        for operation in differences[0]
        if operation.replaces_scalar
        and all(operation in other for other in differences[1:])
        and all(operation.is_done_in(mine.body) for mine in own)
    )


def _file_of(key: ObjectKey, owner: _Owner) -> str:
    """The file of an object's patch; a team's namespaces hold objects of the same names."""
    folder = f"{key.namespace}/" if key.namespace not in ("", owner.team) else ""
    return f"{folder}{key.kind.lower()}-{key.name}.yaml"


def _target(manifest: Manifest) -> dict[str, str]:
    """A patch target that matches exactly one object; kustomize reads name and namespace as anchored patterns."""
    group, _, version = manifest.api_version.rpartition("/")
    key = manifest.key
    target = {
        "group": group,
        "version": version,
        "kind": key.kind,
        "name": key.name.replace(".", r"\."),
        "namespace": key.namespace,
    }
    return {field: text for field, text in target.items() if text}

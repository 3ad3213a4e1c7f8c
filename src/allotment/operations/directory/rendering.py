"""Render: the GitOps tree of a platform, or of one of its clusters. Pure; writing is the caller's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from allotment.model.cluster import Cluster
from allotment.model.manifest import Manifests
from allotment.model.platform import Platform
from allotment.render.gitops import gitops_tree
from allotment.render.manifests import render
from allotment.render.pruning import Loss, losses


@dataclass(frozen=True, slots=True)
class Rendered:
    """A tree and the objects it stands for.

    Attributes:
        files: text by relative path.
        clusters: the objects of every cluster in the tree.
    """

    files: Mapping[str, str]
    clusters: tuple[Manifests, ...]


def render_clusters(platform: Platform, clusters: Sequence[Cluster]) -> tuple[Manifests, ...]:
    """The objects of each cluster.

    Raises:
        InputError: a team that needs a cluster to itself is not alone in it.
    """
    return tuple(render(platform, cluster) for cluster in clusters)


def render_tree(platform: Platform, clusters: Sequence[Cluster]) -> Rendered:
    """The GitOps tree of these clusters.

    Raises:
        InputError: as `render_clusters`.
    """
    manifests = render_clusters(platform, clusters)
    return Rendered(gitops_tree(platform, manifests), manifests)


def lost(before: Mapping[str, str], rendered: Rendered) -> tuple[Loss, ...]:
    """What the clusters of the tree that lies there would lose by the new one.

    Raises:
        InputError: the tree that lies there cannot be read.
    """
    return losses(before, rendered.files, rendered.clusters)

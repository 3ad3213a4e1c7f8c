"""Use case: the GitOps tree of a platform, or of some of its clusters, and what a sync of it would delete."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from allotment.model.cluster import Cluster
from allotment.model.manifest import Manifests
from allotment.model.platform import Platform
from allotment.ports.files import FilesPort
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


def render_tree(platform: Platform, clusters: Sequence[Cluster]) -> Rendered:
    """The GitOps tree of these clusters.

    Raises:
        InputError: a team that needs a cluster to itself is not alone in it.
    """
    manifests = tuple(render(platform, cluster) for cluster in clusters)
    return Rendered(gitops_tree(platform, manifests), manifests)


def lost_by(files: FilesPort, root: Path, rendered: Rendered) -> tuple[Loss, ...]:
    """What a sync would delete once the tree in a folder is replaced by this one.

    Raises:
        InputError: the tree that lies there cannot be read.
    """
    return losses(files.read_tree(root), rendered.files, rendered.clusters)

"""Use case: a cluster's objects; the GitOps tree of some or all clusters, and what a sync of it would delete."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from allotment.model.cluster import Cluster
from allotment.model.manifest import Manifests
from allotment.model.platform import Platform
from allotment.ports.files import FilesPort, Written
from allotment.render.gitops import gitops_tree
from allotment.render.manifests import render
from allotment.render.pruning import Loss, check_consent, losses


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
    manifests = tuple(objects_of(platform, cluster) for cluster in clusters)
    return Rendered(gitops_tree(platform, manifests), manifests)


def objects_of(platform: Platform, cluster: Cluster) -> Manifests:
    """Every object of one cluster.

    Raises:
        InputError: a team that needs a cluster to itself is not alone in it.
    """
    return render(platform, cluster)


def lost_by(files: FilesPort, root: Path, rendered: Rendered) -> tuple[Loss, ...]:
    """What a sync would delete once the tree in a folder is replaced by this one.

    Raises:
        InputError: the tree that lies there cannot be read.
    """
    return losses(files.read_tree(root), rendered.files, rendered.clusters)


@dataclass(frozen=True, slots=True)
class WrittenTree:
    """A tree that lies in a folder now.

    Attributes:
        lost: what a sync deletes that has the tree which lay there before.
        versioned: the folder lies in a working tree of git.
    """

    rendered: Rendered
    written: Written
    lost: tuple[Loss, ...]
    versioned: bool


Losing = Callable[[tuple[Loss, ...]], None]
"""Told what a sync would delete, before the tree is refused for it."""


def write_tree(
    files: FilesPort,
    root: Path,
    platform: Platform,
    clusters: Sequence[Cluster],
    losing: Losing,
    *,
    force: bool = False,
    allow_prune: bool = False,
) -> WrittenTree:
    """Render the tree of these clusters, and put it in the place of the one in a folder.

    Args:
        files: where it is written.
        root: the folder; made when missing.
        platform: the declaration.
        clusters: of it.
        losing: told what would be deleted, where that is why nothing is written.
        force: overwrite files that an earlier call did not write.
        allow_prune: write it also where a sync would delete objects.

    Raises:
        InputError: a team that needs a cluster to itself is not alone in it; the tree that lies there cannot be read.
        ConflictError: something would be deleted, or files of others are in the way.
    """
    rendered = render_tree(platform, clusters)
    lost = lost_by(files, root, rendered)
    if not allow_prune and any(loss.needs_consent for loss in lost):
        losing(lost)
        check_consent(lost)
    written = files.write_tree(root, rendered.files, force=force)
    return WrittenTree(rendered, written, lost, files.in_repository(root))

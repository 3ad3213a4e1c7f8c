"""What a sync of Argo CD or Flux would delete: objects of the tree that lies there and that the new one lacks.

Only files that changed are read again: an object's identity never comes from a patch, and what stands in a file that
both trees have for a cluster is in both.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import yaml

from allotment.errors import ConflictError, InputError
from allotment.model.manifest import Manifests, ObjectKey, key_of
from allotment.render.protection import KEPT

Tree = Mapping[str, str]
"""Text by relative path."""

_KUSTOMIZATION: Final = "kustomization.yaml"
_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class Loss:
    """What a cluster has by the old tree and no longer has by the new one.

    Attributes:
        deleted: what a sync deletes, sorted.
        kept: what a sync leaves because it is marked so, and only `allot apply` deletes; sorted.
        left: the whole cluster is gone from the tree: no tool keeps it any more, and nothing is deleted.
    """

    cluster: str
    deleted: tuple[ObjectKey, ...] = ()
    kept: tuple[ObjectKey, ...] = ()
    left: bool = False

    @property
    def needs_consent(self) -> bool:
        """Whether somebody has to want it."""
        return self.left or bool(self.deleted)


def losses(before: Tree, after: Tree, clusters: Sequence[Manifests]) -> tuple[Loss, ...]:
    """What every cluster of the old tree loses; clusters that lose nothing are left out.

    Args:
        before: the tree that lies there; empty if none does.
        after: the new one.
        clusters: the objects of the new one.

    Raises:
        InputError: the old tree cannot be read.
    """
    wanted = {manifests.cluster: frozenset(manifest.key for manifest in manifests) for manifests in clusters}
    found = []
    for cluster in _clusters(before):
        if cluster not in wanted:
            found.append(Loss(cluster, left=True))
            continue
        loss = _loss(cluster, before, after, wanted[cluster])
        if loss.deleted or loss.kept:
            found.append(loss)
    return tuple(found)


def check_consent(found: Sequence[Loss]) -> None:
    """Stop before a tree is written whose sync would delete something that nobody said may go.

    Raises:
        ConflictError: something would be deleted, or a cluster would leave the tree.
    """
    left = [loss.cluster for loss in found if loss.left]
    number = sum(len(loss.deleted) for loss in found)
    said = []
    if number:
        said.append(f"a sync of it would delete {number} object{'s' if number > 1 else ''}")
    if left:
        said.append(f"it would no longer hold {', '.join(left)}")
    if said:
        raise ConflictError(
            f"the tree is not written: {', and '.join(said)}",
            why="the tree that lies there has them, and the directory, or the choice of clusters, no longer does",
            fix="bring them back (a team leaves with `allot team remove`, which keeps its data); if they may go, "
            "render again with --allow-prune",
        )


def _clusters(tree: Tree) -> Iterator[str]:
    for path in sorted(tree):
        parts = path.split("/")
        if len(parts) == 3 and parts[0] == "clusters" and parts[2] == _KUSTOMIZATION:
            yield parts[1]


def _loss(cluster: str, before: Tree, after: Tree, wanted: frozenset[ObjectKey]) -> Loss:
    folder = f"clusters/{cluster}"
    same = {path for path in _files(after, folder) if before.get(path) == after[path]}
    lost = {
        key: _is_marked(body)
        for path in _files(before, folder)
        if path not in same
        for key, body in _objects(path, before[path])
        if key not in wanted
    }
    deleted = sorted(key for key, marked in lost.items() if not marked)
    return Loss(cluster, tuple(deleted), tuple(sorted(key for key, marked in lost.items() if marked)))


def _files(tree: Tree, folder: str, within: frozenset[str] = frozenset()) -> Iterator[str]:
    """The files of objects that a folder's kustomization takes, also through other folders."""
    text = tree.get(f"{folder}/{_KUSTOMIZATION}", "")
    for document in _documents(f"{folder}/{_KUSTOMIZATION}", text):
        for resource in document.get("resources") or ():
            path = posixpath.normpath(f"{folder}/{resource}")
            if path in tree:
                yield path
            elif path not in within | {folder}:
                yield from _files(tree, path, within | {folder})


def _objects(path: str, text: str) -> Iterator[tuple[ObjectKey, Mapping[str, Any]]]:
    for body in _documents(path, text):
        try:
            yield key_of(body), body
        except (KeyError, TypeError, AttributeError):
            raise _unreadable(path, "it holds something that is no Kubernetes object") from None


def _documents(path: str, text: str) -> Iterator[Mapping[str, Any]]:
    try:
        documents = list(yaml.load_all(text, Loader=_LOADER))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _unreadable(path, str(error).partition("\n")[0]) from None
    for document in documents:
        if isinstance(document, Mapping):
            yield document
        elif document is not None:
            raise _unreadable(path, "it holds something that is no object")


def _unreadable(path: str, why: str) -> InputError:
    return InputError(
        f"the tree that lies there cannot be read: {path}",
        why=why,
        fix="put that file back as it was rendered, or render into an empty folder and compare the two yourself",
    )


def _is_marked(body: Mapping[str, Any]) -> bool:
    annotations = body["metadata"].get("annotations") or {}
    return all(annotations.get(key) == value for key, value in KEPT.items())

"""What no sync of a GitOps tool may delete: the data, and what a namespace needs as long as it is there.

A tool deletes what its tree no longer holds, at once and in no order that anybody chose: with a namespace go the data,
without its queue work runs on that nobody counts, without quota and wall it runs without bounds. So what a leaving team
keeps (`model.team.Offboarding`) is marked; `allot apply` alone takes it away, once nothing runs there any more.
Access is not marked: it is to go at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from allotment.model import labels
from allotment.model.manifest import Manifest
from allotment.render.network import DEFAULT_DENY

MARKS: Final = {labels.ARGO_SYNC_OPTIONS: "Prune=false,Delete=false", labels.FLUX_PRUNE: "disabled"}
"""Annotations: Argo CD neither prunes the object nor deletes it with its Application; Flux does not prune it."""

_ALWAYS: Final = frozenset({"Namespace", "PersistentVolumeClaim"})
_OF_A_TEAM: Final = frozenset({"ClusterQueue", "LocalQueue", "ResourceQuota", "ServiceAccount"})


def protected(manifests: Iterable[Manifest]) -> Iterator[Manifest]:
    """The objects, those marked that only `allot apply` deletes."""
    for manifest in manifests:
        yield _marked(manifest) if _is_kept(manifest) else manifest


def _is_kept(manifest: Manifest) -> bool:
    key = manifest.key
    if key.kind in _ALWAYS:
        return True
    return manifest.team is not None and (
        key.kind in _OF_A_TEAM or (key.kind, key.name) == ("NetworkPolicy", DEFAULT_DENY)
    )


def _marked(manifest: Manifest) -> Manifest:
    metadata = manifest.body["metadata"]
    annotations = {**metadata.get("annotations", {}), **MARKS}
    return replace(manifest, body={**manifest.body, "metadata": {**metadata, "annotations": annotations}})

"""What Argo CD and Flux are told about single objects: what no sync may delete, and what comes first.

**Kept.** A tool deletes what its tree no longer holds, at once and in no order that anybody chose: with a namespace go
the data, without its queue work runs on that nobody counts, without quota and wall it runs without bounds. So what a
leaving team keeps is marked; `allot apply` alone deletes it, once nothing runs there any more. Access is not marked: it
is to go at once.

**First.** Such a tool takes over what exists. So the policy that lets nobody claim a namespace stands before the first
namespace is applied, and a namespace that is refused holds up all that would go into it. Flux reads no waves; its entry
point has a Kustomization of its own for the same objects (`gate`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from allotment.model import labels
from allotment.model.manifest import Family, Manifest
from allotment.model.policy import NAMESPACE_GATE
from allotment.render.network import DEFAULT_DENY

KEPT: Final = {labels.ARGO_SYNC_OPTIONS: "Prune=false,Delete=false", labels.FLUX_PRUNE: "disabled"}
"""Annotations: Argo CD neither prunes the object nor deletes it with its Application; Flux does not prune it."""

_ALWAYS: Final = frozenset({"Namespace", "PersistentVolumeClaim"})
_OF_A_TEAM: Final = frozenset({"ClusterQueue", "LocalQueue", "ResourceQuota", "ServiceAccount"})

_GATE_WAVE: Final = "-2"
_NAMESPACE_WAVE: Final = "-1"


def instructed(manifests: Iterable[Manifest]) -> Iterator[Manifest]:
    """The objects with what tools are told about them, as annotations."""
    for manifest in manifests:
        told = dict(_instructions(manifest))
        yield _annotated(manifest, told) if told else manifest


def is_gate(manifest: Manifest) -> bool:
    """Whether the object belongs to the policy that has to stand before any namespace is applied."""
    return manifest.family is Family.POLICIES and manifest.key.name == NAMESPACE_GATE


def _instructions(manifest: Manifest) -> Iterator[tuple[str, str]]:
    if _is_kept(manifest):
        yield from KEPT.items()
    if is_gate(manifest):
        yield labels.ARGO_SYNC_WAVE, _GATE_WAVE
    elif manifest.key.kind == "Namespace":
        yield labels.ARGO_SYNC_WAVE, _NAMESPACE_WAVE


def _is_kept(manifest: Manifest) -> bool:
    key = manifest.key
    if key.kind in _ALWAYS:
        return True
    return manifest.team is not None and (
        key.kind in _OF_A_TEAM or (key.kind, key.name) == ("NetworkPolicy", DEFAULT_DENY)
    )


def _annotated(manifest: Manifest, more: Mapping[str, str]) -> Manifest:
    metadata = manifest.body["metadata"]
    annotations = {**metadata.get("annotations", {}), **more}
    return replace(manifest, body={**manifest.body, "metadata": {**metadata, "annotations": annotations}})

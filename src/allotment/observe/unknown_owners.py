"""Which objects stand above the observed ones, of kinds that no table names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from allotment.model.observed.base import ObjectMeta
from allotment.model.observed.snapshot import Objects
from allotment.observe.kinds import BY_KIND

MOST_LEVELS: Final = 4
"""Such objects one above the other: a step of a workflow of a pipeline, and one to spare."""
_BUILT_IN: Final = ".k8s.io"
_OF_EXTENSIONS: Final = ("x-k8s.io", "sigs.k8s.io")


@dataclass(frozen=True, slots=True, order=True)
class UnknownOwner:
    """An owner as a reference names it; its namespace is that of what it owns."""

    api_version: str
    kind: str
    namespace: str
    name: str
    uid: str

    @property
    def group(self) -> str:
        """Its API group."""
        return self.api_version.rpartition("/")[0]


def unknown_owners(objects: Objects) -> frozenset[UnknownOwner]:
    """The controllers of pods and work whose kinds are not read, and that were not found yet.

    A reference is written by whoever makes the object. So only kinds of extensions are followed: nobody gets us to
    read a Secret, or anything else that the API server itself holds.
    """
    known = {each.metadata.uid for each in objects.owners}
    return frozenset(each for each in _controllers(_below(objects)) if each.uid not in known)


def _below(objects: Objects) -> Iterator[ObjectMeta]:
    for pod in objects.pods:
        yield pod.metadata
    for found in (objects.jobs, objects.replicas, objects.owners):
        for each in found:
            yield each.metadata


def _controllers(metas: Iterable[ObjectMeta]) -> Iterator[UnknownOwner]:
    for meta in metas:
        owner = meta.controller
        if owner is None:
            continue
        group, slash, _ = owner.api_version.partition("/")
        if slash and _is_extension(group) and (group, owner.kind) not in BY_KIND:
            yield UnknownOwner(owner.api_version, owner.kind, meta.namespace, owner.name, owner.uid)


def _is_extension(group: str) -> bool:
    return "." in group and (not group.endswith(_BUILT_IN) or group.endswith(_OF_EXTENSIONS))

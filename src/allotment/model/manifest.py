"""Kubernetes objects as data: the only place where a dict crosses a boundary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, NamedTuple


class Family(StrEnum):
    """Families of objects; a file of `render/` and a file of the GitOps tree each."""

    NAMESPACES = "namespaces"
    RBAC = "rbac"
    SERVICE_ACCOUNTS = "service-accounts"
    RESOURCE_QUOTAS = "resource-quotas"
    LIMIT_RANGES = "limit-ranges"
    NETWORK_POLICIES = "network-policies"
    STORAGE = "storage"
    PRIORITY_CLASSES = "priority-classes"
    KUEUE = "kueue"
    POLICIES = "policies"


class ObjectKey(NamedTuple):
    """Identity of an object in a cluster. The version is no part of it: one object, many versions.

    `namespace` is empty for cluster-scoped objects.
    """

    group: str
    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        """``Kind[.group] [namespace/]name``, as messages and tables show it."""
        kind = f"{self.kind}.{self.group}" if self.group else self.kind
        return f"{kind} {self.namespace}/{self.name}" if self.namespace else f"{kind} {self.name}"


def key_of(body: Mapping[str, Any]) -> ObjectKey:
    """Identity of an object's body."""
    group, _, _version = body["apiVersion"].rpartition("/")
    metadata = body["metadata"]
    return ObjectKey(group, body["kind"], metadata.get("namespace", ""), metadata["name"])


Body = Mapping[str, Any]
"""A Kubernetes object as JSON."""

SERVER_METADATA: Final = frozenset(
    {"creationTimestamp", "generation", "managedFields", "resourceVersion", "selfLink", "uid"}
)
"""Fields of an object's metadata that the API server writes, and nobody declares."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """One desired object.

    Attributes:
        family: what it is for; decides its file and, with its kind, its place in the apply order.
        team: the tenant it belongs to, or None for the platform's own.
        body: the object as Kubernetes reads it. Never changed after construction.
    """

    family: Family
    team: str | None
    body: Mapping[str, Any]

    @property
    def key(self) -> ObjectKey:
        """Identity in the cluster."""
        return key_of(self.body)

    @property
    def api_version(self) -> str:
        """``group/version`` or ``v1``."""
        version: str = self.body["apiVersion"]
        return version


@dataclass(frozen=True, slots=True)
class Manifests:
    """All desired objects of one cluster, sorted by (family, team, key), without duplicates.

    Attributes:
        exempt: namespaces of the system, none of them a team's: nothing in them is ever the platform's.
    """

    cluster: str
    objects: tuple[Manifest, ...]
    exempt: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Manifest]:
        """In the sorted order."""
        return iter(self.objects)

    def of(self, family: Family) -> Iterator[Manifest]:
        """The objects of one family."""
        return (manifest for manifest in self.objects if manifest.family is family)

"""One cluster with its rendered objects, and the questions that benchmarks ask of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from allotment.model import labels
from allotment.model.cluster import Cluster
from allotment.model.manifest import Manifest, Manifests
from allotment.model.platform import Platform

CHANGES = frozenset({"create", "update", "patch", "delete", "deletecollection"})

POD_SECURITY = "pod-security.kubernetes.io"


@dataclass(frozen=True)
class Right:
    """One cell of what a role allows; `namespace` is empty for the whole cluster."""

    verb: str
    group: str
    resource: str
    namespace: str
    role: str


@dataclass(frozen=True)
class Subject:
    """A cluster of a platform, rendered."""

    platform: Platform
    cluster: Cluster
    manifests: Manifests

    def of_kind(self, kind: str) -> list[Manifest]:
        """Objects of a kind."""
        return [item for item in self.manifests if item.key.kind == kind]

    def in_namespace(self, kind: str, namespace: str) -> list[Mapping[str, Any]]:
        """Bodies of a kind in one namespace."""
        return [item.body for item in self.of_kind(kind) if item.key.namespace == namespace]

    def namespaces(self) -> list[Manifest]:
        """The tenants' namespaces."""
        found = [item for item in self.of_kind("Namespace") if item.key.name != labels.SYSTEM_NAMESPACE]
        assert {item.key.name for item in found} == {
            name for team, _placement in self.platform.teams_in(self.cluster.name) for name in team.namespaces
        }
        return found

    def rights(self) -> Iterator[Right]:
        """Every right that any rendered Role or ClusterRole gives."""
        for kind in ("Role", "ClusterRole"):
            for item in self.of_kind(kind):
                for rule in item.body["rules"]:
                    assert set(rule) - {"resourceNames"} == {"apiGroups", "resources", "verbs"}
                    for group in rule["apiGroups"]:
                        for resource in rule["resources"]:
                            for verb in rule["verbs"]:
                                yield Right(verb, group, resource, item.key.namespace, item.key.name)

    def holders(self, verb: str, group: str, resource: str) -> set[str]:
        """Roles that allow it."""
        return {
            right.role
            for right in self.rights()
            if (right.verb, right.group, right.resource) == (verb, group, resource)
        }

    def enforces_restricted(self) -> bool:
        """Whether every namespace without an exception refuses pods below the Pod Security level `restricted`."""
        return all(
            item.body["metadata"]["labels"].get(f"{POD_SECURITY}/enforce") == self.level(item)
            for item in self.namespaces()
        )

    def level(self, item: Manifest) -> str:
        """The level that the owner of a namespace was given by name."""
        team = self.platform.team(item.team or "")
        assert team is not None
        return team.pod_security_in(item.key.name).value

    def staying(self) -> Iterator[str]:
        """Namespaces of tenants that are not being offboarded."""
        for item in self.namespaces():
            if labels.OFFBOARDING not in item.body["metadata"]["labels"]:
                yield item.key.name

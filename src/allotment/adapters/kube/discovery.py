"""Which kinds the server knows, and under which path: aggregated discovery, two requests for everything."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from allotment.adapters.kube.paths import is_segment, segment

ACCEPT: Final = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
ROOTS: Final = ("/api", "/apis")


@dataclass(frozen=True, slots=True)
class Resource:
    """Where the objects of one kind live.

    Attributes:
        prefix: path of the version, such as ``/apis/batch/v1``.
        plural: last part of the path.
    """

    prefix: str
    plural: str
    namespaced: bool

    def collection(self, namespace: str = "") -> str:
        """Path of all objects, or of those of a namespace.

        Raises:
            RefusedError: the namespace can have no path.
        """
        place = f"/namespaces/{segment(namespace, 'namespace')}" if self.namespaced and namespace else ""
        return f"{self.prefix}{place}/{segment(self.plural, 'resource')}"

    def path(self, namespace: str, name: str, subresource: str = "") -> str:
        """Path of one object, or of a part of it.

        Raises:
            RefusedError: namespace, name or part can have no path.
        """
        one = f"{self.collection(namespace)}/{segment(name, f'name in {self.plural}')}"
        return f"{one}/{segment(subresource, 'part of an object')}" if subresource else one


Resources = Mapping[tuple[str, str], Resource]
"""By (apiVersion, kind), and by (apiVersion, plural): the resources of an aggregated API may share one kind."""


def read(document: Mapping[str, Any]) -> dict[tuple[str, str], Resource]:
    """The kinds in one answer of aggregated discovery; what is no such entry, or can have no path, is left out."""
    found: dict[tuple[str, str], Resource] = {}
    for group in _mappings(document.get("items")):
        metadata = group.get("metadata")
        told = metadata.get("name", "") if isinstance(metadata, dict) else ""
        group_name = _name(told)
        if told and not group_name:
            continue
        for version in _mappings(group.get("versions")):
            number = _name(version.get("version"))
            if not number:
                continue
            api_version = f"{group_name}/{number}" if group_name else number
            prefix = f"/apis/{api_version}" if group_name else f"/api/{api_version}"
            for resource in _mappings(version.get("resources")):
                response_kind = resource.get("responseKind")
                kind = response_kind.get("kind") if isinstance(response_kind, dict) else None
                plural = _name(resource.get("resource"))
                if isinstance(kind, str) and kind and plural:
                    known = Resource(prefix, plural, resource.get("scope") == "Namespaced")
                    found[api_version, kind] = found[api_version, plural] = known
    return found


def _mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    return (each for each in (value if isinstance(value, list) else ()) if isinstance(each, dict))


def _name(value: Any) -> str:
    """A name that is the same in a path; anything else is none."""
    return value if isinstance(value, str) and is_segment(value) and segment(value, "name") == value else ""

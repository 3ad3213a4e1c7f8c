"""Which kinds the server knows, and under which path: aggregated discovery, two requests for everything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

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

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """Path of the collection, of one object, or of a part of it."""
        place = f"/namespaces/{namespace}" if self.namespaced and namespace else ""
        rest = "".join(f"/{part}" for part in (name, subresource) if part)
        return f"{self.prefix}{place}/{self.plural}{rest}"


Resources = Mapping[tuple[str, str], Resource]
"""By (apiVersion, kind), and by (apiVersion, plural): the resources of an aggregated API may share one kind."""


def read(document: Mapping[str, Any]) -> dict[tuple[str, str], Resource]:
    """The kinds in one answer of aggregated discovery."""
    found: dict[tuple[str, str], Resource] = {}
    for group in document.get("items", ()):
        group_name = group.get("metadata", {}).get("name", "")
        for version in group.get("versions", ()):
            api_version = f"{group_name}/{version['version']}" if group_name else version["version"]
            prefix = f"/apis/{api_version}" if group_name else f"/api/{api_version}"
            for resource in version.get("resources", ()):
                kind = resource.get("responseKind", {}).get("kind")
                if kind:
                    namespaced = resource.get("scope") == "Namespaced"
                    known = Resource(prefix, resource["resource"], namespaced)
                    found[api_version, kind] = found[api_version, resource["resource"]] = known
    return found

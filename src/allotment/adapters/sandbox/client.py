"""The few requests that the launcher makes itself, over one kept-alive connection.

The rest of Allotment talks to the cluster through `adapters/kube`; this one has to work before a cluster is there.
"""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from allotment.errors import AllotmentError, UnreachableError

FIELD_MANAGER = "allotment-sandbox"

_PLURALS = {
    "APIService": "apiservices",
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
    "CustomResourceDefinition": "customresourcedefinitions",
    "MutatingWebhookConfiguration": "mutatingwebhookconfigurations",
    "Namespace": "namespaces",
    "Role": "roles",
    "RoleBinding": "rolebindings",
    "Secret": "secrets",
    "Service": "services",
    "ServiceAccount": "serviceaccounts",
    "ValidatingWebhookConfiguration": "validatingwebhookconfigurations",
}


def object_path(manifest: Mapping[str, Any]) -> str:
    """URL path of an object of the kinds that Kueue's installation consists of."""
    version, metadata = manifest["apiVersion"], manifest["metadata"]
    root = f"/apis/{version}" if "/" in version else f"/api/{version}"
    namespace = f"/namespaces/{metadata['namespace']}" if "namespace" in metadata else ""
    return f"{root}{namespace}/{_PLURALS[manifest['kind']]}/{metadata['name']}"


def tls_context(pki: Path) -> ssl.SSLContext:
    """Trust the sandbox's authority, and be its administrator."""
    context = ssl.create_default_context(cafile=str(pki / "ca.crt"))
    context.load_cert_chain(pki / "admin.crt", pki / "admin.key")
    return context


class Client:
    """HTTP to 127.0.0.1; a lost connection is opened again at the next request."""

    def __init__(self, port: int, tls: ssl.SSLContext | None, timeout_seconds: float = 15.0) -> None:
        self._connection = (
            http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_seconds)
            if tls is None
            else http.client.HTTPSConnection("127.0.0.1", port, timeout=timeout_seconds, context=tls)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._connection.close()

    def request(
        self, method: str, path: str, body: object = None, content_type: str = "application/json"
    ) -> tuple[int, dict[str, Any]]:
        """(status, JSON answer); an answer that is no JSON object becomes {"message": text}.

        Raises:
            UnreachableError: nobody listens, or the connection broke.
        """
        headers = {"Accept": "application/json", "Content-Type": content_type}
        payload = None if body is None else json.dumps(body)
        try:
            self._connection.request(method, path, payload, headers)
            response = self._connection.getresponse()
            text = response.read().decode("utf-8", errors="replace")
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise UnreachableError(
                f"127.0.0.1:{self._connection.port} does not answer", why=str(error) or type(error).__name__
            ) from error
        try:
            answer = json.loads(text)
        except ValueError:
            answer = None
        return response.status, answer if isinstance(answer, dict) else {"message": text}

    def healthy(self, path: str) -> bool:
        """Whether the endpoint answers 200."""
        try:
            return self.request("GET", path)[0] == http.client.OK
        except UnreachableError:
            return False

    def get(self, path: str) -> dict[str, Any]:
        """The object or list at a path.

        Raises:
            AllotmentError: the server refused.
            UnreachableError: it does not answer.
        """
        return _good(self.request("GET", path), f"GET {path}")

    def create(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create an object; see `get` for errors."""
        return _good(self.request("POST", f"{path}?fieldManager={FIELD_MANAGER}", body), f"POST {path}")

    def delete(self, path: str) -> None:
        """Delete an object at once; that it is gone already is fine."""
        answer = self.request("DELETE", f"{path}?gracePeriodSeconds=0")
        if answer[0] != http.client.NOT_FOUND:
            _good(answer, f"DELETE {path}")

    def apply(self, manifest: Mapping[str, Any]) -> None:
        """Server-side apply: the sandbox owns what it installs, so conflicts are taken over."""
        path = object_path(manifest)
        query = f"{path}?fieldManager={FIELD_MANAGER}&force=true"
        _good(self.request("PATCH", query, manifest, "application/apply-patch+yaml"), f"apply {path}")

    def touch(self, path: str, value: str) -> None:
        """Change an annotation, so that controllers look at the object again."""
        patch = {"metadata": {"annotations": {"allotment.dev/touched": value}}}
        _good(self.request("PATCH", path, patch, "application/merge-patch+json"), f"PATCH {path}")


def _good(answer: tuple[int, dict[str, Any]], what: str) -> dict[str, Any]:
    status, body = answer
    if status >= http.client.BAD_REQUEST:
        raise AllotmentError(
            f"the sandbox's API server refused {what} ({status})", why=str(body.get("message", body))[:500]
        )
    return body

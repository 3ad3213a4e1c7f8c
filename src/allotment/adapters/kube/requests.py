"""Requests to the API server, built as data; nothing here touches the network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from allotment.adapters.kube.discovery import ACCEPT, Resource
from allotment.model.labels import FIELD_MANAGER, WRITE_MANAGER
from allotment.model.manifest import ObjectKey, key_of
from allotment.ports.kube import USUAL_DELETION, AccessQuestion, Deletion, Identity, ObjectPart

PAGE_SIZE: Final = 500
"""Objects per page of a list; kubectl's own chunk size."""

WATCH_SECONDS: Final = 300
"""After which the server ends a watch, so that none stays open to a proxy that forgot it."""

_JSON: Final = "application/json"
_METADATA: Final = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_APPLY: Final = "application/apply-patch+yaml"
_AUTHORIZATION: Final = "authorization.k8s.io/v1"
_MERGE: Final = "application/merge-patch+json"


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request.

    Attributes:
        about: what it is about, for messages.
        repeatable: sending it twice does no more than sending it once.
        pinned: it names the version of the object that it is about: once that has passed, no other try is taken.
    """

    method: str
    path: str
    about: str
    params: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = (("Accept", _JSON),)
    content: bytes | None = None
    repeatable: bool = True
    pinned: bool = False
    secret: bool = False


def version() -> Request:
    """What the server calls itself."""
    return Request("GET", "/version", "the server's version")


def discovery(root: str) -> Request:
    """All kinds below ``/api`` or ``/apis``."""
    return Request("GET", root, "the kinds that the server knows", headers=(("Accept", ACCEPT),))


def page(resource: Resource, namespace: str, selectors: tuple[str, str], token: str) -> Request:
    """One page of a list, of what the selectors for labels and fields choose."""
    labels, fields = selectors
    params = (("limit", str(PAGE_SIZE)), ("labelSelector", labels), ("fieldSelector", fields), ("continue", token))
    return _page(resource, namespace, params, _JSON)


def watch(resource: Resource, namespace: str, since: str) -> Request:
    """What happens to a kind after a version."""
    params = (
        ("watch", "true"),
        ("allowWatchBookmarks", "true"),
        ("resourceVersion", since),
        ("timeoutSeconds", str(WATCH_SECONDS)),
    )
    return Request("GET", resource.collection(namespace), f"the changes of {resource.plural}", params)


def metadata_page(resource: Resource, namespace: str, fields: str, token: str) -> Request:
    """One page of a list of metadata. The server has no other form to fall back to: nothing else can be sent."""
    params = (("limit", str(PAGE_SIZE)), ("fieldSelector", fields), ("continue", token))
    return _page(resource, namespace, params, _METADATA)


def _page(resource: Resource, namespace: str, params: tuple[tuple[str, str], ...], accept: str) -> Request:
    given = tuple((name, value) for name, value in params if value)
    return Request(
        "GET", resource.collection(namespace), f"the list of {resource.plural}", given, headers=(("Accept", accept),)
    )


def get(resource: Resource, key: ObjectKey) -> Request:
    """One object."""
    return Request("GET", resource.path(key.namespace, key.name), str(key))


def read_part(resource: Resource, part: ObjectPart, query: Mapping[str, int]) -> Request:
    """A subresource of one object."""
    params = tuple((name, str(value)) for name, value in query.items())
    return Request("GET", resource.path(part.namespace, part.name, part.part), str(part), params)


def apply(resource: Resource, body: Mapping[str, Any], *, dry_run: bool, force: bool, manager: str = "") -> Request:
    """Server-side apply. JSON is YAML, so the body is JSON."""
    key = key_of(body)
    params = [("fieldManager", manager or FIELD_MANAGER), ("force", "true" if force else "false")]
    return Request(
        "PATCH",
        resource.path(key.namespace, key.name),
        str(key),
        (*params, *_dry(dry_run)),
        (("Accept", _JSON), ("Content-Type", _APPLY)),
        msgspec.json.encode(body),
        secret=key.kind == "Secret",
    )


def create(
    resource: Resource, body: Mapping[str, Any], *, dry_run: bool, identity: Identity | None, manager: str = ""
) -> Request:
    """POST into the collection."""
    metadata = body["metadata"]
    name = metadata.get("name") or f"{metadata.get('generateName', '')}*"
    return Request(
        "POST",
        resource.collection(metadata.get("namespace", "")),
        f"{body['kind']} {name}",
        (("fieldManager", manager or WRITE_MANAGER), *_dry(dry_run)),
        (("Accept", _JSON), ("Content-Type", _JSON), *_impersonation(identity)),
        msgspec.json.encode(body),
        repeatable=dry_run,
        secret=body["kind"] == "Secret",
    )


def merge_patch(
    resource: Resource,
    key: ObjectKey,
    patch: Mapping[str, Any],
    *,
    subresource: str,
    dry_run: bool,
    identity: Identity | None,
    manager: str = "",
) -> Request:
    """JSON merge patch. Repeatable: the same patch twice leaves the same object."""
    return Request(
        "PATCH",
        resource.path(key.namespace, key.name, subresource),
        str(key),
        (("fieldManager", manager or WRITE_MANAGER), *_dry(dry_run)),
        (("Accept", _JSON), ("Content-Type", _MERGE), *_impersonation(identity)),
        msgspec.json.encode(patch),
        pinned="resourceVersion" in (patch.get("metadata") or {}),
        secret=key.kind == "Secret",
    )


def delete(
    resource: Resource,
    key: ObjectKey,
    *,
    dry_run: bool,
    identity: Identity | None,
    uid: str,
    how: Deletion = USUAL_DELETION,
) -> Request:
    """Delete, the dependents in the background or before."""
    policy = "Foreground" if how.foreground else "Background"
    options: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": policy}
    if how.grace is not None:
        options["gracePeriodSeconds"] = how.grace
    if dry_run:
        # Beside a body of options the API server does not look at the query's dryRun, and would delete.
        options["dryRun"] = ["All"]
    if uid:
        options["preconditions"] = {"uid": uid}
    return Request(
        "DELETE",
        resource.path(key.namespace, key.name),
        str(key),
        headers=(("Accept", _JSON), ("Content-Type", _JSON), *_impersonation(identity)),
        content=msgspec.json.encode(options),
    )


def pod_log(resource: Resource, pod: ObjectKey, container: str, *, follow: bool, tail: int | None) -> Request:
    """What a container has written, each line behind its time."""
    params = (
        ("container", container),
        ("timestamps", "true"),
        *((("follow", "true"),) if follow else ()),
        *((("tailLines", str(tail)),) if tail is not None else ()),
    )
    headers = (("Accept", "*/*"),)
    return Request("GET", resource.path(pod.namespace, pod.name, "log"), f"the log of {pod}", params, headers)


def access_review(identity: Identity, question: AccessQuestion) -> Request:
    """Ask the authorizer. A review is stored nowhere, so asking twice is harmless."""
    spec = {"user": identity.user, "groups": list(identity.groups), "resourceAttributes": _attributes(question)}
    return _review(_AUTHORIZATION, "SubjectAccessReview", spec, f"the rights of {identity.user}")


def self_access_review(question: AccessQuestion) -> Request:
    """Ask the authorizer about ourselves."""
    spec = {"resourceAttributes": _attributes(question)}
    return _review(_AUTHORIZATION, "SelfSubjectAccessReview", spec, "our own rights")


def self_review() -> Request:
    """Ask the authenticator who we are."""
    return _review("authentication.k8s.io/v1", "SelfSubjectReview", None, "who we are")


def _attributes(question: AccessQuestion) -> dict[str, str]:
    return {
        "verb": question.verb,
        "group": question.group,
        "resource": question.resource,
        "subresource": question.subresource,
        "namespace": question.namespace,
        "name": question.name,
    }


def _review(api_version: str, kind: str, spec: Mapping[str, Any] | None, about: str) -> Request:
    body = {"apiVersion": api_version, "kind": kind} | ({} if spec is None else {"spec": spec})
    return Request(
        "POST",
        f"/apis/{api_version}/{kind.lower()}s",
        about,
        headers=(("Accept", _JSON), ("Content-Type", _JSON)),
        content=msgspec.json.encode(body),
    )


def _dry(dry_run: bool) -> tuple[tuple[str, str], ...]:  # noqa: FBT001 (a flag turned into parameters)
    return (("dryRun", "All"),) if dry_run else ()


def _impersonation(identity: Identity | None) -> tuple[tuple[str, str], ...]:
    if identity is None:
        return ()
    return (("Impersonate-User", identity.user), *(("Impersonate-Group", group) for group in identity.groups))

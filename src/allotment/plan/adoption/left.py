"""What an adoption leaves to its owner, written down by its content: whatever is changed later shows, whoever hides it.

Times and field managers prove nothing: whoever may update an object may rewrite those as well.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from allotment.model.manifest import Body, ObjectKey, key_of

NamespacedRoles = Mapping[ObjectKey, Body]
"""The namespaced Roles, by key."""

_NOT_CONTENT: Final = frozenset({"apiVersion", "kind", "metadata", "status"})
_TOKEN_OF: Final = ("kubernetes.io/service-account.name", "kubernetes.io/service-account.uid")


def written_down(bodies: Iterable[Body], roles: NamespacedRoles | None) -> dict[str, str]:
    """Digests of objects of one namespace by `entry`, in their order; without those that cannot be told.

    Args:
        bodies: what lies there.
        roles: as for `digest`.
    """
    found = {entry(key_of(body)): digest(body, roles) for body in bodies}
    return {name: value for name, value in found.items() if value is not None}


def entry(key: ObjectKey) -> str:
    """An object's name in the record of its namespace: ``LocalQueue.kueue.x-k8s.io/main``."""
    return f"{key.kind}.{key.group}/{key.name}" if key.group else f"{key.kind}/{key.name}"


def digest(body: Body, roles: NamespacedRoles | None) -> str | None:
    """SHA-256 of what an object says, in hexadecimal; with what a namespaced Role says of a binding to it.

    In full: who prepares two objects with one digest before an adoption must not succeed. Of a Secret nothing counts
    that it holds, nor what the server notes on it at each use: which one it is, and whose token it is for.

    Args:
        body: the object.
        roles: of its namespace; None if they could not be read. Then a binding to one cannot be told.
    """
    role = role_of(body)
    if role is not None and roles is None:
        return None
    content = _of_token(body) if body["kind"] == "Secret" else _content(body)
    if role is not None and roles is not None:
        content["role"] = _rules(roles.get(role))
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def role_of(body: Body) -> ObjectKey | None:
    """The Role of its own namespace that a RoleBinding names; None for all else. Owners can exchange that one."""
    ref = body.get("roleRef") or {}
    if body["kind"] != "RoleBinding" or ref.get("kind") != "Role":
        return None
    return ObjectKey(str(ref.get("apiGroup", "")), "Role", body["metadata"]["namespace"], str(ref.get("name", "")))


def _content(body: Body) -> dict[str, Any]:
    metadata = body["metadata"]
    return {
        "fields": {key: value for key, value in body.items() if key not in _NOT_CONTENT},
        "labels": metadata.get("labels") or {},
        "annotations": metadata.get("annotations") or {},
    }


def _of_token(body: Body) -> dict[str, Any]:
    metadata = body["metadata"]
    annotations = metadata.get("annotations") or {}
    return {"uid": metadata.get("uid"), "of": [annotations.get(name) for name in _TOKEN_OF]}


def _rules(role: Body | None) -> Any:
    return None if role is None else list(role.get("rules") or ())

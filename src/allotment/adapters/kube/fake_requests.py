"""What requests to the fake API server choose of what it holds, change of it, and are refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from allotment.model.manifest import Body
from allotment.ports.kube import RefusedError


def page_of(body: Body, query: Mapping[str, int]) -> Body:
    """The items that `offset` and `limit` choose; all of a body that has none."""
    if "items" not in body or not query:
        return body
    first = query.get("offset", 0)
    return {**body, "items": body["items"][first : first + query.get("limit", len(body["items"]))]}


def selected(body: Mapping[str, Any], selector: str) -> bool:
    """Whether a label selector of equalities, inequalities and names chooses an object."""
    found = body["metadata"].get("labels") or {}
    for term in filter(None, selector.split(",")):
        if "!=" in term:
            name, _, value = term.partition("!=")
            if found.get(name) == value:
                return False
        elif "=" in term:
            name, _, value = term.partition("=")
            if found.get(name) != value:
                return False
        elif term not in found:
            return False
    return True


def patched(body: Any, patch: Any) -> Any:
    """JSON merge patch, RFC 7396."""
    if not isinstance(patch, Mapping):
        return json.loads(json.dumps(patch))
    merged = dict(body) if isinstance(body, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = patched(merged.get(key), value)
    return merged


def refused(what: str, status: int, reason: str, message: str) -> RefusedError:
    """The server's refusal, with its status and its reason."""
    return RefusedError(f"the server refused {what}", status=status, reason=reason, message=message)

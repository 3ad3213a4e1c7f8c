"""Answers of the API server, read into our types; refusals become errors that carry no secret."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

import httpx2 as httpx
import msgspec

from allotment.adapters.kube.requests import Request
from allotment.errors import AllotmentError, NotSignedInError, UnreachableError, shown
from allotment.model.manifest import ObjectKey
from allotment.model.salvage import decoded
from allotment.ports.kube import AccessRefusedError, Answer, FieldConflict, FieldConflictError, Identity, RefusedError

_OWNER: Final = re.compile(r'conflict with "((?:[^"\\]|\\.)*)"')
_WARNING: Final = re.compile(r'299 \S+ "((?:[^"\\]|\\.)*)"')


def body_of(response: httpx.Response, *, lenient: bool = False) -> dict[str, Any]:
    """The JSON object of an answer.

    Args:
        response: a successful one.
        lenient: those of its objects that hold a value that cannot be held are `UnreadableObject`.

    Raises:
        UnreachableError: something else than an API server answered; or, unless lenient, such an object is in it.
    """
    try:
        document = decoded(response.content) if lenient else msgspec.json.decode(response.content)
    except (msgspec.DecodeError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise UnreachableError(
            f"{response.url.host}:{response.url.port} does not answer as a Kubernetes API server",
            fix="look whether a proxy or a login page stands in between",
        )
    return document


def answer_of(response: httpx.Response) -> Answer:
    """Object and warnings of a successful write."""
    return Answer(body_of(response), warnings_of(response.headers.get_list("Warning")))


def warnings_of(headers: Iterable[str]) -> tuple[str, ...]:
    """The texts of Warning headers (RFC 7234, code 299), in the order given."""
    return tuple(re.sub(r"\\(.)", r"\1", text) for header in headers for text in _WARNING.findall(header))


def mapping(value: Any) -> Mapping[str, Any]:
    """A part of an answer that should be an object; an empty one where it is not."""
    return value if isinstance(value, dict) else {}


def is_allowed(response: httpx.Response) -> bool:
    """What an access review says; what says nothing allows nothing."""
    return mapping(body_of(response).get("status")).get("allowed") is True


def identity_of(response: httpx.Response) -> Identity:
    """Whom a review of ourselves names."""
    info = mapping(mapping(body_of(response).get("status")).get("userInfo"))
    groups = info.get("groups")
    return Identity(
        str(info.get("username", "")),
        tuple(each for each in (groups if isinstance(groups, list) else ()) if isinstance(each, str)),
    )


def is_field_conflict(status: Mapping[str, Any]) -> bool:
    """Whether a 409 is about field ownership rather than about a concurrent write."""
    return any(cause.get("reason") == "FieldManagerConflict" for cause in _causes(status))


def error_of(request: Request, response: httpx.Response, key: ObjectKey | None) -> AllotmentError:
    """The error that a refusing answer stands for."""
    where = f"{response.url.scheme}://{response.url.host}:{response.url.port}"
    code = response.status_code
    if code == httpx.codes.UNAUTHORIZED:
        return NotSignedInError(
            f"{where} does not accept the credentials", fix="sign in again, or choose another context with --context"
        )
    status = _status(response)
    if key is not None and is_field_conflict(status):
        return FieldConflictError(key, tuple(_conflict(cause) for cause in _causes(status)))
    # A 500 with a Status is about this object (a value that cannot be converted), not about the server's health.
    about_the_object = code == httpx.codes.INTERNAL_SERVER_ERROR and bool(status)
    if not about_the_object and (code == httpx.codes.TOO_MANY_REQUESTS or code >= httpx.codes.INTERNAL_SERVER_ERROR):
        return UnreachableError(
            f"{where} could not handle {shown(request.about)}: it answered {code} again and again",
            why=_message(request, status),
            fix="try again later",
        )
    refusal = AccessRefusedError if code == httpx.codes.FORBIDDEN else RefusedError
    return refusal(
        f"{where} refused {shown(request.about)}",
        status=code,
        reason=str(status.get("reason", "")),
        message=_message(request, status) or f"HTTP {code}",
    )


def _status(response: httpx.Response) -> Mapping[str, Any]:
    try:
        document = msgspec.json.decode(response.content)
    except (msgspec.DecodeError, RecursionError):
        return {}
    return document if isinstance(document, dict) and document.get("kind") == "Status" else {}


def _message(request: Request, status: Mapping[str, Any]) -> str:
    if not request.secret:
        return str(status.get("message", ""))
    # A refused Secret is quoted by the server, values included.
    fields = ", ".join(str(cause.get("field", "")) for cause in _causes(status))
    return f"the server's message is withheld, because it may quote the Secret; fields: {fields or 'unknown'}"


def _causes(status: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    details = status.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    return [cause for cause in causes or () if isinstance(cause, dict)]


def _conflict(cause: Mapping[str, Any]) -> FieldConflict:
    match = _OWNER.search(str(cause.get("message", "")))
    return FieldConflict(manager=match[1] if match else "unknown", field=str(cause.get("field", "")))

"""The OpenAPI document: what each route takes and gives, as it is read and written, and how it can fail."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from fractions import Fraction
from types import MappingProxyType
from typing import Any, Final

import msgspec
from fastapi import FastAPI

from allotment.api.contract import JsonValue, Media, RouteContract
from allotment.api.entity_tags import ETAG, IF_MATCH, IF_NONE_MATCH
from allotment.api.keyed_calls import IDEMPOTENCY_KEY
from allotment.api.problems import EVERY, PROBLEM
from allotment.api.schema_words import describe
from allotment.api.summaries import SUMMARIES
from allotment.model.jobs.written import VERSION
from allotment.ports.keyed_calls import KEPT_HOURS

_COMPONENTS: Final = "#/components/schemas/{name}"
_PROBLEM: Final = "Problem"
_JSON: Final = "application/json"


def _header(name: str, description: str, pattern: str) -> dict[str, Any]:
    schema = {"type": "string", "pattern": pattern}
    return {"name": name, "in": "header", "required": False, "description": description, "schema": schema}


_TAGS: Final = r'^(\*|"[!#-~]+")$'
_SPARSE: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "description": "rows with the fields that were asked for",
        "type": "object",
        "required": ["version", "page"],
        "properties": {
            "page": {
                "type": "object",
                "required": ["rows", "next"],
                "properties": {"rows": {"type": "array", "items": {"type": "object"}}},
            }
        },
    }
)
_IF_MATCH: Final = _header(IF_MATCH, "done only to what is as it was when ETag said so, else 412", _TAGS)
_IF_NONE_MATCH: Final = _header(IF_NONE_MATCH, "answered with 304 where ETag is still so", _TAGS)
_IDEMPOTENCY_KEY: Final = _header(
    IDEMPOTENCY_KEY, f"done once for {KEPT_HOURS} hours, however often it is sent", r"^[!#-~]{8,200}$"
)
_TAG: Final[Mapping[str, Any]] = MappingProxyType(
    {ETAG: {"description": "stands for the answer as it is", "schema": {"type": "string"}}}
)


def openapi_of(app: FastAPI, contracts: Mapping[tuple[str, str], RouteContract], needs: str) -> dict[str, Any]:
    """The document of an application.

    Args:
        app: whose routes it lists.
        contracts: by verb and path.
        needs: under which name an operation says what it needs.
    """
    values = [each for one in contracts.values() for each in (one.takes, one.gives) if isinstance(each, JsonValue)]
    schemas, components = msgspec.json.schema_components(
        [each.type for each in values], schema_hook=_schema_of, ref_template=_COMPONENTS
    )
    describe(components)
    known = {id(each): schema for each, schema in zip(values, schemas, strict=True)}
    document = deepcopy(app.openapi())  # which it keeps
    for path, operations in document["paths"].items():
        for verb, operation in operations.items():
            _fill(verb, operation, contracts[verb.upper(), path], known, needs)
            operation["summary"] = SUMMARIES[f"{verb.upper()} {path}"]
    document["components"] = {
        "schemas": {**components, _PROBLEM: _problem_schema()},
        "responses": {f"{each.status}": _failure(each.status) for each in EVERY},
        "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
    }
    document["security"] = [{"token": []}]
    from allotment.api.examples.filling import add_examples  # noqa: PLC0415 (they wait until somebody asks)

    add_examples(document, contracts)
    return document


def _fill(
    verb: str, operation: dict[str, Any], contract: RouteContract, known: Mapping[int, Mapping[str, Any]], needs: str
) -> None:
    if contract.takes is not None:
        operation["requestBody"] = {"required": True, "content": _content(contract.takes, known)}
    done: dict[str, Any] = {"description": "done"} if contract.gives is None else {
        "description": "the answer", "content": _content(contract.gives, known)
    }  # fmt: skip
    if contract.sparse:
        done["content"][_JSON]["schema"] = {"anyOf": [done["content"][_JSON]["schema"], dict(_SPARSE)]}
    headers = [_IF_MATCH] * contract.conditional + [_IDEMPOTENCY_KEY] * contract.keyed
    more: dict[str, Any] = {}
    if verb == "get":
        headers.append(_IF_NONE_MATCH)
        done["headers"] = dict(_TAG)
        more["304"] = {"description": "the caller has it already", "headers": dict(_TAG)}
    if headers:
        operation["parameters"] = [*operation.get("parameters", ()), *headers]
    failures = {f"{each.status}": {"$ref": f"#/components/responses/{each.status}"} for each in EVERY}
    operation["responses"] = {"204" if contract.gives is None else "200": done, **more, **failures}
    if operation.get(needs) == "nothing":
        operation["security"] = []


def _content(body: JsonValue | Media, known: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    if isinstance(body, Media):
        return {body.type: {"schema": body.schema or {"type": "string", "format": "binary"}}}
    properties = {"version": {"const": VERSION}, body.kind: known[id(body)]}
    schema = {"type": "object", "required": list(properties), "properties": properties}
    return {_JSON: {"schema": schema}}


def _failure(status: int) -> dict[str, Any]:
    kinds = [each for each in EVERY if each.status == status]
    return {
        "description": "; ".join(each.title for each in kinds),
        "content": {PROBLEM: {"schema": {"$ref": _COMPONENTS.format(name=_PROBLEM)}}},
    }


def _problem_schema() -> dict[str, Any]:
    members = ("type", "title", "detail", "error", "what", "why", "fix")
    return {
        "description": "What went wrong (RFC 9457): `what`, `why` and `fix` are sentences; `type` leads to a page.",
        "type": "object",
        "required": ["status", *members],
        "properties": {"status": {"type": "integer"}, **{each: {"type": "string"} for each in members}},
    }


def _schema_of(type_: type) -> dict[str, Any]:
    """Of what msgspec does not know itself; `model.jobs.written` writes and reads it."""
    if type_ is Fraction:
        return {"type": "string", "pattern": r"^-?\d+(/[1-9]\d*)?$"}
    raise NotImplementedError(type_.__name__)

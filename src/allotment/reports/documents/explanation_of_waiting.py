"""The answers of `allot why` as JSON: one explanation, and all of a namespace by cause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from allotment.model.explanation import (
    Evidence,
    Explanation,
    FlavorTried,
    Patch,
    Remedy,
    StartWindow,
    Tried,
)
from allotment.model.observed.base import Reference
from allotment.operations.ask.explaining import CauseGroup, ExplainedWaiting, WhyAll, grouped


def explanation_of_waiting(found: ExplainedWaiting) -> Mapping[str, Any]:
    """An explanation with its kind."""
    return {"kind": "Explanation", **explanation_body(found)}


def explanation_body(found: ExplainedWaiting) -> Mapping[str, Any]:
    """The same without its kind."""
    each = found.explanation
    return {
        "subject": _reference(each.subject),
        "observedAt": each.observed_at,
        "cause": each.cause,
        "code": each.code or None,
        "layer": each.layer,
        "verdict": each.verdict,
        "confidence": each.confidence,
        "summary": each.summary,
        "facts": {name: _plain(value) for name, value in each.facts.items()},
        "evidence": [_evidence(part) for part in each.evidence],
        "contributing": [{"cause": other.cause, "summary": other.summary} for other in each.contributing],
        "considered": each.considered,
        "position": None if each.position is None else _position(each),
        "start": _window(each.start),
        "flavors": [_flavor(flavor) for flavor in each.flavors],
        "remedies": [_remedy(remedy) for remedy in each.remedies],
        "unseen": list(each.unseen),
        "pods": None if found.pods is None else {"running": found.pods.running, "waiting": found.pods.waiting},
        "createdAt": found.since or None,
        "source": found.source or None,
    }


def explanations_document(found: WhyAll, rows: Sequence[ExplainedWaiting]) -> Mapping[str, Any]:
    """All that wait: the groups with the names in them, then each explanation.

    Args:
        found: the whole answer.
        rows: what of it is shown.
    """
    return {
        "kind": "ExplanationList",
        "observedAt": found.observed_at,
        "namespace": found.namespace or None,
        "waiting": len(rows),
        "groups": [_group(group) for group in grouped(tuple(rows))],
        "unseen": list(found.unseen),
        "items": [explanation_of_waiting(row) for row in rows],
    }


def _group(group: CauseGroup) -> Mapping[str, Any]:
    return {
        "cause": group.cause,
        "code": group.code or None,
        "layer": group.layer,
        "verdict": group.verdict,
        "count": len(group.members),
        "subjects": [_reference(each.subject) for each in group.members],
    }


def _reference(each: Reference) -> Mapping[str, Any]:
    # As Kubernetes has it: what is in no namespace has no such field.
    namespace = {"namespace": each.namespace} if each.namespace else {}
    return {"apiVersion": each.api_version, "kind": each.kind, **namespace, "name": each.name}


def _evidence(each: Evidence) -> Mapping[str, Any]:
    return {
        "object": _reference(each.object),
        "field": each.field,
        "value": _plain(each.value),
        "says": each.says,
    }


def _position(each: Explanation) -> Mapping[str, Any]:
    assert each.position is not None  # noqa: S101 (the caller asked)
    return {"queue": each.position.queue, "ahead": each.position.ahead, "of": each.position.of}


def _window(each: StartWindow | None) -> Mapping[str, Any] | None:
    if each is None:
        return None
    if each.never:
        return {"never": True}
    return {"from": each.start or None, "to": each.end or None, "confidence": each.confidence}


def _flavor(each: FlavorTried) -> Mapping[str, Any]:
    return {"name": each.name, "reason": each.reason, "number": each.number or None}


def _remedy(each: Remedy) -> Mapping[str, Any]:
    return {
        "kind": each.kind,
        "who": each.who,
        "summary": each.summary,
        "target": None if each.target is None else _reference(each.target),
        "patch": None if each.patch is None else _patch(each.patch),
        "tried": _tried(each.tried),
        "command": each.command,
    }


def _patch(each: Patch) -> Mapping[str, Any]:
    return {"op": each.op, "body": _plain(each.body)}


def _tried(each: Tried) -> Mapping[str, Any]:
    return {"starts": each.starts, "at": _window(each.at), "displaces": list(each.displaces)}


def _plain(value: Any) -> Any:
    """A value of a fact or of an object, structs in it as JSON has them."""
    return msgspec.to_builtins(value, enc_hook=str)

"""A plan as a file: versioned JSON that can be reviewed, kept, and applied later exactly as it is.

The file holds the objects that would be written, so it can be applied without the platform directory. It is sealed
with a digest against accidents, not against forgers: whoever may apply may write whatever they like anyway.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from allotment.errors import InputError, UsageError, shown
from allotment.model.manifest import Family, Manifest, ObjectKey
from allotment.plan.changes import (
    Action,
    Blocked,
    Change,
    Conflict,
    Contested,
    Create,
    Delete,
    Drain,
    Plan,
    PlanSource,
    PlanWarning,
    Seen,
    Update,
    WarningCode,
)
from allotment.plan.difference import ABSENT, FieldChange

API_VERSION: Final = "allotment.dev/v1"
KIND: Final = "Plan"

Document = Mapping[str, Any]
_Read = TypeVar("_Read")


def to_document(plan: Plan) -> Document:
    """The plan as JSON data.

    Raises:
        UsageError: the plan writes a Secret, whose values do not belong in a file.
    """
    content = {
        "apiVersion": API_VERSION,
        "kind": KIND,
        "platform": plan.platform,
        "cluster": plan.cluster,
        "manifestsDigest": plan.digest,
        "server": plan.server,
        "context": plan.context,
        "source": {"commit": plan.source.commit, "dirty": plan.source.dirty, "digest": plan.source.digest},
        "forced": plan.forced,
        "unchanged": plan.unchanged,
        "changes": [_change(change) for change in plan.changes],
        "warnings": [
            {"code": warning.code.value, "object": list(warning.key), "message": warning.message}
            for warning in plan.warnings
        ],
    }
    return {**content, "digest": _digest(content)}


def from_document(document: Any) -> Plan:
    """Read a saved plan.

    Raises:
        InputError: this is no saved plan, of another version, or it was damaged; the place is named.
    """
    if not isinstance(document, Mapping) or document.get("kind") != KIND:
        raise InputError("this is not a saved plan", fix="make one with: allot plan --out FILE")
    if document.get("apiVersion") != API_VERSION:
        raise InputError(
            f"this plan is written in {document.get('apiVersion')}", why=f"this version reads {API_VERSION}",
            fix="make the plan anew",
        )  # fmt: skip
    content = {key: value for key, value in document.items() if key != "digest"}
    if document.get("digest") != _digest(content):
        raise InputError("the saved plan was changed or damaged", why="its digest does not fit", fix="make it anew")
    with _reading("the plan"):
        return _plan(content)


def _digest(content: Document) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _change(change: Change) -> Document:
    head: dict[str, Any] = {"action": change.action.value, "object": list(change.key)}
    match change:
        case Create():
            return head | _manifest(change.manifest)
        case Update():
            fields = [_field(item) for item in change.fields]
            return head | _manifest(change.manifest) | {"seen": _seen(change.seen), "fields": fields}
        case Conflict():
            contested = [_contested(item) for item in change.contested]
            return head | _manifest(change.manifest) | {"seen": _seen(change.seen), "contested": contested}
        case Delete():
            return head | {"apiVersion": change.api_version, "seen": _seen(change.seen), "team": change.team}
        case Drain():
            running = dict(change.running)
            return head | {
                "namespace": change.namespace, "team": change.team, "running": running, "again": change.again
            }  # fmt: skip
        case Blocked():
            said = {name: getattr(change, name) for name in _SAID}
            return head | {"wanted": change.wanted.value, **said}


def _manifest(manifest: Manifest) -> dict[str, Any]:
    if manifest.key.kind == "Secret":
        raise UsageError(
            f"a plan that writes {manifest.key} cannot be saved",
            why="the file would hold the Secret's values",
            fix="apply the directory itself",
        )
    return {"family": manifest.family.value, "team": manifest.team, "body": manifest.body}


def _seen(seen: Seen) -> Document:
    return {"uid": seen.uid, "resourceVersion": seen.resource_version, "fingerprint": seen.fingerprint}


def _values(**values: Any) -> dict[str, Any]:
    """Values by name; the absent ones are left out."""
    return {name: value for name, value in values.items() if value is not ABSENT}


def _field(item: FieldChange) -> Document:
    return {"path": list(item.path), "by": item.by, "since": item.since, **_values(old=item.old, new=item.new)}


def _contested(item: Contested) -> Document:
    head = {"field": item.field, "manager": item.manager, "since": item.since}
    return head | _values(live=item.live, desired=item.desired)


@contextmanager
def _reading(place: str) -> Iterator[None]:
    """Whatever a part lacks, or has in another form than `to_document` gives it, is said with its place."""
    try:
        yield
    except KeyError as error:
        raise _incomplete(f"{error.args[0]} is missing in {place}") from None
    except (TypeError, ValueError, AttributeError):
        raise _incomplete(f"{place} holds a value that no plan of this version has there") from None


def _incomplete(why: str) -> InputError:
    return InputError("the saved plan is incomplete", why=shown(why), fix="make it anew")


def _each(items: object, place: str, read: Callable[[Any], _Read]) -> tuple[_Read, ...]:
    """A list of a plan, read one by one."""
    if not isinstance(items, list):
        raise _incomplete(f"{place} is no list")
    found: list[_Read] = []
    for index, item in enumerate(items):
        with _reading(f"{place}[{index}]"):
            found.append(read(item))
    return tuple(found)


def _plan(content: Document) -> Plan:
    return Plan(
        platform=str(content["platform"]),
        cluster=str(content["cluster"]),
        digest=str(content["manifestsDigest"]),
        changes=_each(content["changes"], "changes", lambda item: _READERS[Action(item["action"])](item)),
        unchanged=int(content["unchanged"]),
        warnings=_each(content["warnings"], "warnings", _read_warning),
        forced=bool(content["forced"]),
        server=str(content["server"]),
        context=str(content["context"]),
        source=_read_source(content["source"]),
    )


def _read_warning(item: Document) -> PlanWarning:
    return PlanWarning(WarningCode(item["code"]), ObjectKey(*item["object"]), item["message"])


def _read_source(item: Document) -> PlanSource:
    with _reading("source"):
        return PlanSource(str(item["commit"]), bool(item["dirty"]), str(item["digest"]))


def _read_manifest(item: Document) -> Manifest:
    return Manifest(Family(item["family"]), item["team"], item["body"])


def _read_seen(item: Document) -> Seen:
    return Seen(item["seen"]["uid"], item["seen"]["resourceVersion"], item["seen"]["fingerprint"])


def _read_update(item: Document) -> Update:
    fields = tuple(
        FieldChange(tuple(one["path"]), one.get("old", ABSENT), one.get("new", ABSENT), one["by"], one["since"])
        for one in item["fields"]
    )
    return Update(_read_manifest(item), _read_seen(item), fields)


def _read_conflict(item: Document) -> Conflict:
    contested = tuple(
        Contested(one["field"], one["manager"], one["since"], one.get("live", ABSENT), one.get("desired", ABSENT))
        for one in item["contested"]
    )
    return Conflict(_read_manifest(item), _read_seen(item), contested)


def _read_drain(item: Document) -> Drain:
    running = tuple(sorted((str(kind), int(count)) for kind, count in item["running"].items()))
    return Drain(item["namespace"], item["team"], running, again=bool(item["again"]))


def _read_delete(item: Document) -> Delete:
    return Delete(ObjectKey(*item["object"]), item["apiVersion"], _read_seen(item), item["team"])


def _read_blocked(item: Document) -> Blocked:
    said = (item[name] for name in _SAID)
    return Blocked(ObjectKey(*item["object"]), Action(item["wanted"]), *said)


_SAID: Final = ("what", "why", "fix", "following", "remedy")
"""The words of a blocked step, in their order."""


_READERS: Final[Mapping[Action, Callable[[Document], Change]]] = {
    Action.CREATE: lambda item: Create(_read_manifest(item)),
    Action.UPDATE: _read_update,
    Action.CONFLICT: _read_conflict,
    Action.DELETE: _read_delete,
    Action.DRAIN: _read_drain,
    Action.BLOCKED: _read_blocked,
}

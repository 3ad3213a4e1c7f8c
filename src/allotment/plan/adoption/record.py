"""What an adoption writes down to be undone: an object's earlier values, kept on the object itself.

The object is the one place that is there before the first apply and goes when the object goes. The values stand in an
annotation, of the fields that we declare and no others; Secrets are never adopted. A namespace's record also says what
was left in it to its owner.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from allotment.errors import InputError
from allotment.model import labels
from allotment.model.manifest import Body, key_of
from allotment.plan.additions import RESERVED_PREFIXES
from allotment.plan.fields import Tree

LONGEST: Final = 128 * 1024
"""Bytes of a record; the API server takes 256 KiB of annotations in all."""

_NOT_DECLARED: Final = frozenset({"apiVersion", "kind", "metadata", "status"})
_MAPS: Final = ("annotations", "labels")


@dataclass(frozen=True, slots=True)
class AdoptionRecord:
    """How an object was before it was taken over.

    Attributes:
        at: when, RFC 3339.
        origins: from whom, in words.
        before: its labels and annotations that we declare, and its other fields whole.
        kept: of a namespace: what was left in it, digests by entry (`left`). Nothing else there is kept.
    """

    at: str
    origins: tuple[str, ...]
    before: Body
    kept: Mapping[str, str] = field(default_factory=dict)


def record(
    declared: Body, live: Body, origins: Iterable[object], now: dt.datetime, kept: Mapping[str, str] | None = None
) -> AdoptionRecord:
    """What to write down before `declared` is applied over `live`."""
    at = now.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return AdoptionRecord(at, tuple(str(origin) for origin in origins), before_of(declared, live), kept or {})


def fitting(written: AdoptionRecord, kept: Mapping[str, str]) -> dict[str, str]:
    """The first of what is to be kept, as many as the record has room for."""
    fit: dict[str, str] = {}
    room = LONGEST - len(to_text(replace(written, kept={"": ""})).encode())
    for name, digest in kept.items():
        room -= len(json.dumps({name: digest}, separators=(",", ":"))) - 1  # a comma in place of two braces
        if room < 0:
            break
        fit[name] = digest
    return fit


def before_of(declared: Body, live: Body) -> dict[str, Any]:
    """The part of a live object that applying `declared` may change."""
    before = {key: value for key, value in live.items() if key not in _NOT_DECLARED}
    kept = {name: _concerned(name, declared, live) for name in _MAPS}
    return {**before, "metadata": {name: values for name, values in kept.items() if values}}


def _concerned(name: str, declared: Body, live: Body) -> dict[str, Any]:
    wanted = declared["metadata"].get(name) or {}
    present = live["metadata"].get(name) or {}
    ours = {labels.ADOPTED, labels.CONSENT}
    return {
        key: value
        for key, value in sorted(present.items())
        if key not in ours and (key in wanted or key.startswith(RESERVED_PREFIXES))
    }


def to_text(written: AdoptionRecord) -> str:
    """The annotation's value."""
    document: dict[str, Any] = {"at": written.at, "from": list(written.origins), "before": written.before}
    if written.kept:
        document["kept"] = dict(written.kept)
    return json.dumps(document, sort_keys=True, separators=(",", ":"))


def is_adopted(live: Body) -> bool:
    """Whether the object was taken over, and has not been given back."""
    return labels.ADOPTED in (live["metadata"].get("annotations") or {})


def record_of(live: Body) -> AdoptionRecord | None:
    """The record that an object carries, or None.

    Raises:
        InputError: somebody wrote something else there.
    """
    text = (live["metadata"].get("annotations") or {}).get(labels.ADOPTED)
    if text is None:
        return None
    try:
        found = json.loads(text)
        before = _checked(found["before"])
        return AdoptionRecord(str(found["at"]), tuple(map(str, found["from"])), before, _kept(found.get("kept")))
    except (ValueError, TypeError, KeyError, RecursionError):
        raise InputError(
            f"the record of {key_of(live)} cannot be read",
            why=f"the annotation {labels.ADOPTED} was changed since",
            fix=f"put the earlier values back by hand, and take {labels.ADOPTED} off it",
        ) from None


def _checked(before: Any) -> Body:
    maps = {name: before["metadata"].get(name) or {} for name in _MAPS}
    if not all(isinstance(values, Mapping) for values in maps.values()):
        raise TypeError
    return {**before, "metadata": maps}


def _kept(found: Any) -> Mapping[str, str]:
    """What somebody spoilt keeps nothing, and holds no undo up."""
    return found if isinstance(found, dict) and all(isinstance(value, str) for value in found.values()) else {}


def restoration(live: Body, written: AdoptionRecord, ours: Tree) -> dict[str, Any]:
    """A JSON merge patch that gives the object its earlier values back.

    Only where we set the present value, and where an adoption took something out: what others have changed since stays.

    Args:
        live: the object now.
        written: how it was.
        ours: the fields that our apply owns.
    """
    fields = {token: subtree for token, subtree in ours.items() if token != "f:metadata"}  # noqa: S105 (a field's name)
    before = {key: value for key, value in written.before.items() if key != "metadata"}
    now = {key: value for key, value in live.items() if key not in _NOT_DECLARED}
    patch = _restored(now, before, fields)
    metadata = ours.get("f:metadata", {})
    patch["metadata"] = {}
    for name in _MAPS:
        present = live["metadata"].get(name) or {}
        marks: Tree = {f"f:{key}": {} for key in _marks(name) if key in present}
        owned = {**metadata.get(f"f:{name}", {}), **marks}
        values = _restored(present, written.before["metadata"].get(name) or {}, owned)
        if values:
            patch["metadata"][name] = values
    return patch


def _marks(name: str) -> tuple[str, ...]:
    """What says that an object is ours: it goes, whoever owns it."""
    if name == "annotations":
        return labels.ADOPTED, labels.CONSENT
    return labels.PLATFORM, labels.MANAGED_BY, labels.TENANT


def _restored(now: Body, before: Body, ours: Tree) -> dict[str, Any]:
    patch: dict[str, Any] = {}
    for token, subtree in ours.items():
        name = token[2:]
        if not token.startswith("f:") or name not in now:
            continue
        present, earlier = now[name], before.get(name)
        if name not in before:
            patch[name] = None
        elif subtree and isinstance(present, Mapping) and isinstance(earlier, Mapping):
            if inner := _restored(present, earlier, subtree):
                patch[name] = inner
        elif present != earlier:
            patch[name] = _replacing(present, earlier)
    return patch | {name: value for name, value in before.items() if name not in now}


def _replacing(present: Any, earlier: Any) -> Any:
    """A merge patch's value that leaves exactly `earlier`: of a map, what is not in it has to go by name."""
    if isinstance(present, Mapping) and isinstance(earlier, Mapping):
        gone: dict[str, Any] = {key: None for key in present if key not in earlier}
        return gone | {key: _replacing(present.get(key), value) for key, value in earlier.items()}
    return earlier

"""What kinds of files a snapshot is taken from, seen from the file itself."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from allotment.errors import InputError, shown
from allotment.model.decoding import decoded_as
from allotment.model.observed.snapshot import Snapshot
from allotment.model.salvage import decoded
from allotment.observe.case_file import is_case, read_case
from allotment.observe.written import KIND, decode, unpacked

_TAKEN: Final = "taken here: what `allot snapshot save FILE` writes, or a recorded case"
_FROM_OBJECTS: Final = "make a snapshot of it: allot snapshot from-objects FILE --out SNAPSHOT"


class _HeadOfAnyFile(msgspec.Struct, frozen=True, rename="camel"):
    kind: Any = ""
    items: msgspec.Raw = msgspec.Raw()


def snapshot_of_file(data: bytes) -> Snapshot:
    """The snapshot in a file: one that was saved, or a recorded case; gzipped or plain.

    Raises:
        InputError: it is something else; what, and what takes it, is said.
    """
    text = unpacked(data)
    try:
        head = _head(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _no_object(text, error) from error
    if head.kind == KIND:
        return _with_a_source(decode(text))
    if bytes(head.items) or head.kind:
        what = "a list of objects" if bytes(head.items) else f"a single {shown(head.kind)}"
        raise InputError(f"this is {what}, and no snapshot", why=_TAKEN, fix=_FROM_OBJECTS)
    try:
        raw = decoded(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise _no_object(text, error) from error
    if isinstance(raw, dict) and is_case(raw):
        return read_case(raw)
    raise InputError(
        "this is no snapshot",
        why=f"it says nothing of what it is; {_TAKEN}",
        fix="save one with: allot snapshot save FILE",
    )


def _head(text: bytes) -> _HeadOfAnyFile:
    try:
        return decoded_as(text, _HeadOfAnyFile)
    except (msgspec.DecodeError, RecursionError):
        raw = decoded(text)
        if not isinstance(raw, dict):
            raise
        items = msgspec.Raw(b"[]" if "items" in raw else b"")
        return _HeadOfAnyFile(kind=raw["kind"] if isinstance(raw.get("kind"), str) else "", items=items)


def _with_a_source(snapshot: Snapshot) -> Snapshot:
    if not snapshot.sources:
        raise InputError("the snapshot holds no cluster", why="its `sources` are empty", fix="save it again")
    return snapshot


def _no_object(text: bytes, error: Exception) -> InputError:
    if not text.strip():
        return InputError("the file is empty", why=_TAKEN, fix="save one with: allot snapshot save FILE")
    if text.lstrip()[:1] == b"{" and "trailing" in str(error):
        return InputError(
            "this is more than one JSON document", why=_TAKEN, fix="put the one that is meant into a file of its own"
        )
    return InputError(
        "this is no snapshot",
        why=f"it is no JSON: {shown(error)}; {_TAKEN}",
        fix="save one with: allot snapshot save FILE",
    )

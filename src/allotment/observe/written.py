"""The snapshot file: one JSON document, usually gzipped, that holds what structs hold and nothing else.

    {"apiVersion": "allotment.dev/v1", "kind": "Snapshot", "takenAt": …, "sources": [{"objects": {"pods": […], …}, …}]}

Objects stand under the names of the fields of `Objects` and have the API's own form. Reading is strict first, for its
speed; what does not pass is read object by object.
"""

from __future__ import annotations

import datetime as dt
import re
import zlib
from typing import Any, Final

import msgspec

from allotment.errors import InputError, shown
from allotment.model.decoding import converted, decoded_as
from allotment.model.observed.snapshot import Asker, Gap, Objects, Snapshot, Source, Submission
from allotment.model.salvage import decoded
from allotment.observe.anonymous import marks_of_view
from allotment.observe.gathering import Gathered
from allotment.observe.kinds import KINDS
from allotment.observe.once_each import each_once

API_VERSION: Final = "allotment.dev/v1"
KIND: Final = "Snapshot"
MOST_BYTES: Final = 4 << 30
"""A file that unpacks to more is refused before it fills the memory; 5,000 nodes with 20,000 pods are 0.1 GiB."""
_GZIP: Final = b"\x1f\x8b"
_MOMENT: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)
_MARK: Final = b"\xef\xbb\xbf"
"""What some editors begin UTF-8 with."""
_MOST_PARTS: Final = 100
"""Gzip streams in a row."""
_PIECE: Final = 1 << 20
_FIELDS: Final = {each.field: each for each in KINDS}


class _HeadOfSnapshot(msgspec.Struct, frozen=True, rename="camel"):
    api_version: str = ""
    kind: str = ""


_BEGINNING: Final = f'{{"apiVersion":"{API_VERSION}","kind":"{KIND}"'.encode()
LOOKED_AT: Final = 1 << 10
"""Bytes of a file that tell whether a snapshot was written there."""


def is_written(beginning: bytes) -> bool:
    """Whether a file that begins so is one that `encode` wrote, packed or unpacked; a damaged one counts.

    Args:
        beginning: its first `LOOKED_AT` bytes, or all.
    """
    if beginning.startswith(_GZIP):
        try:
            beginning = zlib.decompressobj(31).decompress(beginning, LOOKED_AT)
        except zlib.error:
            return False
    return beginning.startswith(_BEGINNING)


def encode(snapshot: Snapshot) -> bytes:
    """The file's bytes; the same snapshot gives the same bytes."""
    body = msgspec.json.encode(snapshot)
    packer = zlib.compressobj(6, wbits=31)
    # No second copy of the whole text: it may be 100 MB.
    pieces = [packer.compress(_BEGINNING + (b"}" if body == b"{}" else b","))]
    if body != b"{}":
        pieces.append(packer.compress(memoryview(body)[1:]))
    pieces.append(packer.flush())
    return b"".join(pieces)


def decode(data: bytes, most: int = MOST_BYTES) -> Snapshot:
    """A snapshot from a file's bytes, gzipped or plain.

    Args:
        data: of the file.
        most: bytes that it may unpack to.

    Raises:
        InputError: it is none, of a version that is not known, or larger.
    """
    text = unpacked(data, most)
    try:
        head = _head(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InputError(
            "this is no snapshot",
            why=f"it is no JSON document: {error}",
            fix="save one with: allot snapshot save FILE",
        ) from error
    if head.kind != KIND or head.api_version != API_VERSION:
        raise InputError(
            f"this is no snapshot of a known version: it says kind {head.kind or 'nothing'}, apiVersion "
            f"{head.api_version or 'nothing'}",
            why=f"a snapshot says kind {KIND}, apiVersion {API_VERSION}",
            fix="save one with: allot snapshot save FILE, or make one of what kubectl printed with: "
            "allot snapshot from-objects FILE",
        )
    try:
        read = decoded_as(text, Snapshot)
    except (msgspec.DecodeError, RecursionError):
        read = _one_by_one(text)
    viewed = bool(read.view)
    sources = tuple(marks_of_view(_each_once(each), viewed=viewed) for each in read.sources)
    snapshot: Snapshot = msgspec.structs.replace(read, sources=sources)
    check_times(("takenAt", snapshot.taken_at), *(("observedAt of a source", each.observed_at) for each in sources))
    return snapshot


def _each_once(source: Source) -> Source:
    objects, gaps = each_once(source.objects)
    if objects is source.objects:
        return source
    once: Source = msgspec.structs.replace(source, objects=objects, gaps=source.gaps + gaps)
    return once


def check_times(*times: tuple[str, Any]) -> None:
    """Refuse times that are none: every answer counts from them, and repeats them.

    Args:
        times: with the names that a file gives them.

    Raises:
        InputError: one is no moment as RFC 3339 has it; an empty one says nothing, and stays.
    """
    for name, value in times:
        if value != "" and not _is_moment(value):
            raise InputError(
                f"{name} is no time: {shown(value)[:40]}",
                why="a snapshot says when it was taken as RFC 3339 has it, such as 2026-11-02T12:00:00Z",
                fix="save the snapshot again, or write the time so",
            )


def _is_moment(text: Any) -> bool:
    if not isinstance(text, str) or not _MOMENT.fullmatch(text):
        return False
    try:
        dt.datetime.fromisoformat(text).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        return False
    return True


def _head(text: bytes) -> _HeadOfSnapshot:
    try:
        return decoded_as(text, _HeadOfSnapshot)
    except (msgspec.DecodeError, RecursionError):
        return converted(decoded(text), _HeadOfSnapshot)


def unpacked(data: bytes, most: int = MOST_BYTES) -> bytes:
    """The text of a file that may be gzipped, in several parts in a row too; a byte order mark is taken off.

    Args:
        data: of the file.
        most: bytes that it may unpack to.

    Raises:
        InputError: the file is cut off or damaged, goes on after its end, or unpacks to more.
    """
    if not data.startswith(_GZIP):
        return data.removeprefix(_MARK)
    pieces: list[bytes] = []
    rest = data
    for _ in range(_MOST_PARTS):
        rest = _unpack_part(rest, pieces, most)
        if not rest.strip(b"\0"):
            return b"".join(pieces).removeprefix(_MARK)
        if not rest.startswith(_GZIP):
            break
    raise InputError(
        "the file goes on after its end",
        why=f"{len(rest):,} bytes follow what gzip closed: the file was joined with another, or changed",
        fix="save or copy it again",
    )


def _unpack_part(data: bytes, pieces: list[bytes], most: int) -> bytes:
    """Add what a gzip stream holds; what follows it."""
    size = sum(map(len, pieces))
    unpacker = zlib.decompressobj(31)
    rest = data
    try:
        while rest and not unpacker.eof:
            piece = unpacker.decompress(rest, _PIECE)
            size += len(piece)
            if size > most:
                raise InputError(
                    f"the file unpacks to more than {most >> 20:,} MiB",
                    why="no snapshot is that large; an archive made to fill memory is",
                    fix="save the snapshot again",
                )
            pieces.append(piece)
            rest = unpacker.unconsumed_tail
    except zlib.error as error:
        raise InputError("the file is damaged", why=f"gzip: {error}", fix="save or copy it again") from error
    if not unpacker.eof:
        raise InputError("the file ends too early", why="it was cut off", fix="save or copy it again")
    return unpacker.unused_data


def _one_by_one(text: bytes) -> Snapshot:
    """A snapshot some of whose objects are damaged: those are dropped alone, and named."""
    try:
        raw = decoded(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise InputError("this is no snapshot", why=str(error), fix="save it again") from error
    if not isinstance(raw, dict):
        raise InputError("this is no snapshot", why="it is no JSON object", fix="save it again")
    sources = raw.get("sources")
    listed = [each for each in sources if isinstance(each, dict)] if isinstance(sources, list) else []
    observed = (("observedAt of a source", each.get("observedAt", "")) for each in listed)
    check_times(("takenAt", raw.get("takenAt", "")), *observed)
    read = tuple(_source(each) for each in listed)
    asker = _part(raw.get("asker"), Asker)
    tried = raw.get("submissions")
    submissions = tuple(_part(each, Submission) for each in tried) if isinstance(tried, list) else ()
    return Snapshot(
        taken_at=_text(raw.get("takenAt")),
        asker=asker,
        view=_text(raw.get("view")),
        sources=read,
        submissions=tuple(each for each in submissions if each != Submission()),
    )


def _source(raw: dict[str, Any]) -> Source:
    gathered = Gathered()
    objects = raw.get("objects")
    for field, line in _camel_fields().items():
        listed = objects.get(field) if isinstance(objects, dict) else None
        for each in listed if isinstance(listed, list) else ():
            if isinstance(each, dict):
                gathered.take_shaped(line.field, line.struct, each)
            else:
                gathered.gap(Gap(what=line.plural, reason="damaged", detail="an entry is no object"))
    shell = {key: value for key, value in raw.items() if key not in {"objects", "gaps"}}
    source = _part(shell, Source)
    told = raw.get("gaps")
    gaps = tuple(_part(each, Gap) for each in told if isinstance(each, dict)) if isinstance(told, list) else ()
    read: Source = msgspec.structs.replace(source, objects=gathered.objects(), gaps=gaps + gathered.gaps)
    return read


def _camel_fields() -> dict[str, Any]:
    names = {each.name: each.encode_name for each in msgspec.structs.fields(Objects)}
    return {names[field]: line for field, line in _FIELDS.items()}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _part(raw: Any, struct: type[Any]) -> Any:
    try:
        return converted(raw, struct, strict=False)
    except (msgspec.ValidationError, RecursionError):
        return struct()

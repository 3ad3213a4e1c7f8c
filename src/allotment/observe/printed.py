"""What kubectl printed → a snapshot: lists and single objects, one document or several in a row."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from allotment.errors import InputError, shown
from allotment.model.manifest import Body
from allotment.model.observed.snapshot import Snapshot, Source
from allotment.model.salvage import UnreadableObject, decoded, decoder, set_apart, shallow
from allotment.observe.case_file import is_case
from allotment.observe.gathering import Gathered
from allotment.observe.named_only import named_only
from allotment.observe.written import KIND, unpacked

_FIX: Final = "print objects with: kubectl get nodes,pods -A -o json"


def printed_objects(data: bytes) -> list[Body]:
    """The objects of a text; those of a list one by one.

    Raises:
        InputError: it is no JSON, or something that kubectl does not print.
    """
    found: list[Body] = []
    for document in _documents(unpacked(data)):
        found.extend(_objects(document))
    return found


@dataclass(frozen=True, slots=True)
class PrintedSnapshot:
    """A snapshot of printed objects.

    Attributes:
        taken: objects that are read.
        left: objects of kinds that are not.
    """

    snapshot: Snapshot
    taken: int
    left: int


def printed_snapshot(raws: Sequence[Body], taken_at: str, name: str) -> PrintedSnapshot:
    """All objects that are read; what owns pods is read whatever its kind.

    Args:
        raws: the objects.
        taken_at: RFC 3339; lists do not say when they were printed.
        name: of the source.
    """
    into = Gathered()
    unread = [raw for raw in raws if not into.take_any((raw,))]
    left = len(unread) - into.take_owners(unread)
    objects = into.objects()
    source = Source(name=name, observed_at=taken_at, objects=objects, gaps=into.gaps + named_only(objects))
    return PrintedSnapshot(Snapshot(taken_at=taken_at, sources=(source,)), len(raws) - left, left)


def _documents(text: bytes) -> Iterator[Any]:
    try:
        yield decoded(text)
    except RecursionError:
        raise InputError("the text is nested too deeply", fix=_FIX) from None
    except msgspec.DecodeError as error:
        # Whoever reads only to the first fault cannot tell it from a further document.
        yield from _in_a_row(text, error)


def _in_a_row(text: bytes, error_of_one: Exception) -> Iterator[Any]:
    """Several documents one after the other, as of several calls, or a line each."""
    try:
        rest = text.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError("this is no text", why=f"no UTF-8: {error.reason}", fix=_FIX) from None
    read = decoder()
    at = count = before = 0
    cut = False
    while at < len(rest):
        if rest[at].isspace():
            at += 1
            continue
        try:
            document, at = read.raw_decode(rest, at)
        except RecursionError:
            if cut:
                raise InputError("the text is nested too deeply", fix=_FIX) from None
            before += rest.count("\n", 0, at)
            shorter, word = shallow(rest[at:].encode())
            rest, at, cut, read = shorter.decode(), 0, True, decoder(word)
            continue
        except ValueError as error:
            if not count:
                raise InputError("this is no JSON", why=shown(error_of_one), fix=_FIX) from None
            line = before + rest.count("\n", 0, at) + 1
            raise InputError(
                f"the document that begins in line {line} is no JSON", why=shown(error), fix=_FIX
            ) from None
        count += 1
        yield set_apart(document)


def _of_kind(raw: Body, version: Any, kind: str) -> Body:
    if isinstance(raw, UnreadableObject):
        return raw.of_kind(version, kind)
    return {**raw, "kind": kind, "apiVersion": version}


def _objects(document: Any) -> Iterator[Body]:
    if not isinstance(document, dict):
        raise InputError("this is no object of the API", why="it is a bare value or a list", fix=_FIX)
    if is_case(document):
        raise InputError("this is a recorded case", fix="name it with --snapshot, as it is")
    kind, items = document.get("kind"), document.get("items")
    if isinstance(items, list):
        kind = kind.removesuffix("List") if isinstance(kind, str) else ""
        version = document.get("apiVersion")
        for each in items:
            if isinstance(each, dict):
                yield each if kind == "" or "kind" in each else _of_kind(each, version, kind)
        return
    if kind == KIND and "sources" in document:
        raise InputError("this is a snapshot already", fix="name it with --snapshot, as it is")
    if not isinstance(kind, str) or not isinstance(document.get("apiVersion"), str):
        raise InputError("this is no object of the API", why="it says no kind and apiVersion", fix=_FIX)
    yield document

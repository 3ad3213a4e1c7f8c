"""YAML text to plain data, in bounded time and memory.

Built on the C parser's event stream rather than on nodes: no recursion (a file of 100,000 brackets cannot overflow
a stack), no resolver (a plain scalar stays the text that was written; the field decides whether ``1.30`` is a version
or a number, so ``no``, ``0x1`` and ``1_000`` have no meaning of their own), and only what is needed is kept.
Positions are not kept: they are read again for the few files that have problems.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import yaml

from allotment.spec.problems import Path, Problem, Severity, dotted, echo

MOST_DEPTH: Final = 24
"""Deepest nesting. The schema needs 6; the rest is room for mistakes to be told as what they are."""
MOST_NODES: Final = 1_000_000
"""Most values in a file, aliases counted as often as they are used: a bomb of aliases stops here."""
MOST_DOCUMENTS: Final = 20_000
"""Most documents in a file, and in a directory: 1,000 teams on 20 clusters are 1,020."""
_PLAIN_KEY: Final = "write a plain word before the colon; fill templates ({{ … }}) in before Allotment reads the file"
MOST_KEY: Final = 512
MOST_PROBLEMS: Final = 100
"""Problems of form told about one file; a binary file would have thousands."""

_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_NOT_ALLOWED: Final = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Position = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document.

    Attributes:
        index: position among the file's documents, empty ones not counted.
        data: str, None, list and dict only; shared where the file uses aliases, so never to be changed.
    """

    file: str
    index: int
    data: Any


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a file holds, as far as it could be read."""

    documents: tuple[Document, ...]
    problems: tuple[Problem, ...]


@dataclass(slots=True)
class _Frame:
    """A container that is being filled."""

    value: Any
    anchor: str | None
    path: Path
    position: Position
    key: str | None = None
    key_position: Position = (0, 0)
    skip_next: bool = False
    size: int = 1
    height: int = 1


class _StopReadingError(Exception):
    """A limit was hit: the rest of the file is not read."""


@dataclass(slots=True)
class _Builder:
    """Turns events into values. One per file."""

    file: str
    wanted: frozenset[int] | None = None
    positions: dict[int, dict[Path, Position]] = field(default_factory=dict)
    here: dict[Path, Position] | None = None
    documents: list[Document] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    frames: list[_Frame] = field(default_factory=list)
    anchors: dict[str, tuple[Any, int, int]] = field(default_factory=dict)
    open_anchors: set[str] = field(default_factory=set)
    nodes: int = 0
    root: Any = None
    root_position: Position = (0, 0)

    def problem(self, position: Position, path: Path, what: str, fix: str) -> None:
        """Note a problem of form at a 0-based position."""
        self.problems.append(
            Problem(self.file, position[0] + 1, position[1] + 1, dotted(path), what, fix, Severity.ERROR)
        )
        if len(self.problems) >= MOST_PROBLEMS:
            raise _StopReadingError

    def handle(self, event: Any) -> None:
        """Take the parser's next event."""
        kind = type(event)
        if kind is yaml.ScalarEvent:
            self._scalar(event)
        elif kind is yaml.MappingStartEvent or kind is yaml.SequenceStartEvent:
            self._open(event, {} if kind is yaml.MappingStartEvent else [])
        elif kind is yaml.MappingEndEvent or kind is yaml.SequenceEndEvent:
            self._close()
        elif kind is yaml.AliasEvent:
            self._alias(event)
        elif kind is yaml.DocumentStartEvent:
            self.root = None
            self.anchors.clear()
            self.open_anchors.clear()
            self._start_document(event)
        elif kind is yaml.DocumentEndEvent and self.root is not None:
            self.documents.append(Document(self.file, len(self.documents), self.root))

    def _start_document(self, event: Any) -> None:
        number = len(self.documents)
        if number >= MOST_DOCUMENTS:
            position = (event.start_mark.line, event.start_mark.column)
            self.problem(position, (), f"more than {MOST_DOCUMENTS:,} documents in a file", "split the file")
            raise _StopReadingError
        if self.wanted is not None:
            if number > max(self.wanted, default=-1):
                raise _StopReadingError
            self.here = self.positions.setdefault(number, {}) if number in self.wanted else None

    def _scalar(self, event: Any) -> None:
        position = (event.start_mark.line, event.start_mark.column)
        frame = self.frames[-1] if self.frames else None
        if frame is not None and type(frame.value) is dict and frame.key is None:
            self._key(frame, event.value, position)
            return
        self._refuse_tag(event, position)
        value = None if event.style in (None, "") and event.value in _NULLS else event.value
        if event.anchor is not None:
            self.anchors[event.anchor] = (value, 1, 0)
        self._add(value, 1, 0, position)

    def _key(self, frame: _Frame, key: str, position: Position) -> None:
        path = (*frame.path, key)
        if len(key) > MOST_KEY:
            self.problem(position, frame.path, f"a key of {len(key)} characters", f"keep keys under {MOST_KEY}")
            frame.skip_next = True
        elif key in frame.value:
            self.problem(position, path, f"{echo(key)} is given twice", "keep one of the two")
            frame.skip_next = True
        elif key == "<<":
            fix = "write the fields out, or use an alias for a whole value"
            self.problem(position, path, "merge keys (<<) are not supported", fix)
            frame.skip_next = True
        frame.key = key
        frame.key_position = position
        if self.here is not None and not frame.skip_next:
            self.here.setdefault(path, position)

    def _open(self, event: Any, value: Any) -> None:
        position = (event.start_mark.line, event.start_mark.column)
        path = self._next_path()
        self._refuse_tag(event, position)
        if len(self.frames) >= MOST_DEPTH:
            self.problem(position, path, "is nested too deeply", f"use at most {MOST_DEPTH} levels")
            raise _StopReadingError
        if event.anchor is not None:
            self.anchors.pop(event.anchor, None)
            self.open_anchors.add(event.anchor)
        self.frames.append(_Frame(value, event.anchor, path, position))

    def _close(self) -> None:
        frame = self.frames.pop()
        if frame.anchor is not None:
            self.open_anchors.discard(frame.anchor)
            self.anchors[frame.anchor] = (frame.value, frame.size, frame.height)
        self.nodes -= frame.size - 1
        self._add(frame.value, frame.size, frame.height, frame.position)

    def _alias(self, event: Any) -> None:
        position = (event.start_mark.line, event.start_mark.column)
        path = self._next_path()
        known = self.anchors.get(event.anchor)
        if known is None:
            inside = event.anchor in self.open_anchors
            what = "an alias to the value it stands in" if inside else f"the alias *{echo(event.anchor, quote=False)}"
            what += "" if inside else " has no anchor before it"
            self.problem(position, path, what, "write the value out")
            known = (None, 1, 0)
        value, size, height = known
        if len(self.frames) + height > MOST_DEPTH:
            self.problem(position, path, "is nested too deeply by its aliases", f"use at most {MOST_DEPTH} levels")
            raise _StopReadingError
        frame = self.frames[-1] if self.frames else None
        if frame is not None and type(frame.value) is dict and frame.key is None:
            if isinstance(value, str):
                self._key(frame, value, position)
                return
            self.problem(position, path, "the key is an alias of something that is no text", "write the key out")
            frame.key, frame.skip_next = "", True
            return
        self._add(value, size, height, position)

    def _next_path(self) -> Path:
        if not self.frames:
            return ()
        frame = self.frames[-1]
        if type(frame.value) is list:
            return (*frame.path, len(frame.value))
        return frame.path if frame.key is None else (*frame.path, frame.key)

    def _refuse_tag(self, event: Any, position: Position) -> None:
        if event.tag is not None and event.tag != "!":
            self.problem(position, self._next_path(), "has a YAML tag", "remove the tag; the field decides its type")

    def _add(self, value: Any, size: int, height: int, position: Position) -> None:
        self.nodes += size
        if self.nodes > MOST_NODES:
            self.problem(position, self._next_path(), f"more than {MOST_NODES:,} values in a file", "split the file")
            raise _StopReadingError
        if not self.frames:
            self.root = value
            self.root_position = position
            if self.here is not None:
                self.here[()] = position
            return
        frame = self.frames[-1]
        frame.size += size
        frame.height = max(frame.height, height + 1)
        if type(frame.value) is list:
            if self.here is not None:
                self.here.setdefault((*frame.path, len(frame.value)), position)
            frame.value.append(value)
        elif frame.key is None:
            # A mapping or a list in the place of a key.
            self.problem(position, frame.path, "a key that is not text", _PLAIN_KEY)
            frame.key, frame.skip_next = "", True
        else:
            if not frame.skip_next:
                frame.value[frame.key] = value
            frame.key, frame.skip_next = None, False


def parse(file: str, text: str) -> Parsed:
    """Read one file; never raises, whatever the text."""
    builder = _Builder(file)
    _run(builder, text)
    return Parsed(tuple(builder.documents), tuple(builder.problems))


def positions(file: str, text: str, wanted: Collection[int]) -> Mapping[int, Mapping[Path, Position]]:
    """Where every value of some of a file's documents stands; 0-based, as far as the file can be read."""
    builder = _Builder(file, frozenset(wanted))
    _run(builder, text)
    return builder.positions


def _run(builder: _Builder, text: str) -> None:
    bad = _NOT_ALLOWED.search(text)
    if bad is not None:
        line = text.count("\n", 0, bad.start())
        column = bad.start() - (text.rfind("\n", 0, bad.start()) + 1)
        what = f"the character U+{ord(bad.group()):04X} is not allowed in YAML"
        builder.problem((line, column), (), what, "remove it; perhaps the file is not a text file")
        return
    try:
        loader = yaml.CBaseLoader(text)
        try:
            next_event = loader.get_event
            # The parser hands out None after the end of the stream.
            while (event := next_event()) is not None:
                builder.handle(event)
        finally:
            loader.dispose()
    except _StopReadingError:
        return
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        position = (mark.line, mark.column) if mark is not None else (0, 0)
        _note_syntax(builder, position, error.problem or error.context or "it cannot be read")
    except (yaml.YAMLError, UnicodeError):
        _note_syntax(builder, (0, 0), "it cannot be read")


def _note_syntax(builder: _Builder, position: Position, problem: str) -> None:
    # libyaml's own sentences are fixed texts, except that a few quote a name; a long one would be the user's.
    reason = problem if len(problem) <= 120 else "it cannot be read"
    path: Path = ()
    if builder.frames:
        path = builder.frames[-1].path
    try:
        builder.problem(position, path, f"not valid YAML: {reason}", "check indentation, quotes and colons here")
    except _StopReadingError:
        return

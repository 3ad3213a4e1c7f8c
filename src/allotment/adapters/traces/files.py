"""Reads and writes scenario files line by line, so that a file of any length needs the memory of one line."""

from __future__ import annotations

import csv
import gzip
import json
import os
import stat
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self, cast

from allotment.errors import ConflictError, InputError, NotFoundError
from allotment.scenarios.lines import CsvRow, ScenarioLine, TextLine

LONGEST_LINE: Final = 256 << 20
"""Bytes. The longest line of the recorded corpora has 1 MB; a larger one is not a scenario but a mistake."""

_GZIP_MAGIC: Final = b"\x1f\x8b"


def text_lines(path: Path) -> Iterator[TextLine]:
    """The lines of a text file, gzipped or not, with their numbers.

    Raises:
        NotFoundError: there is no such file.
        InputError: it cannot be read, a line is too long, or the text is no UTF-8.
    """
    number = 0
    try:
        with _opened(path) as stream:
            while True:
                raw = stream.readline(LONGEST_LINE + 1)
                if not raw:
                    return
                number += 1
                if len(raw) > LONGEST_LINE:
                    raise InputError(f"{path}:{number}: longer than {LONGEST_LINE >> 20} MiB", fix=_NAME_ANOTHER)
                text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
                yield TextLine(str(path), number, text.rstrip("\r\n"))
    except UnicodeDecodeError as error:
        raise InputError(f"{path}:{number}: not text", why=f"no UTF-8: {error.reason}", fix=_NAME_ANOTHER) from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(
            f"{path}:{number + 1}: the gzip file is damaged", why=str(error), fix="fetch or write it anew"
        ) from error
    except FileNotFoundError:
        raise NotFoundError(f"there is no file {path}", fix="check the path") from None
    except OSError as error:
        raise InputError(
            f"{path} cannot be read", why=error.strerror or str(error), fix="check the path and its permissions"
        ) from error


_NAME_ANOTHER: Final = "name a file of scenarios or a trace: .jsonl, .csv or .swf, gzipped or not"

_SAVE_IT: Final = "save what it holds in a file, and name that"


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """The file's bytes, unpacked; what counts is its content, not its name."""
    # A pipe would be waited for without end, and could not be read twice.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as plain:
        if not stat.S_ISREG(os.fstat(plain.fileno()).st_mode):
            raise InputError(f"{path} is no regular file", why="it is read more than once", fix=_SAVE_IT)
        if plain.peek(2)[:2] == _GZIP_MAGIC:
            with gzip.GzipFile(fileobj=plain) as unpacked:
                yield cast("IO[bytes]", unpacked)
        else:
            yield plain


def scenario_lines(paths: Sequence[Path]) -> Iterator[ScenarioLine]:
    """The scenarios of JSON Lines files, one after the other; blank lines are skipped.

    Raises:
        NotFoundError: there is no such file.
        InputError: a line is no JSON object; file and line are named.
    """
    for path in paths:
        for line in text_lines(path):
            if line.text.strip():
                yield ScenarioLine(line.file, line.number, _json_object(line))


def _json_object(line: TextLine) -> Mapping[str, Any]:
    try:
        value = json.loads(line.text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{line.where}: no JSON", why=f"{error.msg} at column {error.colno}", fix="each line is one JSON object"
        ) from None
    except RecursionError:
        raise InputError(f"{line.where}: nested too deeply", fix="each line is one JSON object") from None
    if not isinstance(value, dict):
        raise InputError(
            f"{line.where}: {type(value).__name__} where a scenario is expected", fix="each line is one JSON object"
        )
    return value


def csv_rows(path: Path) -> Iterator[CsvRow]:
    """The rows of a CSV file with a header line.

    Raises:
        NotFoundError: there is no such file.
        InputError: a row has more cells than the header; file and line are named.
    """
    reader = csv.reader(line.text for line in text_lines(path))
    header: list[str] | None = None
    try:
        for cells in reader:
            if header is None:
                header = [cell.strip() for cell in cells]
                continue
            if not cells:
                continue
            if len(cells) != len(header):
                raise InputError(
                    f"{path}:{reader.line_num}: {len(cells)} cells under a header of {len(header)}",
                    fix="compare the line with the header",
                )
            yield CsvRow(str(path), reader.line_num, dict(zip(header, cells, strict=True)))
    except csv.Error as error:
        raise InputError(f"{path}:{reader.line_num}: no CSV", why=str(error), fix=_NAME_ANOTHER) from error


def first_line(path: Path) -> str:
    """The first line that is not blank; what kind of file it is can be seen there."""
    return next((line.text for line in text_lines(path) if line.text.strip()), "")


class AnswerFile:
    """A JSON Lines file that is written line by line; a context manager. A name ending in ``.gz`` is packed.

    It is opened with the first line, so that a mistyped input does not cost an older file. When the work stops
    half-way, the lines until then are in it.
    """

    def __init__(self, path: Path, inputs: Iterable[Path]) -> None:
        """Nothing is opened yet.

        Raises:
            ConflictError: it is one of the files that are being read.
        """
        if any(path.exists() and each.exists() and path.samefile(each) for each in inputs):
            raise ConflictError(f"{path} is also read", fix="write to another file")
        self._path = path
        self._stream: IO[str] | None = None

    def __enter__(self) -> Self:
        """Nothing is opened yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it; without a line and without an error it is an empty file."""
        if self._stream is None and kind is None:
            self._stream = self._open()
        if self._stream is not None:
            self._stream.close()

    def write(self, answer: Mapping[str, Any]) -> None:
        """Append one object.

        Raises:
            InputError: the file cannot be written.
        """
        if self._stream is None:
            self._stream = self._open()
        self._stream.write(json.dumps(answer, ensure_ascii=False, separators=(",", ":")) + "\n")

    def _open(self) -> IO[str]:
        try:
            if self._path.suffix == ".gz":
                return cast("IO[str]", gzip.open(self._path, "wt", encoding="utf-8"))
            return self._path.open("w", encoding="utf-8")
        except OSError as error:
            raise InputError(
                f"{self._path} cannot be written", why=error.strerror or str(error), fix="check the folder"
            ) from error

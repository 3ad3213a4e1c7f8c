"""Files of scenarios and traces, read and written line by line: one of any length needs the memory of one line."""

from __future__ import annotations

import gzip
import json
import os
import stat
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import IO, Any, Final, Self, cast

from allotment.errors import ConflictError, InputError
from allotment.model.lines import TextLine
from allotment.ports.files import SAVE_IT, unread
from allotment.scenarios.lines import NAME_ANOTHER

LONGEST_LINE: Final = 256 << 20
"""Bytes. The longest line of the recorded corpora has 1 MB; a larger one is not a scenario but a mistake."""

_GZIP_MAGIC: Final = b"\x1f\x8b"


def _no_platform(_path: Path) -> bool:
    return False


def text_lines(path: Path, holds_platform: Callable[[Path], bool] = _no_platform) -> Iterator[TextLine]:
    """The lines of a text file, gzipped or not, with their numbers.

    Args:
        path: of the file.
        holds_platform: asked of a folder that is named in its place.

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
                    raise InputError(f"{path}:{number}: longer than {LONGEST_LINE >> 20} MiB", fix=NAME_ANOTHER)
                text = raw.decode("utf-8-sig" if number == 1 else "utf-8")
                yield TextLine(str(path), number, text.rstrip("\r\n"))
    except UnicodeDecodeError as error:
        raise InputError(f"{path}:{number}: not text", why=f"no UTF-8: {error.reason}", fix=NAME_ANOTHER) from None
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise InputError(
            f"{path}:{number + 1}: the gzip file is damaged", why=str(error), fix="fetch or write it anew"
        ) from error
    except OSError as error:
        raise unread(path, error, NAME_ANOTHER, platform=holds_platform(path)) from error


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    """The file's bytes, unpacked; what counts is its content, not its name."""
    # A pipe would be waited for without end, and could not be read twice.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as plain:
        if not stat.S_ISREG(os.fstat(plain.fileno()).st_mode):
            raise InputError(f"{path} is no regular file", why="it is read more than once", fix=SAVE_IT)
        if plain.peek(2)[:2] == _GZIP_MAGIC:
            with gzip.GzipFile(fileobj=plain) as unpacked:
                yield cast("IO[bytes]", unpacked)
        else:
            yield plain


class TraceFiles:
    """Files on this machine.

    Args:
        path_of: the path behind a name that a user typed.
        holds_platform: whether a folder declares a platform.
    """

    def __init__(
        self, path_of: Callable[[str], Path] = Path, holds_platform: Callable[[Path], bool] = _no_platform
    ) -> None:
        self._path_of = path_of
        self._holds_platform = holds_platform

    def place(self, file: str) -> str:
        """The path behind a name."""
        return str(self._path_of(file))

    def lines(self, file: str) -> Iterator[TextLine]:
        """The lines of a text file, as `text_lines` reads them."""
        return text_lines(self._path_of(file), self._holds_platform)

    def answers(self, file: str, inputs: Sequence[str]) -> JsonLinesFile:
        """A file for our own answers; see `JsonLinesFile`."""
        return JsonLinesFile(self._path_of(file), [self._path_of(each) for each in inputs])


class JsonLinesFile:
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

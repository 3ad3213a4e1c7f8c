"""Lines of scenario files and traces, taken apart: content with the place it came from, for error messages."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from allotment.errors import InputError
from allotment.model.json_text import SHORTER, LongNumberError, read_json
from allotment.model.lines import TextLine

NAME_ANOTHER: Final = "name a file of scenarios or a trace: .jsonl, .csv or .swf, gzipped or not"
"""What to do about a file that is none of them."""


@dataclass(frozen=True, slots=True)
class CsvRow:
    """A row of a CSV file, by column."""

    file: str
    number: int
    cells: Mapping[str, str]

    @property
    def where(self) -> str:
        """``file:line``."""
        return f"{self.file}:{self.number}"


@dataclass(frozen=True, slots=True)
class ScenarioLine:
    """One scenario as parsed JSON."""

    file: str
    number: int
    data: Mapping[str, Any]

    @property
    def where(self) -> str:
        """``file:line``."""
        return f"{self.file}:{self.number}"

    @property
    def id(self) -> str:
        """The scenario's name; empty when it has none."""
        return str(self.data.get("id", ""))


def scenario_lines(lines: Iterable[TextLine]) -> Iterator[ScenarioLine]:
    """The scenarios of a JSON Lines file; blank lines are skipped.

    Raises:
        InputError: a line is no JSON object; file and line are named.
    """
    for line in lines:
        if line.text.strip():
            yield ScenarioLine(line.file, line.number, _json_object(line))


def _json_object(line: TextLine) -> Mapping[str, Any]:
    try:
        value = read_json(line.text)
    except json.JSONDecodeError as error:
        raise InputError(
            f"{line.where}: no JSON", why=f"{error.msg} at column {error.colno}", fix="each line is one JSON object"
        ) from None
    except LongNumberError as error:
        raise InputError(f"{line.where}: {error}", fix=SHORTER) from None
    except RecursionError:
        raise InputError(f"{line.where}: nested too deeply", fix="each line is one JSON object") from None
    if not isinstance(value, dict):
        raise InputError(
            f"{line.where}: {type(value).__name__} where a scenario is expected", fix="each line is one JSON object"
        )
    return value


def csv_rows(lines: Iterable[TextLine]) -> Iterator[CsvRow]:
    """The rows of a CSV file with a header line.

    Raises:
        InputError: a row has more or fewer cells than the header; file and line are named.
    """
    file = ""

    def texts() -> Iterator[str]:
        nonlocal file
        for line in lines:
            file = line.file
            yield line.text

    reader = csv.reader(texts())
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
                    f"{file}:{reader.line_num}: {len(cells)} cells under a header of {len(header)}",
                    fix="compare the line with the header",
                )
            yield CsvRow(file, reader.line_num, dict(zip(header, cells, strict=True)))
    except csv.Error as error:
        raise InputError(f"{file}:{reader.line_num}: no CSV", why=str(error), fix=NAME_ANOTHER) from error


def echo(text: str) -> str:
    """A cell as messages show it: quoted, and not longer than a line."""
    shown = repr(text)
    return shown if len(shown) <= _MOST_SHOWN else f"{shown[: _MOST_SHOWN - 1]}…"


_MOST_SHOWN: Final = 60

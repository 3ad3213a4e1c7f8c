"""What a reader of scenario files and traces hands on: content with the place it came from, for error messages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from allotment.errors import InputError


@dataclass(frozen=True, slots=True)
class TextLine:
    """A line of text; `number` counts from 1."""

    file: str
    number: int
    text: str

    @property
    def where(self) -> str:
        """``file:line``."""
        return f"{self.file}:{self.number}"


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


@contextmanager
def at(where: str) -> Iterator[None]:
    """Put file and line in front of an `InputError` from code that does not know them."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{where}: {error.what}", why=error.why, fix=error.fix) from error

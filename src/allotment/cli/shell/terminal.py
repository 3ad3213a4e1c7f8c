"""What the terminal can do: colours, width, questions. Decided from the environment, in one place."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Final, TextIO

from allotment.errors import UNPRINTABLE

PLAIN_WIDTH: Final = 100
"""Columns of running text when the output is no terminal; tables are never cut there."""

_NARROWEST: Final = 20
_DRIVES: Final = re.compile(rf"(?![\x00-\x1f])[{UNPRINTABLE}]")
"""What a terminal would obey, and JSON would write as it is."""
_CONTROL: Final = re.compile(rf"(?![\t\n])[{UNPRINTABLE}]")


def wants_color(mode: str, environment: Mapping[str, str], *, is_terminal: bool) -> bool:
    """Whether to colour a stream.

    The order: ``--color`` always or never, NO_COLOR (no-color.org), CLICOLOR_FORCE (bixense.com/clicolors),
    ``TERM=dumb``, and else whether the stream is a terminal.
    """
    if mode != "auto":
        return mode == "always"
    if environment.get("NO_COLOR"):
        return False
    if environment.get("CLICOLOR_FORCE", "0") not in ("", "0"):
        return True
    return is_terminal and environment.get("TERM") != "dumb" and environment.get("CLICOLOR") != "0"


def is_terminal(stream: TextIO) -> bool:
    """Whether a person looks at the stream. A closed stream is none."""
    try:
        return stream.isatty()
    except ValueError:
        return False


def width_of(stream: TextIO, environment: Mapping[str, str]) -> int | None:
    """Columns to stay within; None when nothing needs to be cut (a pipe or a file)."""
    columns = environment.get("COLUMNS", "")
    if columns.isascii() and columns.isdigit() and len(columns) < 5 and int(columns) > 0:
        return max(_NARROWEST, int(columns))
    if not is_terminal(stream):
        return None
    from shutil import get_terminal_size

    return max(_NARROWEST, get_terminal_size().columns)


def drives_terminal(text: str) -> bool:
    """Whether it holds what a terminal would obey, but for what JSON and YAML escape themselves."""
    return _DRIVES.search(text) is not None


def harmless_json(document: str) -> str:
    """JSON, written without escapes, in which nothing drives a terminal.

    Such characters stand in strings alone, where an escape means the same.
    """
    return _DRIVES.sub(lambda found: json.dumps(found[0])[1:-1], document)


def printable(text: str) -> str:
    """Text from files and servers without control characters, so that it cannot drive the terminal."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)

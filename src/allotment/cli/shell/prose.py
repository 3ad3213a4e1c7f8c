"""Sentences within the terminal's width; a command in backquotes stays in one piece, to be copied."""

from __future__ import annotations

import re
from textwrap import wrap
from typing import Final

from allotment.cli.shell.terminal import printable

_COMMAND: Final = re.compile(r"`[^`]*`")
_TOGETHER: Final = "\N{NO-BREAK SPACE}"


def prose(text: str, width: int, indent: str = "", more: str = "  ") -> list[str]:
    """A sentence as lines.

    Args:
        text: the sentence.
        width: of the terminal.
        indent: in front of every line.
        more: in front of every line but the first, besides.
    """
    joined = _COMMAND.sub(lambda found: found[0].replace(" ", _TOGETHER), printable(text))
    lines = wrap(
        joined,
        max(width, len(indent) + 40),
        initial_indent=indent,
        subsequent_indent=indent + more,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [line.replace(_TOGETHER, " ") for line in lines]

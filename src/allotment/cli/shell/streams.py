"""The standard streams of the process, made fit before anything is read or written."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TextIO


def make_fit() -> None:
    """Closed streams become ``/dev/null``, and no character is a reason to fail."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(_nowhere(), mode, encoding="utf-8"))
    for stream in (sys.stdout, sys.stderr):
        # A name that the terminal's encoding cannot show must not end the command.
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")  # type: ignore[union-attr]


def _nowhere() -> int:
    """A descriptor of ``/dev/null``: the closed stream's own number, which else the next file opened would get."""
    number = os.open(os.devnull, os.O_RDWR)
    os.set_inheritable(number, number <= 2)
    return number


def end_output() -> None:
    """Write what standard output still holds; what it does not take is dropped, and not tried again at the end."""
    try:
        sys.stdout.flush()
    except OSError:
        turn_away(sys.stdout)


def turn_away(stream: TextIO) -> None:
    """What is still to be written to a stream goes nowhere: the interpreter flushes once more at its end."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)

"""In how many places the C library keeps memory: of a server of many threads nearly each has one of its own otherwise.

What was freed in one of them serves nobody else, so that in ten minutes of a hundred calls a second forty of them held
80 MiB that nobody used, and each call found less of what it needs near the processor.
"""

from __future__ import annotations

import ctypes
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

_ARENA_MAX: Final = -8
"""``M_ARENA_MAX`` of glibc's malloc.h: mallopt(3)."""
_ARENAS: Final = 2
_ASKED: Final = "MALLOC_ARENA_MAX"


def few_arenas(environ: Mapping[str, str]) -> None:
    """Have all threads share two, unless the environment says how many; nothing is done where there is no glibc.

    It has to be done before there is a second thread: glibc settles then how many there may be.
    """
    if _ASKED not in environ:
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).mallopt(_ARENA_MAX, _ARENAS)

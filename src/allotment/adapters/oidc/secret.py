"""The secret of a client, in a file."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from allotment.errors import InputError, shown

_MOST_BYTES: Final = 4096
_FIX: Final = "write the secret that the provider has given, and nothing else, into it"


def client_secret(file: Path) -> str:
    """The secret, read anew each time: who replaces it need not start anything again.

    Raises:
        InputError: it cannot be read, is none, or is open to everybody on this machine.
    """
    named = f"the client's secret in {shown(file)}"
    try:
        with file.open("rb") as stream:
            open_to_all = os.fstat(stream.fileno()).st_mode & stat.S_IRWXO
            text = stream.read(_MOST_BYTES + 1).decode("ascii").removesuffix("\n").removesuffix("\r")
    except OSError as error:
        raise InputError(f"{named} cannot be read", why=error.strerror or str(error), fix=_FIX) from None
    except UnicodeDecodeError:
        raise InputError(f"{named} is none", why="it is no ASCII text", fix=_FIX) from None
    if open_to_all:
        raise InputError(
            f"{named} is open to everybody on this machine",
            why="whoever has it can ask the provider in our name",
            fix=f"chmod o-rwx {shown(file)}; and replace the secret, which others may have seen",
        )
    if not text or not text.isprintable() or len(text) > _MOST_BYTES:
        raise InputError(f"{named} is none", why="it is empty, too long, or of several lines", fix=_FIX)
    return text

"""How to call this program again, for hints that can be typed as they stand."""

from __future__ import annotations

import shlex
import shutil
import sys
from pathlib import Path, PurePath


def call_again(program: str, path: str) -> str:
    """``allot`` where a shell finds us by that name, else what we were called by.

    Args:
        program: path or name that we were started by.
        path: the environment's PATH.
    """
    if program == "kubectl allot" or PurePath(program).name.startswith("kubectl-allot"):
        return "kubectl allot"
    found = shutil.which("allot", path=path)
    if "/" not in program or (found is not None and _is_the_same(found, program)):
        return "allot"
    if PurePath(program).name == "__main__.py":
        return f"{shlex.quote(sys.executable)} -m allotment"
    return shlex.quote(program)


def typed(place: Path | str) -> str:
    """A path as an argument in a shell, whatever it is called."""
    text = str(place)
    return shlex.quote(f"./{text}" if text.startswith(("-", "~")) else text)


def _is_the_same(one: str, other: str) -> bool:
    try:
        return Path(one).samefile(other)
    except OSError:
        return False

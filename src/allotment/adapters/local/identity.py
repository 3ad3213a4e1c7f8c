"""Ids of jobs, and who runs this process."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
from typing import Final

_LETTERS: Final = "abcdefghjkmnpqrstvwxyz0123456789"
"""Thirty-two that nobody takes for each other when they are read out."""
_LENGTH: Final = 10


def random_job_id() -> str:
    """A DNS label of a letter and ten characters: 50 random bits."""
    return "j" + "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))


def found_program(name: str) -> bool:
    """Whether there is such a program on the PATH."""
    return shutil.which(name) is not None


def user_name() -> str:
    """Name of the user of this process; its number where the system knows no name."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return str(os.getuid())

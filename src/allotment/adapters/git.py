"""Which commit a folder is at, as git says."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Final

_TIMEOUT: Final = 10.0
"""Seconds; a repository that takes longer is told nothing about."""


def revision(directory: Path) -> tuple[str, bool]:
    """The commit of the repository that a folder lies in, and whether anything below the folder differs from it.

    Empty and False where there is no repository, no commit, or no git.
    """
    commit = _git(directory, "rev-parse", "--verify", "--quiet", "HEAD")
    if not commit:
        return "", False
    return commit.strip(), bool(_git(directory, "status", "--porcelain", "--", "."))


def _git(directory: Path, *arguments: str) -> str:
    # The folder may be somebody else's: none of the programs that its configuration names is run.
    safe = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null", "--no-optional-locks")
    try:
        done = subprocess.run(
            ["git", *safe, "-C", str(directory), *arguments],
            capture_output=True, text=True, errors="replace", timeout=_TIMEOUT, check=False, stdin=subprocess.DEVNULL,
            env={name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout if done.returncode == 0 else ""

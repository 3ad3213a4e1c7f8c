"""A repository is begun for a folder that has none."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from allotment.adapters.git_repository.commands import Git

_IDENTITY: Final = {
    f"GIT_{who}_{what}": value
    for who in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Allotment"), ("EMAIL", "allotment@localhost"))
}


def begin_repository(folder: Path, message: str) -> None:
    """Put a folder, with all that is in it, into a repository of its own.

    Args:
        folder: where there is none yet.
        message: of its first commit.

    Raises:
        NotFoundError: there is no git.
        AllotmentError: it fails.
    """
    git = Git(("-C", str(folder)), str(folder))
    git.run("init", "--quiet", "--initial-branch=main")
    git.run("add", "--all")
    git.run("-c", "commit.gpgSign=false", "commit", "--quiet", "--message", message, more=_IDENTITY)

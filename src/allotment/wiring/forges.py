"""Forges by their names."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from allotment.ports.forge import ForgePort

FORGES: Final = ("gitea", "github")
"""Forges that are spoken to."""


def forge(kind: str, address: str, repository: str, branch: str, token: str) -> AbstractContextManager[ForgePort]:
    """A repository of a forge; nothing is sent yet.

    Args:
        kind: one of `FORGES`.
        address: of the forge.
        repository: owner and name.
        branch: that counts.
        token: file that holds one.

    Raises:
        UsageError: address or repository are none, or the token would go over the network in the clear.
    """
    from allotment.adapters.forge.client import ForgeBranch
    from allotment.adapters.forge.gitea import connect_gitea
    from allotment.adapters.forge.github import connect_github
    from allotment.adapters.forge.token_file import token_in

    connect = connect_github if kind == "github" else connect_gitea
    return connect(address, ForgeBranch(repository, branch), token_in(Path(token)))

"""Gitea, from 1.18 on, and Forgejo, by the published schema of their API ``/api/v1``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import httpx2 as httpx

from allotment.adapters.forge.client import ForgeBranch, ForgeClient, ForgeDialect
from allotment.adapters.forge.rest import ForgeSession, checked_repository, forge_address

_PAGE: Final = 50
"""That are asked for; whoever runs a Gitea can let it give fewer."""


def _listing(_at: ForgeBranch, _branch: str, state: str, page: int) -> Mapping[str, str]:
    """Nothing narrows it down to a branch: what was touched last comes first."""
    return {"state": state, "sort": "recentupdate", "limit": str(_PAGE), "page": str(page)}


_GITEA: Final = ForgeDialect(
    full=1,
    listing=_listing,
    # Its ref is that of the pull request where the branch is gone.
    branch=lambda side: side.label or "",
    repository=lambda side: side.repo_id,
)


def connect_gitea(
    address: str, at: ForgeBranch, token: Callable[[], str], http_transport: httpx.BaseTransport | None = None
) -> ForgeClient:
    """A client for a repository of a Gitea; nothing is sent yet.

    Args:
        address: of the Gitea, such as ``https://forge.example``.
        at: the repository, and the branch that counts.
        token: gives one, which needs the scope ``write:repository``.
        http_transport: instead of the network.

    Raises:
        UsageError: address or repository are none, or a token would go over the network in the clear.
    """
    checked_repository(at.repository)
    url = forge_address(address, "Gitea")
    place = str(url).rstrip("/")
    session = ForgeSession(
        httpx.URL(f"{place}/api/v1/"),
        place,
        lambda: f"token {token()}",
        {"Accept": "application/json"},
        http_transport,
    )
    return ForgeClient(session, at, _GITEA)

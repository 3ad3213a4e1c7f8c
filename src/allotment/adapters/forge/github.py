"""GitHub and GitHub Enterprise Server, by the published schema of their REST API of 2022-11-28."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import httpx2 as httpx

from allotment.adapters.forge.client import ForgeBranch, ForgeClient, ForgeDialect
from allotment.adapters.forge.rest import ForgeSession, checked_repository, forge_address

_PAGE: Final = 100
_VERSION: Final = "2022-11-28"


def _listing(at: ForgeBranch, branch: str, state: str, page: int) -> Mapping[str, str]:
    head = f"{at.owner}:{branch}"
    return {"state": state, "head": head, "base": at.branch, "per_page": str(_PAGE), "page": str(page)}


_GITHUB: Final = ForgeDialect(
    full=_PAGE,
    listing=_listing,
    branch=lambda side: side.ref,
    repository=lambda side: side.repo.id if side.repo is not None else 0,
)


def connect_github(
    address: str, at: ForgeBranch, token: Callable[[], str], http_transport: httpx.BaseTransport | None = None
) -> ForgeClient:
    """A client for a repository of GitHub; nothing is sent yet.

    Args:
        address: ``https://github.com``, or of an Enterprise Server.
        at: the repository, and the branch that counts.
        token: gives one, which needs to read and write pull requests.
        http_transport: instead of the network.

    Raises:
        UsageError: address or repository are none, or a token would go over the network in the clear.
    """
    checked_repository(at.repository)
    url = forge_address(address, "GitHub")
    place = str(url).rstrip("/")
    api = "https://api.github.com/" if url.host == "github.com" else f"{place}/api/v3/"
    session = ForgeSession(
        httpx.URL(api),
        place,
        lambda: f"Bearer {token()}",
        {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": _VERSION},
        http_transport,
    )
    return ForgeClient(session, at, _GITHUB)

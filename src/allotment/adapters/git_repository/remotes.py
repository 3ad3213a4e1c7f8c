"""Addresses of repositories elsewhere."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from allotment.errors import UsageError
from allotment.model.hosts import is_on_this_machine

_SSH_SHORT: Final = re.compile(r"(?:[A-Za-z0-9_][\w.+-]*@)?[A-Za-z0-9][\w.-]*:(?!:|//)[^\s-]\S*", re.ASCII)
"""``git@forge.example:platform.git``."""
_SHOWABLE: Final = re.compile(r"[^\x00-\x20\x7f-\x9f]+(?: [^\x00-\x20\x7f-\x9f]+)*")
_BRANCH: Final = re.compile(r"(?!.*(?:\.\.|//|/\.|\.lock(?:/|$)|[./]$))[A-Za-z0-9][\w./+-]{0,200}", re.ASCII)
OPENED_BY: Final = "ALLOTMENT_REPOSITORY_PASSWORD"
"""Variable with the password of the user that the address names; it is no setting, since those are shown."""
_FIX: Final = "write it like https://forge.example/team/platform.git or git@forge.example:team/platform.git"


@dataclass(frozen=True, slots=True)
class RemotePlace:
    """Where a repository is.

    Attributes:
        url: for git, without a password.
        shown: for people, without a user too.
        protocol: that is spoken.
        header: with which the server is told who asks; empty where git knows it otherwise. A secret.
    """

    url: str
    shown: str
    protocol: str
    header: str = field(default="", repr=False)


def remote_place(address: str, password: str = "") -> RemotePlace:
    """An address that somebody has written.

    Args:
        address: with the user, if one is to be named, and without a password.
        password: of that user; empty where git knows it otherwise.

    Raises:
        UsageError: git is not asked there, or the address holds a password. It is not repeated, therefore.
    """
    if address.startswith("-") or not _SHOWABLE.fullmatch(address):
        raise _no_address("it begins with a dash, or holds what cannot be seen")
    if address.startswith("/"):
        return RemotePlace(address, address, "file")
    if "://" not in address:
        if _SSH_SHORT.fullmatch(address):
            return RemotePlace(address, address.rpartition("@")[2], "ssh")
        raise _no_address("it has none of the forms that are known")
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise _no_address("it is no URL") from None
    if parts.query or parts.fragment or not parts.path.strip("/"):
        raise _no_address("a path is wanted, and nothing after it")
    if parts.scheme == "file" and not parts.netloc:
        return RemotePlace(address, address, "file")
    if not host or host.startswith("-"):
        raise _no_address("it names no host")
    at = f"[{host}]" if ":" in host else host
    return _over_network(parts, at if port is None else f"{at}:{port}", host, password)


def checked_branch(name: str) -> str:
    """A branch's name.

    Raises:
        UsageError: it is none.
    """
    if not _BRANCH.fullmatch(name):
        raise UsageError("this is no name of a branch", fix="write it like main: letters, digits, dots, dashes, /")
    return name


def _over_network(parts: SplitResult, netloc: str, host: str, password: str) -> RemotePlace:
    shown = f"{parts.scheme}://{netloc}{parts.path}"
    named = f"{parts.scheme}://{f'{parts.username}@' if parts.username else ''}{netloc}{parts.path}"
    if parts.password is not None:
        raise UsageError(
            "the address of the repository holds a password",
            why="settings are shown, and other users see the arguments of programs",
            fix=f"leave it out, and put it into {OPENED_BY}, or let a credential helper of git know it",
        )
    if parts.scheme == "ssh":
        return RemotePlace(named, shown, "ssh")
    if parts.scheme != "https" and not (parts.scheme == "http" and is_on_this_machine(host)):
        raise _no_address("what goes over the network in the clear can be changed on the way")
    if not password:
        return RemotePlace(named, shown, parts.scheme)
    secret = f"{unquote(parts.username or '')}:{password}".encode()
    return RemotePlace(shown, shown, parts.scheme, f"Authorization: Basic {base64.b64encode(secret).decode()}")


def _no_address(why: str) -> UsageError:
    return UsageError("this is no address of a Git repository that is asked", why=why, fix=_FIX)

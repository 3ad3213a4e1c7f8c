"""Bearer tokens: from the kubeconfig, a file that is rotated, or a plugin; none of them ever stands in a message."""

from __future__ import annotations

import base64
from collections.abc import Generator
from pathlib import Path
from typing import Final

import httpx2 as httpx

from allotment.errors import NotSignedInError, shown

_LONGEST: Final = 1 << 20
"""Characters of a token; no server takes a header of that size."""


def bearer(token: str, source: str) -> str:
    """The header's value.

    Args:
        token: white space around it is not of it.
        source: where it stands, for the message.

    Raises:
        NotSignedInError: no header can carry it, and what stands there is no token.
    """
    whole = token.strip()
    if not whole.isascii() or not whole.isprintable() or " " in whole or len(whole) > _LONGEST:
        raise NotSignedInError(
            f"{source} holds no token", why="it has characters that no token has", fix="get a new one, in one line"
        )
    return f"Bearer {whole}"


def basic(user: str, password: str) -> str:
    """The header's value for a name and a password, which it carries in any characters."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


class FixedAuth(httpx.Auth):
    """Signs every request alike."""

    def __init__(self, header: str) -> None:
        self._header = header

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Sign."""
        request.headers["Authorization"] = self._header
        yield request


class FileAuth(httpx.Auth):
    """Signs with the token in a file, read again when the server does not take it any more: kubelets rotate it."""

    def __init__(self, file: str) -> None:
        self._file = Path(file)
        self._header = ""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Sign; after a 401 with what the file holds then."""
        self._header = self._header or self._read()
        request.headers["Authorization"] = self._header
        response = yield request
        if response.status_code == httpx.codes.UNAUTHORIZED:
            self._header = request.headers["Authorization"] = self._read()
            yield request

    def _read(self) -> str:
        source = f"the token file {shown(self._file)}"
        try:
            with self._file.open(encoding="utf-8", errors="replace") as opened:
                return bearer(opened.read(_LONGEST + 2), source)
        except OSError as error:
            raise NotSignedInError(
                f"{source} cannot be read", why=shown(error.strerror or error), fix="sign in again, or name another"
            ) from None

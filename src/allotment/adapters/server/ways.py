"""How a server is reached: by the socket of its user on this machine, or over the network with a token."""

from __future__ import annotations

import http.client
import os
import socket
import ssl
import stat
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

from allotment.errors import ForbiddenError, InputError, NotSignedInError, UnreachableError, UsageError, quoted, shown
from allotment.model.access.token import parts_of

_AT_THE_DOOR: Final = 10.0
KNOCK_AGAIN: Final = 0.05
"""Seconds that a server has to take a connection, and between two tries."""
_TAKING_OVER: Final = 5.0
"""Seconds in which a server that stood by takes the place of one that has ended."""
NO_TOKEN: Final = ""
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_OF_ANOTHER_NAME: Final = frozenset({62, 64})
"""X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH (OpenSSL, x509_vfy.h)."""
_NOT_NOW: Final = frozenset({9, 10})
"""X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED."""
_HTTP: Final = 80
_HTTPS: Final = 443


class WayToServer(Protocol):
    """How one server is reached."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Of each request."""
        ...

    @property
    def fix(self) -> str:
        """What to do where nobody answers."""
        ...

    @property
    def knocks(self) -> float:
        """Seconds for which nobody may be there: where one of several servers may be about to take over."""
        ...

    def connection(self, patience: float | None) -> http.client.HTTPConnection:
        """A connection that is not opened yet.

        Args:
            patience: seconds for an answer; None for as long as it likes.
        """
        ...


class SocketWay:
    """By a socket that is a file."""

    def __init__(self, path: Path) -> None:
        """Nothing is opened yet.

        Args:
            path: of the socket.
        """
        self._path = path
        self.headers: Mapping[str, str] = {}
        self.fix = "start it: `allot up`"
        self.knocks = 0.0

    def connection(self, patience: float | None) -> http.client.HTTPConnection:
        """To the socket."""
        return _SocketConnection(self._path, patience)


class NetworkWay:
    """To an address of the network. Redirects are not followed: nobody sends a token elsewhere."""

    def __init__(self, address: str, token: str, authority: str = "") -> None:
        """Nothing is opened yet.

        Args:
            address: ``https://HOST:PORT``, or ``http`` for a loopback address.
            token: that is shown there; `NO_TOKEN` for none, of whoever comes to sign in.
            authority: file of certificates that the server's is checked against; empty for those of this machine.

        Raises:
            InputError: that file has no certificates.
            UsageError: it is no such address, or the token would cross the network in clear text.
            NotSignedInError: it has not the form of a token; nothing is sent of it, nor told.
        """
        self._host, self._port, self._tls = network_address(address)
        self._trusted = _trusted(authority) if self._tls and authority else None
        self.knocks = _TAKING_OVER
        self.fix = "check the address; on the server's machine `allot up` says where it listens"
        self.headers: Mapping[str, str] = {}
        if token == NO_TOKEN:
            return
        if parts_of(token) is None:
            raise NotSignedInError(
                "what is given as a token is none",
                why="tokens begin with allot_ and have 58 letters, digits, - and _",
                fix="on the server's machine `allot token create NAME` makes one",
            )
        self.headers = {"Authorization": f"Bearer {token}"}

    def connection(self, patience: float | None) -> http.client.HTTPConnection:
        """Over TLS, with certificates that are trusted; in clear text to this machine alone."""
        if self._tls:
            trusted = self._trusted or ssl.create_default_context()
            return http.client.HTTPSConnection(self._host, self._port, timeout=patience, context=trusted)
        return http.client.HTTPConnection(self._host, self._port, timeout=patience)


def _trusted(authority: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=authority)
    except OSError as error:
        raise InputError(
            f"{shown(authority)} holds no certificates that can be read",
            why=shown(error.strerror or str(error)),
            fix="name a file with certificates in PEM: `allot login ADDRESS --ca FILE`, or ALLOTMENT_CA",
        ) from error


def untrusted(error: ssl.SSLCertVerificationError, host: str, port: int) -> UnreachableError:
    """There is a server, and its certificate is none that is believed: nothing was sent to it.

    Args:
        error: why it is not.
        host: that was called.
        port: of it.
    """
    if error.verify_code in _OF_ANOTHER_NAME:
        fix = "call it by a name that stands in its certificate, or have whoever runs it put this one into it"
    elif error.verify_code in _NOT_NOW:
        fix = "have whoever runs it renew the certificate; where it is good, set this machine's clock right"
    else:
        fix = (
            "where it is of an authority of your own, name the file of that one's certificates: "
            f"`allot login https://{host}:{port} --ca FILE`, or ALLOTMENT_CA"
        )
    return UnreachableError(
        f"the certificate of {shown(host)}:{port} is not trusted", why=shown(error.verify_message), fix=fix
    )


def network_address(address: str) -> tuple[str, int, bool]:
    """Host, port and whether TLS is spoken there.

    Raises:
        UsageError: it is no such address, or what is sent there would cross the network in clear text.
    """
    try:
        parts = urlsplit(address)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        parts, host, port = urlsplit(""), "", None
    if parts.scheme not in {"http", "https"} or not host or parts.path.strip("/") or parts.query or parts.username:
        raise UsageError(
            f"{quoted(address)} is no address of a server", fix="write one such as https://gpu1.acme.example:7433"
        )
    tls = parts.scheme == "https"
    if not tls and host not in _LOOPBACK:
        raise UsageError(
            f"{quoted(address)} is not asked without TLS",
            why="the token would cross the network in clear text",
            fix="write https://, or reach it at 127.0.0.1 through ssh -L",
        )
    return host, port or (_HTTPS if tls else _HTTP), tls


class _SocketConnection(http.client.HTTPConnection):
    """HTTP over a socket that is a file."""

    def __init__(self, path: Path, patience: float | None) -> None:
        super().__init__("localhost", timeout=patience)
        self._path = path
        self._patience = patience

    def connect(self) -> None:
        """To the socket, if nobody but its owner can have made it."""
        # Linux takes at most 107 bytes of a path here: it is opened by its folder.
        folder = os.open(self._path.parent, os.O_PATH | os.O_DIRECTORY)
        try:
            named = f"/proc/self/fd/{folder}/{self._path.name}"
            _check_owner(Path(named).stat())
            self.sock = _connected(named)
            self.sock.settimeout(self._patience)
        finally:
            os.close(folder)


def _connected(path: str) -> socket.socket:
    """A connection; where more wait at the door than fit there, it is knocked at again for a while."""
    until = time.monotonic() + _AT_THE_DOOR
    while True:
        found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        found.settimeout(_AT_THE_DOOR)
        try:
            found.connect(path)
        except BlockingIOError:
            found.close()
            if time.monotonic() >= until:
                raise
            time.sleep(KNOCK_AGAIN)
        except BaseException:
            found.close()
            raise
        else:
            return found


def _check_owner(found: os.stat_result) -> None:
    if not stat.S_ISSOCK(found.st_mode) or found.st_uid not in {os.getuid(), 0}:
        raise ForbiddenError(
            "the server's socket belongs to somebody else",
            why="whoever made it could answer in the server's place",
            fix="look who owns it, and remove it",
        )

"""Where a client may connect to whose address others have named: to none of a cloud's metadata and the like.

A name is looked up when a connection is opened, since it may lead elsewhere by then; and what was connected to is
looked at before anything is sent, as it may have led elsewhere a moment later.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import httpx2 as httpx

from allotment.errors import UnreachableError
from allotment.model.addresses import may_be_reached

Resolve = Callable[[str, int], Iterable[str]]
_STARTED: Final = ".connect_tcp.started"
_COMPLETE: Final = ".connect_tcp.complete"


def looked_at(resolve: Resolve | None = None) -> Callable[[httpx.Request], None]:
    """A hook for requests: what it connects to is looked at; a proxy's address, where one is used.

    Args:
        resolve: addresses of a host; this machine's resolver without it.
    """
    found = resolve or _looked_up

    def trace(event: str, info: Mapping[str, Any]) -> None:
        if event.endswith(_STARTED):
            for each in found(info["host"], info["port"]):
                _check(each)
        elif event.endswith(_COMPLETE):
            stream = info["return_value"]
            try:
                _check(stream.get_extra_info("server_addr")[0])
            except UnreachableError:
                stream.close()
                raise

    def prepare(request: httpx.Request) -> None:
        request.extensions = {**request.extensions, "trace": trace}

    return prepare


def _looked_up(host: str, port: int) -> list[str]:
    try:
        return [str(each[4][0]) for each in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except (OSError, UnicodeError):
        return []  # whoever connects is told why


def _check(address: str) -> None:
    if not may_be_reached(ipaddress.ip_address(address), inner=True):
        raise UnreachableError(
            "a cluster is not connected to at such an address",
            why="its host has one of this machine's link, or of a service that gives machines of a cloud credentials",
            fix="give a kubeconfig with the address of the cluster's API server: `allot cluster connect`",
        )

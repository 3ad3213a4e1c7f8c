"""A container's log over HTTPS: a line at a time, for as long as the server goes on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import httpx2 as httpx

from allotment.adapters.kube import answers, bounded, transport
from allotment.adapters.kube.requests import Request
from allotment.errors import UnreachableError
from allotment.ports.kube import PodLogLine

LONGEST_PIECE: Final = 1 << 20
"""Bytes of a line that are handed on at once."""
TIMEOUT: Final = httpx.Timeout(None, connect=5.0)
"""Seconds. A program may be silent for hours; that the connection stands is the system's business."""
_LONGEST_REFUSAL: Final = 1 << 20
_LONGEST_TIME: Final = 40


def lines(http: httpx.Client, request: Request) -> Iterator[PodLogLine]:
    """What the server sends, with the time that stands before each line.

    Raises:
        RefusedError: the pod is not there, its container has not started, or the log may not be read.
        UnreachableError: no answer, or the stream broke off.
    """
    try:
        with http.stream(
            request.method,
            request.path,
            params=list(request.params),
            headers=list(request.headers),
            timeout=TIMEOUT,
        ) as response:
            if not response.is_success:
                raise answers.error_of(request, bounded.beginning(response, _LONGEST_REFUSAL), None)
            yield from timed(pieces(response.iter_bytes()))
    except httpx.RequestError as error:
        raise UnreachableError(
            f"{http.base_url} broke off {request.about}",
            why=transport.reason_of(error),
            fix="check the network, the VPN and that the cluster runs",
        ) from None


def pieces(chunks: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Lines of a stream without their ends, those too long in pieces; whether each begins a line."""
    held, begins = b"", True
    for chunk in chunks:
        *ended, rest = (held + chunk).split(b"\n")
        for line in ended:
            yield line, begins
            begins = True
        held = rest
        while len(held) > LONGEST_PIECE:
            yield held[:LONGEST_PIECE], begins
            held, begins = held[LONGEST_PIECE:], False
    if held:
        yield held, begins


def timed(found: Iterable[tuple[bytes, bool]]) -> Iterator[PodLogLine]:
    """Each line, its time taken off; a piece that begins no line has that of the piece before."""
    at = ""
    for line, begins in found:
        text = line
        if begins:
            stamp, space, rest = line[: _LONGEST_TIME + 1].partition(b" ")
            is_time = bool(space) and stamp[:4].isdigit() and stamp.isascii() and b"T" in stamp
            at, text = (stamp.decode("ascii"), rest + line[_LONGEST_TIME + 1 :]) if is_time else ("", line)
        yield PodLogLine(at, text)

"""One exchange with a server, bounded in time and size: one that drips or floods is left, its head included."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from typing import Final

import httpx2 as httpx

_OF_THE_TRANSFER: Final = frozenset({b"content-encoding", b"content-length", b"transfer-encoding"})
"""Headers that say how the body came; what is handed on has been unpacked."""


class EndlessAnswerError(Exception):
    """The answer takes longer, or is larger, than any that is borne."""


def exchange(client: httpx.Client, request: httpx.Request, seconds: float, most: int) -> httpx.Response:
    """The answer to a request, read to its end.

    Args:
        client: through which it is sent.
        request: as the client built it.
        seconds: from the question to the last byte; what the client itself waits for one byte may be longer.
        most: bytes of the body, unpacked.

    Raises:
        EndlessAnswerError: a bound was passed.
        httpx.TransportError: there is no answer.
    """
    done: queue.SimpleQueue[httpx.Response | Exception] = queue.SimpleQueue()
    left = threading.Event()

    def ask() -> None:
        try:
            done.put(_answer(client, request, most, left))
        except Exception as error:  # noqa: BLE001 (raised where it is waited for)
            done.put(error)

    # No timeout of a socket bounds a server that sends a byte now and then.
    threading.Thread(target=ask, name="allotment-exchange", daemon=True).start()
    try:
        found = done.get(timeout=seconds)
    except queue.Empty:
        raise EndlessAnswerError(f"the answer was not complete after {seconds:g} s") from None
    finally:
        left.set()
    if isinstance(found, Exception):
        raise found
    return found


def beginning(response: httpx.Response, most: int) -> httpx.Response:
    """An answer that is being received, with the first so many bytes of its body; the rest is left."""
    content = b""
    for piece in response.iter_bytes():
        content += piece
        if len(content) >= most:
            break
    return _unpacked(response, content[:most])


def _unpacked(response: httpx.Response, content: bytes) -> httpx.Response:
    # As bytes: warnings of admission policies carry whatever their authors and the objects hold.
    headers = [(key, value) for key, value in response.headers.raw if key.lower() not in _OF_THE_TRANSFER]
    return httpx.Response(response.status_code, headers=headers, content=content, request=response.request)


def _answer(client: httpx.Client, request: httpx.Request, most: int, left: threading.Event) -> httpx.Response:
    response = client.send(request, stream=True)
    try:
        content = b"".join(_pieces(response, most, left))
    finally:
        response.close()
    return _unpacked(response, content)


def _pieces(response: httpx.Response, most: int, left: threading.Event) -> Iterator[bytes]:
    size = 0
    for piece in response.iter_bytes():
        size += len(piece)
        if size > most:
            raise EndlessAnswerError(f"the answer has more than {most >> 20:,} MiB")
        if left.is_set():
            return
        yield piece

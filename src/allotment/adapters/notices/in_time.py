"""A try that ends: a receiver that says a byte now and then never runs into the time limit of a socket."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Final

from allotment.ports.notices import ReceiverDownError

MOST_SECONDS: Final = 20.0
"""Of a try as a whole."""
SOCKET_SECONDS: Final = 8.0
"""For a connection, and for each wait on it."""


def in_time(work: Callable[[], None], name: str, most: float = MOST_SECONDS) -> None:
    """Do something, or leave it to itself.

    Args:
        work: sockets that it opens have time limits, so that it ends by itself some time.
        name: of the receiver, for messages.
        most: seconds.

    Raises:
        ReceiverDownError: it takes longer; whether it is done nobody knows.
    """
    done: queue.SimpleQueue[Exception | None] = queue.SimpleQueue()

    def run() -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 (raised where it is waited for)
            done.put(error)
        else:
            done.put(None)

    threading.Thread(target=run, name="notice", daemon=True).start()
    try:
        found = done.get(timeout=most)
    except queue.Empty:
        raise ReceiverDownError(
            f"receiver {name} does not answer", why=f"there was no answer within {most:g} s", fix="see how it is"
        ) from None
    if found is not None:
        raise found

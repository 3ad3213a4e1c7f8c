"""The application is served on a Unix socket, and between requests the desk does its passes."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import uvicorn

from allotment.errors import ConflictError

if TYPE_CHECKING:
    from fastapi import FastAPI

    from allotment.operations.run.desk import Desk

_BUSY: Final = 0.02
"""Seconds between two passes while anything runs: how late the end of a job is seen, at most."""
_IDLE: Final = 1.0
"""Seconds between two passes where nothing runs; whoever asks for something does not wait for it."""
_TROUBLED: Final = 1.0
"""Seconds after a pass that failed."""
_LAST_ANSWERS: Final = 5
"""Seconds that requests get to be answered when the server ends."""


def serve(app: FastAPI, desk: Desk, bound: socket.socket) -> None:
    """Until the desk is to end, or a signal says so.

    Args:
        app: what answers.
        desk: what works meanwhile.
        bound: a socket that listens.
    """
    config = uvicorn.Config(
        app, log_level="warning", lifespan="off", access_log=False, timeout_graceful_shutdown=_LAST_ANSWERS
    )
    server = uvicorn.Server(config)

    def work() -> None:
        while not desk.ending.is_set():
            news = desk.step()
            desk.wait(0.0 if news else _BUSY if desk.busy else _TROUBLED if desk.trouble else _IDLE)
        server.should_exit = True

    worker = threading.Thread(target=work, name="passes")
    worker.start()
    try:
        server.run(sockets=[bound])
    finally:
        desk.end()
        worker.join()


@contextlib.contextmanager
def bound_socket(path: Path) -> Iterator[socket.socket]:
    """A listening socket that only its owner may connect to; the file goes when it is closed.

    Args:
        path: its file; its folder belongs to the user alone. Only who holds the store's lock may come here, so that a
            file that is there was left by a server that is no more.

    Raises:
        ConflictError: something that is no socket lies there.
    """
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        named = Path(f"/proc/self/fd/{folder}/{path.name}")  # the path itself may be longer than a socket's can be
        if named.exists() and not named.is_socket():
            raise ConflictError(f"{path} is no socket", why="the server listens there", fix="move it away")
        named.unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o177)
        try:
            listening.bind(str(named))
        finally:
            os.umask(before)
        listening.listen(128)
        try:
            yield listening
        finally:
            listening.close()
            named.unlink(missing_ok=True)
    finally:
        os.close(folder)

"""The application is served on a Unix socket; beside it, a thread for each back end does its passes."""

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
    from allotment.operations.run.lane import Lane

_LAST_ANSWERS: Final = 5
"""Seconds that requests get to be answered when the server ends."""
_LAST_PASS: Final = 5.0
"""Seconds that a pass over a back end may take to its end."""


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

    workers: list[threading.Thread] = []

    def start(lane: Lane) -> None:
        # A back end that hangs keeps nobody from ending: its thread ends with the process.
        worker = threading.Thread(target=lane.work, args=(desk.ending,), name=lane.name, daemon=True)
        workers.append(worker)
        worker.start()

    def end() -> None:
        desk.ending.wait()
        server.should_exit = True

    desk.attend(start)
    waiting = threading.Thread(target=end, name="end", daemon=True)
    waiting.start()
    try:
        # Ctrl-C and SIGTERM end it in an orderly way; uvicorn raises the signal anew when that is done.
        with contextlib.suppress(KeyboardInterrupt):
            server.run(sockets=[bound])
    finally:
        desk.end()
        for worker in workers:
            worker.join(_LAST_PASS)
        waiting.join()


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

"""The application is served on a Unix socket, and where it is asked for on an address of the network as well.

Beside it, a thread for each back end does its passes.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from allotment.api.impatience import ImpatientProtocol
from allotment.api.limited_socket import LimitedSocket
from allotment.errors import ConflictError, ForbiddenError, InputError, UsageError, shown

if TYPE_CHECKING:
    from allotment.operations.run.desk import Desk
    from allotment.operations.run.lane import Lane

_LAST_ANSWERS: Final = 5
"""Seconds that requests get to be answered when the server ends."""
_IDLE_CONNECTION: Final = 15
"""Seconds that a connection may be kept open between two requests."""
_WAITING: Final = 128
"""Those whose connections are not taken yet."""
_LAST_PASS: Final = 5.0
"""Seconds that a pass over a back end may take to its end."""


@dataclass(frozen=True, slots=True)
class Listener:
    """An address of the network on which an application is served besides.

    Attributes:
        app: what answers there; speaks ASGI.
        bound: a socket that listens.
        certificate: file of its certificate chain; None without TLS.
        key: file of its key.
    """

    app: Any
    bound: socket.socket
    certificate: Path | None = None
    key: Path | None = None


def serve(app: Any, desk: Desk, bound: socket.socket, listeners: Sequence[Listener] = ()) -> None:
    """Until the desk is to end, or a signal says so.

    Args:
        app: what answers; speaks ASGI.
        desk: what works meanwhile.
        bound: a socket that listens.
        listeners: where else it is served.
    """
    config = uvicorn.Config(
        app, log_level="warning", lifespan="off", access_log=False, timeout_graceful_shutdown=_LAST_ANSWERS, ws="none"
    )
    server = uvicorn.Server(config)

    beside = [uvicorn.Server(_config(each)) for each in listeners]
    workers: list[threading.Thread] = []

    def start(lane: Lane) -> None:
        # A back end that hangs keeps nobody from ending: its thread ends with the process.
        worker = threading.Thread(target=lane.work, args=(desk.ending,), name=lane.name, daemon=True)
        workers.append(worker)
        worker.start()

    def end() -> None:
        desk.ending.wait()
        for each in (server, *beside):
            each.should_exit = True

    for each, listener in zip(beside, listeners, strict=True):
        serving = threading.Thread(target=each.run, args=([listener.bound],), name="listens", daemon=True)
        workers.append(serving)
        serving.start()
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
def listening(listener: Listener) -> Iterator[None]:
    """Have an application be served beside all else, while the block lasts."""
    server = uvicorn.Server(_config(listener))
    worker = threading.Thread(target=server.run, args=([listener.bound],), name="listens", daemon=True)
    worker.start()
    try:
        yield
    finally:
        server.should_exit = server.force_exit = True
        worker.join(_LAST_PASS)


def check_pair(certificate: Path, key: Path) -> None:
    """See that TLS can be spoken with them, before anybody is told where the server listens.

    Raises:
        InputError: a file cannot be read, is none of its kind, or the two do not belong together.
        ForbiddenError: others can read the key.
    """
    try:
        if not _is_private(key.stat()):
            raise ForbiddenError(
                f"{shown(key)} can be read by others", why="it is the server's key", fix=f"chmod 600 {shown(key)}"
            )
        trusted = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        trusted.load_cert_chain(certificate, key, password=_no_password)
    except (OSError, ValueError) as error:  # an SSLError is an OSError
        raise InputError(
            f"TLS cannot be spoken with {shown(certificate)} and {shown(key)}",
            why=getattr(error, "strerror", None) or str(error),
            fix="name a certificate chain and its key, both in PEM, the key without a password",
        ) from error


def _is_private(found: os.stat_result) -> bool:
    """Whether its user alone can read it, or root gave it to be read by the group that the server is in.

    So does a kubelet give a Secret to the group of a pod.
    """
    of_root = found.st_uid == 0 and found.st_gid != 0 and found.st_gid in {os.getegid(), *os.getgroups()}
    return not found.st_mode & (0o037 if of_root else 0o077)


def _no_password() -> str:
    raise ValueError("the key has a password")


def _config(listener: Listener) -> uvicorn.Config:
    return uvicorn.Config(
        listener.app,
        # What anybody can have it say, such as that a request is none, does not fill the log.
        log_level="error",
        lifespan="off",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=_LAST_ANSWERS,
        timeout_keep_alive=_IDLE_CONNECTION,
        ws="none",
        http=ImpatientProtocol,
        proxy_headers=False,
        ssl_certfile=listener.certificate,
        ssl_keyfile=listener.key,
    )


@contextlib.contextmanager
def bound_address(host: str, port: int) -> Iterator[LimitedSocket]:
    """A listening socket on an address of this machine.

    Args:
        host: an IP address.
        port: 0 for any that is free.

    Raises:
        ConflictError: something listens there already.
        UsageError: this machine has no such address, or nobody may listen there.
    """
    with _bound(host, port) as listening:
        yield listening


def _bound(host: str, port: int) -> LimitedSocket:
    listening = LimitedSocket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((host, port))
        listening.listen(_WAITING)
    except OSError as error:
        listening.close()
        where = f"the server cannot listen on {host} port {port}"
        if error.errno == errno.EADDRINUSE:
            raise ConflictError(where, why="something else does", fix="name another port with --listen") from error
        raise UsageError(where, why=error.strerror or str(error), fix="name another with --listen") from error
    return listening


def bound_nearby(host: str, port: int, tries: int) -> LimitedSocket | None:
    """A listening socket on the first port from one on that is free, or else on any; None where none can be had.

    Args:
        host: an IP address.
        port: the first one.
        tries: how many are looked at.
    """
    for each in (*range(port, port + tries), 0):
        with contextlib.suppress(ConflictError, UsageError):
            return _bound(host, each)
    return None


@contextlib.contextmanager
def bound_socket(path: Path, *, listens: bool = True) -> Iterator[socket.socket]:
    """A listening socket that only its owner may connect to; the file goes when it is closed.

    Args:
        listens: whether somebody may come already; else once it is served, and until then whoever asks is told at once
            that nobody is there.
        path: its file; its folder belongs to the user alone. Only who holds the store's lock may come here, so that a
            file that is there was left by a server that is no more.

    Raises:
        ConflictError: something that is no socket lies there, or another server has the folder.
    """
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _only_one(folder, path)
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
        if listens:
            listening.listen(_WAITING)
        try:
            yield listening
        finally:
            listening.close()
            named.unlink(missing_ok=True)
    finally:
        os.close(folder)


def _only_one(folder: int, path: Path) -> None:
    """Keep out others that listen in the same folder, on jobs of another store: they would take our socket away."""
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ConflictError(
            f"another server listens at {path}",
            why="it holds the folder",
            fix="end that one, or name another folder with XDG_STATE_HOME",
        ) from error

"""Servers that share a store in a real PostgreSQL, and a door before them that leads to the one that is ready."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2 as httpx

from allotment.adapters.server.client import RemoteServer
from allotment.adapters.server.ways import SocketWay
from allotment.wiring import running
from tests.loopback import free_port


@dataclass
class Replica:
    """One server.

    Attributes:
        folder: its own.
        words: that it is started with besides.
        environment: the same.
    """

    folder: Path
    words: tuple[str, ...]
    environment: Mapping[str, str]
    port: int = field(default_factory=free_port)
    watched: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        self.log = self.folder / "log"
        argv = [
            sys.executable, "-m", "allotment.api", "--standby", "--listen", f"127.0.0.1:{self.port}",
            "--metrics-listen", f"127.0.0.1:{self.watched}", *self.words,
        ]  # fmt: skip
        environment = {**self.environment, "XDG_STATE_HOME": str(self.folder)}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                argv, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, cwd="/"
            )

    def asked(self, path: str) -> tuple[int, str]:
        try:
            answer = httpx.get(f"http://127.0.0.1:{self.watched}{path}", trust_env=False, timeout=2)
        except httpx.HTTPError as error:
            return 0, str(error)
        return answer.status_code, answer.text

    @property
    def ready(self) -> bool:
        return self.asked("/readyz")[0] == 200

    @property
    def role(self) -> str:
        status, text = self.asked("/readyz")
        return json.loads(text)["role"] if status else ""

    def told(self) -> str:
        """What is to be known of it where it does not do what it should."""
        return f"{self.process.poll()} {self.asked('/readyz')}\n{self.log.read_text()}"

    @property
    def at_home(self) -> RemoteServer:
        """By the socket of its user."""
        return RemoteServer(SocketWay(running.server_folder({"XDG_STATE_HOME": str(self.folder)}) / running.SOCKET))

    def tell(self, number: signal.Signals) -> None:
        os.kill(self.process.pid, number)

    def kill(self) -> None:
        self.tell(signal.SIGKILL)
        self.process.wait()

    def end(self) -> None:
        if self.process.poll() is None:
            with suppress(ProcessLookupError):
                self.tell(signal.SIGCONT)
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()


@dataclass
class Pair:
    """As many servers as are wanted, on one store."""

    folder: Path
    store: str
    environment: Mapping[str, str]
    all: list[Replica] = field(default_factory=list)

    def start(self, store: str = "", *words: str) -> Replica:
        shared = self.folder / "shared" / "servers"
        all_words = ("--store", store or self.store, "--shared-folder", str(shared), *words)
        one = Replica(self.folder / f"replica-{len(self.all)}", all_words, self.environment)
        self.all.append(one)
        return one

    @property
    def leader(self) -> Replica:
        return next(each for each in reversed(self.all) if each.process.poll() is None and each.role == "leader")

    def led_by(self, one: Replica, seconds: float = 60.0) -> float:
        """Seconds until it leads and is ready."""
        return until(lambda: one.role == "leader" and one.ready, seconds, one.told)

    def stands_by(self, one: Replica) -> None:
        until(lambda: one.role == "standby", 120, one.told)


def until(done: Callable[[], bool], seconds: float = 60.0, told: Callable[[], Any] = lambda: "") -> float:
    """Seconds until something is so."""
    began = time.monotonic()
    while not done():
        assert time.monotonic() - began < seconds, told()
        time.sleep(0.05)
    return time.monotonic() - began


@contextmanager
def front_of(pair: Pair) -> Iterator[int]:
    """A port whose connections go to the server that is ready, as a Service's do; they wait while none is."""
    door = socket.create_server(("127.0.0.1", 0), backlog=100)

    def serve() -> None:
        with suppress(OSError):
            while True:
                near, _ = door.accept()
                threading.Thread(target=pass_on, args=(near,), daemon=True).start()

    def pass_on(near: socket.socket) -> None:
        end = time.monotonic() + 40
        with near:
            while time.monotonic() < end:
                for each in reversed(list(pair.all)):
                    if each.process.poll() is None and each.role == "leader":
                        with suppress(OSError), socket.create_connection(("127.0.0.1", each.port), timeout=2) as far:
                            far.settimeout(60)
                            back = threading.Thread(target=copied, args=(far, near), daemon=True)
                            back.start()
                            copied(near, far)
                            back.join(60)
                            return
                time.sleep(0.05)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield door.getsockname()[1]
    finally:
        door.close()


def copied(one: socket.socket, other: socket.socket) -> None:
    with suppress(OSError):
        while data := one.recv(1 << 16):
            other.sendall(data)
    for each in (one, other):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)

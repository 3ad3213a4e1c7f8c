"""A server of jobs of its own, under a state folder of its own, ended with all that it started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

from allotment.adapters.clock import SystemClock
from allotment.adapters.server.process import ServerProcess
from allotment.errors import TimedOutError, UnreachableError
from allotment.model.platform import Platform
from allotment.operations.directory.loading import load
from allotment.operations.run.starting import bring_down, bring_up
from allotment.ports.job_service import JobService
from allotment.wiring import directory, running
from tests.live.debian import install

ROOT = Path(__file__).parents[3]

FAKETIME: Final = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1")

_BUSY: Final = 150.0
"""Seconds that a server may start beyond those that its users wait."""


@dataclass
class Server:
    """Where it is, and how commands come to it.

    Attributes:
        home: current folder of commands.
        state: where the server keeps everything; a folder beside `home` by default.
        further: variables that it is started with besides.
    """

    home: Path
    state: Path | None = None
    further: Mapping[str, str] = field(default_factory=dict)
    environment: dict[str, str] = field(init=False)
    process: ServerProcess = field(init=False)

    def __post_init__(self) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("ALLOTMENT_", "PYTEST"))}
        self.state = self.state or self.home.with_name(f"{self.home.name}-state")
        self.environment = {**clean, "XDG_STATE_HOME": str(self.state), "NO_COLOR": "1", **self.further}
        # Reads the environment when it starts one: what is added later counts, too.
        self.process = ServerProcess(running.server_folder(self.environment), running.SOCKET, self.environment)

    @property
    def service(self) -> JobService:
        """What it answers."""
        return self.process.service

    @property
    def platform(self) -> Platform:
        """Whose it is."""
        return load(directory(running.example_platform()), SystemClock().now().date()).platform

    def up(self, *words: str) -> int:
        """Start it where it does not run; its process id. A machine that does much else is given its time."""
        try:
            return bring_up(self.process, words, SystemClock()).status.pid
        except TimedOutError:
            # Not started anew: the one that still starts would go on beside it, and nobody would end it.
            until = time.monotonic() + _BUSY
            while not self._answers():
                if time.monotonic() > until or self.process.ended() is not None:
                    raise
                time.sleep(0.1)
            return self.service.status().pid

    def _answers(self) -> bool:
        try:
            self.service.status()
        except UnreachableError:
            return False
        return True

    def kill(self, pid: int) -> None:
        """End it as a crash does."""
        os.kill(pid, signal.SIGKILL)
        self.reap()

    def reap(self) -> None:
        """See the process that we started last end, if it is one of ours."""
        until = time.monotonic() + 60
        while self.process.spawned and self.process.ended() is None:
            assert time.monotonic() < until, "it does not end"
            time.sleep(0.01)

    def end(self) -> None:
        """End it, and all that it started."""
        self.up()
        bring_down(self.process, SystemClock(), stop_jobs=True)
        self.reap()

    def run(self, *words: str, code: int = 0) -> str:
        """A command; its standard output."""
        done = subprocess.run(
            [sys.executable, "-m", "allotment", *words],
            cwd=self.home,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """One that does not run yet."""
    one = Server(tmp_path)
    try:
        yield one
    finally:
        one.end()


@pytest.fixture(scope="session")
def faketime() -> Path:
    """The library that lets a process see another time."""
    if not FAKETIME.exists():
        install("faketime")
    if not FAKETIME.exists():
        pytest.skip("no libfaketime here, and it cannot be installed: apt-get install faketime")
    return FAKETIME


def clock_by(faketime: Path, told: Path) -> dict[str, str]:
    """Variables of a server whose clock stands to the machine's as a file says, such as ``+3600``, at each look."""
    return {
        "LD_PRELOAD": str(faketime).replace("libfaketime.so", "libfaketimeMT.so"),
        "FAKETIME_TIMESTAMP_FILE": str(told),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }

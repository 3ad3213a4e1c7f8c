"""The server's process: started apart from whoever asked for it, with a log beside its socket."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

from allotment.adapters.server.client import RemoteServer
from allotment.adapters.server.own_folder import made_own, opened_log
from allotment.adapters.server.ways import SocketWay
from allotment.errors import shown

LOG: Final = "server.log"
_MODULE: Final = "allotment.api"
_LAST_WORDS: Final = 2000
"""Bytes of the log that are told where it ended at once."""
_MOST_LOG: Final = 4 << 20
"""Bytes of a log after which the next server begins a new one; the one before is kept."""


class ServerProcess:
    """Implements `ports.job_server.JobServer`."""

    def __init__(self, folder: Path, socket: str, environment: dict[str, str]) -> None:
        """Of a folder, whether or not a server runs there.

        Args:
            folder: the server's own.
            socket: name of its socket there.
            environment: that it is started with.
        """
        self._folder = folder
        self._socket = socket
        self._environment = environment
        self._process: subprocess.Popen[bytes] | None = None
        self._log_began = 0

    @property
    def service(self) -> RemoteServer:
        """What it answers."""
        return RemoteServer(SocketWay(self._folder / self._socket))

    def spawn(self, words: Sequence[str]) -> int:
        """Start its process; its id."""
        log = made_own(self._folder) / LOG
        if not log.is_symlink() and log.exists() and log.stat().st_size > _MOST_LOG:
            log.replace(log.with_suffix(".log.1"))
        handle = opened_log(log)
        try:
            self._log_began = os.fstat(handle).st_size
            self._process = subprocess.Popen(
                [sys.executable, "-m", _MODULE, *words],
                stdin=subprocess.DEVNULL,
                stdout=handle,
                stderr=handle,
                cwd="/",
                env=self._environment,
                start_new_session=True,
            )
        finally:
            os.close(handle)
        return self._process.pid

    def runs(self, pid: int) -> bool:
        """Whether a process of that id is there, and no mere rest of one."""
        try:
            state = (
                Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[0]
            )
        except OSError:
            return False
        return state not in {"Z", "X"}

    def started_with(self, pid: int) -> tuple[str, ...] | None:
        """Arguments of the process of that id; None where it is no server, or cannot be read."""
        try:
            line = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return None
        words = tuple(os.fsdecode(each) for each in line.split(b"\0")[:-1])
        return words[words.index(_MODULE) + 1 :] if _MODULE in words else None

    def become(self, words: Sequence[str]) -> NoReturn:
        """Be its process from now on."""
        os.execve(sys.executable, [sys.executable, "-m", _MODULE, *words], self._environment)  # noqa: S606

    @property
    def spawned(self) -> bool:
        """Whether a process was started here."""
        return self._process is not None

    @property
    def log(self) -> str:
        """Path of its log."""
        return shown(self._folder / LOG)

    def ended(self) -> str | None:
        """What it said when it ended."""
        if self._process is None or self._process.poll() is None:
            return None
        with (self._folder / LOG).open("rb") as log:
            log.seek(self._log_began)
            said = log.read()[-_LAST_WORDS:].decode(errors="replace").strip()
        return said or f"it said nothing; exit code {self._process.returncode}"

"""Processes of a sandbox: start, recognise, stop.

A process is ours when its id, its start time and the marker in its environment all fit; so a recycled process id is
never signalled. The marker also finds a process that a killed launcher started but never wrote down. Linux only.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MARKER: Final = "ALLOTMENT_SANDBOX"
"""Environment variable of every process we start; its value is the sandbox's state folder."""

_PROC: Final = Path("/proc")
_children: dict[int, subprocess.Popen[bytes]] = {}
# Children of this very interpreter have to be reaped by it, or they stay as zombies while it lives.


@dataclass(frozen=True, slots=True)
class Process:
    """A process that was started.

    Attributes:
        pid: process id.
        start_time: in clock ticks since boot, field 22 of /proc/PID/stat.
    """

    pid: int
    start_time: int


def start(argv: list[str], *, folder: Path, env: Mapping[str, str], log: Path) -> Process:
    """Start a server in a session of its own, so that it outlives the launcher and its terminal.

    `env` has to carry the marker. The log of the start before is kept beside the new one as `NAME.previous.log`.
    """
    if log.exists():
        log.replace(log.with_suffix(".previous.log"))
    with log.open("wb") as sink:
        child = subprocess.Popen(
            argv, cwd=folder, env=dict(env), stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
    _children[child.pid] = child
    # The kernel shows the new environment a moment after the child is executing; until then `alive` would deny it.
    while child.poll() is None and not _marked(child.pid, env[MARKER]):
        time.sleep(0.001)
    stat = _stat(child.pid)
    return Process(child.pid, stat[1] if stat else 0)


def alive(process: Process, marker: str) -> bool:
    """Whether exactly this process runs; a zombie does not."""
    _reap(process.pid)
    stat = _stat(process.pid)
    return stat is not None and stat == ("live", process.start_time) and _marked(process.pid, marker)


def marked(marker: str) -> list[Process]:
    """Every live process that carries the marker, written down or not."""
    found: list[Process] = []
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and _marked(int(entry.name), marker):
            stat = _stat(int(entry.name))
            if stat is not None and stat[0] == "live":
                found.append(Process(int(entry.name), stat[1]))
    return found


def stop(processes: Iterable[Process], marker: str, *, grace_seconds: float) -> None:
    """SIGTERM each in the order given, wait for all, SIGKILL what is left, and wait until it is gone."""
    ordered = list(processes)
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in ordered:
            _signal(process, marker, number)
        deadline = time.monotonic() + grace_seconds
        while any(alive(process, marker) for process in ordered) and time.monotonic() < deadline:
            time.sleep(0.02)


def memory_bytes(pid: int) -> int:
    """Resident set size; 0 when the process is gone."""
    try:
        pages = int((_PROC / str(pid) / "statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def parse_stat(text: str) -> tuple[str, int] | None:
    """("live" or "dead", start time) from a line of /proc/PID/stat; the name in it may hold anything."""
    fields = text.rpartition(")")[2].split()
    if len(fields) < 20:
        return None
    return ("dead" if fields[0] in {"Z", "X", "x"} else "live", int(fields[19]))


def tail(log: Path, lines: int = 12) -> str:
    """The last lines of a log; a sentence when there is none."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return f"{log} does not exist"
    return "\n".join(line[:400] for line in text.rstrip().splitlines()[-lines:]) or f"{log} is empty"


def _stat(pid: int) -> tuple[str, int] | None:
    try:
        return parse_stat((_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return None


def _marked(pid: int, marker: str) -> bool:
    try:
        environment = (_PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return False
    return os.fsencode(f"{MARKER}={marker}") in environment.split(b"\0")


def _signal(process: Process, marker: str, number: signal.Signals) -> None:
    """Signal through a file descriptor that names the process itself: the check and the signal cannot diverge."""
    with suppress(ProcessLookupError):
        descriptor = os.pidfd_open(process.pid)
        try:
            if alive(process, marker):
                signal.pidfd_send_signal(descriptor, number)
        finally:
            os.close(descriptor)


def _reap(pid: int) -> None:
    child = _children.get(pid)
    if child is not None and child.poll() is not None:
        del _children[pid]

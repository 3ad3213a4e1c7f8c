"""Processes of this machine, known beyond it: this run, and whether one that another run wrote down has ended."""

from __future__ import annotations

import datetime as dt
import os
import secrets
import socket
from pathlib import Path

from allotment.ports.process import Run


def this_run(now: dt.datetime) -> Run:
    """This process, as whoever waits for it is told of it."""
    return Run(
        id=f"{now:%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}",
        place=f"{socket.gethostname()} process {os.getpid()}",
        process=myself(),
        has_ended=has_ended,
    )


def myself() -> str:
    """This process, as nothing else is called on any machine; empty where the system does not say.

    The boot and the process namespace are part of it: CI runners and containers share host names and process numbers.
    """
    return _name(os.getpid())


def has_ended(name: str) -> bool:
    """Whether a process is known to be gone; False for one that we cannot see from here."""
    here, _, rest = name.partition(" ")
    number = rest.partition(" ")[0]
    if not here or here != _place() or not number.isdigit():
        return False
    return _name(int(number)) != name


def _name(number: int) -> str:
    place = _place()
    try:
        # The command may hold spaces and brackets; what follows the last bracket is fields 3 and on.
        fields = Path(f"/proc/{number}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return ""
    state, started = fields[0], fields[19]
    return "" if not place or state in "ZX" else f"{place} {number} {started}"


def _place() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""

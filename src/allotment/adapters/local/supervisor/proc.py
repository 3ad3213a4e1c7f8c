"""Processes as /proc shows them."""

from __future__ import annotations

import _signal as signals  # signal itself takes as long to import as Python to start
import os

TYPE_CHECKING: Final = False
if TYPE_CHECKING:  # typing takes longer to import than all the rest
    from collections.abc import Callable
    from typing import Final

PAGE: Final = os.sysconf("SC_PAGE_SIZE")
TICKS: Final = os.sysconf("SC_CLK_TCK")
DEAD: Final = "ZX"
"""States of a process that has ended."""
STOPPED: Final = "Tt"
"""States of a process that a signal or a debugger holds."""
_AT_ONCE: Final = 200
"""Descriptors that are open at a time."""
_LARGEST: Final = 1 << 24
"""Bytes that are read of a file: two million process ids."""


class Stat:
    """Fields of /proc/PID/stat.

    Attributes:
        parent: process id.
        session: id of its session.
        cpu_ticks: its own, and those of children it has waited for.
        start_ticks: since the boot.
        memory_bytes: resident.
    """

    __slots__ = ("cpu_ticks", "memory_bytes", "parent", "pid", "session", "start_ticks", "state", "waited_ticks")

    def __init__(self, pid: int, raw: bytes) -> None:
        # The command may hold spaces and brackets; what follows the last bracket is fields 3 and on.
        fields = raw.rpartition(b")")[2].split()
        self.pid = pid
        self.state = fields[0].decode("ascii")
        self.parent = int(fields[1])
        self.session = int(fields[3])
        self.waited_ticks = int(fields[13]) + int(fields[14])
        self.cpu_ticks = int(fields[11]) + int(fields[12]) + self.waited_ticks
        self.start_ticks = int(fields[19])
        self.memory_bytes = int(fields[21]) * PAGE


def contents(path: str) -> bytes:
    """A small file of /proc or of a cgroup; empty where it is gone or shut.

    A job may have named a pipe, a link or a huge file of its own as one: it holds nobody up.
    """
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return b""
    try:
        parts, left = [], _LARGEST
        while left > 0 and (part := os.read(fd, min(left, 1 << 16))):
            parts.append(part)
            left -= len(part)
        return b"".join(parts)
    except OSError:
        return b""
    finally:
        os.close(fd)


def stat(pid: int) -> Stat | None:
    """A process, an ended one included; None where there is none."""
    raw = contents(f"/proc/{pid}/stat")
    return Stat(pid, raw) if raw else None


def all_stats() -> dict[int, Stat]:
    """All processes that can be seen."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            each = stat(int(name))
            if each is not None:
                found[each.pid] = each
    return found


def boot() -> str:
    """Which boot of the machine this is, and which namespace process ids are counted in; empty where nobody says."""
    try:
        where = os.readlink("/proc/self/ns/pid")
    except OSError:
        where = ""
    return f"{contents('/proc/sys/kernel/random/boot_id').decode('ascii', 'replace').strip()}/{where}"


def descendants(ancestor: int) -> list[int]:
    """Children of a process, their children and so on, without those that have ended."""
    children = _children if os.path.exists(f"/proc/{ancestor}/task/{ancestor}/children") else _children_by_search()
    found: list[int] = []
    waiting = children(ancestor)
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        waiting.extend(children(pid))
    states = ((pid, stat(pid)) for pid in found)
    return sorted(pid for pid, each in states if each is not None and each.state not in DEAD)


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found
    for thread in threads:
        found.extend(map(int, contents(f"/proc/{pid}/task/{thread}/children").split()))
    return found


def _children_by_search() -> Callable[[int], list[int]]:
    """Where the kernel keeps no list of children (CONFIG_PROC_CHILDREN)."""
    known: dict[int, list[int]] = {}
    for each in all_stats().values():
        known.setdefault(each.parent, []).append(each.pid)
    return lambda pid: known.get(pid, [])[:]


def memory_of(pids: list[int]) -> int:
    """Resident bytes of processes together; what they share is counted for each."""
    return sum(each.memory_bytes for each in map(stat, pids) if each is not None)


def signal_all(members: Callable[[], list[int]], number: int) -> int:
    """Send a signal to all members of something, and to nobody who got the id of one that has ended; how many got it.

    A descriptor holds on to whoever has the id now; who is still a member after that is a member.
    """
    reached = 0
    listed = members()
    for begin in range(0, len(listed), _AT_ONCE):
        held = {pid: fd for pid in listed[begin : begin + _AT_ONCE] if (fd := _hold(pid)) is not None}
        still = set(members()) if held else set()
        for pid, fd in held.items():
            try:
                if pid in still:
                    signals.pidfd_send_signal(fd, number)
                    reached += 1
            except (ProcessLookupError, PermissionError):
                continue
            finally:
                os.close(fd)
    return reached


def _hold(pid: int) -> int | None:
    try:
        return os.pidfd_open(pid)
    except OSError:
        return None

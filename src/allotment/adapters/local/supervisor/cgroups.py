"""Cgroups of one job: a folder in each hierarchy of this machine, of version 2, version 1, or both beside each other.

The supervisor stays outside: it is neither slowed down nor killed with the job, and not counted to it.
"""

from __future__ import annotations

import os
import time

from allotment.adapters.local.supervisor.proc import contents

TYPE_CHECKING: Final = False
if TYPE_CHECKING:
    from typing import Final

PERIOD: Final = 100_000
"""Microseconds over which a CPU limit is kept to, as everywhere."""


class Hierarchy:
    """Where the cgroup of a job stands in one hierarchy.

    Attributes:
        version: 1 or 2.
        controllers: what it can limit or count here: ``cpu``, ``memory``, ``pids``, ``cpuacct``.
        folder: of the job's cgroup.
    """

    __slots__ = ("controllers", "folder", "version")

    def __init__(self, version: int, controllers: list[str], folder: str) -> None:
        self.version = version
        self.controllers = controllers
        self.folder = folder


def _write(folder: str, name: str, value: str) -> None:
    fd = os.open(f"{folder}/{name}", os.O_WRONLY | os.O_CLOEXEC | os.O_TRUNC)
    try:
        os.write(fd, value.encode("ascii"))
    finally:
        os.close(fd)


def make(hierarchies: list[Hierarchy], limits: dict[str, int]) -> tuple[list[Hierarchy], dict[str, str]]:
    """Make the folders and set the limits: those that were made, and why not for what is not limited.

    Args:
        hierarchies: where.
        limits: by controller: thousandths of a CPU, bytes of memory, processes and threads.
    """
    made: list[Hierarchy] = []
    failed: dict[str, str] = {}
    limited: set[str] = set()
    for each in hierarchies:
        try:
            os.makedirs(each.folder, exist_ok=True)
        except OSError as error:
            for controller in each.controllers:
                failed[controller] = f"{each.folder}: {error.strerror}"
            continue
        made.append(each)
        for controller, value in limits.items():
            if controller not in each.controllers:
                continue
            try:
                _limit(each, controller, value)
                limited.add(controller)
            except OSError as error:
                failed[controller] = f"{each.folder}: {error.strerror}"
    return made, {
        name: failed.get(name, f"no cgroup hierarchy of this machine limits {name} here")
        for name in limits
        if name not in limited
    }


def _limit(where: Hierarchy, controller: str, value: int) -> None:
    folder = where.folder
    if controller == "cpu":
        quota = value * PERIOD // 1000
        if where.version == 2:
            _write(folder, "cpu.max", f"{quota} {PERIOD}")
        else:
            _write(folder, "cpu.cfs_period_us", str(PERIOD))
            _write(folder, "cpu.cfs_quota_us", str(quota))
    elif controller == "pids":
        _write(folder, "pids.max", str(value))
    elif where.version == 2:
        _write(folder, "memory.max", str(value))
        # Without these a job swaps before it is over its limit, and one process of it may be killed and not the rest.
        _write_if_there(folder, "memory.swap.max", "0")
        _write_if_there(folder, "memory.oom.group", "1")
    else:
        _write(folder, "memory.limit_in_bytes", str(value))
        _write_if_there(folder, "memory.memsw.limit_in_bytes", str(value))


def _write_if_there(folder: str, name: str, value: str) -> None:
    try:
        _write(folder, name, value)
    except OSError:
        return


def put(pid: int, hierarchies: list[Hierarchy]) -> tuple[list[Hierarchy], dict[str, str]]:
    """Move a process in: the cgroups that hold it now, and why not for those that do not."""
    holding: list[Hierarchy] = []
    failed: dict[str, str] = {}
    for each in hierarchies:
        try:
            _write(each.folder, "cgroup.procs", str(pid))
            holding.append(each)
        except OSError as error:
            for controller in each.controllers:
                failed[controller] = f"{each.folder}: {error.strerror}"
    return holding, failed


def members(folders: list[str]) -> list[int]:
    """Ids of all processes in cgroups, their children's included."""
    found: set[int] = set()
    for folder in folders:
        for below in _tree(folder):
            found.update(
                int(line) for line in contents(f"{below}/cgroup.procs").split() if line.isdigit() and line != b"0"
            )
    return sorted(found)


def _tree(folder: str) -> list[str]:
    """A cgroup and those below it (a job may make some), the deepest first."""
    found, waiting = [], [folder]
    while waiting:
        here = waiting.pop()
        try:
            names = os.listdir(here)
        except OSError:
            continue
        found.append(here)
        for name in names:
            below = f"{here}/{name}"
            if os.path.isdir(below) and not os.path.islink(below):
                waiting.append(below)
    return found[::-1]


def kill_at_once(folders: list[str]) -> None:
    """Kill everything in a version 2 cgroup in one step, where the kernel can (5.14): nothing can fork away from it."""
    for folder in folders:
        _write_if_there(folder, "cgroup.kill", "1")


def remove(folders: list[str]) -> None:
    """Remove empty cgroups; a process that has just ended may keep one for some milliseconds."""
    for folder in folders:
        for below in _tree(folder):
            for wait in (0.001, 0.01, 0.1, None):
                try:
                    os.rmdir(below)
                except OSError:
                    if wait is None or not os.path.isdir(below):
                        break
                    time.sleep(wait)
                else:
                    break


def memory(folders: list[str]) -> int | None:
    """Bytes in use, without file pages that can be dropped (kubelet's working set); None where nothing counts them."""
    for folder in folders:
        used = contents(f"{folder}/memory.current") or contents(f"{folder}/memory.usage_in_bytes")
        if used:
            table = _table(f"{folder}/memory.stat")
            return max(0, int(used) - table.get(b"total_inactive_file", table.get(b"inactive_file", 0)))
    return None


def cpu_seconds(folders: list[str]) -> float | None:
    """CPU time used so far; None where nothing counts it."""
    for folder in folders:
        used = contents(f"{folder}/cpuacct.usage")
        if used:
            return int(used) / 1e9
    for folder in folders:
        micros = _table(f"{folder}/cpu.stat").get(b"usage_usec")
        if micros is not None:
            return micros / 1e6
    return None


def out_of_memory(folders: list[str]) -> bool:
    """Whether the kernel killed something in them because of a limit of memory."""
    return any(
        _table(f"{folder}/{name}").get(b"oom_kill", 0) > 0
        for folder in folders
        for name in ("memory.events", "memory.oom_control")
    )


def _table(path: str) -> dict[bytes, int]:
    rows = (line.split() for line in contents(path).splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}

"""CPU and memory of this machine, or of the container that we are in."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from allotment.model.quantity import Bytes, MilliCpu
from allotment.ports.machine import MachineRoom

_GIB: Final = 1 << 30
_LIMITS: Final = ("fs/cgroup/memory.max", "fs/cgroup/memory/memory.limit_in_bytes")
"""Where a container's limit of memory stands, by version of cgroups."""


class LocalMachine:
    """Implements `ports.machine.MachinePort`."""

    def __init__(self, cpus: int = 0, *, sys: Path = Path("/sys"), meminfo: Path = Path("/proc/meminfo")) -> None:
        """Of this machine.

        Args:
            cpus: processors that jobs may compute on; 0 for those that this process may.
            sys: where sysfs is mounted.
            meminfo: where the kernel tells of memory.
        """
        self._cpus = cpus or len(os.sched_getaffinity(0))
        self._sys = sys
        self._meminfo = meminfo

    def room(self) -> MachineRoom:
        """What it has; a GiB of memory, or half of it where there is little, is left for everything else."""
        memory = min((self._installed(), *self._limits()))
        return MachineRoom(MilliCpu(self._cpus * 1000), Bytes(memory - min(_GIB, memory // 2)))

    def _installed(self) -> int:
        lines = self._meminfo.read_text(encoding="ascii").splitlines()
        return int(next(each for each in lines if each.startswith("MemTotal:")).split()[1]) * 1024

    def _limits(self) -> list[int]:
        found = []
        for name in _LIMITS:
            try:
                text = (self._sys / name).read_text(encoding="ascii").strip()
            except (OSError, UnicodeDecodeError):
                continue
            found += [int(text)] if text.isdigit() else []
        return found

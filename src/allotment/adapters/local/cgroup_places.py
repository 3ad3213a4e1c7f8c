"""Where cgroups for jobs can be made on this machine: in whatever part of the tree this process is in and may write."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from allotment.adapters.local.supervisor.proc import descendants
from allotment.errors import shown

LIMITING: Final = ("cpu", "memory", "pids")
_COUNTING: Final = ("cpuacct",)
PLACE: Final = "allotment-"
"""How the name begins of a folder that cgroups of launches stand in."""
_SERVER: Final = "allotment-server"
"""Leaf that this process moves to: version 2 limits no cgroup that holds processes of its own."""


@dataclass(frozen=True, slots=True)
class CgroupPlace:
    """A folder that cgroups of jobs go into, in one hierarchy.

    Attributes:
        version: 1 or 2.
        controllers: what it limits and counts there.
    """

    version: int
    controllers: tuple[str, ...]
    folder: str

    def of(self, launch_id: str) -> tuple[int, list[str], str]:
        """The cgroup of one launch, as its supervisor is told of it."""
        return (self.version, list(self.controllers), f"{self.folder}/{launch_id}")


@dataclass(frozen=True, slots=True)
class CgroupPlaces:
    """All of them.

    Attributes:
        places: one a hierarchy.
        why_none: why there is none at all, in a sentence; empty where there is one.
        why_not: why ``cpu``, ``memory`` or ``pids`` is limited nowhere.
    """

    places: tuple[CgroupPlace, ...] = ()
    why_none: str = ""
    why_not: dict[str, str] = field(default_factory=dict)


def cgroup_places(
    tag: str, proc: Path = Path("/proc/self"), pid_max: Path = Path("/proc/sys/kernel/pid_max")
) -> CgroupPlaces:
    """Find and prepare them, for launches of one server.

    Args:
        tag: names this server beside others on the machine.
        proc: of this process.
        pid_max: says how many processes and threads the machine can have.
    """
    places: list[CgroupPlace] = []
    why: dict[str, str] = {}
    try:
        own = _own(proc)
    except OSError as error:
        return CgroupPlaces((), f"the cgroups of this process cannot be read: {error.strerror}")
    for version, controllers, base in own:
        wanted = [name for name in controllers if name in (*LIMITING, *_COUNTING)]
        if version == 1 and not wanted:
            continue
        try:
            if version == 1:
                places.append(CgroupPlace(1, tuple(wanted), _folder(base, tag)))
            else:
                places.append(_second(base, tag, why))
        except OSError as error:
            for name in wanted or LIMITING:
                why[name] = f"{shown(error.filename or base)}: {error.strerror}"
    for each in places:
        if "pids" in each.controllers:
            _bound_processes(each.folder, pid_max)
    # What can be killed in one step comes first.
    places.sort(key=lambda each: -each.version)
    limited = {name for each in places for name in each.controllers}
    return CgroupPlaces(
        tuple(places),
        "" if places else next(iter(why.values()), "this machine shows no cgroups to this process"),
        {name: reason for name, reason in why.items() if name not in limited},
    )


def _bound_processes(place: str, pid_max: Path) -> None:
    """Leave a quarter of all process ids to what is no job: else nobody could start a process to end one."""
    # Where it cannot be set, each launch is limited all the same.
    with suppress(OSError, ValueError):
        most = int(pid_max.read_text(encoding="ascii")) * 3 // 4
        fd = os.open(f"{place}/pids.max", os.O_WRONLY | os.O_CLOEXEC | os.O_TRUNC)
        try:
            os.write(fd, str(most).encode("ascii"))
        finally:
            os.close(fd)


def _own(proc: Path) -> list[tuple[int, list[str], Path]]:
    """Version, controllers and folder of each cgroup that a process is in."""
    mounts = _mounts((proc / "mountinfo").read_text(encoding="utf-8", errors="surrogateescape").splitlines())
    found: list[tuple[int, list[str], Path]] = []
    for line in (proc / "cgroup").read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        _, controllers, path = line.split(":", 2)
        version = 1 if controllers else 2
        mount = next((each for each in mounts if each.holds(version, controllers)), None)
        if mount is not None:
            found.append((version, controllers.split(","), mount.folder_of(path)))
    return found


def _folder(base: Path, tag: str) -> str:
    place = base / f"{PLACE}{tag}"
    place.mkdir(exist_ok=True)
    return str(place)


def _second(base: Path, tag: str, why: dict[str, str]) -> CgroupPlace:
    """In version 2: controllers are handed down from a cgroup that holds no process."""
    if base.name == _SERVER:
        base = base.parent
    offered = (base / "cgroup.controllers").read_text(encoding="ascii").split()
    place = _folder(base, tag)
    wanted = [name for name in LIMITING if name in offered]
    handed = [name for name in wanted if _hand_down(base, name, why)]
    given = [name for name in handed if _hand_down(Path(place), name, why)]
    return CgroupPlace(2, tuple(given), place)


def _hand_down(base: Path, controller: str, why: dict[str, str]) -> bool:
    subtree = base / "cgroup.subtree_control"
    try:
        if controller in subtree.read_text(encoding="ascii").split():
            return True
        if not _step_aside(base):
            why[controller] = (
                f"{shown(base)} holds other processes too, and a cgroup that does hands no limits down; "
                "the systemd unit of the documentation has one of its own"
            )
            return False
        subtree.write_text(f"+{controller}", encoding="ascii")
    except OSError as error:
        why[controller] = f"{shown(subtree)}: {error.strerror}"
        return False
    return True


def _step_aside(base: Path) -> bool:
    """Leave a cgroup for a leaf below it, if nobody but us is in it; whether it holds no process now."""
    inside = {int(line) for line in (base / "cgroup.procs").read_text(encoding="ascii").split()}
    if not inside or not (base / "cgroup.type").exists():  # the root of all may hold processes
        return True
    if inside - {os.getpid(), *descendants(os.getpid())}:
        return False
    leaf = base / _SERVER
    leaf.mkdir(exist_ok=True)
    for pid in sorted(inside):
        (leaf / "cgroup.procs").write_text(str(pid), encoding="ascii")
    return True


@dataclass(frozen=True, slots=True)
class _Mount:
    """A mounted hierarchy.

    Attributes:
        root: which part of the hierarchy is mounted.
        options: of the file system: its controllers, in version 1.
    """

    version: int
    point: Path
    root: str
    options: frozenset[str]

    def holds(self, version: int, controllers: str) -> bool:
        """Whether it is the hierarchy of a line of /proc/PID/cgroup."""
        return self.version == version and (version == 2 or set(controllers.split(",")) <= self.options)

    def folder_of(self, path: str) -> Path:
        """Where a cgroup of it is seen."""
        inner = path.removeprefix(self.root) if self.root != "/" and path.startswith(self.root) else path
        return self.point / inner.lstrip("/")


def _mounts(lines: Iterable[str]) -> list[_Mount]:
    found: list[_Mount] = []
    for line in lines:
        before, _, after = line.partition(" - ")
        fields, kind = before.split(), after.split()
        if len(fields) < 5 or len(kind) < 3 or kind[0] not in {"cgroup", "cgroup2"}:
            continue
        point = Path(fields[4].encode("utf-8", "surrogateescape").decode("unicode_escape"))
        found.append(_Mount(2 if kind[0] == "cgroup2" else 1, point, fields[3], frozenset(kind[2].split(","))))
    return found

"""One job from its order to its result.

The order comes as marshal on standard input, from the server, which runs the same Python; word of the start goes
back through descriptor 3. Standard error is a file.
"""

from __future__ import annotations

import _signal as signals  # signal itself takes as long to import as Python to start
import marshal
import os
import time

from allotment.adapters.local.supervisor import cgroups, proc
from allotment.adapters.local.supervisor.launching import Held, OrderedProgram, adopt_orphans
from allotment.adapters.local.supervisor.log_files import RotatedLog
from allotment.adapters.local.supervisor.records import ReservedResult, claim
from allotment.adapters.local.supervisor.watch import Watched

TYPE_CHECKING: Final = False
if TYPE_CHECKING:
    from typing import Any, Final

READY: Final = 3
"""Descriptor that word of the start is written to."""
_LIMITS: Final = {"cpu": "cpu_milli", "memory": "memory_bytes", "pids": "most_processes"}
"""By controller, where the order says how much."""
_AGAIN: Final = 1.0
"""Seconds until a result that could not be written is tried again."""
_TRIES: Final = 600
"""Times that it is tried: a job keeps its devices until its supervisor has ended."""


def main() -> None:
    """Run the job that standard input orders."""
    os.closerange(READY + 1, 1 << 20)
    os.set_inheritable(READY, False)
    if os.getsid(0) != os.getpid():
        os.setsid()
    os.umask(0o077)
    order = marshal.loads(_all_of(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC), 0)  # the order holds what may be secret
    folder = os.open(order["folder"], os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    os.chdir("/")
    if order["processors"]:
        os.sched_setaffinity(0, order["processors"])  # the server may be held to one of them
    woken = _listen()
    adopt_orphans()
    try:
        begun = _begin(order, folder)
    except OSError as error:
        _say(errno=error.errno or 0, file=error.filename if isinstance(error.filename, str) else "")
        return
    if begun is None:
        _say(taken=True)
        return
    _say(running=True)
    begun.held.go()
    watched = Watched(begun.held, begun.record["cgroups"], folder, order["grace_seconds"])
    watched.follow(begun.pipe, woken, begun.log)
    _finish(begun.reserved, _result(watched, begun))


class Begun:
    """A job that waits for its first instruction, and belongs to us.

    Attributes:
        pipe: descriptor that its output comes from.
        record: what was written of it when it was claimed.
    """

    __slots__ = ("held", "log", "pipe", "record", "reserved")

    def __init__(self, order: dict[str, Any], folder: int) -> None:
        self.reserved = ReservedResult(folder)
        try:
            self.log = RotatedLog(order["log"], order["log_bytes"], order["log_files"])
            self.pipe, write_end = os.pipe()
            self.held = Held(OrderedProgram(order, write_end))
        except OSError:
            self.reserved.give_up()
            raise
        os.close(write_end)
        self.record: dict[str, Any] = {}

    def undo(self) -> None:
        """It never runs. Where another was first, its process has been in the cgroup since before that was claimed."""
        self.held.never()
        self.reserved.give_up()
        cgroups.remove(self.record.get("cgroups", []))


def _all_of(fd: int) -> bytes:
    parts = []
    while part := os.read(fd, 1 << 20):
        parts.append(part)
    return b"".join(parts)


def _listen() -> int:
    """What wakes us: the end of a child, and being told to stop. Whatever else is sent to us does nothing."""
    woken, wake = os.pipe()
    os.set_blocking(woken, False)
    os.set_blocking(wake, False)
    signals.set_wakeup_fd(wake, warn_on_full_buffer=False)
    for number in (signals.SIGCHLD, signals.SIGTERM):
        signals.signal(number, _nothing)
    for number in (signals.SIGHUP, signals.SIGINT, signals.SIGQUIT, signals.SIGPIPE, signals.SIGUSR1, signals.SIGUSR2,
                   signals.SIGXFSZ, signals.SIGTSTP, signals.SIGALRM):  # fmt: skip
        signals.signal(number, signals.SIG_IGN)
    return woken


def _nothing(_number: int, _frame: object) -> None:
    """The wake-up descriptor says it."""


def _begin(order: dict[str, Any], folder: int) -> Begun | None:
    """Everything up to the job's first instruction; None where it was started before."""
    begun = Begun(order, folder)
    try:
        holding, not_limited = _confined(begun.held.pid, order)
        begun.record = _record(begun.held.pid, holding, not_limited)
        ours = claim(folder, begun.record)
    except OSError:
        begun.undo()
        raise
    if not ours:
        begun.undo()
        return None
    return begun


def _confined(pid: int, order: dict[str, Any]) -> tuple[list[str], dict[str, str]]:
    """The cgroups that it is in now, and what does not hold it though it should."""
    hierarchies = [cgroups.Hierarchy(*each) for each in order["hierarchies"]]
    limits = {name: order[field] for name, field in _LIMITS.items() if order[field] is not None}
    made, not_limited = cgroups.make(hierarchies, limits)
    holding, outside = cgroups.put(pid, made)
    not_limited.update({name: why for name, why in outside.items() if name in limits})
    if not holding:
        not_limited["processes"] = order["no_cgroup"] or "no cgroup would take its first process"
    return [each.folder for each in holding], not_limited


def _record(main_pid: int, folders: list[str], not_limited: dict[str, str]) -> dict[str, Any]:
    main_stat, own = proc.stat(main_pid), proc.stat(os.getpid())
    return {
        "boot": proc.boot(),
        "main": {"pid": main_pid, "start_ticks": main_stat.start_ticks if main_stat else 0},
        "supervisor": {"pid": os.getpid(), "start_ticks": own.start_ticks if own else 0},
        "started_at": _now(),
        "cgroups": folders,
        "not_limited": not_limited,
    }


def _now() -> int:
    return time.time_ns() // 1_000_000


def _say(**word: object) -> None:
    """To the server, which may be no more."""
    try:
        os.write(READY, marshal.dumps(word))
    except OSError:
        return
    os.close(READY)


def _result(watched: Watched, begun: Begun) -> dict[str, Any]:
    code = os.waitstatus_to_exitcode(watched.status or 0)
    trouble = begun.held.trouble()
    folders = begun.record["cgroups"]
    result = {
        "exit_code": code if code >= 0 else None,
        "signal": -code if code < 0 else None,
        "started_at": begun.record["started_at"],
        "ended_at": _now(),
        "seconds": watched.seconds,
        "peak_memory_bytes": watched.peak_memory(),
        "cpu_seconds": watched.cpu_seconds(),
        "out_of_memory": cgroups.out_of_memory(folders),
        "stopped": watched.stopped,
        "killed": watched.killed,
        "failed_step": trouble[0] if trouble else "",
        "failed_errno": trouble[1] if trouble else 0,
        "log_bytes_lost": begun.log.lost,
        "processes_left": watched.left,
    }
    cgroups.remove(folders)
    return result


def _finish(reserved: ReservedResult, result: dict[str, Any]) -> None:
    """Write the result, and be patient with the disk: an exit code that is lost is lost for good."""
    for _ in range(_TRIES):
        try:
            reserved.write(result)
        except FileNotFoundError:
            return  # somebody has removed the folder: nobody wants to know
        except OSError:
            if not reserved.make_way():
                time.sleep(_AGAIN)
        else:
            return

"""Processes that are started for jobs on this machine: launched, looked at, told to end, found again.

One launch is one replica in one of its attempts. Nothing here decides what runs: that is told from above.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol, TypeAlias

from allotment.errors import InputError, quoted, shown

LONGEST_ID: Final = 100
_ID: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,98}[a-z0-9])?")
LONGEST_TEXT: Final = 128 * 1024 - 1
"""Bytes of one argument, or of one NAME=VALUE: Linux starts nothing with a longer one (MAX_ARG_STRLEN)."""
LONGEST_NAME: Final = 1000
"""Characters of a name that is only shown."""


@dataclass(frozen=True, slots=True)
class JobLaunch:
    """What is to run; valid by construction.

    Attributes:
        id: unique for good; at most 100 small letters, digits and hyphens: it names a folder and a cgroup.
        argv: never a shell's text; the first is looked up in the `PATH` that the process gets.
        working_directory: absolute.
        environment: by variable; beside it the process gets a short list of harmless variables, and what says which
            devices are its own. Nothing else.
        name: what people call it; shown, and never used as a path or an argument.
        cpu_milli: thousandths of a CPU it may use; None for no limit.
        memory_bytes: that it may use; None for no limit.
        most_processes: processes and threads that it may have at once; None for no limit.
        devices: UUIDs, or names of virtual slots.
        grace_seconds: between SIGTERM and SIGKILL where whoever stops it says nothing else.
        umask: of the process.
    """

    id: str
    argv: tuple[str, ...]
    working_directory: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    name: str = ""
    cpu_milli: int | None = None
    memory_bytes: int | None = None
    most_processes: int | None = None
    devices: tuple[str, ...] = ()
    grace_seconds: float = 30.0
    umask: int = 0o077

    def __post_init__(self) -> None:
        check_id(self.id)
        if not self.argv or not self.argv[0]:
            raise InputError("no program is named", fix="name the program that the job runs")
        if not self.working_directory.is_absolute():
            raise InputError(
                f"{shown(self.working_directory)} must be an absolute path",
                why="a server has no working directory of its own",
                fix="give an absolute path",
            )
        _check_text("an argument", *self.argv)
        _check_text("a path", str(self.working_directory))
        _check_text("a device", *self.devices)
        if len(self.name) > LONGEST_NAME:
            raise InputError(f"the name {quoted(self.name)} is longer than {LONGEST_NAME} characters", fix="shorten it")
        for name, value in self.environment.items():
            if not name or "=" in name:
                raise InputError(
                    f"{quoted(name)} cannot name an environment variable",
                    why='a name is not empty and holds no "="',
                    fix="rename the variable",
                )
            _check_text(f"the environment variable {quoted(name)}", f"{name}={value}")
        self._check_numbers()

    def _check_numbers(self) -> None:
        for what, value, least in (
            ("CPU", self.cpu_milli, 10),
            ("memory", self.memory_bytes, 1 << 20),
            ("processes", self.most_processes, 1),
            ("grace", self.grace_seconds, 0),
        ):
            if value is not None and not least <= value < 1 << 53:
                raise InputError(
                    f"the limit of {what} cannot be {value}",
                    why=f"the least that can be kept to is {least}",
                    fix="raise it, or leave it out",
                )
        if not 0 <= self.umask <= 0o777:
            raise InputError(f"{self.umask:#o} is no umask", fix="use one between 0o000 and 0o777")


def check_id(launch_id: str) -> None:
    """Refuse what cannot name a launch, before it becomes part of a path.

    Raises:
        InputError: it has another form.
    """
    if not _ID.fullmatch(launch_id):
        raise InputError(
            f"{quoted(launch_id)} cannot name a launch",
            why="it becomes the name of a folder and of a cgroup",
            fix=f"use at most {LONGEST_ID} small letters, digits and hyphens",
        )


def _check_text(what: str, *texts: str) -> None:
    for text in texts:
        if "\0" in text:
            raise InputError(
                f"{what} of the job holds a NUL byte",
                why="the system ends every text at it",
                fix="take the NUL byte out",
            )
        if len(text) > LONGEST_TEXT or len(encoded(text)) > LONGEST_TEXT:
            raise InputError(
                f"{what} of the job has more than {LONGEST_TEXT:,} bytes",
                why="Linux starts no program with a longer one",
                fix="hand it over in a file",
            )


def encoded(text: str) -> bytes:
    """A text as the system gets it; a byte that was no text comes through as it was."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise InputError(
            f"{quoted(text)} cannot be written as UTF-8", why=error.reason, fix="write it in whole characters"
        ) from None


@dataclass(frozen=True, slots=True)
class ProcessMark:
    """A process, as no other is called: a process id alone is given away again.

    Attributes:
        start_ticks: when it started, in clock ticks since the machine did (field 22 of /proc/PID/stat).
        boot: id of the machine's boot, and of the namespace that `pid` is counted in.
    """

    pid: int
    start_ticks: int
    boot: str


@dataclass(frozen=True, slots=True)
class LaunchedJob:
    """What was started.

    Attributes:
        main: the job's own first process.
        supervisor: its parent, which writes the log and sees it end.
        started_at: milliseconds since the epoch.
        cgroups: folders of the cgroups that hold its processes; none where none could be made.
        not_limited: what was to be limited (``cpu``, ``memory``, ``pids``) or held together (``processes``) and is
            not: why.
    """

    id: str
    main: ProcessMark
    supervisor: ProcessMark
    started_at: int
    cgroups: tuple[str, ...] = ()
    not_limited: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class JobNeverStarted:
    """It was handed over, and nothing of it ran; it may be launched again under its id."""


@dataclass(frozen=True, slots=True)
class JobAlive:
    """It runs, or its last processes are being ended.

    Attributes:
        held_up: its supervisor was stopped by a signal (SIGSTOP): its output waits, and so does word of its end.
        seconds: that it has run so far, by a clock that is never set, whoever asks.
    """

    launched: LaunchedJob
    held_up: bool = False
    seconds: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class JobEnded:
    """It is over, and nothing of it runs any more.

    Attributes:
        exit_code: of its main process; None where a signal ended it.
        signal: number of the signal that ended it; None where none did.
        started_at: milliseconds since the epoch.
        ended_at: milliseconds since the epoch.
        seconds: that it ran, by a clock that is never set.
        peak_memory_bytes: the most that was seen in use at once (each second, without what the kernel keeps of files),
            and at least what its largest process had at its largest.
        cpu_seconds: of all its processes.
        out_of_memory: whether the system killed something of it because it went over its memory.
        stopped: whether it was told to end.
        killed: whether it was still there when its grace was over.
        not_started: why its program could not be started, in a sentence; empty where it could.
        log_bytes_lost: of its output, because the disk was full.
        processes_left: that could not be killed within ten seconds.
    """

    exit_code: int | None
    signal: int | None
    started_at: int
    ended_at: int
    seconds: float
    peak_memory_bytes: int
    cpu_seconds: float
    out_of_memory: bool = False
    stopped: bool = False
    killed: bool = False
    not_started: str = ""
    log_bytes_lost: int = 0
    processes_left: int = 0


@dataclass(frozen=True, slots=True)
class JobGone:
    """It ran, its supervisor is no more, and nobody saw how it ended, or it has not ended as a whole.

    Attributes:
        why: in a sentence.
        left: ids of processes of it that still run; `kill` ends them, unless the kernel holds them.
    """

    launched: LaunchedJob | None
    why: str
    left: tuple[int, ...] = ()


LaunchState: TypeAlias = JobNeverStarted | JobAlive | JobEnded | JobGone


@dataclass(frozen=True, slots=True)
class FoundLaunch:
    """A launch that an earlier run of the server, or this one, has made.

    Attributes:
        name: as it was launched.
        devices: as it was launched.
    """

    id: str
    state: LaunchState
    name: str = ""
    devices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class JobUsage:
    """What a job uses now.

    Attributes:
        memory_bytes: without what the kernel keeps of files and can drop.
        cpu_seconds: used so far.
        processes: ids of all its processes.
    """

    memory_bytes: int
    cpu_seconds: float
    processes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LogPart:
    """Bytes of a log as the job wrote them.

    Attributes:
        start: how many bytes came before, those that are no longer kept included.
    """

    start: int
    data: bytes

    @property
    def end(self) -> int:
        """Where the next part begins."""
        return self.start + len(self.data)


class JobProcesses(Protocol):
    """See the module. All methods with an id but `launch` raise `NotFoundError` for one that is not known."""

    def unlimited(self) -> Mapping[str, str]:
        """What of ``cpu``, ``memory`` and ``pids`` cannot be limited on this machine, and why."""
        ...

    def launch(self, launch: JobLaunch) -> LaunchedJob:
        """Start it, and return once it runs. Under one id nothing ever runs twice, whoever asks, and however often.

        Raises:
            ConflictError: it was started before; `look` says what became of it.
            AllotmentError: it could not be started, and nothing of it runs.
            NoRoomError: the same, for want of disk, memory or processes.
            TimedOutError: nobody knows yet; `look` will.
        """
        ...

    def close(self) -> None:
        """Leave nothing behind that no launch needs; launches go on."""
        ...

    def look(self, launch_id: str) -> LaunchState:
        """What became of it."""
        ...

    def on_end(self, told: Callable[[], None]) -> None:
        """Have somebody told, from another thread, soon after a launch has ended that was seen alive from now on."""
        ...

    def known(self) -> Mapping[str, bool]:
        """Ids of all launches that were not forgotten, and whether word of an end lies there; none is looked at."""
        ...

    def found(self, ids: Collection[str] | None = None) -> tuple[FoundLaunch, ...]:
        """Launches that were not forgotten, by id: all, or those of some ids."""
        ...

    def stop(self, launch_id: str, grace_seconds: float | None = None) -> None:
        """Tell it to end, and return at once.

        SIGTERM to its main process, which knows what to do first; once that is gone to whatever else is left; SIGKILL
        to all of it when the grace is over. Nothing where it is over. Told again, the shorter grace counts.
        """
        ...

    def signal(self, launch_id: str, number: int) -> int:
        """Send a signal to every process of it; how many got it. Its supervisor gets none."""
        ...

    def kill(self, launch_id: str) -> int:
        """SIGKILL to every process of it now, also to what is left of one that is gone; how many got it."""
        ...

    def end(self, launched: LaunchedJob) -> int:
        """SIGKILL to all of a launch, its supervisor included, by what was told of it when it was launched.

        For one whose records its job has removed or spoiled: nothing can be looked up of it. How many processes got it.
        """
        ...

    def left(self, launched: LaunchedJob) -> tuple[int, ...]:
        """Ids of all its processes that run, by what was told of it when it was launched, its supervisor's left out."""
        ...

    def usage(self, launch_id: str) -> JobUsage:
        """What it uses now; of one that is over nothing."""
        ...

    def log(self, launch_id: str, start: int | None = None, most: int = 1 << 16) -> LogPart:
        """Its output from `start` on, or the last `most` bytes; from the first byte that is still kept, at least."""
        ...

    def forget(self, launch_id: str) -> None:
        """Remove all that is kept of it. One that never started cannot start any more.

        Raises:
            ConflictError: something of it still runs.
        """
        ...

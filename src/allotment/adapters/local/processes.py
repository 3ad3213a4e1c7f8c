"""Processes of jobs on this machine: see `JobProcesses`. Each has a supervisor, which outlives this process.

Everything that is known stands in the folders of the launches: this class may be made anew at any moment.
"""

from __future__ import annotations

import atexit
import hashlib
import marshal
import os
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import allotment
from allotment.adapters.local.cgroup_places import LIMITING, CgroupPlaces, cgroup_places
from allotment.adapters.local.ends import ProcessEnds
from allotment.adapters.local.environment import FOLDER, environment_of
from allotment.adapters.local.launch_folders import (
    LaunchFolder,
    UnreadableRecordError,
    not_started,
    started_before,
    sweep,
)
from allotment.adapters.local.logs import read_log
from allotment.adapters.local.supervisor import cgroups, proc, records
from allotment.adapters.local.supervisor.run import READY
from allotment.errors import AllotmentError, ConflictError, TimedOutError
from allotment.ports.job_processes import (
    FoundLaunch,
    JobAlive,
    JobGone,
    JobLaunch,
    JobNeverStarted,
    JobUsage,
    LaunchedJob,
    LaunchState,
    LogPart,
    encoded,
)

LOG_BYTES: Final = 50 * 1000 * 1000
LOG_FILES: Final = 3
"""Of one log: bytes of a file, and files; the newest are kept."""
_PATIENCE: Final = 60.0
"""Seconds until a supervisor has said whether it runs; on a quiet machine it takes some 0.02."""
_PROGRAM: Final = (
    "import sys; sys.path.insert(0, sys.argv[1]); from allotment.adapters.local.supervisor.run import main; main()"
)
_KILLS: Final = 100
"""Times that what is left of a job is killed anew: it may fork meanwhile."""


class LocalProcesses:
    """See the module. Safe to use from several threads."""

    def __init__(
        self,
        root: Path,
        *,
        places: CgroupPlaces | None = None,
        environment: Mapping[str, str] | None = None,
        log_bytes: int = LOG_BYTES,
        log_files: int = LOG_FILES,
        processors: frozenset[int] = frozenset(),
    ) -> None:
        """Of launches in a folder, which is made where it is not there.

        Args:
            root: for this user alone.
            places: where cgroups can be made; looked up at the first launch where it is None.
            environment: the server's own; the real one where it is None.
            log_bytes: of one file of a log.
            log_files: of one log.
            processors: that jobs may compute on, though this process may be held to fewer; none for those that it may.
        """
        self._root = root.absolute()
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._tag = hashlib.sha256(os.fsencode(self._root)).hexdigest()[:8]
        self._known_places = places
        self._environment = dict(os.environ if environment is None else environment)
        self._log_bytes = log_bytes
        self._log_files = log_files
        self._processors = processors
        self._boot = proc.boot()
        self._spawned: set[int] = set()
        self._ends: ProcessEnds | None = None
        self._lock = threading.Lock()

    def _places(self) -> CgroupPlaces:
        """Made at the first launch: whoever only looks leaves nothing in the tree of cgroups."""
        with self._lock:
            if self._known_places is None:
                self._known_places = cgroup_places(self._tag)
                atexit.register(self.close)
            return self._known_places

    def unlimited(self) -> Mapping[str, str]:
        """What cannot be limited here, and why."""
        places = self._places()
        limited = {name for each in places.places for name in each.controllers}
        usual = places.why_none or "no cgroup hierarchy of this machine limits it here"
        return {name: places.why_not.get(name, usual) for name in LIMITING if name not in limited}

    def launch(self, launch: JobLaunch) -> LaunchedJob:
        """Start it."""
        folder = LaunchFolder(self._root, launch.id)
        folder.prepare(launch)
        return self._start(launch, folder)

    def _start(self, launch: JobLaunch, folder: LaunchFolder) -> LaunchedJob:
        order = self._order(launch, folder)
        ready, ready_end = os.pipe()
        try:
            pid = self._spawn(launch.id, order, folder, ready_end)
        except OSError as error:
            os.close(ready)
            raise not_started(launch.id, error.errno or 0, "") from error
        finally:
            os.close(ready_end)
        try:
            word = _word_of(ready)
        finally:
            os.close(ready)
        return self._answered(folder, pid, word)

    def _order(self, launch: JobLaunch, folder: LaunchFolder) -> bytes:
        places = self._places()
        return marshal.dumps(
            {
                "folder": str(folder.path),
                "log": str(folder.path / records.LOG),
                "log_bytes": self._log_bytes,
                "log_files": self._log_files,
                "argv": [encoded(each) for each in launch.argv],
                "environment": environment_of(launch, self._environment, str(folder.path)),
                "working_directory": encoded(str(launch.working_directory)),
                "umask": launch.umask,
                "cpu_milli": launch.cpu_milli,
                "memory_bytes": launch.memory_bytes,
                "most_processes": launch.most_processes,
                "processors": tuple(self._processors),
                "grace_seconds": float(launch.grace_seconds),
                "hierarchies": [each.of(launch.id) for each in places.places],
                "no_cgroup": places.why_none,
            }
        )

    def _spawn(self, launch_id: str, order: bytes, folder: LaunchFolder, ready_end: int) -> int:
        """Start the supervisor, in a session of its own. The order is all there before it reads: it may outlive us."""
        paper = os.memfd_create("order", os.MFD_CLOEXEC)
        try:
            records.write_all(paper, order)
            os.lseek(paper, 0, os.SEEK_SET)
            errors = os.open(
                folder.path / records.ERRORS,
                os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW,
                0o600,
            )
            try:
                pid = os.posix_spawn(
                    sys.executable,
                    [sys.executable, "-I", "-S", "-X", "utf8", "-c", _PROGRAM, _packages(), launch_id],
                    {name: self._environment[name] for name in ("LD_LIBRARY_PATH",) if name in self._environment},
                    file_actions=[
                        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
                        (os.POSIX_SPAWN_DUP2, paper, 0),
                        (os.POSIX_SPAWN_DUP2, errors, 2),
                        (os.POSIX_SPAWN_DUP2, ready_end, READY),
                    ],
                    setsid=True,
                    setsigmask=(),
                    setsigdef=(signal.SIGINT, signal.SIGTERM, signal.SIGCHLD),
                )
            finally:
                os.close(errors)
        finally:
            os.close(paper)
        for ended in tuple(self._spawned):
            self._reap(ended)
        with self._lock:
            self._spawned.add(pid)
        return pid

    def _answered(self, folder: LaunchFolder, pid: int, word: dict[str, object] | None) -> LaunchedJob:
        if word is None:
            return self._late(folder)
        if word.get("taken"):
            self._reap(pid, wait=True)
            raise started_before(folder.id)
        if not word.get("running"):
            self._reap(pid, wait=True)
            raise self._failed(folder, word)
        launched = folder.launched()
        if launched is None:
            self._end_unseen(folder, pid)
            raise AllotmentError(
                f"the launch {folder.id} was ended",
                why="the record of who runs it was removed as soon as it was written",
                fix="start it again under another id, and leave its folder alone",
            )
        return launched

    @staticmethod
    def _late(folder: LaunchFolder) -> LaunchedJob:
        """Of a supervisor that says nothing: either it never starts the job, or it has."""
        what = f"the launch {folder.id} has not started within {_PATIENCE:.0f} seconds"
        why = "the machine is overloaded, or its supervisor was stopped"
        try:
            never = folder.never()
        except FileNotFoundError:
            never = True  # without its folder nothing of it can start
        except OSError as error:
            raise TimedOutError(f"{what}, and may yet", why=why, fix="look again; it cannot run twice") from error
        launched = None if never else folder.launched()
        if launched is None:
            raise TimedOutError(what, why=why, fix="nothing of it runs, or will: start it again under another id")
        return launched

    def _end_unseen(self, folder: LaunchFolder, pid: int) -> None:
        """Of a job that runs, though nothing says so any more: its supervisor ends it without a grace."""
        with suppress(OSError):
            folder.write_in_any_case(records.STOP, b"0")
        with self._lock:
            if pid in self._spawned:  # not waited for yet: its id is its own
                os.kill(pid, signal.SIGTERM)

    @staticmethod
    def _failed(folder: LaunchFolder, word: dict[str, object]) -> AllotmentError:
        number = word.get("errno")
        if isinstance(number, int):
            return not_started(folder.id, number, str(word.get("file") or folder.path))
        return AllotmentError(
            f"the launch {folder.id} could not be started",
            why=folder.last_error() or "its supervisor was killed",
            fix="nothing of it runs: start it again",
        )

    def look(self, launch_id: str) -> LaunchState:
        """What became of it."""
        folder = LaunchFolder(self._root, launch_id)
        folder.check()
        return self._look(folder)

    def on_end(self, told: Callable[[], None]) -> None:
        """Have somebody told of ends."""
        self._ends = ProcessEnds(told)

    def _look(self, folder: LaunchFolder) -> LaunchState:
        try:
            launched = folder.launched()
            # While its supervisor lives it has written no result: whatever lies there is the job's own.
            if launched is not None and (state := self._state(launched)):
                if self._ends is not None:
                    self._ends.wait_for(launched.supervisor.pid)
                return JobAlive(launched, held_up=state in proc.STOPPED, seconds=_age(launched))
            if (ended := folder.ended()) is not None:
                left = self.left(launched) if launched is not None and ended.processes_left else ()
                return JobGone(launched, "the kernel holds processes of it that were killed", left) if left else ended
            return JobNeverStarted() if launched is None else self._gone(launched)
        except UnreadableRecordError as error:
            return JobGone(None, error.what)

    def _gone(self, launched: LaunchedJob) -> JobGone:
        if launched.supervisor.boot != self._boot:
            return JobGone(launched, "the machine, or the container, was started anew while it ran")
        why = "its supervisor was killed, so nobody saw how it ended"
        return JobGone(launched, why, self.left(launched))

    def _state(self, launched: LaunchedJob) -> str:
        """State letter of exactly this supervisor; empty where it has ended."""
        mark = launched.supervisor
        if mark.boot != self._boot:
            return ""
        self._reap(mark.pid)
        seen = proc.stat(mark.pid)
        if seen is None or seen.start_ticks != mark.start_ticks or seen.state in proc.DEAD:
            return ""
        # A record that was tampered with may name anybody: a supervisor carries the id of its launch.
        if not proc.contents(f"/proc/{mark.pid}/cmdline").endswith(f"\0{launched.id}\0".encode("ascii")):
            return ""
        return seen.state

    def _reap(self, pid: int, *, wait: bool = False) -> None:
        """Take leave of a supervisor that this very process started; the others are init's."""
        with self._lock:
            if pid not in self._spawned:
                return
            try:
                ended, _ = os.waitpid(pid, 0 if wait else os.WNOHANG)
            except ChildProcessError:
                ended = pid
            if ended:
                self._spawned.discard(pid)

    def known(self) -> Mapping[str, bool]:
        """Ids of all launches, and whether word of an end lies there."""
        return {each: (self._root / each / records.RESULT).exists() for each in sweep(self._root)}

    def found(self, ids: Collection[str] | None = None) -> tuple[FoundLaunch, ...]:
        """Launches that were not forgotten."""
        found: list[FoundLaunch] = []
        for launch_id in sweep(self._root) if ids is None else sorted(ids):
            folder = LaunchFolder(self._root, launch_id)
            if ids is not None and not folder.path.is_dir():
                continue
            kept = folder.kept()
            found.append(FoundLaunch(launch_id, self._look(folder), kept.name, kept.devices))
        return tuple(found)

    def stop(self, launch_id: str, grace_seconds: float | None = None) -> None:
        """Tell it to end."""
        state = self.look(launch_id)
        if not isinstance(state, JobAlive):
            return
        folder = LaunchFolder(self._root, launch_id)
        if grace_seconds is not None:
            # On a full disk the grace of the launch counts: better than not to stop it.
            with suppress(OSError):
                folder.write_in_any_case(records.STOP, repr(float(grace_seconds)).encode("ascii"))
        self._to_supervisor(state.launched, signal.SIGTERM, signal.SIGCONT)

    def _to_supervisor(self, launched: LaunchedJob, *numbers: int) -> None:
        try:
            held = os.pidfd_open(launched.supervisor.pid)
        except OSError:
            return
        try:
            # Asked while it is held: whoever has the id now is the one who would get the signal.
            if self._state(launched):
                for number in numbers:
                    signal.pidfd_send_signal(held, number)
        except OSError:
            return
        finally:
            os.close(held)

    def signal(self, launch_id: str, number: int) -> int:
        """Send a signal to every process of it."""
        state = self.look(launch_id)
        if not isinstance(state, JobAlive):
            return 0
        return proc.signal_all(lambda: self._members(state.launched), number)

    def kill(self, launch_id: str) -> int:
        """SIGKILL to every process of it."""
        state = self.look(launch_id)
        match state:
            case JobAlive(launched=launched):
                cgroups.kill_at_once(list(launched.cgroups))
                reached = proc.signal_all(lambda: self._members(launched), signal.SIGKILL)
                self._to_supervisor(launched, signal.SIGCONT)
                return reached
            case JobGone(launched=LaunchedJob() as launched):
                return self._clear(LaunchFolder(self._root, launch_id), launched)
            case _:
                return 0

    def end(self, launched: LaunchedJob) -> int:
        """SIGKILL to all of a launch, by what was told of it."""
        self._to_supervisor(launched, signal.SIGKILL)
        return self._clear(LaunchFolder(self._root, launched.id), launched)

    def left(self, launched: LaunchedJob) -> tuple[int, ...]:
        """Ids of all its processes that run."""
        if launched.supervisor.boot != self._boot:
            return ()
        found = _left(LaunchFolder(self._root, launched.id), launched)
        return tuple(each for each in found if each != launched.supervisor.pid)

    def _clear(self, folder: LaunchFolder, launched: LaunchedJob) -> int:
        """End what is left of a job whose supervisor is no more."""
        if launched.supervisor.boot != self._boot:
            return 0
        reached = 0
        cgroups.kill_at_once(list(launched.cgroups))
        for _ in range(_KILLS):
            if not _left(folder, launched):
                break
            reached += proc.signal_all(lambda: _left(folder, launched), signal.SIGKILL)
        cgroups.remove(list(launched.cgroups))
        return reached

    def _members(self, launched: LaunchedJob) -> list[int]:
        supervisor = launched.supervisor
        if not self._state(launched):
            return []
        found = {*cgroups.members(list(launched.cgroups)), *proc.descendants(supervisor.pid)} - {supervisor.pid}
        return sorted(found) if self._state(launched) else []

    def usage(self, launch_id: str) -> JobUsage:
        """What it uses now."""
        state = self.look(launch_id)
        if not isinstance(state, JobAlive):
            return JobUsage(0, 0.0, ())
        folders = list(state.launched.cgroups)
        members = self._members(state.launched)
        memory, cpu = cgroups.memory(folders), cgroups.cpu_seconds(folders)
        if cpu is None:
            seen = [each for each in map(proc.stat, members) if each is not None]
            waited = proc.stat(state.launched.supervisor.pid)
            cpu = (sum(each.cpu_ticks for each in seen) + (waited.waited_ticks if waited else 0)) / proc.TICKS
        return JobUsage(proc.memory_of(members) if memory is None else memory, cpu, tuple(members))

    def log(self, launch_id: str, start: int | None = None, most: int = 1 << 16) -> LogPart:
        """Its output."""
        folder = LaunchFolder(self._root, launch_id)
        folder.check()
        path = folder.path / records.LOG
        try:
            return read_log(path, start, most)
        except OSError as error:
            raise AllotmentError(
                f"the log of {launch_id} cannot be read", why=str(error.strerror), fix=f"look at {path}"
            ) from error

    def forget(self, launch_id: str) -> None:
        """Remove all that is kept of it."""
        folder = LaunchFolder(self._root, launch_id)
        folder.check()
        state = self._look(folder)
        if isinstance(state, JobNeverStarted) and not folder.never():
            state = self._look(folder)
        if isinstance(state, JobAlive) or (isinstance(state, JobGone) and state.left):
            raise ConflictError(
                f"processes of {launch_id} still run", why="they would run on unseen", fix="stop or kill it first"
            )
        launched = state.launched if isinstance(state, JobGone) else None
        if launched is not None and launched.supervisor.boot == self._boot:
            cgroups.remove(list(launched.cgroups))
        folder.remove()

    def close(self) -> None:
        """Remove the cgroups that nothing runs in; launches go on."""
        for place in self._known_places.places if self._known_places else ():
            with suppress(OSError):
                Path(place.folder).rmdir()


def _age(launched: LaunchedJob) -> float:
    """Seconds since it was started, by the clock that the kernel notes starts of processes by."""
    return max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - launched.supervisor.start_ticks / proc.TICKS)


def _packages() -> str:
    """The folder that the program's packages stand in."""
    return str(Path(allotment.__file__).absolute().parent.parent)


def _word_of(ready: int) -> dict[str, object] | None:
    """What a supervisor says of its start; nothing where it died, None where it says nothing in time."""
    poll = select.poll()
    poll.register(ready, select.POLLIN)
    if not poll.poll(_PATIENCE * 1000):
        return None
    raw = os.read(ready, 1 << 16)
    return dict(marshal.loads(raw)) if raw else {}  # noqa: S302 - from the program that was just started


def _left(folder: LaunchFolder, launched: LaunchedJob) -> list[int]:
    """Processes of a job whose supervisor is no more: by their cgroup, and by what they were started with."""
    marker = f"{FOLDER}={folder.path}".encode("utf-8", "surrogateescape")
    found = set(cgroups.members(list(launched.cgroups)))
    for each in proc.all_stats().values():
        if each.state not in proc.DEAD and marker in proc.contents(f"/proc/{each.pid}/environ").split(b"\0"):
            found.add(each.pid)
    found.discard(os.getpid())
    return sorted(pid for pid in found if (seen := proc.stat(pid)) is not None and seen.state not in proc.DEAD)

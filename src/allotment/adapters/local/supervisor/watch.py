"""Watch over one job until nothing of it is left: its output, its end, being told to stop."""

from __future__ import annotations

import _signal as signals  # signal itself takes as long to import as Python to start
import os
import resource
import select
import time

from allotment.adapters.local.supervisor import cgroups, proc
from allotment.adapters.local.supervisor.launching import Held
from allotment.adapters.local.supervisor.log_files import RotatedLog
from allotment.adapters.local.supervisor.records import STOP

TYPE_CHECKING: Final = False
if TYPE_CHECKING:
    from typing import Final

LONGEST_GRACE: Final = 86_400.0
"""Seconds; a job whose own grace is longer has that."""
_PART: Final = 1 << 16
_SOONEST: Final = 0.05
_SELDOM: Final = 1.0
"""Seconds between two looks at the memory in use: first and at most."""
_LAST_WORDS: Final = 5.0
"""Seconds to write down what is left in the pipe after the last process has ended."""
_HARD_TO_KILL: Final = 10.0
"""Seconds after which a process that does not die of SIGKILL (it hangs in the kernel) is left behind."""
_OFTEN: Final = 0.05
_STEP: Final = 0.005


class Watched:
    """A job that runs.

    Attributes:
        status: of the main process, as waitpid has it; None while it runs.
        stopped: whether it was told to end.
        killed: whether something of it outlived its grace.
        left: processes that could not be killed.
    """

    def __init__(self, held: Held, folders: list[str], folder: int, grace: float) -> None:
        self._held = held
        self._cgroups = folders
        self._folder = folder
        self._grace = grace
        self._began = time.monotonic()
        self._ended = self._began
        self._deadline: float | None = None
        self._rest_told = False
        self._peak = 0
        self.status: int | None = None
        self.stopped = False
        self.killed = False
        self.left = 0

    @property
    def seconds(self) -> float:
        """How long its main process ran."""
        return self._ended - self._began

    def members(self) -> list[int]:
        """All processes of it, but those that have ended."""
        return sorted({*cgroups.members(self._cgroups), *proc.descendants(os.getpid())} - {os.getpid()})

    def follow(self, pipe: int, woken: int, log: RotatedLog) -> None:
        """Until all of it has ended, and its last words are written."""
        poll = select.poll()
        poll.register(pipe, select.POLLIN)
        poll.register(woken, select.POLLIN)
        wait, sample_at = _SOONEST, time.monotonic() + _SOONEST
        while not self._over():
            events = dict(poll.poll(self._patience(sample_at) * 1000))
            if pipe in events and not self._pass_on(pipe, log):
                poll.unregister(pipe)
            if woken in events:
                self._woken(os.read(woken, _PART))
            if time.monotonic() >= sample_at:
                self._sample()
                wait = min(wait * 2, _SELDOM)
                sample_at = time.monotonic() + wait
            self._enforce()
        self._end_all()
        self._last_words(pipe, log)

    def _over(self) -> bool:
        """Whether only killing is left: nobody is owed more time."""
        if self.status is None:
            return False
        return self._deadline is None or not self.members()

    def _patience(self, sample_at: float) -> float:
        """Seconds until there is something to do, whatever happens."""
        now = time.monotonic()
        wait = sample_at - now
        if self._deadline is not None:
            wait = min(wait, self._deadline - now)
            if self.status is not None:
                wait = min(wait, _OFTEN)  # nothing tells of the end of a process that is not our child
        return max(0.0, wait)

    @staticmethod
    def _pass_on(pipe: int, log: RotatedLog) -> bool:
        data = os.read(pipe, _PART)
        log.write(data)
        return bool(data)

    def _woken(self, numbers: bytes) -> None:
        if signals.SIGTERM in numbers:
            self._stop()
        self._reap()

    def _stop(self) -> None:
        """Told to end: to the main process first, which knows what is to be done before the others go."""
        deadline = time.monotonic() + self._asked_grace()
        self._deadline = deadline if self._deadline is None else min(self._deadline, deadline)
        if not self.stopped and self.status is None:
            self.stopped = True
            for number in (signals.SIGTERM, signals.SIGCONT):
                os.kill(self._held.pid, number)  # our child, not waited for yet: its id is its own

    def _asked_grace(self) -> float:
        """As the server has written it; a job may have written there before, or have put a pipe in its place."""
        try:
            fd = os.open(STOP, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=self._folder)
        except OSError:
            return self._grace
        try:
            asked = float(os.read(fd, 100))
        except (OSError, ValueError):
            return self._grace
        finally:
            os.close(fd)
        return asked if 0 <= asked <= max(self._grace, LONGEST_GRACE) else self._grace

    def _reap(self) -> None:
        while True:
            try:
                pid, status, _ = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self._held.pid:
                self.status = status
                self._ended = time.monotonic()

    def _enforce(self) -> None:
        if self._deadline is None:
            return
        if self.status is not None and not self._rest_told:
            self._rest_told = True
            proc.signal_all(self.members, signals.SIGTERM)
            proc.signal_all(self.members, signals.SIGCONT)
        if time.monotonic() >= self._deadline and (self.status is None or self.members()):
            self.killed = True
            self._end_all()

    def _end_all(self) -> None:
        """SIGKILL, again and again, until nothing is left."""
        until = time.monotonic() + _HARD_TO_KILL
        cgroups.kill_at_once(self._cgroups)
        # Twice nothing: who was forked between two looks shows up at the second.
        while self.members() or self.members():
            proc.signal_all(self.members, signals.SIGKILL)
            time.sleep(_STEP)
            self._reap()
            if time.monotonic() > until:
                self.left = len(self.members())
                break
        self._reap()

    def _last_words(self, pipe: int, log: RotatedLog) -> None:
        until = time.monotonic() + _LAST_WORDS
        os.set_blocking(pipe, False)
        while time.monotonic() < until:
            try:
                if not self._pass_on(pipe, log):
                    return
            except BlockingIOError:
                if not self.left:
                    return  # nobody of the job can write any more; who holds the pipe is a stranger to it
                time.sleep(_STEP)

    def _sample(self) -> None:
        used = cgroups.memory(self._cgroups)
        self._peak = max(self._peak, proc.memory_of(self.members()) if used is None else used)

    def peak_memory(self) -> int:
        """Bytes; see `JobEnded`."""
        largest = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
        return max(self._peak, largest)

    def cpu_seconds(self) -> float:
        """Of all its processes."""
        counted = cgroups.cpu_seconds(self._cgroups)
        waited = resource.getrusage(resource.RUSAGE_CHILDREN)
        return waited.ru_utime + waited.ru_stime if counted is None else counted

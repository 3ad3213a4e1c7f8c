"""`JobProcesses` in memory, under a clock that tests set; checked against real processes by contract."""

from __future__ import annotations

import signal
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Final

from allotment.adapters.local.launch_folders import started_before
from allotment.errors import ConflictError, NotFoundError
from allotment.ports.clock import Clock
from allotment.ports.job_processes import (
    FoundLaunch,
    JobAlive,
    JobEnded,
    JobGone,
    JobLaunch,
    JobNeverStarted,
    JobUsage,
    LaunchedJob,
    LaunchState,
    LogPart,
    ProcessMark,
    check_id,
)

_BOOT: Final = "fake"
_NOT_FOUND: Final = 127


@dataclass(frozen=True, slots=True)
class FakeProgram:
    """What a program does.

    Attributes:
        output: written when it starts.
        seconds: that it runs; None until it is told to end.
        exit_code: at the end.
        on_term: exit code after SIGTERM; None to die of it.
        heeds: whether it ends on SIGTERM at all.
        unheard: how much of what ends others does nothing to it: being told to stop is 1, `kill` as well is 2, `end`
            as well is 3 (until `let_go`).
        memory_bytes: in use while it runs.
    """

    output: bytes = b""
    seconds: float | None = 0.0
    exit_code: int = 0
    on_term: int | None = None
    heeds: bool = True
    memory_bytes: int = 1 << 20
    unheard: int = 0


@dataclass(slots=True)
class _FakeJob:
    """A launch: when it began, and the earliest end that anything has brought about, in seconds."""

    launch: JobLaunch
    program: FakeProgram | None
    launched: LaunchedJob | None
    began: float
    end: float | None = None
    ended: JobEnded | None = None
    kill_at: float | None = None
    stopped: bool = False
    lost: str = ""
    signals: list[int] = field(default_factory=list)


class FakeJobProcesses:
    """See the module."""

    def __init__(self, clock: Clock, programs: Mapping[str, FakeProgram]) -> None:
        """Without any launch.

        Args:
            clock: time; nothing happens without it.
            programs: by the first argument; what is not among them cannot be started.
        """
        self._clock = clock
        self._programs = dict(programs)
        self._jobs: dict[str, _FakeJob] = {}
        self._pids = 1000
        self.killed: list[str] = []
        self._told: Callable[[], None] = lambda: None

    def unlimited(self) -> Mapping[str, str]:
        """Nothing is limited: there is nothing but a clock."""
        return dict.fromkeys(("cpu", "memory", "pids"), "these processes are not real")

    def launch(self, launch: JobLaunch) -> LaunchedJob:
        """Start it."""
        present = self._jobs.get(launch.id)
        if present is not None and present.launched is not None:
            raise started_before(launch.id)
        now = self._now()
        program = self._programs.get(launch.argv[0])
        self._pids += 2
        launched = LaunchedJob(
            launch.id,
            ProcessMark(self._pids, int(now * 100), _BOOT),
            ProcessMark(self._pids + 1, int(now * 100), _BOOT),
            _millis(now),
        )
        job = _FakeJob(launch, program, launched, now)
        if program is None or program.seconds is not None:
            job.end = now + (program.seconds or 0.0 if program is not None else 0.0)
        self._jobs[launch.id] = job
        return launched

    def close(self) -> None:
        """Nothing was left behind."""

    def on_end(self, told: Callable[[], None]) -> None:
        """Have somebody told of an end when it is brought about, or looked at: nothing happens here by itself."""
        self._told = told

    def hand_over(self, launch: JobLaunch) -> None:
        """A launch that a server made and did not live to start."""
        self._jobs[launch.id] = _FakeJob(launch, None, None, self._now())

    def lose(self, launch_id: str, why: str = "its supervisor was killed, so nobody saw how it ended") -> None:
        """Its supervisor is killed; the job itself runs on."""
        self._job(launch_id).lost = why

    def got(self, launch_id: str) -> list[int]:
        """Signals that its processes were sent, in order."""
        return self._job(launch_id).signals

    def look(self, launch_id: str) -> LaunchState:
        """What became of it."""
        job = self._job(launch_id)
        if job.launched is None:
            return JobNeverStarted()
        self._settle(job)
        if job.ended is not None:
            return job.ended
        if job.lost:
            return JobGone(job.launched, job.lost, () if self._is_over(job) else (job.launched.main.pid,))
        return JobAlive(job.launched, seconds=self._now() - job.began)

    def known(self) -> Mapping[str, bool]:
        """Ids of all launches, and whether each has ended."""
        return {each: isinstance(self.look(each), JobEnded) for each in sorted(self._jobs)}

    def found(self, ids: Collection[str] | None = None) -> tuple[FoundLaunch, ...]:
        """Launches that were not forgotten."""
        return tuple(
            FoundLaunch(launch_id, self.look(launch_id), job.launch.name, job.launch.devices)
            for launch_id, job in sorted(self._jobs.items())
            if ids is None or launch_id in ids
        )

    def stop(self, launch_id: str, grace_seconds: float | None = None) -> None:
        """Tell it to end."""
        if not isinstance(self.look(launch_id), JobAlive):
            return
        job, now = self._job(launch_id), self._now()
        if job.program is not None and job.program.unheard:
            return
        kill_at = now + (job.launch.grace_seconds if grace_seconds is None else grace_seconds)
        job.kill_at = kill_at if job.kill_at is None else min(job.kill_at, kill_at)
        job.stopped = True
        self.signal(launch_id, signal.SIGTERM)

    def signal(self, launch_id: str, number: int) -> int:
        """Send a signal to every process of it."""
        if not isinstance(self.look(launch_id), JobAlive):
            return 0
        job = self._job(launch_id)
        job.signals.append(number)
        program = job.program
        if program is not None and number == signal.SIGTERM and program.heeds:
            self._ends(job, program.on_term, number)
        elif number == signal.SIGKILL:
            self._ends(job, None, number)
        return 1

    def kill(self, launch_id: str) -> int:
        """SIGKILL to every process of it."""
        state, job = self.look(launch_id), self._job(launch_id)
        if job.program is not None and job.program.unheard > 1:
            return 0
        if isinstance(state, JobGone) and state.left:
            job.end = self._now()
            return len(state.left)
        return self.signal(launch_id, signal.SIGKILL)

    def end(self, launched: LaunchedJob) -> int:
        """SIGKILL to all of a launch."""
        self.killed.append(launched.id)
        job = self._jobs.get(launched.id)
        if job is not None and job.ended is None and not self._is_over(job):
            job.lost = job.lost or "its supervisor was killed, so nobody saw how it ended"
            job.end = self._now() if job.program is None or job.program.unheard < 3 else None
        return 1

    def left(self, launched: LaunchedJob) -> tuple[int, ...]:
        """Ids of its processes that run."""
        job = self._jobs.get(launched.id)
        return () if job is None or job.ended is not None or self._is_over(job) else (launched.main.pid,)

    def let_go(self, launch_id: str) -> None:
        """The kernel lets go of processes that it held, and they end."""
        self._job(launch_id).end = self._now()

    def usage(self, launch_id: str) -> JobUsage:
        """What it uses now."""
        state, job = self.look(launch_id), self._job(launch_id)
        if not isinstance(state, JobAlive) or job.program is None:
            return JobUsage(0, 0.0, ())
        return JobUsage(job.program.memory_bytes, self._now() - job.began, (state.launched.main.pid,))

    def log(self, launch_id: str, start: int | None = None, most: int = 1 << 16) -> LogPart:
        """Its output."""
        job = self._job(launch_id)
        output = b"" if job.program is None or job.launched is None else job.program.output
        begin = max(len(output) - most, 0) if start is None else min(max(start, 0), len(output))
        return LogPart(begin, output[begin : begin + most])

    def forget(self, launch_id: str) -> None:
        """Remove all that is kept of it."""
        state = self.look(launch_id)
        if isinstance(state, JobAlive) or (isinstance(state, JobGone) and state.left):
            raise ConflictError(f"processes of {launch_id} still run", fix="stop or kill it first")
        del self._jobs[launch_id]

    def _job(self, launch_id: str) -> _FakeJob:
        check_id(launch_id)
        if launch_id not in self._jobs:
            raise NotFoundError(f"there is no launch {launch_id}", fix="look at those that there are")
        return self._jobs[launch_id]

    def _is_over(self, job: _FakeJob) -> bool:
        return job.end is not None and job.end <= self._now()

    def _settle(self, job: _FakeJob) -> None:
        """Let what was to happen by now have happened."""
        if job.ended is not None or job.lost:
            return
        now, end = self._now(), job.end
        if job.kill_at is not None and job.kill_at <= now and (end is None or end > job.kill_at):
            self._ends(job, None, signal.SIGKILL, at=job.kill_at, killed=True)
        elif end is not None and end <= now:
            code = _NOT_FOUND if job.program is None else job.program.exit_code
            self._ends(job, code, 0, at=end)

    def _ends(
        self, job: _FakeJob, code: int | None, number: int, *, at: float | None = None, killed: bool = False
    ) -> None:
        end = self._now() if at is None else at
        job.ended = JobEnded(
            exit_code=code,
            signal=number if code is None else None,
            started_at=_millis(job.began),
            ended_at=_millis(end),
            seconds=end - job.began,
            peak_memory_bytes=0 if job.program is None else job.program.memory_bytes,
            cpu_seconds=end - job.began,
            stopped=job.stopped,
            killed=killed,
            not_started="its program could not be started: No such file or directory" if job.program is None else "",
        )
        self._told()

    def _now(self) -> float:
        return self._clock.now().timestamp()


def _millis(seconds: float) -> int:
    return round(seconds * 1000)

"""What every `JobProcesses` does: the same cases run on the fake (unit) and with real processes (live).

A suite that inherits `JobProcessesContract` gives the fixture `bench`.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import pytest

from allotment.adapters.local.fake import FakeProgram
from allotment.errors import ConflictError, InputError, NotFoundError
from allotment.ports.job_processes import (
    JobAlive,
    JobEnded,
    JobGone,
    JobLaunch,
    JobNeverStarted,
    JobProcesses,
    JobUsage,
    LaunchState,
    LogPart,
)

PROGRAMS: Final = {
    "well": FakeProgram(output=b"all is well\n"),
    "three": FakeProgram(exit_code=3),
    "long": FakeProgram(output=b"started\n", seconds=None),
    "polite": FakeProgram(output=b"started\n", seconds=None, on_term=7),
    "stubborn": FakeProgram(output=b"started\n", seconds=None, heeds=False),
}
"""What programs do; ``nowhere`` is not among them."""
MOST_STEPS: Final = 10_000


class Bench(Protocol):
    """Processes, and a way to wait for them."""

    processes: JobProcesses

    def argv(self, program: str) -> tuple[str, ...]: ...

    def hand_over(self, launch: JobLaunch) -> None:
        """What a server leaves behind that is killed before it starts the launch."""
        ...

    def lose(self, launch_id: str) -> None:
        """Kill its supervisor."""
        ...

    def step(self) -> None:
        """Let a little time pass."""
        ...


@dataclass(frozen=True)
class Started:
    bench: Bench
    id: str

    @property
    def state(self) -> LaunchState:
        return self.bench.processes.look(self.id)

    def ended(self) -> JobEnded:
        for _ in range(MOST_STEPS):
            state = self.state
            if isinstance(state, JobEnded):
                return state
            assert isinstance(state, JobAlive), state
            self.bench.step()
        raise AssertionError(f"{self.id} does not end")

    def says(self, text: bytes) -> None:
        """Wait until it has written something."""
        for _ in range(MOST_STEPS):
            if text in self.bench.processes.log(self.id).data:
                return
            self.bench.step()
        raise AssertionError(f"{self.id} does not say {text!r}")


def launch(bench: Bench, program: str, launch_id: str = "job-1-0", **fields: object) -> JobLaunch:
    return JobLaunch(id=launch_id, argv=bench.argv(program), working_directory=Path("/"), **fields)  # type: ignore[arg-type]


def start(bench: Bench, program: str, launch_id: str = "job-1-0", **fields: object) -> Started:
    bench.processes.launch(launch(bench, program, launch_id, **fields))
    started = Started(bench, launch_id)
    if PROGRAMS[program].seconds is None:
        started.says(b"started\n")
    return started


class JobProcessesContract:
    @pytest.mark.parametrize(("program", "code", "output"), [("well", 0, b"all is well\n"), ("three", 3, b"")])
    def test_what_it_wrote_and_how_it_ended(self, bench: Bench, program: str, code: int, output: bytes) -> None:
        job = start(bench, program)
        ended = job.ended()
        assert (ended.exit_code, ended.signal, ended.stopped, ended.killed) == (code, None, False, False)
        assert bench.processes.log(job.id) == LogPart(0, output)
        assert ended.ended_at >= ended.started_at > 0
        assert bench.processes.usage(job.id) == JobUsage(0, 0.0, ())

    def test_a_program_that_is_not_there(self, bench: Bench) -> None:
        bench.processes.launch(launch(bench, "nowhere"))
        ended = Started(bench, "job-1-0").ended()
        assert (ended.exit_code, ended.not_started) == (
            127,
            "its program could not be started: No such file or directory",
        )

    def test_nothing_runs_twice_under_one_id(self, bench: Bench) -> None:
        job = start(bench, "long")
        with pytest.raises(ConflictError):
            bench.processes.launch(launch(bench, "well"))
        bench.processes.kill(job.id)
        assert job.ended().signal == signal.SIGKILL
        with pytest.raises(ConflictError):
            bench.processes.launch(launch(bench, "well"))

    @pytest.mark.parametrize(
        ("program", "grace", "code", "number", "killed"),
        [
            ("long", 60, None, signal.SIGTERM, False),
            ("polite", 60, 7, None, False),
            ("stubborn", 0.05, None, signal.SIGKILL, True),
        ],
    )
    def test_told_to_end(
        self, bench: Bench, program: str, grace: float, code: int | None, number: int | None, killed: bool
    ) -> None:
        job = start(bench, program, grace_seconds=600)
        bench.processes.stop(job.id, grace)
        ended = job.ended()
        assert (ended.exit_code, ended.signal, ended.killed, ended.stopped) == (code, number, killed, True)
        bench.processes.stop(job.id)

    def test_word_of_an_end_comes_by_itself(self, bench: Bench) -> None:
        job = start(bench, "long")
        told: list[str] = []
        bench.processes.on_end(lambda: told.append("now"))
        other = start(bench, "polite", "other-1-0")
        assert isinstance(job.state, JobAlive)
        assert isinstance(other.state, JobAlive)
        bench.step()
        assert told == []
        bench.processes.kill(job.id)
        for _ in range(MOST_STEPS):
            if told or isinstance(job.state, JobEnded):
                break
            bench.step()
        assert isinstance(job.ended(), JobEnded)
        for _ in range(100):
            bench.step()
        assert told == ["now"]
        bench.processes.stop(other.id)
        other.ended()
        for _ in range(100):
            bench.step()
        assert told == ["now", "now"]

    def test_told_again_the_shorter_grace_counts(self, bench: Bench) -> None:
        job = start(bench, "stubborn")
        bench.processes.stop(job.id, 600)
        bench.step()
        assert isinstance(job.state, JobAlive)
        bench.processes.stop(job.id, 0)
        assert job.ended().killed

    def test_a_signal_for_all_of_it(self, bench: Bench) -> None:
        job = start(bench, "polite")
        assert bench.processes.usage(job.id).memory_bytes > 0
        assert bench.processes.signal(job.id, signal.SIGTERM) >= 1
        ended = job.ended()
        assert (ended.exit_code, ended.stopped) == (7, False)
        assert bench.processes.signal(job.id, signal.SIGTERM) == 0

    def test_parts_of_a_log(self, bench: Bench) -> None:
        job = start(bench, "well")
        job.ended()
        log = bench.processes.log
        assert log(job.id, 4) == LogPart(4, b"is well\n")
        assert log(job.id, 4, 2) == LogPart(4, b"is")
        assert log(job.id, most=5) == LogPart(7, b"well\n")
        assert log(job.id, 1000) == LogPart(12, b"")

    def test_what_an_earlier_server_has_left(self, bench: Bench) -> None:
        bench.hand_over(launch(bench, "well", "early-1-0", name="early\n\x1b[31m", devices=("slot-0",)))
        job = start(bench, "long", "late-1-0")
        early, late = bench.processes.found()
        assert bench.processes.known() == {"early-1-0": False, "late-1-0": False}
        assert [each.id for each in bench.processes.found(["late-1-0", "nobody-1-0"])] == ["late-1-0"]
        assert (early.id, early.state, early.name, early.devices) == (
            "early-1-0",
            JobNeverStarted(),
            "early\n\x1b[31m",
            ("slot-0",),
        )
        assert late.id == "late-1-0"
        assert late.state == job.state
        bench.processes.launch(launch(bench, "well", "early-1-0"))
        assert Started(bench, "early-1-0").ended().exit_code == 0
        bench.processes.kill(job.id)
        job.ended()

    def test_its_supervisor_is_killed(self, bench: Bench) -> None:
        job = start(bench, "long")
        bench.lose(job.id)
        gone = job.state
        assert isinstance(gone, JobGone)
        assert gone.launched is not None
        assert bench.processes.left(gone.launched) == gone.left
        bench.processes.kill(job.id)
        gone = job.state
        assert isinstance(gone, JobGone)
        assert gone.left == ()
        assert gone.launched is not None
        assert bench.processes.left(gone.launched) == ()
        with pytest.raises(ConflictError):
            bench.processes.launch(launch(bench, "well"))
        bench.processes.forget(job.id)
        assert bench.processes.found() == ()

    def test_what_is_forgotten(self, bench: Bench) -> None:
        job = start(bench, "long")
        with pytest.raises(ConflictError):
            bench.processes.forget(job.id)
        bench.processes.kill(job.id)
        job.ended()
        bench.hand_over(launch(bench, "well", "never-1-0"))
        for each in (job.id, "never-1-0"):
            bench.processes.forget(each)
            with pytest.raises(NotFoundError):
                bench.processes.look(each)
        assert bench.processes.found() == ()

    @pytest.mark.parametrize("wrong", ["", "..", "../x", "a/b", "A", "a\n", "-a", "a" * 101, "a\0", "é"])
    def test_an_id_never_becomes_another_path(self, bench: Bench, wrong: str) -> None:
        for ask in (bench.processes.look, bench.processes.log, bench.processes.kill, bench.processes.forget):
            with pytest.raises(InputError):
                ask(wrong)

"""Real processes of this machine, in a folder of their own that is empty of processes afterwards."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from allotment.adapters.local.launch_folders import LaunchFolder
from allotment.adapters.local.processes import LocalProcesses
from allotment.ports.job_processes import JobAlive, JobEnded, JobGone, JobLaunch, LaunchState

SCRIPTS = {
    "well": "echo all is well",
    "three": "exit 3",
    "long": "echo started; exec sleep 1000",
    "polite": "trap 'exit 7' TERM; echo started; while :; do sleep 0.01; done",
    "stubborn": "trap '' TERM; echo started; while :; do sleep 0.1; done",
}
Processes = Callable[..., LocalProcesses]


class RealBench:
    """Programs of a shell, under real supervisors."""

    def __init__(self, root: Path, processes: LocalProcesses) -> None:
        self.root = root
        self.processes = processes

    def argv(self, program: str) -> tuple[str, ...]:
        return ("sh", "-c", SCRIPTS[program]) if program in SCRIPTS else (f"./{program}",)

    def hand_over(self, launch: JobLaunch) -> None:
        LaunchFolder(self.root, launch.id).prepare(launch)

    def lose(self, launch_id: str) -> None:
        state = self.processes.look(launch_id)
        assert isinstance(state, JobAlive)
        os.kill(state.launched.supervisor.pid, signal.SIGKILL)
        until(lambda: isinstance(self.processes.look(launch_id), JobGone))

    def step(self) -> None:
        time.sleep(0.003)

    def shell(self, script: str, launch_id: str = "job-1-0", **fields: object) -> str:
        """Launch a shell script; its id."""
        return self.launch(("sh", "-c", script), launch_id, **fields)

    def python(self, code: str, *arguments: str, launch_id: str = "job-1-0", **fields: object) -> str:
        return self.launch((sys.executable, "-I", "-S", "-c", code, *arguments), launch_id, **fields)

    def launch(self, argv: tuple[str, ...], launch_id: str = "job-1-0", **fields: object) -> str:
        fields.setdefault("working_directory", self.root)
        self.processes.launch(JobLaunch(id=launch_id, argv=argv, **fields))  # type: ignore[arg-type]
        return launch_id

    def end_of(self, launch_id: str) -> JobEnded:
        return ended(self.processes, launch_id)

    def says(self, launch_id: str, text: bytes) -> None:
        until(lambda: text in self.processes.log(launch_id).data)


def ended(processes: LocalProcesses, launch_id: str) -> JobEnded:
    state: LaunchState = processes.look(launch_id)
    end = time.monotonic() + 60
    while isinstance(state, JobAlive) and time.monotonic() < end:
        time.sleep(0.003)
        state = processes.look(launch_id)
    assert isinstance(state, JobEnded), state
    return state


def until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end, "it does not come about"
        time.sleep(0.003)


def running(text: str) -> list[int]:
    """Ids of processes whose command line holds a text, as an argument or in one."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with suppress(OSError):
                state = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[0]
                if state not in "ZX" and text in (entry / "cmdline").read_bytes().decode("utf-8", "replace"):
                    found.append(int(entry.name))
    return found


@pytest.fixture
def new_processes() -> Iterator[Processes]:
    """Makes `LocalProcesses`; whatever they have launched is over at the end."""
    made: list[LocalProcesses] = []

    def make(root: Path, **options: object) -> LocalProcesses:
        made.append(LocalProcesses(root, **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for each in made:
        for found in each.found():
            for _ in range(400):
                if not isinstance(each.look(found.id), JobAlive):
                    break
                each.kill(found.id)
                time.sleep(0.005)
            each.kill(found.id)
            each.forget(found.id)
        each.close()


@pytest.fixture
def bench(tmp_path: Path, new_processes: Processes) -> RealBench:
    root = tmp_path / "launches"
    return RealBench(root, new_processes(root))


def quoted(text: object) -> str:
    return shlex.quote(str(text))

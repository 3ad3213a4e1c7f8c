"""The server is killed at any moment: no job is lost, none runs twice, and how each ended is known."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from allotment.adapters.local.launch_folders import LaunchFolder
from allotment.adapters.local.processes import LocalProcesses
from allotment.errors import ConflictError, NotFoundError
from allotment.ports.job_processes import JobLaunch, JobNeverStarted
from tests.live.local.conftest import Processes, ended, quoted

pytestmark = [
    pytest.mark.live,
    pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning"),  # Python 3.12 on fork
]

TOGETHER = 2
"""Launches that a server makes one after the other until it is killed."""


def killed_after(seconds: float, serve: Callable[[], None]) -> bool:
    """Run something in a process that is killed; whether it was, before its end."""
    server = os.fork()
    if server == 0:
        try:
            serve()
        finally:
            os._exit(0)
    time.sleep(seconds)
    os.kill(server, signal.SIGKILL)
    _, status = os.waitpid(server, 0)
    return os.WIFSIGNALED(status)


def order(number: int, root: Path) -> JobLaunch:
    script = f"echo {number} >> {quoted(root / 'ran')}; sleep 0.0{number % 7}; exit {number % 50}"
    return JobLaunch(id=f"job-{number}", argv=("sh", "-c", script), working_directory=root)


def carry_on(processes: LocalProcesses, launch: JobLaunch) -> None:
    """As a reconciler does: look, and launch what has never started."""
    try:
        never = isinstance(processes.look(launch.id), JobNeverStarted)
    except NotFoundError:
        never = True
    if never:
        with suppress(ConflictError):  # its supervisor was still on its way when we looked
            processes.launch(launch)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("kills", [30, pytest.param(300, marks=pytest.mark.nightly)])
def test_a_server_that_is_killed_at_any_moment(tmp_path: Path, new_processes: Processes, kills: int) -> None:
    root, chance = tmp_path / "launches", random.Random(20261128)
    processes = new_processes(root)
    numbers = iter(range(kills * TOGETHER))
    killed = 0
    for _ in range(kills):
        launches = [order(next(numbers), tmp_path) for _ in range(TOGETHER)]
        killed += killed_after(
            chance.uniform(0, 0.06), lambda batch=launches: [processes.launch(each) for each in batch]
        )
        for launch in launches:
            carry_on(processes, launch)

    codes = [ended(processes, f"job-{number}").exit_code for number in range(kills * TOGETHER)]
    assert codes == [number % 50 for number in range(kills * TOGETHER)]
    assert killed > kills / 3, "the server was hardly ever killed while it worked"
    ran = Counter(map(int, (tmp_path / "ran").read_text().split()))
    assert ran == Counter(range(kills * TOGETHER))
    assert {each.id for each in processes.found()} == {f"job-{number}" for number in range(kills * TOGETHER)}


def test_two_servers_start_the_same_at_once(tmp_path: Path, new_processes: Processes) -> None:
    root = tmp_path / "launches"
    servers = [new_processes(root) for _ in range(3)]
    for number in range(8):
        launch, pids = order(number, tmp_path), []
        for server in servers[1:]:
            pids.append(os.fork())
            if pids[-1] == 0:
                try:
                    server.launch(launch)
                finally:
                    os._exit(0)
        carry_on(servers[0], launch)
        for pid in pids:
            os.waitpid(pid, 0)
        assert ended(servers[0], launch.id).exit_code == number

    assert Counter(map(int, (tmp_path / "ran").read_text().split())) == Counter(range(8))


def test_a_supervisor_that_comes_late_starts_nothing_and_leaves_nothing(
    tmp_path: Path, new_processes: Processes
) -> None:
    root, launch = tmp_path / "launches", order(1, tmp_path)
    processes = new_processes(root)
    processes.launch(launch)
    before = ended(processes, launch.id)
    # As one that an earlier server has started: it is ready before it is refused.
    with pytest.raises(ConflictError):
        processes._start(launch, LaunchFolder(root, launch.id))
    assert processes.look(launch.id) == before
    assert (tmp_path / "ran").read_text() == "1\n"
    assert [each.folder for each in processes._places().places if Path(each.of(launch.id)[2]).exists()] == []
    assert sorted(each.name for each in (root / launch.id).iterdir()) == [
        "launch.json", "log", "result.json", "running.json", "supervisor.err",
    ]  # fmt: skip

"""Sweeps and schedules on this machine: real server, killed at random moments; real processes, real store."""

from __future__ import annotations

import datetime as dt
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from allotment.errors import AllotmentError
from allotment.model.jobs.job import EarlyStop, Job, JobSchedule, JobType, Sweep, SweptParameter
from allotment.model.jobs.run import JobState
from allotment.ports.job_service import JobSubmission
from allotment.ports.store import JobFilter
from allotment.ports.stored_jobs import JobRow
from tests.live.server.conftest import Server, clock_by
from tests.live.server.test_running import ended, shell

pytestmark = pytest.mark.live


def grid(trials: int, at_once: int, rule: EarlyStop | None = None) -> Sweep:
    return Sweep((SweptParameter("n", tuple(map(str, range(trials)))),), trials, 0, at_once, rule)


def members(server: Server, parent: str) -> list[JobRow]:
    return sorted(server.service.page(JobFilter(parent=parent), limit=1000).rows, key=lambda row: row.number)


def swept_and_killed(server: Server, trials: int, kills: int, seed: int) -> None:
    chance = random.Random(seed)
    marks = server.home / "marks"
    marks.mkdir()
    text = f"echo begun >> {marks}/$1; sleep 0.$(( ${{1#--n=}} % 5 )); echo ended >> {marks}/$1"
    wanted = shell(text, devices=0, type=JobType.SWEEP, sweep=grid(trials, 4))
    object.__setattr__(wanted.program, "argv", (*wanted.program.argv, "sh"))
    pid = server.up()
    parent = server.service.submit(JobSubmission(wanted, "local")).job.id
    for _ in range(kills):
        time.sleep(chance.uniform(0, 0.5))
        server.kill(pid)
        pid = server.up()
        assert sum(not each.state.over for each in members(server, parent)) <= 4
    done = ended(server, parent, 180)
    assert done.state is JobState.SUCCEEDED, done.history
    assert [each.id for each in members(server, parent)] == [f"{parent}-t{number}" for number in range(trials)]
    assert {each.state for each in members(server, parent)} == {JobState.SUCCEEDED}
    assert {each.name for each in marks.iterdir()} == {f"--n={number}" for number in range(trials)}
    assert {each.read_text() for each in marks.iterdir()} == {"begun\nended\n"}


@pytest.mark.nightly  # by day jobs' server is killed
@pytest.mark.timeout(3600)
def test_whatever_kills_the_server_each_of_many_trials_runs_once(server: Server) -> None:
    swept_and_killed(server, trials=200, kills=60, seed=2)


@pytest.mark.nightly
def test_a_trial_that_falls_behind_is_stopped_and_the_best_is_told(server: Server) -> None:
    (server.home / "train.py").write_text(
        "import sys, time\n"
        "n = int(sys.argv[1].removeprefix('--n='))\n"
        "for step in range(20 if n == 3 else 5):\n"
        "    print(f'loss={n + 1 / (step + 1):.4f}', flush=True)\n"
        "    time.sleep(0.3)\n"
    )
    (server.home / "sweep.yaml").write_text(
        "kind: Job\nname: search\nteam: nlp\nrun: train.py\n"
        "sweep: {grid: {n: ['0', '1', '2', '3']}, atOnce: 4, earlyStop: {metric: loss, after: 2}}\n"
    )
    server.run("submit", "sweep.yaml")
    server.run("wait", "search", "--timeout", "90")
    told = server.run("describe", "search")
    assert "fell behind" in told
    states = {each.number: each.state for each in members(server, server.service.find("search").id)}
    assert (states[0], states[3]) == (JobState.SUCCEEDED, JobState.STOPPED)
    assert "in trial 0: --n=0" in server.run("report", "search")
    assert "search-3" not in server.run("ps", "-a")
    assert "search-3" in server.run("ps", "--of", "search")
    assert "[3] loss=" in server.run("logs", "search")


class SetClock:
    """What a server takes for the time: its offset is set while it runs."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self.set_to(dt.datetime(2026, 11, 28, 10, 0, 5, tzinfo=dt.UTC))

    def set_to(self, moment: dt.datetime) -> None:
        """It is that moment now."""
        self.offset = round((moment - dt.datetime.now(dt.UTC)).total_seconds())
        self._file.write_text(f"{self.offset:+d}")

    def now(self) -> dt.datetime:
        """What the server takes it for."""
        return dt.datetime.now(dt.UTC) + dt.timedelta(seconds=self.offset)

    def skip_to(self, second: int) -> None:
        """On to that second of the next minute in which it is still to come."""
        now = self.now()
        there = now.replace(second=second, microsecond=0)
        self.set_to(there if there > now else there + dt.timedelta(minutes=1))


@pytest.fixture
def clocked(server: Server, faketime: Path, tmp_path: Path) -> Iterator[tuple[Server, SetClock]]:
    told = tmp_path / "faketime"
    clock = SetClock(told)
    other = Server(server.home, further=clock_by(faketime, told))
    try:
        yield other, clock
    finally:
        other.end()


def until(found: Callable[[], bool], seconds: float = 30) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            if found():
                return
        except AllotmentError:
            pass
        assert time.monotonic() < deadline
        time.sleep(0.1)


def runs_over(server: Server, parent: str) -> int:
    return sum(each.state.over for each in members(server, parent))


def minutely(text: str) -> Job:
    return shell(text, devices=0, type=JobType.SCHEDULED, schedule=JobSchedule("* * * * *", "Europe/Berlin", 40))


@pytest.mark.nightly  # by day a schedule begins, and its runs are listed
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("times", [12])
def test_each_time_of_a_schedule_runs_once_whatever_kills_the_server_or_sets_its_clock(
    clocked: tuple[Server, SetClock], times: int
) -> None:
    server, clock = clocked
    marks = server.home / "marks"
    pid = server.up()
    parent = server.service.submit(JobSubmission(minutely(f"echo $ALLOTMENT_JOB_NAME >> {marks}"), "local")).job.id
    for number in range(1, times + 1):
        clock.skip_to(58)
        # It dies around the moment at which the run is due.
        time.sleep(1.6 + 0.1 * number)
        server.kill(pid)
        pid = server.up()
        until(lambda number=number: runs_over(server, parent) >= number, 60)  # type: ignore[misc]
    names = marks.read_text().split()
    made = [each.name for each in members(server, parent)]
    assert sorted(names) == sorted(set(names)) == sorted(made), "each has run once"
    # Set back by a minute or two: a time comes again, and has had its run.
    clock.set_to((clock.now() - dt.timedelta(minutes=min(2, times))).replace(second=58))
    time.sleep(5)
    assert marks.read_text().split() == names
    # Away for an hour and a half minute: the newest time is too late, and all of them are told.
    server.kill(pid)
    back = (clock.now() + dt.timedelta(hours=1)).replace(second=45)
    clock.set_to(back)
    server.up()
    until(lambda: bool(server.service.find(parent).events))
    (told,) = server.service.find(parent).events
    assert "left out: nobody was there" in told.said
    # The next minute may have come by now.
    assert len([each for each in members(server, parent) if each.number < back.timestamp() * 1000]) == len(made)
    shown = " ".join(server.run("ps").split())
    due = (clock.now() + dt.timedelta(minutes=1)).astimezone(ZoneInfo("Europe/Berlin"))
    shown_times = (f"next run {each:%Y-%m-%d %H:%M} Europe/Berlin" for each in (due - dt.timedelta(minutes=1), due))
    assert any(each in shown for each in shown_times), "read in the schedule's own zone"
    server.run("stop", parent)
    assert server.service.find(parent).state is JobState.STOPPED

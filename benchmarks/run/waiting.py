"""What a pass of the server over this machine costs while thousands of jobs wait: nothing has changed, or some ended.

    python -m benchmarks.run.waiting [--jobs 5000] [--passes 200]

The back end, the engine, the reconciler and a store in a file are those of the server; only the processes are not real,
and time stands until it is told to go on. Processor time is told: a pass happens every 20 ms while anything runs.
"""

from __future__ import annotations

import argparse
import datetime as dt
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from allotment.adapters.clock import FixedClock
from allotment.adapters.local.fake import FakeJobProcesses, FakeProgram
from allotment.adapters.local.job_folders import LocalJobFolders
from allotment.adapters.store.sqlite import SqlitePlace
from allotment.model.jobs.job import AcceleratorWish, Job, JobType, Program, ReplicaNeeds
from allotment.model.jobs.run import JobHistory, JobState, Move, MoveCause
from allotment.model.quantity import SLOTS, Bytes, MilliCpu
from allotment.operations.directory.loading import load
from allotment.operations.run.lane import Lane, Serving
from allotment.operations.run.local.backend import LocalBackend
from allotment.operations.run.local.launching import LocalStorage
from allotment.operations.run.local.recognising import recognised
from allotment.ports.devices import MachineDevice, MachineInventory
from allotment.ports.machine import MachineRoom
from allotment.ports.stored_jobs import StoredJob
from allotment.wiring import directory, running

DEVICES = 8
LENGTH = 10.0
"""Seconds of a job."""


def measured(acts: int, act: Callable[[], object]) -> str:
    """Milliseconds of processor time of an act: median and most."""
    taken = []
    for _ in range(acts):
        began = time.process_time()
        act()
        taken.append((time.process_time() - began) * 1000)
    return f"{statistics.median(taken):.2f} | {max(taken):.1f}"


def passes(lane: Lane) -> list[float]:
    """Milliseconds of processor time of each pass until nothing is new."""
    taken = []
    news = True
    while news:
        began = time.process_time()
        news = lane.step()
        taken.append((time.process_time() - began) * 1000)
    return taken


def until_quiet(lane: Lane) -> str:
    """The same in two figures."""
    taken = passes(lane)
    return f"{statistics.median(taken):.2f} | {max(taken):.1f}"


def job(number: int, teams: list[str]) -> Job:
    """One that asks for a quarter of the machine."""
    wish = AcceleratorWish(DEVICES // 4, ("a100",))
    return Job(
        name="waits",
        team=teams[number % len(teams)],
        type=JobType.TRAINING,
        program=Program(("short",)),
        needs=ReplicaNeeds(MilliCpu(100), Bytes(64 << 20), wish),
        priority="exploratory",
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=5000)
    parser.add_argument("--passes", type=int, default=200)
    asked = parser.parse_args()
    clock = FixedClock(dt.datetime(2026, 11, 28, tzinfo=dt.UTC))
    platform = load(directory(running.example_platform()), clock.now().date()).platform
    teams = [team.name for team in platform.teams]
    room = MachineRoom(MilliCpu(64_000), Bytes(256 << 30))
    slots = tuple(MachineDevice(f"{SLOTS}-{number}", None) for number in range(DEVICES))
    machine = recognised(room, MachineInventory(slots, (), "slots"), platform.accelerators)
    processes = FakeJobProcesses(clock, {"short": FakeProgram(seconds=LENGTH)})
    with tempfile.TemporaryDirectory() as name, SqlitePlace(Path(name) / "store.db").writer("a benchmark") as store:
        storage = LocalStorage(LocalJobFolders(Path(name)), running.own_secrets({"HOME": name}))
        backend = LocalBackend(platform, machine, processes, storage, clock)
        serving = Serving(
            backend, changes=backend, devices=backend.watched, advance=backend.advance, snapshot=backend.snapshot
        )
        lane = Lane(store, serving, clock)
        now = int(clock.now().timestamp() * 1000)
        history = JobHistory().become(Move(now, JobState.SUBMITTED, MoveCause.SUBMITTED))
        lane.take(
            [StoredJob(f"j{number:05d}", job(number, teams), "ada", "local", history) for number in range(asked.jobs)]
        )
        print(f"| {asked.jobs} jobs wait, {DEVICES} slots | ms of CPU, median | most |\n|---|---:|---:|")
        print(f"| passes in which all are handed over | {until_quiet(lane)} |")
        print(f"| a pass in which nothing changes | {measured(asked.passes, lane.step)} |")
        ends: list[float] = []
        for _ in range(20):
            clock.sleep(LENGTH)
            ends += passes(lane)
        print(f"| passes in which four jobs end, and four start | {statistics.median(ends):.2f} | {max(ends):.1f} |")
        clock.sleep(61)
        print(f"| a look at everything, once a minute | {measured(1, lane.step)} |")
        print(f"| the machine as a snapshot, others held up meanwhile | {held(lane, serving)} |")


def held(lane: Lane, serving: Serving) -> str:
    """What of a snapshot is made while nobody else may ask the back end."""
    snapshot = serving.snapshot
    if snapshot is None:
        raise AssertionError("this machine has one")
    jobs = {each.id: each for each in lane._reconciler.jobs.values()}  # noqa: SLF001 (what the lane hands over itself)
    return measured(3, lambda: snapshot(jobs))


if __name__ == "__main__":
    main()

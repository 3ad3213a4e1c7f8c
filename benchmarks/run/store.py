"""A store of 100,000 jobs: how long listings, look-ups and changes take.

    python -m benchmarks.run.store [--jobs N] [--store FILE|ADDRESS]

The jobs are drawn from a seed: 40 teams, three months, most of them over, five moves and an attempt each. They are
written in bulk; everything that is measured goes through the port, as the server calls it. Where the machine does other
work, too, the time on the processor says more than that of the clock.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from allotment.adapters.store.places import place_of
from allotment.adapters.store.rows import attempt_to_row, job_to_row, move_to_row
from allotment.adapters.store.tables import ATTEMPTS, JOBS, MOVES
from allotment.adapters.store.writing import SqlStore
from allotment.model.jobs.job import AcceleratorWish, Job, JobType, Program, ReplicaNeeds
from allotment.model.jobs.run import JobHistory, JobState, Move, MoveCause, RunningPlace
from allotment.model.quantity import Bytes, MilliCpu
from allotment.ports.backends import EndOfRun
from allotment.ports.device_times import DeviceTurn, DeviceUse, TimedDevice
from allotment.ports.store import JobFilter, StorePlace
from allotment.ports.stored_jobs import JobAttempt, StoredChange, StoredJob

NOW = 1_800_000_000_000
MONTHS = 90 * 86_400_000
AT_ONCE = 2_000


def drawn(number: int, rng: random.Random) -> StoredJob:
    team, project = f"team-{rng.randrange(40):02d}", f"project-{rng.randrange(5)}"
    wish = AcceleratorWish(rng.choice((1, 1, 2, 4, 8)), (rng.choice(("a100", "h100", "l40s")),))
    job = Job(
        name=f"{rng.choice(('train', 'eval', 'finetune', 'sweep'))}-{rng.randrange(3000)}",
        team=team,
        type=JobType.TRAINING,
        program=Program(("python", "train.py", "--epochs=3", f"--lr={rng.random():.5f}"), environment={"SEED": "1"}),
        needs=ReplicaNeeds(MilliCpu(8000), Bytes(64 << 30), wish),
        priority=rng.choice(("low", "normal", "high")),
        project=project,
    )
    came = NOW - MONTHS + number * (MONTHS // 100_000)
    run = rng.randrange(60_000, 40_000_000)
    course = [
        (0, JobState.SUBMITTED, MoveCause.SUBMITTED),
        (100, JobState.QUEUED, MoveCause.TAKEN),
        (60_000, JobState.STARTING, MoveCause.ADMITTED),
        (65_000, JobState.RUNNING, MoveCause.STARTED),
        (65_000 + run, rng.choice((JobState.SUCCEEDED, JobState.SUCCEEDED, JobState.FAILED)), MoveCause.ENDED),
    ]
    if number % 250 == 0:
        course = course[: rng.choice((2, 2, 4))]
    moves = tuple(Move(came + after, state, cause, min(1, after), cause.value) for after, state, cause in course)
    stored = StoredJob(
        f"{number:06d}-{rng.randrange(1 << 32):08x}", job, f"user-{rng.randrange(400)}", "local", JobHistory(moves)
    )
    return stored if len(course) < 5 else with_attempt(stored)


def with_attempt(stored: StoredJob) -> StoredJob:
    places = (RunningPlace(0, "node-a", ("GPU-1",)),)
    attempt = JobAttempt(1, stored.started, stored.ended, places, EndOfRun(0, None, "exit code 0"))
    return StoredJob(
        stored.id, stored.job, stored.owner, stored.backend, stored.history, attempts=(attempt,), version=4
    )


def fill(store: SqlStore, jobs: Iterator[StoredJob]) -> None:
    while some := list(islice(jobs, AT_ONCE)):
        with store._changing() as connection:  # noqa: SLF001 (in bulk; the port takes one at a time)
            connection.execute(sa.insert(JOBS), [job_to_row(each) for each in some])
            moves = [
                move_to_row(each.id, place, move) for each in some for place, move in enumerate(each.history.moves)
            ]
            connection.execute(sa.insert(MOVES), moves)
            attempts = [attempt_to_row(each.id, attempt) for each in some for attempt in each.attempts]
            if attempts:
                connection.execute(sa.insert(ATTEMPTS), attempts)


def measured(what: str, act: Callable[[], Any], times: int = 30) -> None:
    act()
    took, used = [], []
    for _ in range(times):
        before, cpu = time.perf_counter(), on_processor()
        act()
        took.append((time.perf_counter() - before) * 1000)
        used.append((on_processor() - cpu) * 1000)
    took.sort()
    last = took[int(len(took) * 0.99)]
    say(f"| {what} | {statistics.median(took):.1f} | {last:.1f} | {statistics.median(used):.1f} |")


def on_processor() -> float:
    """Seconds, those of processes that it waited for included."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def listings(store: SqlStore, middle: StoredJob) -> None:
    second = store.page(JobFilter()).next
    active = frozenset(each for each in JobState if not each.over)
    say("| step, in the server | median, ms | p99, ms | processor, ms |")
    say("|---|---:|---:|---:|")
    for what, act in {
        "50 newest": lambda: store.page(JobFilter()),
        "the next 50": lambda: store.page(JobFilter(), after=second),
        "50 newest of a team": lambda: store.page(JobFilter(team="team-07")),
        "50 newest of a person": lambda: store.page(JobFilter(owner="user-7")),
        "50 newest that are not over": lambda: store.page(JobFilter(states=active)),
        "50 newest that failed, of a team, named train…": lambda: store.page(
            JobFilter(team="team-07", states=frozenset({JobState.FAILED}), prefix="train")
        ),
        "50 of a team that has no job": lambda: store.page(JobFilter(team="nobody")),
        "50 of a person who has no job": lambda: store.page(JobFilter(owner="nobody")),
        "one by its id": lambda: store.get(middle.id),
        "the newest of a name": lambda: store.find(middle.job.name),
        "one by how its id begins": lambda: store.find(middle.id[:9]),
        "all that are not over, whole": store.unfinished,
    }.items():
        measured(what, act)


def changes(store: SqlStore, rng: random.Random) -> None:
    device = TimedDevice("local", "node-a", "GPU-1")
    serial = iter(range(10**6))

    def one() -> None:
        number = next(serial)
        stored = store.add(with_moves(drawn(10**6 + number, rng), 1))
        use = DeviceUse("unmeasured", stored.id, stored.job.team, price=number)
        at = NOW + number
        (queued,) = store.record([StoredChange(stored.id, 0, (Move(at, JobState.QUEUED, MoveCause.TAKEN, 1),))])
        store.record(
            [StoredChange(stored.id, queued.version, (Move(at, JobState.RUNNING, MoveCause.STARTED, 1),))],
            [DeviceTurn(device, at, use)],
        )

    measured("a job that comes, is queued and runs: three commits", one, 200)


def with_moves(stored: StoredJob, number: int) -> StoredJob:
    return StoredJob(stored.id, stored.job, stored.owner, stored.backend, JobHistory(stored.history.moves[:number]))


def fresh_process(named: str) -> None:
    code = (
        "import sys; from allotment import wiring; from allotment.ports.store import JobFilter\n"
        "with wiring.store(sys.argv[1]).reader() as store: store.page(JobFilter())"
    )
    measured(
        "50 newest, by a process that starts for it",
        lambda: subprocess.run([sys.executable, "-c", code, named], check=True),
        5,
    )


def run(named: str, jobs: int) -> None:
    place: StorePlace = place_of(named)
    rng = random.Random(12)
    before = time.perf_counter()
    middle = drawn(jobs // 2, random.Random(7))
    with place.writer("a benchmark") as store:
        assert isinstance(store, SqlStore)
        stream = (middle if number == jobs // 2 else drawn(number, rng) for number in range(jobs))
        fill(store, stream)
        status = place.status()
        held, size = sum(status.jobs.values()), status.size / 2**20
        say(f"{held} jobs, {size:.0f} MiB, {status.engine}, filled in {time.perf_counter() - before:.0f} s")
        load, version = os.getloadavg()[0], platform.python_version()
        say(f"{platform.platform()}, {os.cpu_count()} CPUs, load {load:.1f}, Python {version}\n")
        listings(store, middle)
        measured("what it holds, in figures", place.status, 10)
        changes(store, rng)
    fresh_process(named)
    if "://" not in named:
        begun = time.perf_counter()
        size = place.backup(Path(f"{named}.backup"))
        say(f"| a backup of {size / 2**20:.0f} MiB | {(time.perf_counter() - begun) * 1000:.0f} | | |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--store", default="", help="a file, or the address of an empty PostgreSQL database")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run(asked.store or str(Path(folder) / "store.db"), asked.jobs)


if __name__ == "__main__":
    main()

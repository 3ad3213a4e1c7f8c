"""The server under load: 100,000 jobs, 10,000 of them not over, of 500 teams; 100 calls a second.

    python -m benchmarks.api [--minutes N] [--jobs N] [--rate N] [--store sqlite|postgres|both] [--soak]

Calls come at a fixed rate whether or not those before were answered, and are timed from when they were to be sent. The
bar: 99 of 100 reads within 50 ms, and changes within 200 ms. Memory is looked at every few seconds, and of a run of
five minutes or more it has to be flat. Then 500 follow what changes, and hear of it within 200 ms. At the end the
server is killed while jobs are submitted, and started anew; whoever was not answered asks again with his key. Then
every job that was acknowledged is looked for, and that each is there once.

With --soak times are printed and not judged: what is lost, and memory, are.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import itertools
import json
import os
import platform
import random
import statistics
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from allotment.model.jobs.job import DependencyState, JobDependency, JobType
from allotment.model.jobs.written import write_value
from allotment.model.quantity import Bytes, MilliCpu
from allotment.ports.job_service import JobSubmission
from benchmarks.api.load import Call, Client, Timed, at_rate
from benchmarks.api.pace import pace
from benchmarks.api.stage import TEAMS, Running, ended, filled, start, token, write_platform
from benchmarks.api.watching import TOKENS, WATCHERS, watched_by_many
from benchmarks.run.store import drawn
from tests.live.store.server import programs
from tests.live.store.server import running as postgres_server

READS_WITHIN, CHANGES_WITHIN, HEARD_WITHIN = 50.0, 200.0, 200.0
"""Milliseconds: the bar for 99 of 100."""
LOOK_EVERY = 5.0
GROWTH = 1.05
"""How much more it may hold in the last fifth of a long run than in the second."""
LONG = 60
"""Looks at memory from which a run is long."""
_SERIAL = itertools.count()


def say(line: str = "") -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def submission(rng: random.Random, jobs: int, living: int, name: str = "") -> Call:
    """A job that waits until one is over that never is: it is kept and held, and nothing runs."""
    number = rng.randrange(jobs - living, jobs)
    of, serial = f"b{number:09d}", next(_SERIAL)
    made = drawn(serial, rng).job
    wanted = replace(
        made,
        name=name or f"new-{serial}",
        team=TEAM_OF[number],
        type=JobType.TRAINING,
        project="",
        priority="exploratory",
        needs=replace(made.needs, cpu=MilliCpu(100), memory=Bytes(64 << 20), accelerators=None),
        after=(JobDependency(of, DependencyState.SUCCEEDED),),
    )
    body = write_value("submission", JobSubmission(wanted, "local")).encode()
    return Call("submit a job", "POST", "/api/v1/jobs", body, f"bench-{rng.getrandbits(64):016x}")


TEAM_OF: dict[int, str] = {}
"""Teams of the jobs that are not over."""


def mixed(rng: random.Random, jobs: int, living: int, submitted: list[str]) -> Iterator[Call]:
    """What people and their programs ask, four reads to a change."""
    while True:
        team = f"team-{rng.randrange(TEAMS):03d}"
        drawn_by = rng.random()
        if drawn_by < 0.2:
            yield Call("50 newest jobs", "GET", "/api/v1/jobs?alone=true")
        elif drawn_by < 0.4:
            yield Call("50 newest of a team", "GET", f"/api/v1/jobs?alone=true&team={team}")
        elif drawn_by < 0.5:
            yield Call("50 of a team that are not over", "GET", f"/api/v1/jobs?team={team}&state=queued,running,held")
        elif drawn_by < 0.65:
            yield Call("one job", "GET", f"/api/v1/jobs/b{rng.randrange(jobs):09d}")
        elif drawn_by < 0.7:
            yield Call("counts by state and team", "GET", "/api/v1/job-counts?by=state,team&alone=true")
        elif drawn_by < 0.75:
            yield Call("counts of a team", "GET", f"/api/v1/job-counts?by=state&team={team}")
        elif drawn_by < 0.8:
            yield Call("status", "GET", "/api/v1/status")
        elif drawn_by < 0.9 or not submitted:
            yield submission(rng, jobs, living)
        else:
            key = f"bench-{rng.getrandbits(64):016x}"
            yield Call("stop a job", "POST", f"/api/v1/jobs/{submitted.pop()}/stop", key=key)


def percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def table(timed: Timed) -> bool:
    """Print it; whether the bar is met."""
    say("| call | number | median, ms | p99, ms | worst, ms |")
    say("|---|---:|---:|---:|---:|")
    reads: list[float] = []
    changes: list[float] = []
    for name, took in sorted(timed.took.items()):
        (changes if name in {"submit a job", "stop a job"} else reads).extend(took)
        row(name, took)
    for name, took in (("**all reads**", reads), ("**all changes**", changes)):
        row(name, took)
    for what, times in timed.failed.items():
        say(f"failed {times} times: {what}")
    met = percentile(reads, 0.99) <= READS_WITHIN and percentile(changes, 0.99) <= CHANGES_WITHIN
    say(f"\nthe bar ({READS_WITHIN:g} and {CHANGES_WITHIN:g} ms) is {'met' if met else 'not met'}")
    return met and not timed.failed


def row(name: str, took: list[float]) -> None:
    say(f"| {name} | {len(took)} | {percentile(took, 0.5):.1f} | {percentile(took, 0.99):.1f} | {max(took):.1f} |")


async def looked_at(server: Running, found: list[float]) -> None:
    while True:
        found.append(server.memory)
        await asyncio.sleep(LOOK_EVERY)


async def under_load(server: Running, text: str, asked: argparse.Namespace) -> bool:
    rng, submitted, memory = random.Random(1), list[str](), list[float]()
    client = Client(server.port, text)

    def told(call: Call, answer: Any) -> None:
        if call.name == "submit a job":
            submitted.append(answer["receipt"]["job"]["id"])

    await at_rate(client, mixed(rng, asked.jobs, asked.living, submitted), asked.rate / 4, 15, told)
    # Whoever asks looks through his own memory now, and not while somebody's answer waits for him.
    gc.collect()
    gc.freeze()
    looking = asyncio.create_task(looked_at(server, memory))
    calls, before = mixed(rng, asked.jobs, asked.living, submitted), server.on_processor
    timed = await at_rate(client, calls, asked.rate, asked.minutes * 60, told)
    looking.cancel()
    met = table(timed)
    each = (server.on_processor - before) * 1000 / max(1, sum(map(len, timed.took.values())))
    say(f"processor: {each:.1f} ms a call, the server's passes included")
    say(f"memory: {memory[0]:.0f} MiB at first, {memory[-1]:.0f} at last, {max(memory):.0f} at most")
    return (met or (asked.soak and not timed.failed)) and flat(memory)


def flat(memory: list[float]) -> bool:
    """Whether what is held has not grown; nobody can say that of a short run."""
    if len(memory) < LONG:
        return True
    fifth = len(memory) // 5
    second, last = statistics.mean(memory[fifth : 2 * fifth]), statistics.mean(memory[-fifth:])
    found = last <= GROWTH * second
    say(f"it is {'flat' if found else 'not flat'}: {second:.0f} MiB in the second fifth, {last:.0f} in the last")
    return found


async def followed(server: Running, text: str, asked: argparse.Namespace) -> bool:
    """How soon those hear who follow; whether the bar is met."""
    rng, tokens = random.Random(3), [text, *(token(server, f"benchmark-{each}") for each in range(1, TOKENS))]
    found = await watched_by_many(server.port, tokens, lambda name: submission(rng, asked.jobs, asked.living, name))
    met = bool(found.told)
    for what, took in (("the first event", found.first), ("a change, told to all", found.told)):
        if took:
            median, most = percentile(took, 0.5), percentile(took, 0.99)
            say(f"{WATCHERS} follow: {what}, after {median:.0f} ms (median), {most:.0f} (p99), {max(took):.0f} (worst)")
            met = met and most <= HEARD_WITHIN
    say(f"the bar ({HEARD_WITHIN:g} ms) is {'met' if met else 'not met'}")
    return met or (asked.soak and bool(found.told))


async def killed(folder: Path, servers: list[Running], text: str, asked: argparse.Namespace, store: str) -> bool:
    """Submissions while the server is killed, twice; nothing that was acknowledged may be lost, nor be there twice."""
    rng, client = random.Random(2), Client(servers[0].port, text)
    sent = at_rate(client, iter(lambda: submission(rng, asked.jobs, asked.living), None), asked.rate / 5, 20)
    sending = asyncio.create_task(sent)
    for _ in range(2):
        await asyncio.sleep(5)
        servers[-1].kill()
        servers.append(await asyncio.to_thread(start, folder, folder / "platform", store, servers[0].port))
    timed = await sending
    missing, twice = [], []
    for call, answer in timed.done:
        name, id_ = json.loads(call.body)["submission"]["job"]["name"], answer["receipt"]["job"]["id"]
        status, body = await client.ask(Call("", "GET", f"/api/v1/jobs?prefix={name}&limit=100"))
        rows = (
            [each["id"] for each in json.loads(body)["page"]["rows"] if each["name"] == name] if status == 200 else []
        )
        missing += [id_] if id_ not in rows else []
        twice += [name] if len(rows) > 1 else []
    say(f"killed twice under load: {len(timed.done)} jobs acknowledged, {len(missing)} lost, {len(twice)} twice")
    for what, times in timed.failed.items():
        say(f"failed {times} times: {what}")
    return not (missing or twice or timed.failed)


def measured(folder: Path, store: str, asked: argparse.Namespace) -> bool:
    filled(store, asked.jobs, asked.living)
    say(f"the machine before: {pace()}")
    server = start(folder, write_platform(folder / "platform"), store)
    servers = [server]
    with ended(servers):
        text = token(server)
        met = asyncio.run(under_load(server, text, asked))
        say(f"the machine after: {pace()}")
        soon = asyncio.run(followed(server, text, asked))
        kept = asyncio.run(killed(folder, servers, text, asked, store))
    return met and soon and kept


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--jobs", type=int, default=100_000)
    parser.add_argument("--living", type=int, default=10_000)
    parser.add_argument("--rate", type=float, default=100.0)
    parser.add_argument("--soak", action="store_true")
    parser.add_argument("--store", choices=("sqlite", "postgres", "both"), default="both")
    asked = parser.parse_args()
    from benchmarks.api.stage import jobs  # noqa: PLC0415 (the same draw as of the store)

    for number, each in enumerate(jobs(asked.jobs, asked.living)):
        if number >= asked.jobs - asked.living:
            TEAM_OF[number] = each.job.team
    met = True
    load, version = os.getloadavg()[0], platform.python_version()
    say(f"{platform.platform()}, {os.cpu_count()} CPUs, load {load:.1f}, Python {version}")
    if asked.store in {"sqlite", "both"}:
        with tempfile.TemporaryDirectory() as folder:
            say(f"\nSQLite, {asked.jobs} jobs\n")
            met = measured(Path(folder), str(Path(folder) / "store.db"), asked) and met
    installed = programs() if asked.store in {"postgres", "both"} else None
    if installed is not None:
        with tempfile.TemporaryDirectory() as folder, postgres_server(installed) as postgres:
            say(f"\nPostgreSQL, {asked.jobs} jobs\n")
            met = measured(Path(folder), postgres.make("bench"), asked) and met
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())

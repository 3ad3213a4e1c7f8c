"""Philly's jobs: questions at submission, answered with what was known by then.

Philly records no starts. The truth is the whole trace simulated with true run times: each virtual cluster one
ClusterQueue (BestEffortFIFO) with the least capacity, in steps of 25 % of its mean load, at which jobs wait less than
4 hours on average. The estimates know neither run times of jobs that have not ended nor submissions to come.
"""

from __future__ import annotations

import csv
import datetime as dt
import functools
import gzip
import math
import random
import statistics
import time
from bisect import bisect_right
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from allotment.scheduling.queueing.inputs import (
    ClusterQueue,
    ClusterState,
    EngineSettings,
    FlavorQuotas,
    PodSet,
    PodSetAdmission,
    ResourceFlavor,
    ResourceGroup,
    ResourceQuota,
    Workload,
)
from allotment.simulation.environment import Admitted, simulate
from allotment.simulation.estimate.arrivals import PastArrival, ReplayedPast
from allotment.simulation.estimate.batches import BatchRuntimes, Submitted, batches
from allotment.simulation.estimate.forecast import Question, RunningWorkload, Situation, estimate_starts
from allotment.simulation.estimate.runtimes import RuntimeHistory
from allotment.simulation.scenario import Arrival, Assumptions, Scenario
from benchmarks.engine.estimates_coverage import COVERAGE, DAY, HORIZON, RECENT, Answer, Table, judge, of_recent

GPU = "nvidia.com/gpu"
PAST = 14 * DAY
BATCH_GAP = 600
MOST_WAIT = 4 * 3600
FEWEST_JOBS = 1_000
# This virtual cluster was looked at in full when batches were designed; the last line leaves it out.
SEEN = "0e4a51"


@dataclass(frozen=True, slots=True)
class Job:
    name: str
    submitted: int
    runtime: int
    gpus: int


def philly_jobs(data: Path) -> dict[str, list[Job]]:
    with gzip.open(data / "philly" / "philly.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))
    moments = [int(dt.datetime.fromisoformat(row["timestamp"]).replace(tzinfo=dt.UTC).timestamp()) for row in rows]
    first = min(moments)
    clusters: dict[str, list[Job]] = {}
    for number, (row, moment) in enumerate(zip(rows, moments, strict=True)):
        gpus, runtime = int(row["num_gpus"]), round(float(row["duration"]))
        if gpus and runtime:
            clusters.setdefault(row["cluster"], []).append(Job(f"job-{number}", moment - first, runtime, gpus))
    return {name: sorted(jobs, key=lambda job: job.submitted) for name, jobs in clusters.items()}


def queue_of(capacity: int) -> ClusterState:
    quotas = FlavorQuotas("default", ((GPU, ResourceQuota(capacity)),))
    return ClusterState((ResourceFlavor("default"),), (ClusterQueue("vc", (ResourceGroup((GPU,), (quotas,)),)),))


def workload_of(job: Job, number: int) -> Workload:
    return Workload(job.name, f"{number:09d}", "vc", 0, job.submitted, (PodSet("main", 1, ((GPU, job.gpus),)),))


def true_starts(jobs: Sequence[Job], capacity: int) -> list[int]:
    arrivals = tuple(Arrival(workload_of(job, n), job.submitted, job.runtime) for n, job in enumerate(jobs))
    scenario = Scenario(
        "philly", "trace", queue_of(capacity), EngineSettings(), Assumptions(1, idle_cycles=3), arrivals
    )
    starts = {
        each.workload: each.t for each in simulate(scenario, messages=False).decisions if isinstance(each, Admitted)
    }
    return [starts[job.name] for job in jobs]


def world(jobs: Sequence[Job]) -> tuple[int, list[int]]:
    """The stated capacity and the true starts."""
    load = sum(job.runtime * job.gpus for job in jobs) / (jobs[-1].submitted - jobs[0].submitted)
    for step in range(5, 40):
        capacity = max(*(job.gpus for job in jobs), math.ceil(load * step / 4))
        starts = true_starts(jobs, capacity)
        if statistics.mean(s - job.submitted for s, job in zip(starts, jobs, strict=True)) < MOST_WAIT:
            return capacity, starts
    raise SystemExit("no capacity brings the mean wait under 4 hours")


@dataclass(frozen=True, slots=True)
class World:
    """A virtual cluster with its true starts, and how thoroughly it is asked."""

    name: str
    jobs: Sequence[Job]
    capacity: int
    starts: Sequence[int]

    @property
    def waited(self) -> list[int]:
        """Jobs that did not start at once."""
        return [number for number, job in enumerate(self.jobs) if self.starts[number] > job.submitted]

    def bursts(self) -> dict[int, int]:
        """For each job that waited, the number of the time without a break in which some job waited."""
        numbers: dict[int, int] = {}
        number, end = 0, -math.inf
        for job in self.waited:
            if self.jobs[job].submitted > end:
                number += 1
            end = max(end, self.starts[job])
            numbers[job] = number
        return numbers


class Past:
    """What was known at a moment; moments only go forward."""

    def __init__(self, world: World) -> None:
        jobs, starts = world.jobs, world.starts
        self._world = world
        numbers = batches((Submitted(job.name, job.submitted, (job.gpus,)) for job in jobs), BATCH_GAP)
        self.groups = {job.name: (("batch", numbers[job.name]), ("size", job.gpus), "all") for job in jobs}
        self.history = RuntimeHistory()
        self._ends = sorted((starts[n] + job.runtime, n) for n, job in enumerate(jobs))
        self._ended = 0
        self._workloads = [workload_of(job, n) for n, job in enumerate(jobs)]
        self._arrivals = [PastArrival(self._workloads[n], job.submitted) for n, job in enumerate(jobs)]
        self._waited = sorted(world.waited, key=starts.__getitem__)
        self._their_starts = [starts[n] for n in self._waited]

    def situation(self, now: int) -> tuple[Situation, dict[Hashable, int]]:
        """Who runs and who waits, and how long the oldest running job of each batch has run."""
        world = self._world
        while self._ends[self._ended][0] <= now:
            job = world.jobs[self._ends[self._ended][1]]
            self.history.finished(self.groups[job.name], job.runtime)
            self._ended += 1
        here = sorted(n for end, n in self._ends[self._ended :] if world.jobs[n].submitted <= now)
        running = [n for n in here if world.starts[n] <= now]
        oldest: dict[Hashable, int] = {}
        for n in running:
            batch = self.groups[world.jobs[n].name][0]
            oldest[batch] = max(oldest.get(batch, 0), now - world.starts[n])
        got = {n: (PodSetAdmission("main", 1, ((GPU, "default"),)),) for n in running}
        return (
            Situation(
                queue_of(world.capacity),
                EngineSettings(),
                now,
                tuple(RunningWorkload(self._workloads[n], got[n], world.starts[n]) for n in running),
                tuple(self._workloads[n] for n in here if world.starts[n] > now),
                wakeup_delay=1,
            ),
            oldest,
        )

    def arrivals(self, now: int) -> ReplayedPast:
        """The last weeks, to be played again."""
        since = max(self._world.jobs[0].submitted, now - PAST)
        first, last = (bisect_right(self._arrivals, moment, key=lambda each: each.at) for moment in (since, now))
        return ReplayedPast(self._arrivals[first:last], since, now, self._world.jobs[0].submitted)

    def recent_waits(self, now: int) -> list[float]:
        """Of the last jobs that had to wait and have started."""
        last = bisect_right(self._their_starts, now)
        return [
            float(self._world.starts[n] - self._world.jobs[n].submitted)
            for n in self._waited[max(0, last - RECENT) : last]
        ]


def ask(world: World, questions: int, repeats: int, seed: int) -> Iterator[Answer]:
    """About a random sample of the jobs that waited, each at its submission."""
    chance = random.Random(seed)
    waited = world.waited
    bursts = world.bursts()
    past = Past(world)
    for number in sorted(chance.sample(waited, min(questions, len(waited)))):
        job = world.jobs[number]
        now = job.submitted
        situation, oldest = past.situation(now)
        (estimate,) = estimate_starts(
            situation,
            Question((job.name,), HORIZON, COVERAGE, repeats),
            functools.partial(BatchRuntimes, past.history, past.groups, oldest),
            chance,
            past.arrivals(now),
        )
        yield Answer(
            world.name,
            bursts[number],
            now,
            estimate.interval,
            estimate.median,
            of_recent(past.recent_waits(now)),
            world.starts[number],
        )


def measure(data: Path, *, questions: int, repeats: int, seed: int, smallest: int | None, verbose: bool) -> Table:
    """Ask in every virtual cluster (or the smallest few) and print the table; the earlier half only teaches."""
    print("Philly: truth is our simulation with true run times")
    asked: dict[str, list[Answer]] = {}
    clusters = sorted(
        (each for each in philly_jobs(data).items() if len(each[1]) >= FEWEST_JOBS), key=lambda e: len(e[1])
    )
    for name, jobs in clusters[:smallest]:
        begin = time.process_time()
        capacity, starts = world(jobs)
        known = time.process_time()
        here = World(name, jobs, capacity, starts)
        asked[name] = list(ask(here, questions, repeats, seed))
        done = time.process_time()
        mean = statistics.mean(s - job.submitted for s, job in zip(starts, jobs, strict=True)) / 3600
        print(
            f"  {name}: {len(jobs)} jobs, {capacity} GPUs, {len(here.waited)} had to wait, mean wait of all "
            f"{mean:.1f} h; CPU: truth {known - begin:.0f} s, {len(asked[name])} questions {done - known:.0f} s "
            f"({1000 * (done - known) / len(asked[name]) / repeats:.1f} ms a simulated future)",
            flush=True,
        )
        if verbose:
            tabulate(asked)
    return tabulate(asked)


def tabulate(asked: Mapping[str, Sequence[Answer]]) -> Table:
    """Coverage for each virtual cluster and in all."""
    everything = sorted((answer for answers in asked.values() for answer in answers), key=lambda each: each.asked)
    later = {answer for answers in asked.values() for answer in list(answers)[len(answers) // 2 :]}
    table = judge(
        (answer, [each for each in everything[:place] if each.asked < answer.asked])
        for place, answer in enumerate(everything)
        if answer in later
    )
    print(Table.HEADER)
    for name in asked:
        print(table.only(name).line(name))
    print(table.line("all"))
    if SEEN in asked:
        rest = Table(
            *(
                [each for each in part if each.answer.queue != SEEN]
                for part in (table.simulated, table.shown, table.peer)
            )
        )
        print(rest.line(f"all but {SEEN}"), flush=True)
    return table

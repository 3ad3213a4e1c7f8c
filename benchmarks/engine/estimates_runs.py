"""Runs published with Muri (SIGCOMM'22): the same 400 jobs under six schedulers on 64 V100s, recorded.

How long a job runs and how long it takes to start up is fitted on the records of the *other* schedulers, for jobs of
the same model and size. What the correction learns comes from the other runs too, and from the same run up to the
moment of the question: a cluster that has run other schedulers before gets a new one.
"""

from __future__ import annotations

import csv
import gzip
import math
import random
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from allotment.simulation.estimate.arrivals import lasting
from allotment.simulation.estimate.interval import central_interval, quantile
from benchmarks.engine.estimates_coverage import COVERAGE, DAY, HORIZON, Answer, Table, judge, of_recent
from benchmarks.engine.rounds import RoundCluster, RoundJob, RoundPolicy, RoundSimulation

NODES = 8
ROUND = 360.0
SHARING = 4
RUNS = {
    "SRSF": RoundCluster(NODES, RoundPolicy.SHORTEST_SERVICE),
    "SRTF": RoundCluster(NODES, RoundPolicy.SHORTEST_TIME),
    "tiresias": RoundCluster(NODES, RoundPolicy.ATTAINED_SERVICE),
    "themis": RoundCluster(NODES, RoundPolicy.FINISH_TIME_FAIRNESS),
    "Muri-S": RoundCluster(NODES, RoundPolicy.SHORTEST_SERVICE, sharing=SHARING),
    "Muri-L": RoundCluster(NODES, RoundPolicy.LEAST_SERVICE, sharing=SHARING),
}
# Jobs that share GPUs run slower for that, which says nothing about the jobs: their records are not fitted on.
ALONE = tuple(name for name, cluster in RUNS.items() if cluster.sharing == 1)
FEWEST_ALIKE = 5
LEAST_FACTOR = 0.5
# Puts the other runs before this one: longer than any of them took.
_EARLIER = 1_000 * DAY


@dataclass(frozen=True, slots=True)
class Record:
    """What was recorded of a job.

    Attributes:
        started: the round in which it first got GPUs; recorded starts are up to 5 s behind the clock of the rounds.
        executed: seconds in which it held GPUs.
    """

    started: float
    ended: float
    executed: float
    placements: int


@dataclass(frozen=True, slots=True)
class Trace:
    """The jobs with the run time their profile says, and which of them are alike: narrowest group first."""

    jobs: Sequence[RoundJob]
    alike: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Fitted:
    """The jobs as other runs let expect them, and the spread of their run times about that (a share)."""

    jobs: Sequence[RoundJob]
    spread: Sequence[float]


def rows(data: Path, name: str) -> list[dict[str, str]]:
    with gzip.open(data / "muri" / f"{name}.csv.gz", "rt") as file:
        return list(csv.DictReader(file))


def profiled(data: Path) -> Trace:
    """Run time by profile is iterations times seconds an iteration."""
    trace = rows(data, "cluster_trace")
    jobs = [
        RoundJob(
            int(row["submit_time"]) / 1000,
            int(row["num_gpu"]),
            int(row["iterations"]) * int(row["iteration_time"]) / 1000,
            step=int(row["iteration_time"]) / 1000,
            stages=tuple(float(row[f"resource_time_{kind}"]) / 1000 for kind in range(3)),
        )
        for row in trace
    ]
    return Trace(jobs, [(f"{row['model_name']} on {row['num_gpu']}", row["model_name"]) for row in trace])


def recorded(data: Path, name: str) -> list[Record]:
    by_job = sorted(rows(data, f"physical_{name}_job"), key=lambda row: int(row["job_id"]))
    return [
        Record(
            round(float(row["start_time"]) / ROUND) * ROUND,
            float(row["end_time"]),
            float(row["real_executed_time"]),
            int(row["job_counter"]),
        )
        for row in by_job
    ]


def fitted(trace: Trace, others: Sequence[Sequence[Record]]) -> Fitted:
    """Each job by its fellows in other runs: of its model and size, or of its model where those are few."""
    members: dict[str, list[int]] = {}
    for number, groups in enumerate(trace.alike):
        for group in groups:
            members.setdefault(group, []).append(number)
    laws = {group: _law(trace.jobs, numbers, others) for group, numbers in members.items()}
    jobs, spread = [], []
    for job, groups in zip(trace.jobs, trace.alike, strict=True):
        group = next((each for each in groups if len(members[each]) >= FEWEST_ALIKE), groups[-1])
        factor, restart, error = laws[group]
        stages = tuple(each * factor for each in job.stages)
        jobs.append(replace(job, runtime=job.runtime * factor, restart=restart, step=job.step * factor, stages=stages))
        spread.append(error)
    return Fitted(jobs, spread)


def _law(
    jobs: Sequence[RoundJob], numbers: Sequence[int], runs: Sequence[Sequence[Record]]
) -> tuple[float, float, float]:
    """Factor on profiled time, seconds at each placement, and spread: least squares, jobs weighted by their length."""
    pairs = [(jobs[number], run[number]) for run in runs for number in numbers]
    seconds = np.array([record.executed for _, record in pairs])
    weight = 1 / np.maximum(seconds, ROUND)
    columns = np.array([(job.runtime, record.placements) for job, record in pairs]) * weight[:, None]
    (factor, restart), *_ = np.linalg.lstsq(columns, seconds * weight, rcond=None)
    spread = float(np.std(columns @ (factor, restart) - seconds * weight))
    return float(factor), max(0.0, float(restart)), spread


def drawn(jobs: Fitted, chance: random.Random) -> list[RoundJob]:
    """The jobs with run times drawn about what is expected."""
    return [
        replace(job, runtime=job.runtime * max(LEAST_FACTOR, 1 + chance.gauss(0, spread)))
        for job, spread in zip(jobs.jobs, jobs.spread, strict=True)
    ]


@dataclass(frozen=True, slots=True)
class Deviation:
    """A simulated run beside the record, as shares: mean completion time, makespan; and who started in its round."""

    completion: float
    makespan: float
    wait: float
    placements: int
    same_start: int


def deviation(cluster: RoundCluster, jobs: Sequence[RoundJob], run: Sequence[Record]) -> Deviation:
    ours = RoundSimulation(cluster, jobs)
    ours.run()
    ended = [end for end in ours.ended if end is not None]
    started = [start for start in ours.started if start is not None]
    first = sum(job.submitted for job in jobs)
    return Deviation(
        (sum(ended) - first) / (sum(record.ended for record in run) - first) - 1,
        max(ended) / max(record.ended for record in run) - 1,
        (sum(started) - first) / (sum(record.started for record in run) - first) - 1,
        ours.restarts,
        sum(abs(start - record.started) < ROUND / 2 for start, record in zip(started, run, strict=True)),
    )


def deviations(
    cluster: RoundCluster, jobs: Fitted, run: Sequence[Record], *, repeats: int, seed: int
) -> list[Deviation]:
    """Of simulations with run times drawn."""
    chance = random.Random(seed)
    return [deviation(cluster, drawn(jobs, chance), run) for _ in range(repeats)]


def mean_deviation(each: Sequence[Deviation], run: Sequence[Record]) -> str:
    """Means, and how much the simulations scatter."""
    parts = [
        f"{100 * statistics.mean(values):+6.2f} % (±{100 * statistics.pstdev(values):.2f})"
        for values in ([e.completion for e in each], [e.makespan for e in each], [e.wait for e in each])
    ]
    placements = statistics.mean(e.placements for e in each)
    same = statistics.mean(e.same_start for e in each)
    recorded_placements = sum(record.placements for record in run)
    return f"{'   '.join(parts)}   {placements:6.0f} of {recorded_placements:5d}   {same:5.0f} of {len(run)}"


def exact_deviation(cluster: RoundCluster, jobs: Fitted, run: Sequence[Record]) -> Deviation:
    """With the run times of this very record: what is left is how our decisions differ."""
    own = [
        replace(job, runtime=max(1.0, record.executed - record.placements * job.restart))
        for job, record in zip(jobs.jobs, run, strict=True)
    ]
    return deviation(cluster, own, run)


def ask(name: str, jobs: Fitted, run: Sequence[Record], repeats: int, seed: int) -> Iterator[Answer]:
    """One question for each job that was not placed in the first round after its submission, at that round.

    The state is the twin's, set right by which jobs had started and ended by then: the records do not say how far a
    running job was.
    """
    chance = random.Random(seed)
    twin = RoundSimulation(RUNS[name], jobs.jobs)
    late = [number for number, job in enumerate(jobs.jobs) if run[number].started - _first_round(job) >= ROUND / 2]
    burst, end = 0, -math.inf
    for number in late:
        job = jobs.jobs[number]
        burst, end = burst + (job.submitted > end), max(end, run[number].started)
        twin.run(until=_first_round(job))
        twin.decide()
        waits = [_wait(twin, number, jobs, run, chance) for _ in range(repeats)]
        before = sorted(
            (run[each].started, run[each].started - _first_round(jobs.jobs[each]))
            for each in late
            if run[each].started <= twin.now
        )
        yield Answer(
            name,
            burst,
            twin.now,
            central_interval(waits, COVERAGE),
            quantile(sorted(waits), 0.5),
            of_recent([wait for _, wait in before]),
            run[number].started,
        )


def _first_round(job: RoundJob) -> float:
    return math.ceil(job.submitted / ROUND) * ROUND


def _wait(twin: RoundSimulation, number: int, jobs: Fitted, run: Sequence[Record], chance: random.Random) -> float:
    """In one future, in which submissions go on as they have gone on so far."""
    future = twin.fork()
    for known in range(len(future.jobs)):
        future.correct(known, started=run[known].started <= twin.now, ended=run[known].ended <= twin.now)
        future.scale_remaining(known, max(LEAST_FACTOR, 1 + chance.gauss(0, jobs.spread[known])))
    future.hold_back(number)
    for later in replayed(list(future.jobs), twin.now, chance):
        future.add(later)
    future.run(until=twin.now + HORIZON, until_started=number)
    started = future.started[number]
    return math.inf if started is None else started - twin.now


def replayed(past: Sequence[RoundJob], now: float, chance: random.Random) -> Iterator[RoundJob]:
    """Submissions to come: the past from a random moment on, again and again.

    They end some time: see `ReplayedPast`.
    """
    end = now + lasting(now, chance)
    moment = chance.random() * now
    shift = now - moment
    rest = [job for job in past if job.submitted > moment]
    while shift < HORIZON:
        for job in rest:
            if job.submitted + shift > end:
                return
            yield replace(job, submitted=job.submitted + shift)
        rest = list(past)
        shift += now


def expectations(data: Path) -> tuple[dict[str, Fitted], dict[str, list[Record]]]:
    """For each run the jobs as the other runs let expect them; and what was recorded."""
    trace = profiled(data)
    records = {name: recorded(data, name) for name in RUNS}
    expected = {name: fitted(trace, [records[other] for other in ALONE if other != name]) for name in RUNS}
    return expected, records


def measure(data: Path, *, repeats: int, seed: int) -> Table:
    """Print how far our simulation is from each record, and how often its intervals held the recorded starts."""
    expected, records = expectations(data)
    print(
        f"\nRuns on 64 GPUs: our simulation against the record, mean of {repeats} with run times drawn (±: their "
        f"scatter); best published simulator: 1.7 %\n{'':10s}  mean completion       makespan           "
        f"mean wait            placements        same first round"
    )
    for name, cluster in RUNS.items():
        drawn_runs = deviations(cluster, expected[name], records[name], repeats=repeats, seed=seed)
        print(f"{name:10s} {mean_deviation(drawn_runs, records[name])}")
    print("with the recorded run times instead of expected ones:")
    for name in ALONE:
        exact = exact_deviation(RUNS[name], expected[name], records[name])
        print(
            f"{name:10s} {100 * exact.completion:+6.2f} %             {100 * exact.makespan:+6.2f} %             "
            f"{100 * exact.wait:+6.2f} %              {exact.placements:6d} of "
            f"{sum(record.placements for record in records[name]):5d}   {exact.same_start:5d} of {len(records[name])}"
        )
    return coverage(expected, records, repeats, seed)


def coverage(expected: Mapping[str, Fitted], records: Mapping[str, Sequence[Record]], repeats: int, seed: int) -> Table:
    asked: dict[str, list[Answer]] = {}
    for name in RUNS:
        begin = time.process_time()
        asked[name] = list(ask(name, expected[name], records[name], repeats, seed))
        print(f"  {name}: {len(asked[name])} had to wait, {time.process_time() - begin:.0f} CPU s", flush=True)
    table = judge((answer, _lessons(asked, name, answer)) for name, answers in asked.items() for answer in answers)
    print(f"\nStarts in these runs, recorded\n{Table.HEADER}")
    for name in RUNS:
        print(table.only(name).line(name))
    print(table.line("all"))
    return table


def _lessons(asked: Mapping[str, Sequence[Answer]], name: str, answer: Answer) -> list[Answer]:
    """The other runs as a whole, as if they had been before, then what was asked earlier in this one."""
    past = [
        replace(each, asked=each.asked - _EARLIER, started=each.started - _EARLIER)
        for other, answers in asked.items()
        for each in answers
        if other != name
    ]
    return past + [each for each in asked[name] if each.asked < answer.asked]

"""Workload traces as scenarios: Philly's CSV and the Standard Workload Format.

A trace says when jobs came, how long they ran and how much of one resource they took. Everything else is declared
here: one queue for each virtual cluster or group, all in one cohort, borrowing without limit.
"""

from __future__ import annotations

import datetime as dt
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from allotment.errors import InputError, UsageError
from allotment.model.grammar import count
from allotment.model.lines import TextLine
from allotment.scenarios.lines import CsvRow, echo
from allotment.scheduling.queueing.inputs import (
    ClusterQueue,
    ClusterState,
    EngineSettings,
    FlavorQuotas,
    PodSet,
    PreemptionPolicy,
    ResourceFlavor,
    ResourceGroup,
    ResourceQuota,
    Workload,
)
from allotment.simulation.scenario import Arrival, Assumptions, Scenario

GPU: Final = "nvidia.com/gpu"
PROCESSORS: Final = "processors"
FLAVOR: Final = "default"
COHORT: Final = "cluster"

_ASSUMPTIONS: Final = Assumptions(
    wakeup_delay=1_000, idle_cycles=3, max_cycles_per_instant=1_000_000, max_cycles_total=0
)


class GroupBy(StrEnum):
    """Which column of a Standard Workload Format file names the queue."""

    USER = "user"
    GROUP = "group"
    QUEUE = "queue"
    PARTITION = "partition"


@dataclass(frozen=True, slots=True)
class TraceJob:
    """A job of a trace; times in milliseconds, `submitted` from any fixed moment."""

    name: str
    queue: str
    submitted: int
    runtime: int
    amount: int


@dataclass(frozen=True, slots=True)
class Trace:
    """The jobs of a trace in order of submission, the first at 0.

    Attributes:
        resource: what the jobs ask for.
        capacity: how much of it the file says there is; None when it does not say.
        remarks: what was left out, and what was changed, each a sentence.
    """

    jobs: tuple[TraceJob, ...]
    resource: str
    capacity: int | None
    remarks: tuple[str, ...]


def philly_trace(rows: Iterable[CsvRow]) -> Trace:
    """Philly's jobs (`timestamp, duration` in seconds`, num_gpus, gpu_time, cluster`).

    Every line is a job of its own, `job-N` by its place. Of ids in a further column it is said whether they repeat.

    Raises:
        InputError: a column is missing or not what it should be; file and line are named.
    """
    jobs = []
    times: Counter[str] = Counter()
    for index, row in enumerate(rows):
        times.update({row.cells[column] for column in _ID_COLUMNS if column in row.cells})
        submitted = _moment(row)
        duration, gpus = _number(row, "duration"), _number(row, "num_gpus")
        if gpus != int(gpus):
            raise InputError(
                f"{row.where}: column num_gpus is {row.cells['num_gpus']!r}",
                why="Kueue counts whole GPUs",
                fix="round it up, or give the shared GPU's job its share of the run time",
            )
        jobs.append(TraceJob(f"job-{index + 1}", _cluster(row), submitted, round(duration * 1000), int(gpus)))
    repeated = sum(count > 1 for id_, count in times.items() if id_.strip())
    said = (f"job ids that occur more than once: {repeated:,}; each line is a job of its own, job-N by its place",)
    return _trace(jobs, GPU, None, said if repeated else ())


_ID_COLUMNS: Final = ("jobid", "job_id")
"""Where a file in Philly's format names its jobs, if it does."""


def _cluster(row: CsvRow) -> str:
    name = row.cells.get("cluster")
    if name is None:
        raise InputError(f"{row.where}: no column cluster", fix="compare the header with Philly's")
    if not name.strip():
        raise InputError(f"{row.where}: column cluster is empty", fix="name the virtual cluster; it becomes a queue")
    return name.strip()


def swf_trace(lines: Iterable[TextLine], group_by: GroupBy) -> Trace:
    """Jobs of a Standard Workload Format file (18 columns, `;` starts a comment or a header field).

    Raises:
        InputError: a line has too few columns or no numbers; file and line are named.
    """
    jobs = []
    times: dict[str, int] = {}
    headers: dict[str, TextLine] = {}
    column = {GroupBy.USER: 11, GroupBy.GROUP: 12, GroupBy.QUEUE: 14, GroupBy.PARTITION: 15}[group_by]
    for line in lines:
        text = line.text.strip()
        if text.startswith(";"):
            headers.setdefault(text.removeprefix(";").partition(":")[0].strip(), line)
        elif text:
            fields = _swf_fields(line, text)
            procs = fields[4] if fields[4] > 0 else fields[7]
            group = round(fields[column])
            queue = f"{group_by}-{group}" if group >= 0 else "all"
            name = f"job-{round(fields[0])}"
            times[name] = times.get(name, 0) + 1
            if times[name] > 1:
                name = f"{name}~{times[name]}"
            jobs.append(TraceJob(name, queue, round(fields[1] * 1000), round(fields[3] * 1000), round(procs)))
    repeated = sum(count > 1 for count in times.values())
    said = (f"job numbers that occur more than once: {repeated:,}; the later ones are called job-N~2 and so on",)
    return _trace(jobs, PROCESSORS, _stated_capacity(headers), said if repeated else ())


def _stated_capacity(headers: Mapping[str, TextLine]) -> int | None:
    """How many processors, or else nodes, the header says there are; None where that is 0 or no number."""
    for name in ("MaxProcs", "MaxNodes"):
        line = headers.get(name)
        words = line.text.partition(":")[2].split() if line is not None else []
        if line is None or not words:
            continue
        first = words[0].replace(",", "")
        if not (first.isascii() and first.isdigit()):
            return None
        if len(first) > _MOST_DIGITS:
            raise InputError(
                f"{line.where}: {name} is {echo(first)}, more than any cluster has",
                fix="write how many there are, or say it with --capacity and take the line away",
            )
        return int(first) or None
    return None


_MOST_DIGITS: Final = 15


def _swf_fields(line: TextLine, text: str) -> list[float]:
    parts = text.split()
    if len(parts) < 18:
        raise InputError(
            f"{line.where}: {len(parts)} columns", why="the Standard Workload Format has 18", fix="complete the line"
        )
    try:
        fields = [float(part) for part in parts[:18]]
    except ValueError as error:
        raise InputError(f"{line.where}: {error}", fix="all 18 columns are numbers, -1 where unknown") from error
    if not all(abs(field) < 1e15 for field in fields):
        raise InputError(f"{line.where}: a number is out of range", fix="times are seconds")
    return fields


def _moment(row: CsvRow) -> int:
    text = row.cells.get("timestamp", "")
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise InputError(
            f"{row.where}: column timestamp is {echo(text)}", fix="write it as 2017-10-09 07:01:55"
        ) from None
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)
    return round(aware.timestamp() * 1000)


def _number(row: CsvRow, column: str) -> float:
    text = row.cells.get(column, "")
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 <= value < 1e12:
        raise InputError(f"{row.where}: column {column} is {echo(text)}", fix="write a number of at least 0")
    return value


def _trace(jobs: Sequence[TraceJob], resource: str, capacity: int | None, remarks: tuple[str, ...] = ()) -> Trace:
    usable = [job for job in jobs if job.amount > 0 and job.runtime > 0]
    usable.sort(key=lambda job: job.submitted)
    start = usable[0].submitted if usable else 0
    moved = tuple(TraceJob(j.name, j.queue, j.submitted - start, j.runtime, j.amount) for j in usable)
    return Trace(moved, resource, capacity, (*_left_out(jobs, len(usable)), *remarks))


def _left_out(jobs: Sequence[TraceJob], usable: int) -> Iterator[str]:
    idle = sum(job.runtime <= 0 for job in jobs)
    if usable < len(jobs):
        out = len(jobs) - usable
        empty = out - idle
        reasons = [f"{idle:,} never ran"] if idle else []
        reasons += [f"{empty:,} {'asks' if empty == 1 else 'ask'} for nothing"] if empty else []
        yield f"{out:,} of {count(len(jobs), 'job')} {'is' if out == 1 else 'are'} left out: {', '.join(reasons)}"


def trace_scenario(
    name: str, trace: Trace, *, capacity: int | None, quotas: Mapping[str, int], most_jobs: int | None
) -> Scenario:
    """A trace's jobs on a cluster.

    Every queue's quota is its share of the capacity by demand (amount times run time), unless it is given. Queues take
    back their own quota from borrowers, and nothing else is evicted.

    Args:
        name: the scenario's name.
        trace: the jobs.
        capacity: how much of the resource there is; the file's own number if None.
        quotas: quota by queue, where it is not to follow demand.
        most_jobs: only the first so many jobs.

    Raises:
        UsageError: no capacity is known, a quota names no queue, or quotas exceed the capacity.
        InputError: the trace has no jobs.
    """
    jobs = trace.jobs if most_jobs is None else trace.jobs[:most_jobs]
    if not jobs:
        raise InputError(f"{name} holds no job that ran", fix="name another trace")
    total = capacity if capacity is not None else trace.capacity
    if total is None:
        span = max(jobs[-1].submitted, 1)
        mean = sum(job.amount * job.runtime for job in jobs) / span
        raise UsageError(
            f"how many {trace.resource} are there?",
            why="the trace says nothing of it that can be read; its jobs keep "
            f"{mean:,.0f} busy on average, and the largest asks for {max(job.amount for job in jobs):,}",
            fix=f"say it, for example --capacity {math.ceil(mean / 10) * 10 or 10}",
        )
    shares = _shares(jobs, total, quotas)
    queues = tuple(
        ClusterQueue(
            queue,
            (ResourceGroup((trace.resource,), (FlavorQuotas(FLAVOR, ((trace.resource, ResourceQuota(share)),)),)),),
            cohort=COHORT,
            reclaim_within_cohort=PreemptionPolicy.ANY,
        )
        for queue, share in sorted(shares.items())
    )
    return Scenario(
        id=name,
        kind="trace",
        state=ClusterState(flavors=(ResourceFlavor(FLAVOR),), cluster_queues=queues),
        settings=EngineSettings(),
        assumptions=_ASSUMPTIONS,
        arrivals=tuple(_arrival(job, index, trace.resource) for index, job in enumerate(jobs)),
        remarks=trace.remarks,
    )


def _arrival(job: TraceJob, index: int, resource: str) -> Arrival:
    workload = Workload(
        name=job.name,
        uid=f"{index:09d}",
        cluster_queue=job.queue,
        priority=0,
        queued_since=job.submitted,
        pod_sets=(PodSet("main", 1, ((resource, job.amount),)),),
    )
    return Arrival(workload, job.submitted, job.runtime)


def _shares(jobs: Sequence[TraceJob], capacity: int, given: Mapping[str, int]) -> dict[str, int]:
    """Quota by queue: as given, the rest of the capacity by demand, largest remainders first."""
    demand: dict[str, int] = {}
    for job in jobs:
        demand[job.queue] = demand.get(job.queue, 0) + job.amount * job.runtime
    unknown = sorted(given.keys() - demand.keys())
    if unknown:
        raise UsageError(f"the trace has no queue {unknown[0]!r}", fix=f"its queues are {', '.join(sorted(demand))}")
    left = capacity - sum(given.values())
    if left < 0:
        raise UsageError(
            f"quotas of {sum(given.values())} exceed the capacity of {capacity}",
            fix="raise --capacity or lower --quota",
        )
    open_queues = sorted(queue for queue in demand if queue not in given)
    asked = sum(demand[queue] for queue in open_queues)
    shares = {queue: left * demand[queue] // asked for queue in open_queues}
    by_remainder = sorted(open_queues, key=lambda queue: (-(left * demand[queue] % asked), queue))
    for queue in by_remainder[: left - sum(shares.values())]:
        shares[queue] += 1
    return {**shares, **given}

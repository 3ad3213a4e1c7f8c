"""Jobs that the server keeps and their back end does not hold, as a snapshot tells of them.

These are sweeps and schedules that it keeps itself, what waits for other jobs or for its data, and what is over. A
sweep that its back end holds as several is told of as the whole that it is, too.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

import msgspec

from allotment.errors import InputError
from allotment.jobs.trials import trials_of
from allotment.model import labels
from allotment.model.jobs.job import Job, JobSchedule, Sweep
from allotment.model.jobs.run import JobState
from allotment.model.moments import written
from allotment.model.observed.served import AwaitedJob, ServedJob, ServedTimes, ServedTrials
from allotment.model.observed.snapshot import CLUSTER, Snapshot, Source
from allotment.model.observed.work import Work
from allotment.model.slurm.seen import SlurmPhase
from allotment.model.slurm.tres import tasks_of
from allotment.operations.run.scheduling import MOST_COUNTED, DueTimes, times_of
from allotment.ports.stored_jobs import StoredJob

_LONGEST_NAME: Final = 40
_NOT_WITH_IT: Final = frozenset({JobState.SUBMITTED, JobState.HELD, JobState.STAGING})
_LEFT_OUT: Final = "left-out"
_OVER: Final = frozenset(each.value for each in JobState if each.over)


@dataclass(frozen=True, slots=True)
class ServedJobs:
    """What is asked of the server.

    Attributes:
        jobs: of one back end, by id: all that are not over, and of those that are as many as are known.
        keeps: whether the server makes the members of a job itself.
        newest: the newest members of a schedule, by its id.
        wall: milliseconds since the epoch, by which schedules go.
        namespace_of: in which namespace of the back end a team's jobs are.
    """

    jobs: Mapping[str, StoredJob]
    keeps: Callable[[Job], bool]
    newest: Callable[[str], Sequence[StoredJob]]
    wall: int
    namespace_of: Callable[[str], str] = lambda team: team


def with_served(snapshot: Snapshot, asked: ServedJobs) -> Snapshot:
    """A snapshot of one back end with what the server keeps of its jobs."""
    # Between two readings of a cluster what is new there is known to the server alone.
    every = any(each.kind == CLUSTER for each in snapshot.sources[:1])
    served = (*served_jobs(asked, every=every), *_sweeps_there(asked, snapshot.sources[:1]))
    spaces = asked.namespace_of
    submitted = {f"{spaces(each.job.team)}/{each.id}": each.submitted for each in asked.jobs.values()}
    sources = tuple(
        msgspec.structs.replace(each, served=tuple(_not_there(each, served)), submitted=submitted)
        for each in snapshot.sources[:1]
    )
    return msgspec.structs.replace(snapshot, sources=(*sources, *snapshot.sources[1:]))


def _not_there(source: Source, served: Iterable[ServedJob]) -> Iterator[ServedJob]:
    """Those that its back end does not show: between two looks it may have moved on."""
    if source.kind == CLUSTER:
        # Of what is over there may be something left; how it ended, the server knows better.
        objects = source.objects
        works = (*objects.jobs, *objects.cron_jobs, *objects.replicas, *objects.owners)
        alive = {f"{each.namespace}/{each.metadata.labels.get(labels.JOB, '')}" for each in works}
        yield from (each for each in served if each.state in _OVER or f"{each.namespace}/{each.id}" not in alive)
        return
    there = {each.key for each in source.objects.jobs} | {each.metadata.uid for each in source.objects.jobs}
    yield from (each for each in served if not {each.id, f"{each.namespace}/{each.name}"} & there)


def _sweeps_there(asked: ServedJobs, sources: Iterable[Source]) -> Iterator[ServedJob]:
    """Sweeps that their back end has as one or several of its own jobs, some of which it shows."""
    names = _names(asked.jobs.values())
    for source in (each for each in sources if each.kind != CLUSTER):
        shown = defaultdict[str, list[Work]](list)
        for each in source.objects.jobs:
            shown[each.metadata.labels.get(labels.JOB, "")].append(each)
        for job in asked.jobs.values():
            sweep, told = job.job.sweep, job.state.over or job.state in _NOT_WITH_IT or asked.keeps(job.job)
            if sweep is not None and job.id in shown and not told:
                trials = _trials_there(source, sweep, shown[job.id])
                yield msgspec.structs.replace(_served(asked, job, names[job.id], ()), trials=trials)


def _trials_there(source: Source, sweep: Sweep, shown: Iterable[Work]) -> ServedTrials:
    """Each trial by what runs it; those that wait together are one job of a Slurm."""
    facts = source.slurm
    by_number = {} if facts is None else {each.job_id: each for each in facts.jobs}
    named = {} if facts is None else facts.named
    running, waiting = 0, list[tuple[int, str]]()
    for each in shown:
        there = by_number.get(named.get(each.key, 0))
        if there is None or there.phase is SlurmPhase.ENDED:
            continue
        # Of more trials than Slurm names it says at least that one waits.
        numbers = tasks_of(there.array_tasks) or (0,)
        if there.phase is SlurmPhase.WAITING:
            waiting += [(number, each.metadata.uid) for number in numbers]
        else:
            running += len(numbers)
    total = sweep.trials
    return ServedTrials(total, sweep.at_once, total, running, tuple(uid for _, uid in sorted(waiting)))


def served_jobs(asked: ServedJobs, *, every: bool = False) -> tuple[ServedJob, ...]:
    """All jobs that an answer about the back end alone would miss, or `every` one."""
    jobs, names = asked.jobs, _names(asked.jobs.values())
    members = defaultdict[str, list[StoredJob]](list)
    for each in jobs.values():
        if each.parent:
            members[each.parent].append(each)
    told = (
        each
        for each in jobs.values()
        if every or each.state.over or each.state in _NOT_WITH_IT or asked.keeps(each.job)
    )
    return tuple(_served(asked, each, names[each.id], members.get(each.id, [])) for each in told)


def _served(asked: ServedJobs, job: StoredJob, name: str, members: Sequence[StoredJob]) -> ServedJob:
    last = job.history.moves[-1]
    waits = next((each.said for each in reversed(job.waits) if each.until is None), "")
    kept = not job.state.over and asked.keeps(job.job)
    schedule, sweep = job.job.schedule, job.job.sweep
    return ServedJob(
        id=job.id,
        name=name,
        called=job.job.name,
        namespace=asked.namespace_of(job.job.team),
        state=job.state.value,
        since=written(last.at),
        submitted=written(job.submitted),
        said=last.said if job.state.over else waits or last.said,
        after=tuple(_awaited(asked.jobs, job)) if job.state is JobState.HELD else (),
        trials=_trials(job, sweep, members) if kept and sweep is not None and schedule is None else None,
        times=_times(asked, job, schedule, members) if kept and schedule is not None else None,
    )


def _names(jobs: Iterable[StoredJob]) -> dict[str, str]:
    """By id what each is asked for by: of those that are over, the newest has its name where no living one has it."""
    newest_first = sorted(jobs, key=lambda each: (each.submitted, each.id), reverse=True)
    every = sorted(newest_first, key=lambda each: each.state.over)
    living = Counter((each.job.team, each.job.name) for each in every if not each.state.over)
    taken: set[tuple[str, str]] = set()
    found = {}
    for each in every:
        key = each.job.team, each.job.name
        own = living[key] == 1 if not each.state.over else key not in taken
        found[each.id] = each.job.name if own else f"{each.job.name[:_LONGEST_NAME]}-{each.id}"
        taken.add(key)
    return found


def _awaited(jobs: Mapping[str, StoredJob], job: StoredJob) -> Iterable[AwaitedJob]:
    """What it waits for; of several jobs of a name the newest is meant."""
    for each in job.job.after:
        named = [one for one in jobs.values() if one.job.team == job.job.team and one.job.name == each.job]
        other = jobs.get(each.job) or max(named, key=lambda one: (one.submitted, one.id), default=None)
        if other is None:
            yield AwaitedJob(name=each.job, must_have=each.must_have.value)
        elif not other.state.over:
            yield AwaitedJob(id=other.id, name=other.job.name, state=other.state.value, must_have=each.must_have.value)


def _trials(job: StoredJob, sweep: Sweep, members: Sequence[StoredJob]) -> ServedTrials:
    alive = sorted((each for each in members if not each.state.over), key=lambda each: each.number)
    return ServedTrials(
        total=len(trials_of(sweep)),
        at_once=sweep.at_once,
        made=0 if job.standing is None else job.standing.passed,
        running=sum(each.state.holds for each in alive),
        waiting=tuple(each.id for each in alive if not each.state.holds),
    )


def _times(
    asked: ServedJobs, job: StoredJob, schedule: JobSchedule, members: Sequence[StoredJob]
) -> ServedTimes | None:
    try:
        times = times_of(schedule)
    except InputError:  # a damaged row: the server says so of it
        return None
    known = {each.id: each for each in (*asked.newest(job.id), *members)}.values()
    running = next((each for each in known if not each.state.over), None)
    over = max((each for each in known if each.state.over), key=lambda each: each.number, default=None)
    upcoming = times.after(asked.wall)
    due, until, missed = _held(asked, job, schedule, times) if running is not None else ("", "", 0)
    left_out = [each.said for each in job.events if each.kind == _LEFT_OUT]
    return ServedTimes(
        cron=schedule.cron,
        zone=schedule.time_zone,
        next="" if upcoming is None else times.shown(upcoming),
        due=due,
        until=until,
        missed=missed,
        under_way="" if running is None else running.id,
        under_way_due="" if running is None else times.shown(running.number),
        waits=running is not None and not (running.state.holds or asked.keeps(running.job)),
        last="" if over is None else over.id,
        last_due="" if over is None else times.shown(over.number),
        last_state="" if over is None else over.state.value,
        last_said="" if over is None else over.history.moves[-1].said,
        left_out=0 if job.standing is None else job.standing.left_out,
        left_out_said=left_out[-1] if left_out else "",
    )


def _held(asked: ServedJobs, job: StoredJob, schedule: JobSchedule, times: DueTimes) -> tuple[str, str, int]:
    """The time that waits for the run that is under way, until when, and how many came before it in vain."""
    passed = job.submitted if job.standing is None else job.standing.passed
    came = list(islice(times.between(passed, asked.wall), MOST_COUNTED))
    latest = times.last(passed, asked.wall) if came else None
    deadline = 0 if latest is None else latest + schedule.starting_deadline * 1000
    if latest is None or deadline < asked.wall:
        return "", "", len(came)
    return times.shown(latest), written(deadline), len(came) - 1

"""Use case: the need that a team has shown over the last days, from what is kept of them.

Of a back end whose devices the server watches itself, each device's time is kept; of the others, when jobs that came
through the server held what they had asked for. What others submit to a cluster is seen only where it is recorded.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from allotment.accounting.belonging import OwnerLookup
from allotment.accounting.capacity import PER_DEVICE
from allotment.accounting.ledger import CauseOfTime
from allotment.accounting.lines import lines_of
from allotment.accounting.moment import CountingRules, pods_unseen, portions
from allotment.accounting.need import DAY_MS, HELD, MEASURED, NEED_DAYS, DeviceSpan, NeedCount, part_ms
from allotment.accounting.series import LONGEST_STEP, SeriesLedger
from allotment.model.devices import is_device
from allotment.model.jobs.run import JobState
from allotment.model.moments import moment
from allotment.model.observed.index import Index
from allotment.model.observed.queueing import Workload
from allotment.model.observed.snapshot import Snapshot
from allotment.model.platform import Platform
from allotment.model.requests.grant import TeamGrant
from allotment.model.requests.request import DemonstratedNeed
from allotment.observe.seen import seen_everywhere
from allotment.operations.ask.counting_rules import counting_rules
from allotment.operations.ask.sparing import BEYOND
from allotment.operations.run.using import held_devices
from allotment.ports.store import MOST_LISTED, JobFilter, JobsReader, PageMark
from allotment.ports.stored_jobs import StoredJob
from allotment.requests.granted_use import seconds_used
from allotment.scheduling.snapshot.pods import pod_requests

_SPAN: Final = NEED_DAYS * DAY_MS
_MOST_JOBS: Final = 5000
"""Jobs of a team and back end that are read; where there are more, less of the time is known."""
_WAITS: Final = frozenset({JobState.SUBMITTED, JobState.QUEUED})
_OF_JOBS: Final = "only work that came through this server is known"


def guaranteed_devices(platform: Platform, team: str, clusters: Iterable[str]) -> int:
    """Devices that a team is guaranteed in clusters, all flavors together, what it was granted included."""
    placements = () if (found := platform.team(team)) is None else found.placements
    names = frozenset(clusters)
    return sum(each.devices.nominal for one in placements if one.cluster in names for each in one.accelerators)


# From the store


@dataclass(slots=True)
class _Kept:
    """What is kept of a team on one back end.

    Attributes:
        since: from when on it is known, milliseconds since the epoch; None where nothing is.
        idle: None where nobody measured.
        by_jobs: what it held is known of its jobs alone.
    """

    since: int | None = None
    held: list[DeviceSpan] = field(default_factory=list)
    idle: list[DeviceSpan] | None = None
    waited: list[DeviceSpan] = field(default_factory=list)
    by_jobs: bool = False


def kept_need(
    reader: JobsReader, team: str, backends: Iterable[str], guaranteed: int, now: int
) -> tuple[DemonstratedNeed | None, str]:
    """The need that a team has shown on back ends, from the store.

    Args:
        reader: the store.
        team: its name.
        backends: by name; of a cluster, that of the cluster.
        guaranteed: devices that the team is guaranteed there.
        now: milliseconds since the epoch.

    Returns:
        The need, None where nothing is kept; and what is not known of it, in a sentence, empty for nothing.

    Raises:
        StoreError: the store cannot be read.
        UnreachableError: it does not answer.
    """
    names = tuple(backends)
    found = {name: _kept(reader, team, name, now) for name in names}
    begins = [each.since for each in found.values() if each.since is not None]
    if not begins:
        return None, f"nothing is kept of what {team} used on {', '.join(names) or 'any back end'}"
    since = min(begins)
    count = NeedCount()
    count.hold_spans([span for each in found.values() for span in each.held], since, now)
    for each in found.values():
        count.wait(part_ms(each.waited, since, now))
        if each.idle is not None:
            count.idle(part_ms(each.idle, since, now))
    by_jobs = [name for name, each in found.items() if each.by_jobs]
    return count.close(guaranteed), f"{_OF_JOBS} of {', '.join(by_jobs)}" if by_jobs else ""


def kept_use(reader: JobsReader, platform: Platform, grants: Iterable[TeamGrant], now: int) -> Mapping[str, int]:
    """Device-seconds that were used of grants, by id; of one of which nothing is known it is not in there.

    Args:
        reader: the store.
        platform: as declared, with the grants in it.
        grants: of any teams.
        now: milliseconds since the epoch.
    """
    by_team: dict[str, list[TeamGrant]] = {}
    for each in grants:
        by_team.setdefault(each.team, []).append(each)
    found: dict[str, int] = {}
    for team, some in by_team.items():
        given = Counter[str]()
        for one in (share for each in some for share in each.terms.shares):
            given[one.cluster] += one.devices
        begun = min(now, *(each.terms.since for each in some))
        kept = {name: _use(reader, team, name, max(begun, now - _SPAN), now) for name in given}
        own = {name: guaranteed_devices(platform, team, (name,)) - devices for name, devices in given.items()}
        known = {name: each.held for name, each in kept.items() if each.since is not None}
        found |= seconds_used(some, own, known, now)
    return found


def _use(reader: JobsReader, team: str, backend: str, since: int, now: int) -> _Kept:
    watched = _watched(reader, team, backend, since, now)
    return watched or _by_jobs(*_jobs(reader, team, backend, since), since=since, now=now)


def _kept(reader: JobsReader, team: str, backend: str, now: int) -> _Kept:
    since = now - _SPAN
    jobs = _jobs(reader, team, backend, since)
    kept = _watched(reader, team, backend, since, now) or _by_jobs(*jobs, since=since, now=now)
    for job in jobs[0]:
        kept.waited += _in_states(job, _WAITS, now, job.job.devices)
    return kept


def _watched(reader: JobsReader, team: str, backend: str, since: int, now: int) -> _Kept | None:
    """What is kept of devices' time, the waits not; None where nobody watched."""
    kept = _Kept(reader.watched_from(backend, since))
    if kept.since is None:
        return None
    for each in reader.device_times(since, now, backend=backend, team=team):
        cause = CauseOfTime(each.use.cause)
        span = DeviceSpan(each.start, now if each.end is None else each.end, PER_DEVICE)
        kept.held += [span] if cause in HELD else []
        if cause in MEASURED:
            kept.idle = [*(kept.idle or ()), *([span] if cause is CauseOfTime.IDLE_HELD else ())]
    return kept


def _by_jobs(jobs: Sequence[StoredJob], whole: bool, *, since: int, now: int) -> _Kept:  # noqa: FBT001 (as `_jobs` gives it)
    kept = _Kept()
    if jobs:
        # Before its first job nothing says that the team was there at all.
        kept.since = max(since, min(each.submitted for each in jobs)) if whole else jobs[-1].submitted
        kept.by_jobs = True
        for job in jobs:
            kept.held += _held(job, now)
    return kept


def _jobs(reader: JobsReader, team: str, backend: str, since: int) -> tuple[list[StoredJob], bool]:
    """The team's jobs that ask for devices and may have held some since then, newest first; and whether these are all.

    One that ran when the time began was submitted no longer before it than the time is long: of others little is kept.
    """
    wanted = JobFilter(team=team, backend=backend, since=since - _SPAN)
    found: list[StoredJob] = []
    after: PageMark | None = None
    while len(found) < _MOST_JOBS:
        page = reader.page(wanted, after=after, limit=MOST_LISTED)
        rows = (row for row in page.rows if row.devices and (row.ended is None or row.ended > since))
        jobs = (reader.get(row.id) for row in rows)
        # What a sweep or a schedule asks for, its members do.
        found += [job for job in jobs if job.standing is None]
        if page.next is None:
            return found, True
        after = page.next
    return found, False


def _held(job: StoredJob, now: int) -> Iterator[DeviceSpan]:
    """What a job held, as far as its history tells."""
    places = {each.number: each.places for each in job.attempts}
    for since, until, attempt in _stretches(job, frozenset(each for each in JobState if each.holds), now):
        yield DeviceSpan(since, until, held_devices(job.job, places.get(attempt, ())) * PER_DEVICE)


def _in_states(job: StoredJob, states: frozenset[JobState], now: int, devices: int) -> Iterator[DeviceSpan]:
    for since, until, _ in _stretches(job, states, now):
        yield DeviceSpan(since, until, devices * PER_DEVICE)


def _stretches(job: StoredJob, states: frozenset[JobState], now: int) -> Iterator[tuple[int, int, int]]:
    """From when to when a job was in any of some states, and in which attempt."""
    moves = job.history.moves
    ends = [*(each.at for each in moves[1:]), now]
    for each, end in zip(moves, ends, strict=True):
        if each.state in states and each.at < end:
            yield each.at, end, each.attempt


# From a recording


@dataclass(frozen=True, slots=True)
class _Moment:
    """What a snapshot shows of a team.

    Attributes:
        held: parts of devices; None where some of it could not be seen.
        waiting: parts of devices that work asked for which waited.
    """

    at: int
    held: int | None
    waiting: int


def recorded_need(
    snapshots: Iterable[Snapshot], platform: Platform, team: str, guaranteed: int, now: int
) -> tuple[DemonstratedNeed | None, str]:
    """The need that a team has shown in clusters of which snapshots were recorded.

    What a snapshot shows holds until the next one, as in every ledger of ours; over a longer gap nothing is known. One
    that nothing can be reckoned from is as if it had not been taken.

    Args:
        snapshots: in the order of their times; one no later than that before it is passed over.
        platform: for the names of teams, and when a device is idle.
        team: its name.
        guaranteed: devices that it is guaranteed there.
        now: milliseconds since the epoch.

    Returns:
        The need, None where nothing is known; and why, in a sentence.
    """
    rules, since = counting_rules(platform, "", ()), now - _SPAN
    ledger, count = SeriesLedger(rules, since=since), NeedCount()
    before: _Moment | None = None
    for snapshot in snapshots:
        try:
            seen = _seen(snapshot, rules, team)
            ledger.add(snapshot)
        except BEYOND:
            continue
        if before is not None:
            _count(count, before, max(before.at, since), seen.at)
        before = seen if before is None or seen.at > before.at else before
    mine = [each for each in ledger.close().entries if each.charge.owner.team == team and each.charge.cause in MEASURED]
    if mine:
        count.idle(sum(each.gpu_ms * PER_DEVICE for each in mine if each.charge.cause is CauseOfTime.IDLE_HELD))
    need = count.close(guaranteed)
    return need, "" if need is not None else "no two snapshots that were recorded follow each other closely enough"


def _count(count: NeedCount, seen: _Moment, start: int, until: int) -> None:
    """What a snapshot showed, up to the next one."""
    if seen.held is not None and start < until <= seen.at + LONGEST_STEP:
        count.hold(seen.held, until - start)
        count.wait(seen.waiting * (until - start))


def _seen(snapshot: Snapshot, rules: CountingRules, team: str) -> _Moment:
    at = moment(snapshot.taken_at) or 0
    indices = [Index(source) for source in snapshot.sources]
    if any(_hidden(index) for index in indices):
        return _Moment(at, None, 0)
    held = (
        each.parts
        for index in indices
        for each in portions(index, at, rules)
        if each.charge.owner.team == team and each.charge.cause in HELD
    )
    return _Moment(at, sum(held), sum(_waiting(index, rules.teams or {}, team) for index in indices))


def _hidden(index: Index) -> bool:
    """Whether there may be devices, or whoever holds them, that could not be read."""
    return bool(index.source.unreached) or pods_unseen(index) or not seen_everywhere(index.source, "nodes")


def _waiting(index: Index, teams: Mapping[str, str], team: str) -> int:
    """Parts of devices that work of a team asks for which stands in a queue."""
    belongings = OwnerLookup(index, teams)
    waiting = (index.workloads[key] for line in lines_of(index).values() for key in line)
    return sum(_asked(each) * PER_DEVICE for each in waiting if belongings.team_of(each.namespace) == team)


def _asked(workload: Workload) -> int:
    return sum(
        each.count * amount
        for each in workload.spec.pod_sets
        for resource, amount in pod_requests(each.template.spec).items()
        if is_device(resource)
    )

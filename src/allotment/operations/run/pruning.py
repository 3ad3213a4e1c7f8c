"""Use case: room that jobs of long ago take on this machine is given back. What goes is decided here, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Final

from allotment.errors import ConflictError, InputError, UsageError
from allotment.model.access.caller import Caller
from allotment.model.audit.act import AuditedAct, AuditSubject, AuditVerb, act_of
from allotment.operations.run.answering_for import subject_of
from allotment.operations.run.local.launching import job_of_launch
from allotment.ports.job_remains import JobRemains, RemainsKind, RemainsOfJobs
from allotment.ports.store import DAY_MS, KEPT_DAYS, KeptJob, StorePlace, kept_since
from allotment.ports.stored_jobs import StoredJob

CODE_DAYS: Final = 1
"""Days that packed code is kept for a submission that is still to come."""
_ALL: Final = frozenset(RemainsKind)


@dataclass(frozen=True, slots=True)
class PruneAges:
    """Before which moments, in milliseconds since the epoch, what was left is of no use any more.

    Attributes:
        ended: of a job; of what no job is known of, since when nothing was added to it.
        code: since when packed code has lain there, if no job that is kept refers to it.
        kinds: what is looked at.
    """

    ended: int
    code: int
    kinds: frozenset[RemainsKind] = _ALL


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was removed, or would be.

    Attributes:
        jobs: forgotten by the store.
        removed: how many of each kind.
        freed: bytes, of each kind.
    """

    jobs: int = 0
    removed: Mapping[RemainsKind, int] = field(default_factory=dict)
    freed: Mapping[RemainsKind, int] = field(default_factory=dict)


def outdated(
    remains: Iterable[JobRemains], jobs: Iterable[KeptJob], ages: PruneAges, running: frozenset[str]
) -> Iterator[JobRemains]:
    """What nobody needs any more.

    Args:
        remains: all that is there.
        jobs: all that the store knows, those that cannot be read among them.
        ages: from when on it is of no use.
        running: jobs of which something runs, whether or not the store knows of it.
    """
    known = {each.id: each for each in jobs}
    codes = {PurePath(each.code).stem for each in known.values() if each.code}
    for each in remains:
        if each.kind not in ages.kinds:
            continue
        if each.kind is RemainsKind.CODE:
            if each.name not in codes and each.modified < ages.code:
                yield each
            continue
        job_id = _job_of(each)
        job = known.get(job_id)
        since = each.modified if job is None else job.ended
        if job_id and job_id not in running and since is not None and since < ages.ended:
            yield each


def pruned(
    place: StorePlace,
    remains: RemainsOfJobs,
    now: int,
    days: int,
    caller: Caller,
    *,
    checkpoints: bool,
    only_told: bool,
) -> Pruned:
    """Forget jobs that have been over for so many days, with all that they left.

    Args:
        place: of the store.
        remains: what jobs left on this machine.
        now: milliseconds since the epoch.
        days: `KEPT_DAYS` at least.
        caller: who answers for it.
        checkpoints: whether theirs go, too.
        only_told: nothing is removed; what would be is told.

    Raises:
        UsageError: jobs are kept longer than that.
        NotFoundError: there is no store.
        StoreInUseError: the server writes into it.
    """
    if days < KEPT_DAYS:
        raise UsageError(f"{days} days are too few", why=f"jobs are kept {KEPT_DAYS} days", fix="name more")
    place.status()
    before = kept_since(now, days)
    kinds = _ALL if checkpoints else _ALL - {RemainsKind.CHECKPOINT}
    ages = PruneAges(before, now - CODE_DAYS * DAY_MS, kinds)
    if only_told:
        with place.reader() as reader:
            known = reader.kept()
        return _cleared(remains, _left_of(known, before), ages, _gone(known, before), only_told=True)
    with place.writer("allot store prune") as store:
        known = store.kept()
        told = (
            ("jobs", str(_gone(known, before))),
            ("days", str(days)),
            ("checkpoints", "yes" if checkpoints else "no"),
        )
        forgotten = store.prune(before, [act_of(caller, AuditVerb.JOBS_PRUNED, now, details=told)])
        return _cleared(remains, _left_of(known, before), ages, forgotten, only_told=False)


def tidied(jobs: Iterable[KeptJob], remains: RemainsOfJobs, now: int) -> Pruned:
    """What the server does by itself: old records of launches, and packed code that no job refers to.

    Args:
        jobs: all that the store knows.
        remains: what jobs left on this machine.
        now: milliseconds since the epoch.
    """
    kinds = frozenset({RemainsKind.LAUNCH, RemainsKind.CODE})
    ages = PruneAges(kept_since(now), now - CODE_DAYS * DAY_MS, kinds)
    return _cleared(remains, jobs, ages, 0, only_told=False)


def forgotten(place: StorePlace, remains: RemainsOfJobs, job_id: str, now: int, caller: Caller) -> None:
    """Forget one job that is over, or cannot be read; of the latter what still runs is ended. Checkpoints stay.

    Args:
        place: of the store.
        remains: what jobs left on this machine.
        job_id: whole.
        now: milliseconds since the epoch.
        caller: who answers for it.

    Raises:
        NotFoundError: there is no store, or no such job.
        ConflictError: it is not over.
        StoreInUseError: the server writes into the store.
    """
    place.status()
    with place.writer("allot store forget") as store:
        try:
            job = store.get(job_id)
        except InputError:
            job = None
        if job is not None and not job.state.over:
            raise ConflictError(
                f"job {job_id} is {job.state.value}",
                why="only what is over, or cannot be read, is forgotten",
                fix=f"start the server, and stop it first: `allot stop {job_id}`",
            )
        store.discard(job_id, [_forgetting(caller, job_id, job, now)])
    for each in remains.listed():
        if _job_of(each) == job_id and each.kind is not RemainsKind.CHECKPOINT:
            if each.kind is RemainsKind.LAUNCH:
                remains.end(each.name)
            remains.remove(each)


def _forgetting(caller: Caller, job_id: str, job: StoredJob | None, now: int) -> AuditedAct:
    if job is None:
        subject, told = AuditSubject(f"job/{job_id}"), {"state": "unreadable"}
    else:
        subject, told = subject_of(job), {"state": job.state.value, "owner": job.owner}
    return act_of(caller, AuditVerb.JOB_FORGOTTEN, now, subject, details=tuple(told.items()))


def _cleared(
    remains: RemainsOfJobs, jobs: Iterable[KeptJob], ages: PruneAges, forgotten_jobs: int, *, only_told: bool
) -> Pruned:
    there = remains.listed()
    known = tuple(jobs)
    removed: Counter[RemainsKind] = Counter()
    freed: Counter[RemainsKind] = Counter()
    candidates = list(outdated(there, known, ages, frozenset()))
    running = frozenset(_running(remains, there, frozenset(map(_job_of, candidates))))
    for each in outdated(there, known, ages, running):
        size = remains.size(each)
        if only_told or remains.remove(each):
            removed[each.kind] += 1
            freed[each.kind] += size
    return Pruned(forgotten_jobs, dict(removed), dict(freed))


def _running(remains: RemainsOfJobs, there: Iterable[JobRemains], of: frozenset[str]) -> Iterator[str]:
    """Those of some jobs of which something runs."""
    for each in there:
        if each.kind is RemainsKind.LAUNCH and _job_of(each) in of and remains.runs(each.name):
            yield _job_of(each)


def _job_of(one: JobRemains) -> str:
    """Id of the job that left it; empty for code, and for what no job of ours can have left."""
    match one.kind:
        case RemainsKind.CODE:
            return ""
        case RemainsKind.LAUNCH:
            return job_of_launch(one.name)
        case _:
            return one.name


def _left_of(jobs: Iterable[KeptJob], before: int) -> list[KeptJob]:
    """Jobs as they count for what they left: of one that is forgotten now its packed code is nobody's any more."""
    return [KeptJob(each.id, each.ended, "") if _is_old(each, before) else each for each in jobs]


def _gone(jobs: Iterable[KeptJob], before: int) -> int:
    return sum(_is_old(each, before) for each in jobs)


def _is_old(job: KeptJob, before: int) -> bool:
    return job.ended is not None and job.ended < before

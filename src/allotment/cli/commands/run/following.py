"""A job's log on the terminal, and what is said when somebody stops looking."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from allotment.cli.shell.session import Session
from allotment.errors import INTERRUPTED, NotFoundError, UnreachableError, UsageError, shown
from allotment.model.jobs.run import JobState
from allotment.operations.run.plain_reasons import lacks_room, plain_reason
from allotment.ports.backends import LOCAL

_LOOK_AGAIN: Final = 0.05
_HOLDERS: Final = 4
_MOST_HOLDERS: Final = 32
"""Jobs that are named as those that hold what another waits for, and among how many they are looked for."""

if TYPE_CHECKING:
    from allotment.ports.job_service import JobService
    from allotment.ports.stored_jobs import StoredJob


def write_log(
    session: Session, service: JobService, reference: str, *, rank: int | None, follow: bool, tail: int | None
) -> bool:
    """The log on standard output: as it is into a pipe, without what drives a terminal on one; whether it has a line.

    While nothing comes, what the job waits for is told once for each reason.
    """
    job = service.find(reference)
    several = says_whose(job, rank)
    to_terminal = sys.stdout.isatty()
    told, written = "", False
    check_rank(job, rank)
    out = sys.stdout.buffer
    try:
        for line in service.log(job.id, rank=rank, follow=follow, tail=tail):
            if line is None:
                told = tell_wait(session, service, job.id, told)
                continue
            written = True
            prefix = b"[%d] " % line.rank if several else b""
            out.write(prefix + (harmless(line.text) if to_terminal else line.text) + b"\n")
            if not line.more:
                out.flush()
    finally:
        # What is said next to somebody who interrupts does not stand in the middle of a line.
        if to_terminal:
            out.flush()
    return written


def says_whose(job: StoredJob, rank: int | None) -> bool:
    """Whether each line of a log says whose it is."""
    return rank is None and (job.job.replicas > 1 or job.job.sweep is not None)


def harmless(text: bytes) -> bytes:
    """A line as a terminal may have it: nothing in it drives one."""
    plain = shown(text.decode(errors="replace").replace("\t", "    "))
    return plain.encode(sys.stdout.encoding, "backslashreplace")


def check_rank(job: StoredJob, rank: int | None) -> None:
    """Refuse a replica, or a trial, that the job has not.

    Raises:
        UsageError: it has none of that number.
    """
    sweep = job.job.sweep
    number, what = (job.job.replicas, "ranks") if sweep is None else (sweep.trials, "trials")
    if rank is not None and rank >= number:
        has = f"{what} 0 to {number - 1}" if number > 1 else f"one of the {what}, number 0"
        raise UsageError(f"{job.job.name} ({job.id}) has no number {rank}", why=f"it has {has}", fix="name one of them")


def held_by(service: JobService, job: StoredJob) -> str:
    """Who holds what a job lacks, as a clause; empty where that is not what it waits for, or nobody knows."""
    from allotment.ports.store import JobFilter

    waits = next((each.said for each in reversed(job.waits) if each.until is None), "")
    if job.state.over or job.backend != LOCAL or not lacks_room(waits):
        return ""
    holding = frozenset(each for each in JobState if each.holds)
    found = service.page(JobFilter(states=holding, backend=job.backend), limit=_MOST_HOLDERS).rows
    # What a sweep holds its trials hold: the sweep is named, or its trials to one of them.
    heads = {each.id for each in found} - {job.parent}
    rows = [each for each in found if each.parent not in heads and each.id != job.parent]
    names = [f"{each.name} ({each.id})" for each in rows[:_HOLDERS]]
    more = ", and others" if len(rows) > _HOLDERS else ""
    return f"; now {', '.join(names)}{more} {'runs' if len(rows) == 1 else 'run'}" if rows else ""


def tell_wait(session: Session, service: JobService, job_id: str, told: str) -> str:
    """Say what a job waits for, where that was not said yet; what was said."""
    job = service.find(job_id)
    waits = next((each.said for each in reversed(job.waits) if each.until is None), "")
    if job.state is JobState.HELD:
        waits = job.history.moves[-1].said
    if job.job.schedule is not None and job.standing is not None:
        waits = job.standing.said
    if waits and waits != told and not job.state.holds:
        held = held_by(service, job)
        session.note(f"{shown(job.job.name)} ({job.id}) waits: {shown(plain_reason(waits))}{shown(held)}")
    return waits or told


def follow_to_its_end(session: Session, service: JobService, job: StoredJob) -> int:
    """The log until the job is over; the job's own exit code, or that of an interruption."""
    try:
        with told_what_goes_on(session, job):
            with suppress(NotFoundError):  # nothing of it ran, and nothing will
                write_log(session, service, job.id, rank=None, follow=True, tail=None)
            # The log ends a moment before it is on record how.
            ended = _over(service, job.id)
    except KeyboardInterrupt:
        session.note(goes_on(session, job))
        return INTERRUPTED
    session.note(end_of(ended))
    folders = {place.folder for attempt in ended.attempts[-1:] for place in attempt.places if place.folder}
    # Whoever asks from elsewhere is not told how the server's own shell reaches things.
    where = " of the server's machine" if folders and service.status().environment is None else ""
    for each in sorted(folders):
        session.note(f"what it wrote beside its script lies in {shown(each)}{where}")
    return exit_code(ended)


@contextmanager
def told_what_goes_on(session: Session, job: StoredJob) -> Iterator[None]:
    """Where the server ends, or falls silent, while somebody looks at a job: what becomes of it, and how to come back.

    Raises:
        UnreachableError: it has.
    """
    try:
        yield
    except UnreachableError as error:
        raise UnreachableError(
            f"the server answers no more, and {job.job.name} ({job.id}) goes on",
            why=error.why,
            fix=f"start it again with `{session.call} up`, and come back with `{session.call} logs -f {job.id}`",
        ) from error


def goes_on(session: Session, job: StoredJob) -> str:
    """What is said to whoever stops looking at a job."""
    return (
        f"{shown(job.job.name)} ({job.id}) goes on; come back with `{session.call} logs -f {job.id}`, "
        f"stop it with `{session.call} stop {job.id}`"
    )


def _over(service: JobService, job_id: str) -> StoredJob:
    from allotment import wiring

    clock = wiring.clock()
    while not (job := service.find(job_id)).state.over:
        clock.sleep(_LOOK_AGAIN)
    return job


def end_of(job: StoredJob) -> str:
    """How a job stands, in a sentence."""
    last = job.history.moves[-1]
    said = f": {shown(last.said)}" if last.said else ""
    return f"{shown(job.job.name)} ({job.id}) {job.state.value}{said}"


def exit_code(job: StoredJob) -> int:
    """The exit code that stands for how a job ended: its own, or 1."""
    if job.state is JobState.SUCCEEDED:
        return 0
    end = job.attempts[-1].end if job.attempts else None
    return end.code if end is not None and end.code else 1

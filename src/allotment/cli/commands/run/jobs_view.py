"""Submitted jobs, a row for each; one of them with all that is known of it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from allotment.cli.commands.run.family_view import family_lines, ran
from allotment.cli.shell.amounts import amount, memory
from allotment.cli.shell.output import Listing
from allotment.cli.shell.steps import duration
from allotment.cli.shell.table import Column, table_text
from allotment.errors import shown
from allotment.model.grammar import count
from allotment.model.jobs.native import native_shown
from allotment.model.jobs.run import JobState
from allotment.model.moments import written
from allotment.operations.run.plain_reasons import plain_reason
from allotment.operations.run.scheduling import times_of
from allotment.operations.run.using import held_devices
from allotment.ports.backends import LOCAL, ForeseenStart
from allotment.ports.job_service import ForeseenJob, JobReceipt, ServedBackend, ServerStatus
from allotment.ports.stored_jobs import JobAttempt, JobRow, StoredJob, row_of
from allotment.reports.documents.jobs import foreseen_document, job_row_document

_EVENTS_SHOWN: Final = 20
_STYLES: Final = {
    JobState.RUNNING: "green",
    JobState.SUCCEEDED: "green",
    JobState.FAILED: "red",
    JobState.REFUSED: "red",
    JobState.STOPPING: "yellow",
    JobState.STOPPED: "yellow",
}

_NONE_SILENT: Final[Mapping[str, ServedBackend]] = {}

NO_JOBS: Final = "no jobs; `allot run SCRIPT` starts one"
NONE_UNDER_WAY: Final = "no job is under way; `allot ps -a` lists those that are over, too"


def no_members(call: str, job: StoredJob) -> str:
    """What is said of a job none of whose members was found."""
    name = f"{shown(job.job.name)} ({job.id})"
    if job.job.sweep is None and job.job.schedule is None:
        return f"{name} is no sweep and no schedule"
    if job.job.schedule is not None or not job.attempts:
        return f"nothing of {name} has begun: `{call} describe {job.id}` tells what it waits for"
    return f"{shown(job.backend)} runs {name} as one: `{call} describe {job.id}` tells of its trials"


def silent_backends(status: ServerStatus) -> dict[str, ServedBackend]:
    """Those of which nothing is heard now, by name."""
    return {each.name: each for each in status.backends if each.silent_since is not None}


def silence_told(each: ServedBackend, now: int) -> str:
    """Since when nothing is heard of a back end, and why."""
    return f"{_silence(each, now)}, since {written(each.silent_since or now)}: {shown(each.unreachable)}"


def _silence(each: ServedBackend, now: int) -> str:
    since = now if each.silent_since is None else each.silent_since
    return f"nothing was heard of {shown(each.name)} for {_ago(now, since)}"


def jobs_listing(
    rows: Sequence[JobRow],
    now: int,
    *,
    other_teams: bool,
    longest: int | None = None,
    nothing: str = NO_JOBS,
    silent: Mapping[str, ServedBackend] = _NONE_SILENT,
) -> Listing[JobRow]:
    """A row a job, newest first.

    Args:
        rows: the jobs.
        now: milliseconds since the epoch.
        other_teams: whether jobs of several teams may stand among them.
        longest: characters of a reason, at most; None for all of it.
        nothing: what is said where there are none.
        silent: back ends of which nothing is heard now, by name: what is shown of their jobs was true before.
    """
    return Listing(
        kind="Job",
        rows=rows,
        columns=(
            Column("ID", lambda row: row.id, keep=9),
            Column("NAME", lambda row: shown(row.name), keep=8),
            Column("TEAM", lambda row: shown(row.team), wide=not other_teams, keep=5),
            Column("STATE", lambda row: row.state.value, style=lambda row: _STYLES.get(row.state, ""), keep=9),
            Column("ACCELERATOR", lambda row: shown(row.accelerator) or None, keep=3),
            Column("DEVICES", lambda row: row.devices, keep=5),
            Column("AGE", lambda row: (now - row.submitted) / 1000, text=lambda row: _ago(now, row.submitted), keep=6),
            Column("RAN", lambda row: _ran_seconds(row, now), text=lambda row: ran(row, now), unit="seconds", keep=4),
            Column("REASON", lambda row: _reason(row, now, silent, longest) or None, keep=7, fold=" "),
            Column("PRIORITY", lambda row: shown(row.priority), wide=True),
            Column("OWNER", lambda row: shown(row.owner), wide=True),
            Column("BACKEND", lambda row: shown(row.backend), wide=True),
            Column("NATIVE", lambda row: shown(native_shown(row.native)) or None, wide=True),
            Column("ATTEMPT", lambda row: row.attempt, wide=True),
            Column("METRIC", lambda row: None if row.metric is None else f"{row.metric:.6g}", wide=True),
            Column("OF", lambda row: row.parent or None, wide=True),
        ),
        name=lambda row: f"job/{row.id}",
        document=lambda row: job_row_document(row, now, _unheard_since(row, silent)),
        labels=lambda row: {"team": row.team, "owner": row.owner, "state": row.state.value, "backend": row.backend},
        nothing=nothing,
    )


def _unheard_since(row: JobRow, silent: Mapping[str, ServedBackend]) -> int | None:
    return silent[row.backend].silent_since if row.backend in silent and not row.state.over else None


def _reason(row: JobRow, now: int, silent: Mapping[str, ServedBackend], longest: int | None) -> str:
    unheard = _silence(silent[row.backend], now) if row.backend in silent and not row.state.over else ""
    said = "; ".join(filter(None, (unheard, shown(plain_reason(row.said)))))
    return said if longest is None or len(said) <= longest else f"{said[: longest - 1]}…"


def _ago(now: int, at: int) -> str:
    return duration(max(0, now - at) / 1000)


def _ran_seconds(row: JobRow, now: int) -> float | None:
    ran = row.ran(now)
    return None if ran is None else ran / 1000


def receipts_listing(receipts: Sequence[JobReceipt], now: int) -> Listing[JobRow]:
    """The same columns of jobs that were just taken."""
    return jobs_listing([row_of(each.job) for each in receipts], now, other_teams=True)


def foreseen_listing(found: Sequence[ForeseenJob], currency: str) -> Listing[ForeseenJob]:
    """A row a job that was only asked about."""
    return Listing(
        kind="ForeseenJob",
        rows=found,
        columns=(
            Column("NAME", lambda each: shown(each.job.name)),
            Column("TEAM", lambda each: shown(each.job.team)),
            Column("STARTS", lambda each: _starts(each.start)),
            Column("DISPLACES", lambda each: ", ".join((*(one.id for one in each.displaces), *_others(each))) or None),
            Column("PRICE", _price, unit=f"{currency} an hour"),
            Column("REASON", lambda each: _waits(each) or shown(each.start.untold) or None, keep=1, fold=" "),
        ),
        name=lambda each: f"job/{each.job.name}",
        document=foreseen_document,
    )


def _price(each: ForeseenJob) -> float | None:
    return None if each.price is None else each.price / 1_000_000


def _starts(start: ForeseenStart) -> str:
    return "not known" if start.now is None else "now" if start.now else "later"


def _others(each: ForeseenJob) -> tuple[str, ...]:
    """Work of others that would have to end for it."""
    more = each.start.more_others
    return (*map(shown, each.start.others), *((f"{more:,} more",) if more else ()))


def _waits(each: ForeseenJob) -> str:
    return shown(plain_reason(each.start.waits_for))


def foreseen_text(each: ForeseenJob, currency: str) -> str:
    """What would become of a job, for people."""
    lines = [f"{shown(each.job.name)} of team {shown(each.job.team)} could be submitted; nothing was"]
    if each.price is not None and each.job.devices:
        devices = count(each.job.devices, "accelerator")
        lines.append(f"  price: {each.price / 1_000_000:.2f} {currency} an hour for {devices}")
    if each.start.now:
        ours = (f"{shown(one.job.name)} ({one.id}) of team {shown(one.job.team)}" for one in each.displaces)
        displaced = (*ours, *_others(each))
        made = "has made" if len(displaced) == 1 else "have made"
        once = f"  it would start once {', '.join(displaced)} {made} room"
        lines.append(once if displaced else "  it would start now")
    elif each.start.now is False:
        lines.append(f"  it would wait: {_waits(each) or 'others come before it'}")
        if each.start.within is not None:
            earliest, latest = (duration(end / 1000) for end in each.start.within)
            lines.append(f"  likely to start in {earliest} to {latest}")
    elif each.start.untold:
        lines.append(f"  when it would start cannot be told: {shown(each.start.untold)}")
    lines += [f"  note: {shown(one)}" for one in each.told]
    return "\n".join(lines)


def receipt_text(receipt: JobReceipt, call: str) -> str:
    """What is said when a job was taken: its id, what is different there, what to type next."""
    return f"{receipt_line(receipt)}\n{next_steps((receipt,), call)}"


def receipt_line(receipt: JobReceipt) -> str:
    """The id of a job that was taken, and what is different there."""
    job = receipt.job
    lines = [f"{shown(job.job.name)} is job {job.id} of team {shown(job.job.team)} on {shown(job.backend)}"]
    return "\n".join([*lines, *(f"  note: {shown(each)}" for each in receipt.told)])


def next_steps(receipts: Sequence[JobReceipt], call: str) -> str:
    """What to type once jobs were taken."""
    name = receipts[0].job.id if len(receipts) == 1 else "JOB"
    return "\n".join((f"  {call} logs -f {name}", f"  {call} ps", f"  {call} stop {name}"))


def described(
    job: StoredJob,
    now: int,
    members: Sequence[JobRow] = (),
    call: str = "allot",
    held: str = "",
    unheard: str = "",
    cost: str = "",
) -> str:
    """Everything that is known of a job, for people.

    Args:
        job: of which.
        now: milliseconds since the epoch.
        members: of a sweep or a schedule.
        call: how the program was called.
        held: who holds what it waits for, as a clause.
        unheard: that nothing is heard of its back end now; empty where that answers, and where it is over.
        cost: of its devices so far, with the currency; empty where it is not known.
    """
    return "\n".join(_described(job, now, members, call, held, unheard, cost))


def _described(
    job: StoredJob, now: int, members: Sequence[JobRow], call: str, held: str, unheard: str, cost: str
) -> Iterator[str]:
    wanted, wish = job.job, job.job.needs.accelerators
    devices = (
        "none"
        if wish is None
        else f"{wish.count} of {'any class' if wish.any_class else shown(' or '.join(wish.classes))}"
    )
    yield f"{shown(wanted.name)} ({job.id}): {job.state.value}"
    for name, value in (
        ("team", shown(wanted.team)),
        ("owner", shown(job.owner)),
        ("backend", _backend(job)),
        ("unheard", unheard),
        ("priority", shown(wanted.priority)),
        ("runs", shown(shlex.join(wanted.program.argv))),
        ("replicas", f"{wanted.replicas}{', all or none' if wanted.gang else ''}"),
        ("devices", f"{devices} a replica" if wish is not None and wanted.replicas > 1 else devices),
        ("needs", f"{amount('cpu', wanted.needs.cpu)} CPU, {memory(wanted.needs.memory)} of memory"),
        ("image", shown(wanted.program.image)),
        ("maxRunTime", _run_time(job)),
        ("retries", _retries(job)),
        ("checkpoint", _checkpoint(job)),
        ("member of", shown(job.parent)),
        ("sweep", _sweep(job)),
        ("schedule", _schedule(job, now)),
        ("stands", "" if job.standing is None or job.state.over else shown(job.standing.said)),
        ("made from", str(job.supersedes)),
        ("submitted", f"{written(job.submitted)} ({_ago(now, job.submitted)} ago)"),
        ("cost", cost),
    ):
        if value:
            yield f"  {name:<10} {value}"
    waits = [each for each in job.waits if each.until is None]
    if waits and not job.state.over:
        yield f"  waits      {shown(plain_reason(waits[-1].said))}{shown(held)}"
    if job.attempts:
        yield "attempts"
        yield from (f"  {line}" for line in table_text(_attempt_columns(job), job.attempts, width=None).splitlines())
    folders = sorted({place.folder for attempt in job.attempts[-1:] for place in attempt.places if place.folder})
    yield from (f"  its files: {shown(each)}" for each in folders)
    yield from family_lines(job, members, now, call)
    if job.events and job.standing is None:
        yield "events"
        yield from (f"  {written(each.at)}  {shown(each.said)}" for each in job.events[-_EVENTS_SHOWN:])
    yield "history"
    for move in job.history.moves:
        said = f": {shown(plain_reason(move.said))}" if move.said else ""
        yield f"  {written(move.at)}  {move.state.value} ({move.cause.value}){said}"


def _backend(job: StoredJob) -> str:
    """With what it is called there: on this machine, once there is something of it."""
    there = job.native and (job.backend != LOCAL or any(each.started is not None for each in job.attempts))
    return shown(f"{job.backend} ({native_shown(job.native)})" if there else job.backend)


def _started(attempt: JobAttempt) -> str:
    if attempt.started is not None:
        return written(attempt.started)
    return "not yet" if attempt.ended is None else "never"


def _run_time(job: StoredJob) -> str:
    """How long it may run, and of one that runs when that is over: what is displaced begins to count anew."""
    limit = job.job.run_time
    if limit is None:
        return ""
    told = duration(limit)
    if job.job.sweep is not None:
        return f"{told} for each trial"
    started = job.attempts[-1].started if job.attempts and job.state is JobState.RUNNING else None
    return told if started is None else f"{told}, so that it ends at {written(started + limit * 1000)} at the latest"


def _retries(job: StoredJob) -> str:
    retries = job.job.retries
    if not retries.limit:
        return ""
    return f"{retries.limit} after failures of its own{'' if retries.safe else ', only where it has not begun'}"


def _checkpoint(job: StoredJob) -> str:
    checkpoint = job.job.checkpoint
    if checkpoint is None:
        return ""
    return f"{shown(checkpoint.directory)}, {duration(checkpoint.grace)} to write one"


def _sweep(job: StoredJob) -> str:
    sweep = job.job.sweep
    return "" if sweep is None else f"{sweep.trials} trials, {sweep.at_once} at the same time"


def _schedule(job: StoredJob, now: int) -> str:
    """Its times, and the next one where a cluster keeps them: here `stands` tells it."""
    schedule = job.job.schedule
    if schedule is None:
        return ""
    said = f"{schedule.cron} {schedule.time_zone}, at most {duration(schedule.starting_deadline)} late"
    if job.standing is None and not job.state.over:
        times = times_of(schedule)
        due = times.after(now)
        said += "; no time of it comes any more" if due is None else f"; next run {times.shown(due)}"
    return shown(said)


def _places(job: StoredJob, attempt: JobAttempt) -> str:
    """Its devices by id; where the back end does not tell which they are, how many of which class it holds, or held."""
    devices = [device for each in attempt.places for device in each.devices]
    wish = job.job.needs.accelerators
    held = attempt.started is not None or _goes_on(job, attempt)
    if devices or wish is None or not held:
        return ", ".join(map(shown, devices)) or "none"
    given = dict.fromkeys(each.given.accelerator for each in attempt.places if each.given is not None)
    classes = given or (() if wish.any_class else wish.classes)
    return f"{held_devices(job.job, attempt.places)} {shown(' or '.join(classes))}".strip()


def _goes_on(job: StoredJob, attempt: JobAttempt) -> bool:
    """Whether it is the attempt that holds what the job asked for."""
    return job.state.holds and attempt.ended is None and attempt is job.attempts[-1]


def _end(job: StoredJob, attempt: JobAttempt) -> str:
    if attempt.end is None and attempt.ended is None:
        if attempt.started is not None:
            return "runs"
        return "starts" if _goes_on(job, attempt) else "waits"
    if attempt.end is None:
        return "over"
    words = "displaced" if attempt.end.displaced else ""
    code = "" if attempt.end.code is None else f"exit code {attempt.end.code}"
    return ", ".join(part for part in (words, code, shown(plain_reason(attempt.end.said))) if part) or "over"


def _attempt_columns(job: StoredJob) -> tuple[Column[JobAttempt], ...]:
    return (
        Column("ATTEMPT", lambda each: each.number),
        Column("STARTED", _started),
        Column("ENDED", lambda each: None if each.ended is None else written(each.ended)),
        Column("DEVICES", lambda each: _places(job, each)),
        Column("END", lambda each: _end(job, each)),
    )

"""What a job used, when it is over: from its attempts and its history, nothing guessed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from allotment.model.jobs.use import UseSummary
from allotment.model.quantity import Bytes, MilliCpu
from allotment.ports.stored_jobs import JobAttempt, StoredJob

_MS_PER_HOUR: Final = 3_600_000


def use_of(job: StoredJob, prices: Mapping[str, int | None]) -> UseSummary:
    """The use of all its attempts together.

    Args:
        job: that is over, its last move kept.
        prices: of an hour of each device, millionths of the currency, by id.
    """
    run_ms = sum(_ran(each) for each in job.attempts)
    cpu = [each.end.cpu_ms for each in job.attempts if each.end is not None and each.end.cpu_ms is not None]
    memory = [each.end.memory for each in job.attempts if each.end is not None and each.end.memory is not None]
    held = _held(job)
    return UseSummary(
        run_ms=run_ms,
        held_ms=job.job.devices * sum(held.values()),
        cpu=MilliCpu(sum(cpu) * 1000 // (run_ms * job.job.replicas)) if cpu and run_ms else None,
        memory=Bytes(max(memory)) if memory else None,
        displaced=sum(each.end is not None and each.end.displaced for each in job.attempts),
        cost=_cost(job, held, prices),
    )


def _ran(attempt: JobAttempt) -> int:
    if attempt.started is None or attempt.ended is None:
        return 0
    return max(0, attempt.ended - attempt.started)


def _held(job: StoredJob) -> dict[int, int]:
    """Milliseconds that each attempt held what it had asked for, by number."""
    held: dict[int, int] = {}
    since: int | None = None
    for move in job.history.moves:
        if since is None and move.state.holds:
            since = move.at
        elif since is not None and not move.state.holds:
            number = move.attempt if move.state.over else max(1, move.attempt - 1)
            held[number] = held.get(number, 0) + move.at - since
            since = None
    return held


def _cost(job: StoredJob, held: Mapping[int, int], prices: Mapping[str, int | None]) -> int | None:
    """What its devices cost while it held them; None where a price is not known, 0 where it had none."""
    if not job.job.devices:
        return 0
    total = 0
    for attempt in job.attempts:
        for device in (name for place in attempt.places for name in place.devices):
            price = prices.get(device)
            if price is None:
                return None
            total += price * held.get(attempt.number, 0)
    return total // _MS_PER_HOUR

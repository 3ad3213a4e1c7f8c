"""What a job used, when it is over: from its attempts and its history, nothing guessed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

from allotment.accounting.prices import ClassPrices
from allotment.model.accelerator import CapacityType
from allotment.model.jobs.job import Job
from allotment.model.jobs.run import GivenClass, JobState, Move, RunningPlace
from allotment.model.jobs.use import UseSummary, mean_permille, times_together
from allotment.model.quantity import Bytes, MilliCpu
from allotment.ports.stored_jobs import JobAttempt, StoredJob

_MS_PER_HOUR: Final = 3_600_000
_MOST_MARKS: Final = 20
"""Marks that a summary of many jobs keeps; each job has its own."""


@dataclass(frozen=True, slots=True)
class JobPrices:
    """What an hour of a device costs, in millionths of the currency.

    Attributes:
        devices: by id, of those that the server itself watches; None where their class has no price.
        classes: of all others.
    """

    devices: Mapping[str, int | None] = field(default_factory=dict)
    classes: ClassPrices = field(default_factory=dict)

    def an_hour(self, job: Job, places: Sequence[RunningPlace] = ()) -> int | None:
        """An hour of all devices of a job; None where the price of one is not known.

        Args:
            job: that held them. Where nobody tells which class it was given, its first one stands for it, and on demand
                for how that is bought unless it says so itself; as in a dry run.
            places: where its replicas ran, as far as its back end tells.
        """
        wish = job.needs.accelerators
        if wish is None:
            return 0
        capacity = CapacityType(wish.capacity_type or CapacityType.ON_DEMAND)
        usual = self._of_class(_given(places) or GivenClass(wish.classes[0], capacity))
        known = [self.devices.get(each) for place in places for each in place.devices] or [None] * held_devices(
            job, places
        )
        prices = [usual if each is None else each for each in known]
        return None if None in prices else sum(each for each in prices if each is not None)

    def assumed(self, job: Job, places: Sequence[RunningPlace] = ()) -> str:
        """The class by whose price a job's devices are counted though another may have been given; empty for none.

        Args:
            job: that held them.
            places: where its replicas ran, as far as its back end tells.
        """
        wish = job.needs.accelerators
        if wish is None or len(wish.classes) == 1 or _given(places) is not None:
            return ""
        devices = [each for place in places for each in place.devices]
        known = bool(devices) and all(self.devices.get(each) is not None for each in devices)
        return "" if known else wish.classes[0]

    def _of_class(self, given: GivenClass) -> int | None:
        return self.classes.get(given.accelerator, {}).get(given.capacity)


def _given(places: Iterable[RunningPlace]) -> GivenClass | None:
    """The class of all its devices; None where nobody tells, or they are of several."""
    found = {each.given for each in places}
    return found.pop() if len(found) == 1 else None


NO_JOB_PRICES: Final = JobPrices()


def price_foreseen(prices: JobPrices, job: Job, offered: Sequence[GivenClass]) -> tuple[int | None, tuple[str, ...]]:
    """What an hour of a job will cost, of a sweep of one trial; and what it costs as another class, in sentences.

    Args:
        prices: of an hour of a device.
        job: that is not there yet.
        offered: what its devices may be of, first what is tried first; nothing where nobody knows.
    """
    alone = replace(job, sweep=None)
    if not alone.devices or not offered:
        return prices.an_hour(alone), ()
    costs = {each: prices.an_hour(alone, (RunningPlace(0, "", given=each),)) for each in offered}
    first = costs[offered[0]]
    others = [
        f"{cost / 1_000_000:.2f} as {each.accelerator}, {each.capacity.value}"
        for each, cost in costs.items()
        if cost is not None and cost != first
    ]
    if first is None or not others:
        return first, ()
    tried = f"{offered[0].accelerator}, {offered[0].capacity.value}"
    return first, (f"the price is that of {tried}, which its queue tries first; it is {', '.join(others)}",)


def use_of(job: StoredJob, prices: JobPrices) -> UseSummary:
    """The use of all its attempts together.

    Args:
        job: that is over, its last move kept.
        prices: of an hour of a device.
    """
    run_ms = sum(_ran(each) for each in job.attempts)
    cpu = [each.end.cpu_ms for each in job.attempts if each.end is not None and each.end.cpu_ms is not None]
    memory = [each.end.memory for each in job.attempts if each.end is not None and each.end.memory is not None]
    held = _held(job)
    places = {each.number: each.places for each in job.attempts}
    held_ms = sum(held_devices(job.job, places.get(number, ())) * ms for number, ms in held.items())
    so_far = measured_so_far(job)
    seen_ms = _measured_ms(so_far)
    cost = _cost(job, held, places, prices)
    assumed = (prices.assumed(job.job, places.get(number, ())) for number, ms in held.items() if ms)
    return replace(
        so_far,
        unmeasured_ms=max(0, held_ms - seen_ms) if seen_ms else None,
        run_ms=run_ms,
        held_ms=held_ms,
        staging_ms=_starting(job),
        cpu=MilliCpu(sum(cpu) * 1000 // (run_ms * job.job.replicas)) if cpu and run_ms else None,
        memory=Bytes(max(memory)) if memory else None,
        displaced=sum(
            each.started is not None and each.end is not None and each.end.displaced for each in job.attempts
        ),
        cost=cost,
        priced_as="" if cost is None else next(filter(None, assumed), ""),
    )


def held_devices(job: Job, places: Sequence[RunningPlace]) -> int:
    """Accelerators of all replicas: those that its back end says it holds, else those that it asked for.

    Of a sweep that its back end runs as one, those of as many trials as may run at once: its places are trials of all
    its time, and nobody tells which of them ran beside which.
    """
    if job.sweep is not None:
        return job.devices * min(job.sweep.at_once, job.sweep.trials)
    told = [each.held for each in places if each.held is not None]
    return sum(told) if told and len(told) == job.replicas else job.devices


def measured_so_far(job: StoredJob) -> UseSummary:
    """What is known of its devices alone, whether or not it is over."""
    measured = [each.measured for each in job.attempts if each.measured is not None]
    ends = [each.end for each in job.attempts if each.end is not None]
    told = [each.devices_busy for each in ends if each.devices_busy is not None]
    times = times_together(each.by_percent for each in measured)
    memories = [each for each in (*(one.memory for one in measured), *(one.device_memory for one in ends)) if each]
    last = job.attempts[-1].measured if job.attempts else None
    return UseSummary(
        run_ms=0,
        idle_ms=sum(each.idle_ms for each in measured) if times else None,
        unmeasured_ms=sum(each.unmeasured_ms for each in measured) if times else None,
        idle_after_ms=last.idle_after_ms if times and last is not None else None,
        by_percent=times,
        busy_permille=mean_permille(times) if times or not told else sum(told) * 10 // len(told),
        device_memory=Bytes(max(memories)) if memories else None,
        samples=sum(each.looks for each in measured),
        marks=tuple(each.mark for each in measured if each.mark is not None),
    )


def used_together(uses: Iterable[UseSummary]) -> UseSummary | None:
    """What several jobs have used together; None where there are none.

    Times, displacements and costs are sums. What is a mean of a job is weighted by its time, what is a peak is the
    highest one. A cost is not known where one of them is not.
    """
    all_of_them = list(uses)
    if not all_of_them:
        return None
    costs = [each.cost for each in all_of_them]
    cpu = _mean((each.cpu, each.run_ms) for each in all_of_them)
    return UseSummary(
        run_ms=sum(each.run_ms for each in all_of_them),
        held_ms=sum(each.held_ms for each in all_of_them),
        staging_ms=_sum(each.staging_ms for each in all_of_them),
        idle_ms=_sum(each.idle_ms for each in all_of_them),
        lost_ms=_sum(each.lost_ms for each in all_of_them),
        unmeasured_ms=_sum(each.unmeasured_ms for each in all_of_them),
        idle_after_ms=_sum(each.idle_after_ms for each in all_of_them),
        by_percent=times_together(each.by_percent for each in all_of_them),
        marks=tuple(mark for each in all_of_them for mark in each.marks)[:_MOST_MARKS],
        busy_permille=_mean((each.busy_permille, _measured_ms(each) or each.held_ms) for each in all_of_them),
        device_memory=max((each.device_memory for each in all_of_them if each.device_memory is not None), default=None),
        cpu=None if cpu is None else MilliCpu(cpu),
        memory=max((each.memory for each in all_of_them if each.memory is not None), default=None),
        samples=sum(each.samples for each in all_of_them),
        displaced=sum(each.displaced for each in all_of_them),
        cost=None if None in costs else sum(each for each in costs if each is not None),
        priced_as=next((each.priced_as for each in all_of_them if each.priced_as), ""),
    )


def _measured_ms(use: UseSummary) -> int:
    return sum(each for _, each in use.by_percent)


def _sum(values: Iterable[int | None]) -> int | None:
    """Of those that are known; None where none is."""
    known = [each for each in values if each is not None]
    return sum(known) if known else None


def _mean(weighted: Iterable[tuple[int | None, int]]) -> int | None:
    known = [(value, weight) for value, weight in weighted if value is not None]
    total = sum(weight for _, weight in known)
    return sum(value * weight for value, weight in known) // total if total else None


def _ran(attempt: JobAttempt) -> int:
    if attempt.started is None or attempt.ended is None:
        return 0
    return max(0, attempt.ended - attempt.started)


def _held(job: StoredJob) -> dict[int, int]:
    """Milliseconds that each attempt held what it had asked for, by number."""
    held: dict[int, int] = {}
    began: Move | None = None
    for move in job.history.moves:
        if began is None and move.state.holds:
            began = move
        elif began is not None and not move.state.holds:
            # Several attempts may have passed between two looks: the one that began is the one that held.
            held[began.attempt] = held.get(began.attempt, 0) + move.at - began.at
            began = None
    return held


def _starting(job: StoredJob) -> int | None:
    """Device-milliseconds held before its program ran; None where its back end tells no such state."""
    starts = [each.at for each in job.history.moves if each.state is JobState.STARTING]
    if not starts or not job.job.devices:
        return None
    ends = pairwise(job.history.moves)
    return held_devices(job.job, ()) * sum(
        after.at - each.at for each, after in ends if each.state is JobState.STARTING
    )


def _cost(
    job: StoredJob, held: Mapping[int, int], places: Mapping[int, Sequence[RunningPlace]], prices: JobPrices
) -> int | None:
    """What its devices cost while it held them; None where a price is not known, 0 where it held none."""
    total = 0
    for number, ms in held.items():
        price = prices.an_hour(job.job, places.get(number, ()))
        if price is None:
            return None
        total += price * ms
    return total // _MS_PER_HOUR

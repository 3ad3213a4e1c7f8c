"""What the jobs of this machine do with their devices: looked at in one place, every few seconds, beside all else.

A driver that hangs holds up nothing: the next look waits for the last one, and the time in between is unmeasured.
Without real devices nothing is ever asked. What a device does counts for the job that holds it; only where the driver
sees processes of others beside the job's own on it do the job's own processes count alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from allotment.model.jobs.use import AttemptUse
from allotment.model.policy import IdlePolicy
from allotment.operations.run.measured_use import EVERY, DeviceLook, closed_at, use_from, with_looks
from allotment.ports.devices import DeviceReading, MachineDevices

TOLD_EVERY: Final = 60_000
"""Milliseconds between two times that the use of what runs is told to be kept."""


@dataclass(frozen=True, slots=True)
class SampledJob:
    """A job whose devices are looked at.

    Attributes:
        since: when its attempt began to run, in milliseconds since the epoch.
        pids: tells the ids of its processes; asked only where the driver names processes.
        policy: when it is idle; None for no rule.
    """

    id: str
    attempt: int
    since: int
    devices: tuple[str, ...]
    pids: Callable[[], Collection[int]]
    policy: IdlePolicy | None = None


@dataclass(frozen=True, slots=True)
class LiveUse:
    """What is known of a job that runs.

    Attributes:
        last: what each of its devices was seen to do last, in percent.
    """

    use: AttemptUse
    last: Mapping[str, int]


@dataclass(slots=True)
class _SampledAttempt:
    number: int
    use: AttemptUse
    told: AttemptUse | None = None
    last: Mapping[str, int] | None = None


@dataclass(slots=True)
class _DriverLook:
    """A question to the driver, asked beside all else."""

    began: int
    readings: tuple[DeviceReading, ...] | None = None

    def ask(self, devices: MachineDevices) -> None:
        found: tuple[DeviceReading, ...] = ()
        try:
            found = devices.readings()
        finally:
            self.readings = found


class UseSampler:
    """See the module. One thread at a time, but for the question itself."""

    def __init__(
        self, devices: MachineDevices | None, beside: Callable[[Callable[[], None]], None] = lambda work: work()
    ) -> None:
        """Nothing is looked at yet.

        Args:
            devices: of this machine; None where only slots stand for some: then nothing is ever measured.
            beside: has something done that may take long, in a thread of its own or at once.
        """
        self._devices = devices
        self._beside = beside
        self._attempts: dict[str, _SampledAttempt] = {}
        self._look: _DriverLook | None = None
        self._asked_at: int | None = None

    def resume(self, job_id: str, attempt: int, use: AttemptUse) -> None:
        """Go on with what an earlier server knew of an attempt that still runs."""
        if self._devices is not None:
            self._attempts[job_id] = _SampledAttempt(attempt, use, use)

    def due(self, now: int) -> bool:
        """Whether `step` would do anything at all."""
        if self._devices is None:
            return False
        look = self._look
        if look is not None:
            return look.readings is not None
        return self._asked_at is None or not 0 <= now - self._asked_at < EVERY

    def step(self, jobs: Sequence[SampledJob], now: int) -> list[str]:
        """Take in what the last question brought, and ask the next where it is time.

        Args:
            jobs: all that run and hold devices.
            now: milliseconds since the epoch.

        Returns:
            Ids of jobs of which something is to be kept.
        """
        told = self._taken_in(jobs)
        if jobs and self._devices is not None and self._look is None and self.due(now):
            self._asked_at = now
            self._look = look = _DriverLook(now)
            devices = self._devices
            self._beside(lambda: look.ask(devices))
            told += self._taken_in(jobs)
        return told

    def told(self, job_id: str, attempt: int) -> AttemptUse | None:
        """What is to be kept of an attempt; None where nothing was measured."""
        found = self._attempts.get(job_id)
        return found.told if found is not None and found.number == attempt else None

    def live(self, job_id: str) -> LiveUse | None:
        """What is known of a job that runs, to the last look; None where nothing is."""
        found = self._attempts.get(job_id)
        return None if found is None or not found.use.looks else LiveUse(found.use, found.last or {})

    def ended(self, job_id: str, end: int) -> None:
        """Its attempt is over; what is known of it stays to be told until the next begins, or it is forgotten."""
        found = self._attempts.get(job_id)
        if found is not None and found.use.looks:
            found.use = closed_at(found.use, end)
            found.told = found.use

    def forget(self, job_id: str) -> None:
        """It is on record."""
        self._attempts.pop(job_id, None)

    def _taken_in(self, jobs: Sequence[SampledJob]) -> list[str]:
        look = self._look
        if look is None or look.readings is None:
            return []
        self._look = None
        seen = {each.id: each for each in look.readings}
        return [each.id for each in jobs if self._looked_at(each, seen, look.began)]

    def _looked_at(self, job: SampledJob, seen: Mapping[str, DeviceReading], at: int) -> bool:
        """Whether something of it is to be kept."""
        found = self._attempts.get(job.id)
        if found is None or found.number != job.attempt:
            found = self._attempts[job.id] = _SampledAttempt(job.attempt, use_from(job.since, len(job.devices)))
        looks = dict(_looks(job, seen))
        before = found.use
        found.use = use = with_looks(before, tuple(looks.values()), at, job.policy)
        found.last = {name: each.percent for name, each in looks.items() if each.percent is not None}
        told = found.told
        due = told is None or use.until - told.until >= TOLD_EVERY
        turned = told is None or (told.idle, told.known, told.mark is None) != (use.idle, use.known, use.mark is None)
        if not use.looks or not (due or turned):
            return False
        found.told = use
        return True


def _looks(job: SampledJob, seen: Mapping[str, DeviceReading]) -> Iterator[tuple[str, DeviceLook]]:
    named = any(seen[each].shares for each in job.devices if each in seen)
    pids = frozenset(job.pids()) if named else frozenset()
    for name in job.devices:
        reading = seen.get(name)
        if reading is not None:
            yield name, _look(reading, pids)


def _look(reading: DeviceReading, pids: Collection[int]) -> DeviceLook:
    """What a job does with a device; all that is done with it where the driver's ids mean nothing here."""
    own = reading.of(pids)
    busy, memory = reading.busy, reading.memory
    if own:
        held = [each.memory for each in own if each.memory is not None]
        memory = sum(held) if held else memory
        if len(own) < len(reading.shares):
            # Whom the driver does not name here did nothing since it was asked last.
            by_process = any(each.busy is not None for each in reading.shares)
            busy = min(1.0, sum(each.busy or 0.0 for each in own)) if by_process else busy
    return DeviceLook(None if busy is None else min(100, max(0, round(busy * 100))), memory)

"""What a job used, in whole numbers: what is kept of it when its processes, pods and metrics are gone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from allotment.model.quantity import Bytes, MilliCpu

TimeByPercent = tuple[tuple[int, int], ...]
"""Device-milliseconds by how busy the device was, in whole percent; ascending, nothing twice."""


@dataclass(frozen=True, slots=True)
class IdleMark:
    """What a rule of idleness in shadow mode would have done to an attempt, and did not.

    Attributes:
        rule: its name.
        action: ``stop`` or ``ask``.
        at: when, in milliseconds since the epoch.
        held_ms: device-milliseconds that the attempt went on to hold from then on.
        busy_ms: of these, the ones in which a device was busy again: what stopping it would have cost.
    """

    rule: str
    action: str
    at: int
    held_ms: int = 0
    busy_ms: int = 0


@dataclass(frozen=True, slots=True)
class AttemptUse:
    """What was measured of an attempt's devices: sums that grow, never a series, so its size is bounded.

    The device-milliseconds of `by_percent` and `unmeasured_ms` sum to the devices times `until` - `since`.

    Attributes:
        since: from when on, in milliseconds since the epoch.
        until: up to when.
        devices: how many.
        by_percent: time by how busy a device was.
        unmeasured_ms: device-milliseconds of which nobody knows.
        idle_ms: of `by_percent`, what was below the share of its rule.
        idle_since: since when all its devices have been idle without a break; None where one is not, or is not known.
        idle_after_ms: of `idle_ms`, what came after the last work, as far as it was seen.
        idle: whether they have been idle for as long as the rule says.
        known: whether the last look saw every device.
        memory: most bytes that were in use on one device; None where nobody tells.
        looks: measurements of devices.
        mark: what a rule would have done; None where nothing.
    """

    since: int
    until: int
    devices: int
    by_percent: TimeByPercent = ()
    unmeasured_ms: int = 0
    idle_ms: int = 0
    idle_since: int | None = None
    idle_after_ms: int = 0
    idle: bool = False
    known: bool = False
    memory: Bytes | None = None
    looks: int = 0
    mark: IdleMark | None = None

    @property
    def measured_ms(self) -> int:
        """Device-milliseconds of which it is known how busy the device was."""
        return sum(each for _, each in self.by_percent)


def percent_at(times: TimeByPercent, permille: int) -> int | None:
    """The percent that a device was not busier than for so many thousandths of the time; None where nothing is known.

    Args:
        times: by percent.
        permille: 500 for the median; 1000 for the most.
    """
    whole, so_far = sum(each for _, each in times), 0
    for percent, ms in times:
        so_far += ms
        if so_far * 1000 >= whole * permille:
            return percent
    return None


def mean_permille(times: TimeByPercent) -> int | None:
    """How busy a device was on average, in thousandths; None where nothing is known."""
    whole = sum(each for _, each in times)
    return sum(percent * ms for percent, ms in times) * 10 // whole if whole else None


def times_together(all_of_them: Iterable[TimeByPercent]) -> TimeByPercent:
    """The sum of several."""
    found: dict[int, int] = {}
    for times in all_of_them:
        for percent, ms in times:
            found[percent] = found.get(percent, 0) + ms
    return tuple(sorted(found.items()))


@dataclass(frozen=True, slots=True)
class UseSummary:
    """Use of all attempts and replicas of a job together.

    None where nobody measured; 0 is a measurement. What the job asked for stands in the job itself.

    Attributes:
        run_ms: milliseconds that it ran, all attempts together.
        held_ms: device-milliseconds that it held, staging and idle time included.
        staging_ms: of these, the ones before its program started.
        idle_ms: of these, the ones in which its devices were measured idle.
        unmeasured_ms: of these, the ones of which nobody knows, where others were measured.
        idle_after_ms: of `idle_ms`, what came after the last work of its last attempt.
        by_percent: device-milliseconds by how busy a device was, where that was measured.
        marks: what rules of idleness would have done, an attempt a mark.
        lost_ms: of `run_ms`, what was done again after a displacement or a failure.
        busy_permille: mean use of a device while it was held, in thousandths.
        device_memory: most bytes that were in use on one device.
        cpu: mean use of one replica.
        memory: most bytes that one replica had in use.
        samples: measurements of devices that these figures rest on.
        displaced: times that it was made to end for others, or lost what it ran on.
        cost: millionths of the currency; None where a price is not known.
        priced_as: class by whose price that is, where the job named several and nobody tells which one it was given;
            else empty.
    """

    run_ms: int
    held_ms: int = 0
    staging_ms: int | None = None
    idle_ms: int | None = None
    lost_ms: int | None = None
    busy_permille: int | None = None
    device_memory: Bytes | None = None
    cpu: MilliCpu | None = None
    memory: Bytes | None = None
    samples: int = 0
    displaced: int = 0
    cost: int | None = None
    unmeasured_ms: int | None = None
    idle_after_ms: int | None = None
    by_percent: TimeByPercent = ()
    marks: tuple[IdleMark, ...] = ()
    priced_as: str = ""

"""What a job used, in whole numbers: what is kept of it when its processes, pods and metrics are gone."""

from __future__ import annotations

from dataclasses import dataclass

from allotment.model.quantity import Bytes, MilliCpu


@dataclass(frozen=True, slots=True)
class UseSummary:
    """Use of all attempts and replicas of a job together.

    None where nobody measured; 0 is a measurement. What the job asked for stands in the job itself.

    Attributes:
        run_ms: milliseconds that it ran, all attempts together.
        held_ms: device-milliseconds that it held, staging and idle time included.
        staging_ms: of these, the ones before its program started.
        idle_ms: of these, the ones in which its devices were measured idle.
        lost_ms: of `run_ms`, what was done again after a displacement or a failure.
        busy_permille: mean use of a device while it was held, in thousandths.
        device_memory: most bytes that were in use on one device.
        cpu: mean use of one replica.
        memory: most bytes that one replica had in use.
        samples: measurements of devices that these figures rest on.
        displaced: times that it was made to end for others, or lost what it ran on.
        cost: millionths of the currency; None where a price is not known.
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

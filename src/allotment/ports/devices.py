"""Accelerators of this machine: which there are, and how they are used now."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from allotment.model.accelerator import Vendor


@dataclass(frozen=True, slots=True)
class MachineDevice:
    """One that a job can be given.

    Attributes:
        id: UUID as the vendor's libraries know it, or the name of a virtual slot.
        vendor: None for a virtual slot.
        model: as its driver calls it, such as ``NVIDIA H100 80GB HBM3``; empty for a virtual slot.
        memory: bytes; 0 where nobody tells.
        generation: as its driver tells it: a compute capability (``9.0``) or a target (``gfx942``).
        part_of: UUID of the whole device, of a part (MIG).
    """

    id: str
    vendor: Vendor | None
    model: str = ""
    memory: int = 0
    generation: str = ""
    part_of: str = ""


class DriverFault(Enum):
    """What keeps a vendor's devices from being seen."""

    NO_LIBRARY = "no library"
    NOT_LOADED = "driver not loaded"
    MISMATCH = "library and driver do not match"
    NOT_ALLOWED = "not allowed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class DeviceTrouble:
    """Devices that are there, or seem to be, and cannot be used.

    Attributes:
        said: what and why, in a sentence.
        fix: the next step.
    """

    vendor: Vendor
    fault: DriverFault
    said: str
    fix: str


@dataclass(frozen=True, slots=True)
class MachineInventory:
    """What was found.

    Attributes:
        devices: all that jobs can be given; either real ones or virtual slots, never both.
        troubles: with devices that are not among them.
        told: one sentence for a user: what there is, and whether it is real.
    """

    devices: tuple[MachineDevice, ...]
    troubles: tuple[DeviceTrouble, ...]
    told: str

    @property
    def virtual(self) -> bool:
        """Whether its devices only stand for accelerators."""
        return any(each.vendor is None for each in self.devices)


@dataclass(frozen=True, slots=True)
class DeviceShare:
    """What one process uses of a device.

    Attributes:
        memory: bytes; None where nobody tells.
        busy: part of the time, from 0 to 1; None where nobody tells.
    """

    pid: int
    memory: int | None = None
    busy: float | None = None


@dataclass(frozen=True, slots=True)
class DeviceReading:
    """How a device is used now.

    Attributes:
        id: of the device.
        busy: part of the time, from 0 to 1; None where nobody tells, as of a part of a device.
        memory: bytes in use; None where nobody tells.
        shares: by process; empty where nobody uses it, or nobody tells.
    """

    id: str
    busy: float | None = None
    memory: int | None = None
    shares: tuple[DeviceShare, ...] = ()

    def of(self, pids: Iterable[int]) -> tuple[DeviceShare, ...]:
        """What some processes use of it."""
        wanted = frozenset(pids)
        return tuple(each for each in self.shares if each.pid in wanted)


class MachineDevices(Protocol):
    """See the module. Neither method raises: what fails is told."""

    def inventory(self) -> MachineInventory:
        """What there is, asked anew."""
        ...

    def readings(self) -> tuple[DeviceReading, ...]:
        """How real devices are used; nothing of virtual slots, nor of a device that does not answer."""
        ...

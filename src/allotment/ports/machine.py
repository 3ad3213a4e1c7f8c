"""This machine: the CPU and memory that it has for jobs; its devices are in `ports.devices`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from allotment.model.quantity import Bytes, MilliCpu


@dataclass(frozen=True, slots=True)
class MachineRoom:
    """What jobs may use together.

    Attributes:
        cpu: that this user's processes may use.
        memory: what the machine, or the container that we are in, has, less some for everything else.
    """

    cpu: MilliCpu
    memory: Bytes


class MachinePort(Protocol):
    """Looks at this machine."""

    def room(self) -> MachineRoom:
        """What it has now."""
        ...

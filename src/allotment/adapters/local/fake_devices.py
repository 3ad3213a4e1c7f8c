"""`MachineDevices` in memory, for tests."""

from __future__ import annotations

from collections.abc import Sequence

from allotment.adapters.local.devices import inventory_of
from allotment.ports.devices import DeviceReading, DeviceTrouble, MachineDevice, MachineInventory


class FakeDevices:
    """Devices that somebody puts there.

    Attributes:
        now: what `readings` answers next, by device; of devices that are there.
    """

    def __init__(
        self, devices: Sequence[MachineDevice] = (), *, slots: int = 8, troubles: Sequence[DeviceTrouble] = ()
    ) -> None:
        """With devices, or with slots where there are none."""
        self._devices = list(devices)
        self._slots = slots
        self._troubles = tuple(troubles)
        self.now: dict[str, DeviceReading] = {}

    def inventory(self) -> MachineInventory:
        """What there is."""
        return inventory_of(self._devices, self._troubles, self._slots)

    def readings(self) -> tuple[DeviceReading, ...]:
        """What was put there to be read."""
        return tuple(self.now[each.id] for each in self._devices if each.id in self.now)

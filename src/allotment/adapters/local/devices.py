"""The devices of this machine, of whichever vendor; where there are none, slots that stand for them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Final

from allotment.adapters.local.amd import AmdDevices
from allotment.adapters.local.nvidia import NvidiaDevices
from allotment.errors import quoted
from allotment.model.accelerator import Vendor
from allotment.ports.devices import DeviceReading, DeviceTrouble, DriverFault, MachineDevice, MachineInventory

_NVIDIA_ON_PCI: Final = "0x10de"
_DISPLAY: Final = ("0x0300", "0x0302", "0x0380")
"""Classes of PCI devices that compute: VGA, 3D and other display controllers."""


class LocalDevices:
    """See the module; implements `MachineDevices`."""

    def __init__(
        self,
        slots: int,
        *,
        nvidia: NvidiaDevices | None = None,
        amd: AmdDevices | None = None,
        sys: Path = Path("/sys"),
    ) -> None:
        """Of this machine.

        Args:
            slots: how many stand for devices where there are none.
            nvidia: NVIDIA's.
            amd: AMD's.
            sys: where sysfs is mounted.
        """
        self._slots = slots
        self._nvidia = NvidiaDevices() if nvidia is None else nvidia
        self._amd = AmdDevices(sys) if amd is None else amd
        self._sys = sys

    def inventory(self) -> MachineInventory:
        """What there is."""
        nvidia, nvidia_trouble = self._nvidia.devices()
        amd, amd_trouble = self._amd.devices()
        troubles = tuple(each for each in (nvidia_trouble, amd_trouble) if each is not None and self._matters(each))
        return inventory_of([*nvidia, *amd], troubles, self._slots)

    def readings(self) -> tuple[DeviceReading, ...]:
        """How real devices are used."""
        return (*self._nvidia.readings(), *self._amd.readings())

    def _matters(self, trouble: DeviceTrouble) -> bool:
        """A machine without NVIDIA's hardware needs no library of theirs."""
        return trouble.fault is not DriverFault.NO_LIBRARY or trouble.vendor is not Vendor.NVIDIA or self._has_nvidia()

    def _has_nvidia(self) -> bool:
        try:
            slots = list((self._sys / "bus/pci/devices").iterdir())
        except OSError:
            return False
        return any(
            _word(each / "vendor") == _NVIDIA_ON_PCI and _word(each / "class").startswith(_DISPLAY) for each in slots
        )


def inventory_of(devices: list[MachineDevice], troubles: tuple[DeviceTrouble, ...], slots: int) -> MachineInventory:
    """What was found, and what is said of it."""
    if devices:
        counts = Counter(each.model for each in devices)
        told = ", ".join(f"{count} of {quoted(model)}" for model, count in sorted(counts.items()))
        return MachineInventory(tuple(devices), troubles, f"devices of this machine: {told}")
    virtual = tuple(MachineDevice(f"slot-{number}", None) for number in range(slots))
    because = f" ({'; '.join(each.said for each in troubles)})" if troubles else ""
    told = f"no GPU was found{because}: {slots} virtual slots stand for GPUs, and nothing computes on them"
    return MachineInventory(virtual, troubles, told)


def _word(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""

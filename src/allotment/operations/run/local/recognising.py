"""Devices that were found → classes of the platform's catalogue."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from allotment.errors import shown
from allotment.model.accelerator import Accelerator
from allotment.model.quantity import SLOTS
from allotment.operations.run.local.shares import MachineSize
from allotment.ports.devices import MachineDevice, MachineDevices, MachineInventory
from allotment.ports.machine import MachineRoom

DEFAULT_SLOTS: Final = 8
"""Slots where no device is found and nobody says how many: as many as a node of the reference platform has devices."""
_WORD: Final = re.compile(r"[a-z]+[0-9]+[a-z]*|[0-9]+[a-z]+")
_NEAR: Final = 10
"""Percent by which the memory that a driver tells may differ from the catalogue's: error correction takes some."""


@dataclass(frozen=True, slots=True)
class RecognisedMachine:
    """The machine in the platform's words.

    Attributes:
        devices: ids by class.
        told: what a user should know, in sentences.
        asked: tells how the devices are used; None where only slots stand for some.
    """

    size: MachineSize
    devices: Mapping[str, tuple[str, ...]]
    told: tuple[str, ...]
    asked: MachineDevices | None = None


def recognised(
    room: MachineRoom, inventory: MachineInventory, catalogue: Mapping[str, Accelerator]
) -> RecognisedMachine:
    """The machine in the platform's words.

    Args:
        room: CPU and memory.
        inventory: its devices, or slots that stand for some.
        catalogue: of the platform, by name.
    """
    devices: dict[str, tuple[str, ...]] = {}
    told = [inventory.told, *(f"{each.said}; {each.fix}" for each in inventory.troubles if not inventory.virtual)]
    for each in inventory.devices:
        name = SLOTS if each.vendor is None else _class_of(each, catalogue)
        if name:
            devices[name] = (*devices.get(name, ()), each.id)
        else:
            told.append(f"no job can ask for {shown(each.model)}: it is not in the catalogue; declare an Accelerator")
    size = MachineSize(room.cpu, room.memory, {name: len(ids) for name, ids in devices.items()})
    return RecognisedMachine(size, devices, tuple(dict.fromkeys(told)))


def _class_of(device: MachineDevice, catalogue: Mapping[str, Accelerator]) -> str:
    """The class of the vendor whose model is among the words of the driver's, with the nearest memory; or none."""
    words = set(_words(device.model))
    fitting = [
        each
        for each in catalogue.values()
        if each.vendor is device.vendor
        and (each.partition_of is not None) == bool(device.part_of)
        and next(_words(each.name), each.name) in words
        and _memory_fits(device, each)
    ]
    return min(fitting, key=lambda each: (abs(each.memory - device.memory), each.name)).name if fitting else ""


def _memory_fits(device: MachineDevice, each: Accelerator) -> bool:
    return not device.memory or abs(device.memory - each.memory) * 100 <= _NEAR * each.memory


def _words(text: str) -> Iterator[str]:
    """Words that name models: ``a100`` of ``a100-80gb`` and of ``NVIDIA A100-SXM4-80GB``."""
    return (found[0] for found in _WORD.finditer(text.lower()))

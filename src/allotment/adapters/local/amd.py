"""AMD's devices as its kernel driver shows them in /sys; no library is needed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from allotment.model.accelerator import Vendor
from allotment.ports.devices import DeviceReading, DeviceShare, DeviceTrouble, DriverFault, MachineDevice

_NODES: Final = "class/kfd/kfd/topology/nodes"
_PROCESSES: Final = "class/kfd/kfd/proc"


class AmdDevices:
    """See the module."""

    def __init__(self, sys: Path = Path("/sys")) -> None:
        """Args: sys: where sysfs is mounted."""
        self._sys = sys

    def devices(self) -> tuple[list[MachineDevice], DeviceTrouble | None]:
        """All that jobs can be given."""
        found = [device for device, _, _ in self._each()]
        if not found and (self._sys / "module/amdgpu").is_dir() and not (self._sys / _NODES).is_dir():
            said = "AMD's driver is loaded, and shows no compute devices (/sys/class/kfd)"
            return [], DeviceTrouble(
                Vendor.AMD, DriverFault.NOT_LOADED, said, "start the container with /dev/kfd and /dev/dri"
            )
        return found, None

    def readings(self) -> list[DeviceReading]:
        """Of all of them."""
        return [
            DeviceReading(
                id=device.id,
                busy=None if (percent := _number(card / "gpu_busy_percent")) is None else percent / 100,
                memory=_number(card / "mem_info_vram_used"),
                shares=tuple(self._shares(gpu_id)),
            )
            for device, card, gpu_id in self._each()
        ]

    def _each(self) -> Iterator[tuple[MachineDevice, Path, int]]:
        """A device, its folder of the graphics driver, and its number among compute devices."""
        for node in sorted(_folders(self._sys / _NODES), key=lambda each: int(each.name) if each.name.isdigit() else 0):
            properties = _table(node / "properties")
            gpu_id = _number(node / "gpu_id")
            if not gpu_id or not properties.get("simd_count"):
                continue  # a CPU
            card = self._sys / f"class/drm/renderD{properties.get('drm_render_minor', 0)}/device"
            unique = properties.get("unique_id") or int(_text(card / "unique_id") or "0", 16)
            if not unique:
                continue  # nothing that ROCR_VISIBLE_DEVICES knows it by
            target = properties.get("gfx_target_version", 0)
            name = _text(card / "product_name") or _text(node / "name")
            device = MachineDevice(
                id=f"GPU-{unique:016x}",
                vendor=Vendor.AMD,
                model=name if name.upper().startswith("AMD") else f"AMD {name}".strip(),
                memory=_number(card / "mem_info_vram_total") or 0,
                generation=_generation(target),
            )
            yield device, card, gpu_id

    def _shares(self, gpu_id: int) -> Iterator[DeviceShare]:
        for folder in _folders(self._sys / _PROCESSES):
            used = _number(folder / f"vram_{gpu_id}")
            if folder.name.isdigit() and used:
                yield DeviceShare(int(folder.name), used)


def _generation(target: int) -> str:
    """The name of a target as compilers have it: 90402 is ``gfx942``, 90010 ``gfx90a``."""
    return f"gfx{target // 10000}{target // 100 % 100:x}{target % 100:x}" if target else ""


def _folders(path: Path) -> list[Path]:
    try:
        return sorted(each for each in path.iterdir() if each.is_dir())
    except OSError:
        return []


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _number(path: Path) -> int | None:
    text = _text(path)
    return int(text) if text.isascii() and text.isdigit() else None


def _table(path: Path) -> dict[str, int]:
    found: dict[str, int] = {}
    for line in _text(path).splitlines():
        name, _, value = line.partition(" ")
        with suppress(ValueError):
            found[name] = int(value)
    return found

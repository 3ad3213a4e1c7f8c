"""NVIDIA's devices through NVML, its management library."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import Any, Final

from allotment.errors import shown
from allotment.model.accelerator import Vendor
from allotment.ports.devices import DeviceReading, DeviceShare, DeviceTrouble, DriverFault, MachineDevice

NO_LIBRARY: Final = 12
NOT_LOADED: Final = 9
MISMATCH: Final = 18
NO_PERMISSION: Final = 4
"""Codes of NVML."""

_FAULTS: Final = {
    NO_LIBRARY: (
        DriverFault.NO_LIBRARY,
        "NVIDIA's management library (libnvidia-ml.so.1) is not on this machine",
        "install NVIDIA's driver, or start the container with its devices and libraries",
    ),
    NOT_LOADED: (
        DriverFault.NOT_LOADED,
        "NVIDIA's kernel driver is not loaded",
        "load it with `modprobe nvidia`; `dmesg` says why it would not",
    ),
    MISMATCH: (
        DriverFault.MISMATCH,
        "NVIDIA's library and its kernel driver are of different versions",
        "start the machine anew: the driver was updated while the old one was in use",
    ),
    NO_PERMISSION: (
        DriverFault.NOT_ALLOWED,
        "this user may not look at NVIDIA's devices",
        "give the user access to /dev/nvidiactl and /dev/nvidia0",
    ),
}


def fault(code: int, words: str) -> DeviceTrouble:
    """What a code of NVML means."""
    kind, said, fix = _FAULTS.get(
        code, (DriverFault.FAILED, f"NVIDIA's management library failed: {shown(words)}", "look at `nvidia-smi`")
    )
    return DeviceTrouble(Vendor.NVIDIA, kind, said, fix)


class NvidiaDevices:
    """See the module. The library is loaded at the first question, and anew after it has failed."""

    def __init__(self, load: Callable[[], Any] = lambda: import_module("pynvml")) -> None:
        """Args: load: gives NVML's binding."""
        self._load = load
        self._nvml: Any = None
        self._seen: dict[str, int] = {}

    def devices(self) -> tuple[list[MachineDevice], DeviceTrouble | None]:
        """All that jobs can be given: of a device that is cut into parts the parts."""
        found: list[MachineDevice] = []
        trouble = self._ask(lambda nvml: found.extend(self._each(nvml)))
        return ([], trouble) if trouble else (found, None)

    def readings(self) -> list[DeviceReading]:
        """Of all that answer."""
        found: list[DeviceReading] = []

        def read(nvml: Any) -> None:
            for handle, device in self._handles(nvml):
                try:
                    found.append(self._reading(nvml, handle, device))
                except nvml.NVMLError:
                    continue  # this one fell off its bus; the others have not

        self._ask(read)
        return found

    def _ask(self, question: Callable[[Any], None]) -> DeviceTrouble | None:
        try:
            nvml = self._nvml or self._load()
        except ImportError:
            return DeviceTrouble(
                Vendor.NVIDIA, DriverFault.NO_LIBRARY, "the Python package nvidia-ml-py is not installed", "install it"
            )
        try:
            if self._nvml is None:
                nvml.nvmlInit()
                self._nvml = nvml
            question(nvml)
        except nvml.NVMLError as error:
            self._nvml = None
            return fault(int(getattr(error, "value", 0)), str(error))
        return None

    def _each(self, nvml: Any) -> Iterator[MachineDevice]:
        for _, device in self._handles(nvml):
            yield device

    def _handles(self, nvml: Any) -> Iterator[tuple[Any, MachineDevice]]:
        for index in range(nvml.nvmlDeviceGetCount()):
            try:
                handle = nvml.nvmlDeviceGetHandleByIndex(index)
                whole = self._device(nvml, handle)
            except nvml.NVMLError:
                continue  # lost, or somebody else's: jobs cannot be given it
            parts = list(self._parts(nvml, handle, whole))
            yield from parts if _is_cut(nvml, handle) else [(handle, whole)]

    def _parts(self, nvml: Any, handle: Any, whole: MachineDevice) -> Iterator[tuple[Any, MachineDevice]]:
        if not _is_cut(nvml, handle):
            return
        for index in range(_told(nvml, nvml.nvmlDeviceGetMaxMigDeviceCount, handle) or 0):
            part = _told(nvml, nvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, index)
            if part is not None:
                yield part, self._device(nvml, part, whole)

    @staticmethod
    def _device(nvml: Any, handle: Any, whole: MachineDevice | None = None) -> MachineDevice:
        memory = _told(nvml, nvml.nvmlDeviceGetMemoryInfo, handle)
        generation = _told(nvml, nvml.nvmlDeviceGetCudaComputeCapability, handle)
        return MachineDevice(
            id=str(nvml.nvmlDeviceGetUUID(handle)),
            vendor=Vendor.NVIDIA,
            model=str(_told(nvml, nvml.nvmlDeviceGetName, handle) or (whole.model if whole else "")),
            memory=int(memory.total) if memory is not None else 0,
            generation="{}.{}".format(*generation) if generation else (whole.generation if whole else ""),
            part_of=whole.id if whole else "",
        )

    def _reading(self, nvml: Any, handle: Any, device: MachineDevice) -> DeviceReading:
        rates = _told(nvml, nvml.nvmlDeviceGetUtilizationRates, handle)
        # The second version leaves out what the driver keeps for itself; older drivers have only the first.
        memory = _told(nvml, nvml.nvmlDeviceGetMemoryInfo, handle, getattr(nvml, "nvmlMemory_v2", None))
        if memory is None:
            memory = _told(nvml, nvml.nvmlDeviceGetMemoryInfo, handle)
        busy = self._busy(nvml, handle, device.id)
        held = {
            int(each.pid): each.usedGpuMemory
            for each in _told(nvml, nvml.nvmlDeviceGetComputeRunningProcesses, handle) or ()
        }
        return DeviceReading(
            id=device.id,
            busy=None if rates is None else rates.gpu / 100,
            memory=None if memory is None else int(memory.used),
            shares=tuple(
                DeviceShare(pid, None if held.get(pid) is None else int(held[pid]), busy.get(pid))
                for pid in sorted({*held, *busy})
            ),
        )

    def _busy(self, nvml: Any, handle: Any, device: str) -> dict[int, float]:
        """By process, the mean of what was sampled since the last question."""
        samples = _told(nvml, nvml.nvmlDeviceGetProcessUtilization, handle, self._seen.get(device, 0)) or ()
        found: dict[int, list[float]] = {}
        for each in samples:
            # An unused place of the answer has no process; some drivers fill in more than a hundred.
            if each.pid and each.smUtil <= 100:
                found.setdefault(int(each.pid), []).append(each.smUtil / 100)
                self._seen[device] = max(self._seen.get(device, 0), int(each.timeStamp))
        return {pid: sum(shares) / len(shares) for pid, shares in found.items()}


def _is_cut(nvml: Any, handle: Any) -> bool:
    mode = _told(nvml, nvml.nvmlDeviceGetMigMode, handle)
    return bool(mode) and mode[0] == 1


def _told(nvml: Any, ask: Callable[..., Any], *arguments: Any) -> Any:
    """An answer; None where this device or driver has none."""
    try:
        return ask(*arguments)
    except nvml.NVMLError:
        return None

# ruff: noqa: N802 - the names are NVML's
"""Devices as the vendors' drivers tell them: NVML by a stand-in, AMD by files that look like its driver's."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from allotment.adapters.local.amd import AmdDevices
from allotment.adapters.local.devices import LocalDevices
from allotment.adapters.local.nvidia import NvidiaDevices
from allotment.model.accelerator import Vendor
from allotment.ports.devices import DeviceReading, DeviceShare, DriverFault, MachineDevice

GIB = 1 << 30
UNIQUE = 54_325_341_133


class NVMLError(Exception):
    def __init__(self, value: int) -> None:
        super().__init__(f"error {value}")
        self.value = value


class Nvml:
    """As much of pynvml as is asked: handles are UUIDs."""

    NVMLError = NVMLError

    def __init__(self, *, fails: int = 0, parts: tuple[str, ...] = (), lost: str = "") -> None:
        self.fails = fails
        self.parts = parts
        self.lost = lost
        self.inits = 0
        self.asked: list[int] = []

    def nvmlInit(self) -> None:
        self.inits += 1
        if self.fails:
            raise NVMLError(self.fails)

    def nvmlDeviceGetCount(self) -> int:
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> str:
        if f"GPU-{index}" == self.lost:
            raise NVMLError(15)
        return f"GPU-{index}"

    def nvmlDeviceGetUUID(self, handle: str) -> str:
        return handle

    def nvmlDeviceGetName(self, handle: str) -> str:
        if handle in self.parts:
            raise NVMLError(3)
        return "NVIDIA H100 80GB HBM3"

    def nvmlDeviceGetMemoryInfo(self, handle: str, version: object = None) -> Any:
        if version is not None:
            raise NVMLError(25)
        return SimpleNamespace(total=(10 if handle in self.parts else 80) * GIB, used=3 * GIB)

    def nvmlDeviceGetCudaComputeCapability(self, handle: str) -> tuple[int, int]:
        return 9, 0

    def nvmlDeviceGetMigMode(self, handle: str) -> list[int]:
        if not self.parts:
            raise NVMLError(3)
        return [1, 1] if handle == "GPU-0" else [0, 0]

    def nvmlDeviceGetMaxMigDeviceCount(self, handle: str) -> int:
        return 7

    def nvmlDeviceGetMigDeviceHandleByIndex(self, handle: str, index: int) -> str:
        if index >= len(self.parts):
            raise NVMLError(6)
        return self.parts[index]

    def nvmlDeviceGetUtilizationRates(self, handle: str) -> Any:
        if handle in self.parts:
            raise NVMLError(3)
        return SimpleNamespace(gpu=75)

    def nvmlDeviceGetComputeRunningProcesses(self, handle: str) -> list[Any]:
        return [SimpleNamespace(pid=11, usedGpuMemory=2 * GIB), SimpleNamespace(pid=12, usedGpuMemory=None)]

    def nvmlDeviceGetProcessUtilization(self, handle: str, since: int) -> list[Any]:
        self.asked.append(since)
        if handle in self.parts:
            raise NVMLError(3)
        return [
            SimpleNamespace(pid=11, smUtil=40, timeStamp=since + 5),
            SimpleNamespace(pid=11, smUtil=60, timeStamp=since + 9),
            SimpleNamespace(pid=0, smUtil=0, timeStamp=0),
            SimpleNamespace(pid=13, smUtil=4_000_000, timeStamp=since + 99),
        ]


def local(tmp_path: Path, nvml: Any, slots: int = 4) -> LocalDevices:
    def load() -> Any:
        if nvml is None:
            raise ImportError("pynvml")
        return nvml

    return LocalDevices(slots, nvidia=NvidiaDevices(load), sys=tmp_path)


def test_whole_devices_and_what_each_process_uses(tmp_path: Path) -> None:
    nvml = Nvml(lost="GPU-1")
    devices = local(tmp_path, nvml)
    found = devices.inventory()
    assert found.devices == (MachineDevice("GPU-0", Vendor.NVIDIA, "NVIDIA H100 80GB HBM3", 80 * GIB, "9.0"),)
    assert (found.virtual, found.told) == (False, 'devices of this machine: 1 of "NVIDIA H100 80GB HBM3"')
    (reading,) = devices.readings()
    assert reading == DeviceReading(
        "GPU-0", 0.75, 3 * GIB, (DeviceShare(11, 2 * GIB, 0.5), DeviceShare(12, None, None))
    )
    assert reading.of([11, 99]) == (DeviceShare(11, 2 * GIB, 0.5),)
    devices.readings()
    assert nvml.asked == [0, 9]  # each sample counts once


def test_of_a_device_that_is_cut_the_parts_are_given(tmp_path: Path) -> None:
    devices = local(tmp_path, Nvml(parts=("MIG-a", "MIG-b")))
    found = devices.inventory().devices
    assert [(each.id, each.part_of, each.memory) for each in found] == [
        ("MIG-a", "GPU-0", 10 * GIB),
        ("MIG-b", "GPU-0", 10 * GIB),
        ("GPU-1", "", 80 * GIB),
    ]
    assert found[0].model == "NVIDIA H100 80GB HBM3"
    assert [(each.id, each.busy) for each in devices.readings()] == [("MIG-a", None), ("MIG-b", None), ("GPU-1", 0.75)]


@pytest.mark.parametrize(
    ("code", "fault"),
    [
        (9, DriverFault.NOT_LOADED),
        (18, DriverFault.MISMATCH),
        (4, DriverFault.NOT_ALLOWED),
        (999, DriverFault.FAILED),
    ],
)
def test_a_driver_that_fails_is_told_and_asked_again(tmp_path: Path, code: int, fault: DriverFault) -> None:
    nvml = Nvml(fails=code)
    devices = local(tmp_path, nvml)
    found = devices.inventory()
    (trouble,) = found.troubles
    assert (trouble.fault, found.virtual, [each.id for each in found.devices]) == (
        fault, True, ["slot-0", "slot-1", "slot-2", "slot-3"],
    )  # fmt: skip
    assert trouble.said in found.told
    assert "4 virtual slots" in found.told
    assert devices.readings() == ()
    nvml.fails = 0
    assert len(devices.inventory().devices) == 2


@pytest.mark.parametrize("nvml", [None, Nvml(fails=12)], ids=["no package", "no library"])
@pytest.mark.parametrize("hardware", [False, True])
def test_no_library_is_told_only_where_there_is_hardware(tmp_path: Path, nvml: Any, hardware: bool) -> None:
    if hardware:
        slot = tmp_path / "bus/pci/devices/0000:01:00.0"
        slot.mkdir(parents=True)
        (slot / "vendor").write_text("0x10de\n")
        (slot / "class").write_text("0x030200\n")
    found = local(tmp_path, nvml).inventory()
    assert [each.fault for each in found.troubles] == [DriverFault.NO_LIBRARY] * hardware
    assert found.virtual


def amd(sys: Path) -> None:
    files = {
        "class/kfd/kfd/topology/nodes/0/gpu_id": "0",
        "class/kfd/kfd/topology/nodes/0/properties": "cpu_cores_count 64\nsimd_count 0\n",
        "class/kfd/kfd/topology/nodes/1/gpu_id": "51966",
        "class/kfd/kfd/topology/nodes/1/name": "ip discovery",
        "class/kfd/kfd/topology/nodes/1/properties": (
            f"simd_count 1216\ngfx_target_version 90402\nunique_id {UNIQUE}\ndrm_render_minor 128\nbad x\n"
        ),
        "class/drm/renderD128/device/product_name": "Instinct MI300X",
        "class/drm/renderD128/device/mem_info_vram_total": str(192 * GIB),
        "class/drm/renderD128/device/mem_info_vram_used": str(5 * GIB),
        "class/drm/renderD128/device/gpu_busy_percent": "33",
        "class/kfd/kfd/proc/77/vram_51966": str(4 * GIB),
        "class/kfd/kfd/proc/78/vram_51966": "0",
        "class/kfd/kfd/proc/79/vram_1": "5",
    }
    for name, text in files.items():
        (sys / name).parent.mkdir(parents=True, exist_ok=True)
        (sys / name).write_text(f"{text}\n")


def test_amd(tmp_path: Path) -> None:
    amd(tmp_path)
    devices = local(tmp_path, None)
    assert devices.inventory().devices == (
        MachineDevice(f"GPU-{UNIQUE:016x}", Vendor.AMD, "AMD Instinct MI300X", 192 * GIB, "gfx942"),
    )
    (reading,) = devices.readings()
    assert (reading.busy, reading.memory, reading.shares) == (0.33, 5 * GIB, (DeviceShare(77, 4 * GIB),))


def test_amd_without_its_devices(tmp_path: Path) -> None:
    assert AmdDevices(tmp_path).devices() == ([], None)
    (tmp_path / "module/amdgpu").mkdir(parents=True)
    trouble = AmdDevices(tmp_path).devices()[1]
    assert trouble is not None
    assert trouble.fault is DriverFault.NOT_LOADED

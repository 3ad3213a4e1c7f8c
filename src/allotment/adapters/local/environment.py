"""The environment of a job's process: a short list of what the server has, what was asked for, its devices."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from allotment.ports.job_processes import JobLaunch, encoded

KEPT: Final = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "TMPDIR", "TZ", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE",
    "LD_LIBRARY_PATH", "VIRTUAL_ENV", "CONDA_PREFIX",
)  # fmt: skip
"""Variables that a job inherits where it says nothing of them; no other of the server's is seen by any job."""

FOLDER: Final = "ALLOTMENT_LAUNCH_FOLDER"
"""Variable that every process of a job starts with: by it those of a job are found whose supervisor was killed."""
SLOTS: Final = "ALLOTMENT_DEVICES"
"""Names of all devices of the job, virtual ones included, with commas between."""
CUDA: Final = "CUDA_VISIBLE_DEVICES"
ROCM: Final = "ROCR_VISIBLE_DEVICES"
_CHOOSING: Final = (CUDA, ROCM, "HIP_VISIBLE_DEVICES", "GPU_DEVICE_ORDINAL", "ZE_AFFINITY_MASK", SLOTS, FOLDER)
"""Variables that say which devices a program sees: here they are nobody's to choose but the scheduler's."""
_NVIDIA_LENGTH: Final = len("GPU-01234567-89ab-cdef-0123-456789abcdef")


def environment_of(launch: JobLaunch, ours: Mapping[str, str], folder: str) -> dict[bytes, bytes]:
    """The whole environment of a job's first process.

    Args:
        launch: what is run.
        ours: the server's own environment.
        folder: of the launch.
    """
    chosen = {name: ours[name] for name in KEPT if name in ours}
    chosen.update(launch.environment)
    for name in _CHOOSING:
        chosen.pop(name, None)
    chosen.update(visible(launch.devices))
    chosen[FOLDER] = folder
    return {encoded(name): encoded(value) for name, value in chosen.items()}


def visible(devices: tuple[str, ...]) -> dict[str, str]:
    """Variables that let a program see these devices and no others. It is a word to libraries, not a wall.

    A list that is empty hides all devices of a vendor. CUDA's list is left out beside AMD's devices: HIP heeds it too.
    """
    nvidia = [each for each in devices if _is_nvidia(each)]
    amd = [each for each in devices if each.startswith("GPU-") and each not in nvidia]
    shown = {SLOTS: ",".join(devices), ROCM: ",".join(amd)}
    if nvidia or not amd:
        shown[CUDA] = ",".join(nvidia)
    return shown


def _is_nvidia(uuid: str) -> bool:
    """NVIDIA's are ``GPU-`` with a UUID, and ``MIG-…`` for a part of one; AMD's ``GPU-`` with 16 digits."""
    return uuid.startswith("MIG-") or (uuid.startswith("GPU-") and len(uuid) == _NVIDIA_LENGTH)

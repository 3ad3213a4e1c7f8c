"""Why GPU lies idle, as JSON names it."""

from __future__ import annotations

from typing import Final

from allotment.scheduling.placement.gpu.fragmentation import FragmentCause

CAUSE_FIELDS: Final = {
    FragmentCause.LACKS_BOTH: "lacksGpuAndCpu",
    FragmentCause.LACKS_GPU: "lacksGpu",
    FragmentCause.SATISFIED: "ofUse",
    FragmentCause.LACKS_CPU: "lacksCpu",
    FragmentCause.NO_GPU_TASK: "podNeedsNoGpu",
    FragmentCause.NO_GPU_TASK_LACKS_CPU: "podNeedsNoGpuLacksCpu",
    FragmentCause.WRONG_MODEL: "wrongGpuModel",
}
"""Idle GPU by cause, as JSON names it."""

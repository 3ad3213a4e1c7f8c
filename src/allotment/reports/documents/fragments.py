"""Why GPU lies idle, as JSON names it."""

from __future__ import annotations

from typing import Final

from allotment.scheduling.placement.gpu.fragmentation import Cause

CAUSE_FIELDS: Final = {
    Cause.LACKS_BOTH: "lacksGpuAndCpu",
    Cause.LACKS_GPU: "lacksGpu",
    Cause.SATISFIED: "ofUse",
    Cause.LACKS_CPU: "lacksCpu",
    Cause.NO_GPU_TASK: "podNeedsNoGpu",
    Cause.NO_GPU_TASK_LACKS_CPU: "podNeedsNoGpuLacksCpu",
    Cause.WRONG_MODEL: "wrongGpuModel",
}
"""Idle GPU by cause, as JSON names it."""

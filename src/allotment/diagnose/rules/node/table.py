"""Causes of this layer in their order: of several that hold, the first is the dominant one."""

from __future__ import annotations

from typing import Final

from allotment.diagnose.finding import CauseEntry
from allotment.diagnose.rules.node import (
    device_plugin_missing,
    device_unhealthy,
    gpu_product_label_missing,
    node_cordoned,
    node_not_ready,
    node_pressure_taint,
)
from allotment.model.explanation import Layer

CAUSES: Final[tuple[CauseEntry, ...]] = (
    CauseEntry("ALT-1601", "node-not-ready", Layer.NODE, "a node is not ready", node_not_ready.find),
    CauseEntry("ALT-1602", "node-pressure-taint", Layer.NODE, "a node is under pressure", node_pressure_taint.find),
    CauseEntry("ALT-1603", "node-cordoned", Layer.NODE, "a node is cordoned", node_cordoned.find),
    CauseEntry(
        "ALT-1604",
        "device-plugin-missing",
        Layer.NODE,
        "a node offers none of its accelerators",
        device_plugin_missing.find,
    ),
    CauseEntry(
        "ALT-1605", "device-unhealthy", Layer.NODE, "accelerators of a node are unhealthy", device_unhealthy.find
    ),
    CauseEntry(
        "ALT-1606",
        "gpu-product-label-missing",
        Layer.NODE,
        "a node lacks its product label",
        gpu_product_label_missing.find,
    ),
)

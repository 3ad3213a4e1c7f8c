"""Causes of this layer in their order: of several that hold, the first is the dominant one."""

from __future__ import annotations

from typing import Final

from allotment.diagnose.finding import CauseEntry
from allotment.diagnose.rules.quota import (
    flavor_obstacles,
    flavors_contradict,
    ghost_reservation,
    numbers_of,
    preempted_again,
    taken_away,
    topology,
    undeclared_resource,
)
from allotment.model.explanation import Layer

CAUSES: Final[tuple[CauseEntry, ...]] = tuple(
    CauseEntry(code, name, Layer.QUOTA, title, find)
    for code, name, title, find in (
        ("ALT-1301", "wrong-resource-name", "a device by a wrong name", undeclared_resource.wrong_name),
        ("ALT-1302", "resource-not-covered", "no quota of a resource", undeclared_resource.not_covered),
        ("ALT-1303", "flavor-taint-not-tolerated", "a flavor's taint", flavor_obstacles.taint),
        ("ALT-1304", "flavor-mismatch", "no flavor matches the selector", flavor_obstacles.mismatch),
        ("ALT-1318", "flavors-contradict", "its flavors send it to different nodes", flavors_contradict.find),
        ("ALT-1305", "topology-request-unsatisfiable", "not close enough together", topology.find),
        ("ALT-1306", "ghost-reservation", "quota held by what runs nothing", ghost_reservation.find),
        ("ALT-1307", "preempted", "stopped for a higher priority", taken_away.preempted),
        ("ALT-1308", "reclaimed", "borrowed quota was taken back", taken_away.reclaimed),
        ("ALT-1309", "quota-in-wrong-unit", "a quota without its unit", numbers_of.wrong_unit),
        ("ALT-1310", "cpu-quota-not-gpu", "CPU quota binds, not GPUs", numbers_of.processors),
        ("ALT-1311", "memory-quota-not-gpu", "memory quota binds, not GPUs", numbers_of.memory),
        ("ALT-1312", "borrowing-limit", "its borrowing limit binds", numbers_of.borrowing),
        ("ALT-1313", "lending-limit", "lending limits of others bind", numbers_of.lending),
        ("ALT-1314", "parallelism-gang-too-big", "too many pods at once", numbers_of.gang),
        ("ALT-1315", "quota-larger-than-total", "more than it can ever get", numbers_of.too_large),
        ("ALT-1316", "cohort-exhausted", "the cohort's quota is in use", numbers_of.cohort),
        ("ALT-1317", "quota-nominal", "its own quota is in use", numbers_of.nominal),
    )
)
ABOVE_QUEUES: Final = CauseEntry(
    "ALT-1319", preempted_again.LIVELOCK, Layer.QUOTA, "displaced again and again", preempted_again.find
)
"""What waits in its queue, or seems to start at once, between two times."""

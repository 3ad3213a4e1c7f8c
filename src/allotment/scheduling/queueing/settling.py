"""Cycle after cycle at one instant, until nothing moves: the one loop that drives the engine, whoever asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from allotment.scheduling.queueing.cycle import CycleResult
from allotment.scheduling.queueing.engine import QueueingEngine


class Bounds:
    """When an instant is over.

    Attributes:
        idle_cycles: cycles without effect after which nothing more is expected.
        in_instant: cycles in one instant from which evictions are taken to go round for ever; 0 = none.
        in_all: the same for all cycles of the engine so far; 0 = none.
    """

    __slots__ = ("idle_cycles", "in_all", "in_instant")

    def __init__(self, idle_cycles: int, in_instant: int, in_all: int = 0) -> None:
        self.idle_cycles: int = idle_cycles
        self.in_instant: int = in_instant
        self.in_all: int = in_all


PATIENT: Final = Bounds(idle_cycles=4, in_instant=10_000)
"""Where nothing else is said. Four: a flavor scan that goes on from cycle to cycle needs more than one."""


def settle(engine: QueueingEngine, now: int, carry_out: Callable[[CycleResult], None], bounds: Bounds) -> bool:
    """Run cycles until nothing moves.

    Args:
        engine: what decides.
        now: the instant.
        carry_out: what a cycle decided is carried out by the caller, evictions above all.
        bounds: when the instant is over.

    Returns:
        False if it does not come to rest: workloads preempt each other for ever.
    """
    idle = 0
    in_instant = 0
    while not engine.idle and idle < bounds.idle_cycles:
        result = engine.run_cycle(now)
        in_instant += 1
        carry_out(result)
        idle = 0 if result.heaps_changed or result.preemptions else idle + 1
        if in_instant == bounds.in_instant or result.number == bounds.in_all:
            return False
    return True

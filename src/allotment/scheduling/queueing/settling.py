"""Cycle after cycle at one instant, until nothing moves: the one loop that drives the engine, whoever asks."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Final

from allotment.scheduling.queueing.cycle import CycleResult
from allotment.scheduling.queueing.engine import QueueingEngine
from allotment.scheduling.queueing.indices import WorkloadId


class Bounds:
    """When an instant is over.

    Attributes:
        idle_cycles: cycles without effect after which nothing more is expected.
        in_instant: most cycles in one instant; 0 = no bound.
        in_all: most cycles of the engine, those before this instant included; 0 = no bound.
    """

    __slots__ = ("idle_cycles", "in_all", "in_instant")

    def __init__(self, idle_cycles: int, in_instant: int, in_all: int = 0) -> None:
        self.idle_cycles: int = idle_cycles
        self.in_instant: int = in_instant
        self.in_all: int = in_all


class Settled(Enum):
    """How an instant ended."""

    AT_REST = "at-rest"
    """Nothing moves any more."""
    ENDLESS = "endless"
    """Workloads preempt each other for ever: one was preempted again, and the bound of the instant is met."""
    INSTANT_BOUND = "in-instant"
    """The bound of the instant is met, and nobody was preempted twice."""
    TOTAL_BOUND = "in-all"
    """The bound of all cycles is met, whatever the cycles do."""


PATIENT: Final = Bounds(idle_cycles=4, in_instant=10_000)
"""Where nothing else is said. Four: a flavor scan that goes on from cycle to cycle needs more than one."""


def settle(engine: QueueingEngine, now: int, carry_out: Callable[[CycleResult], None], bounds: Bounds) -> Settled:
    """Run cycles until nothing moves.

    Args:
        engine: what decides.
        now: the instant.
        carry_out: what a cycle decided is carried out by the caller, evictions above all.
        bounds: when the instant is over.

    Returns:
        Whether it comes to rest, and what ended it if not.
    """
    idle = 0
    in_instant = 0
    preempted: set[WorkloadId] = set()
    again = False
    while not engine.idle and idle < bounds.idle_cycles:
        result = engine.run_cycle(now)
        in_instant += 1
        carry_out(result)
        idle = 0 if result.heaps_changed or result.preemptions else idle + 1
        for preemption in result.preemptions:
            again = again or preemption.workload in preempted
            preempted.add(preemption.workload)
        if in_instant == bounds.in_instant:
            return Settled.ENDLESS if again else Settled.INSTANT_BOUND
        if 0 < bounds.in_all <= result.number:
            return Settled.TOTAL_BOUND
    return Settled.AT_REST

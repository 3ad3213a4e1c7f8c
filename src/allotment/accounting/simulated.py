"""A ledger from a simulation: quota that jobs held is productive, and unhealthy while a node of theirs was down.

A simulation has no idle work, images or volumes; what it cannot tell is not told. Devices are those of its nodes, or,
where it has none, its quota. Where work went on after quota was lowered below what it held, the devices are as many as
were held: they were there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from allotment.accounting.capacity import PER_DEVICE
from allotment.accounting.ledger import NOBODY, Belonging, CauseOfTime, Charge, Ledger, Tally
from allotment.simulation.figures import RunFigures
from allotment.simulation.outcome import Standstill

_SIMULATION: Final = "simulation"


def simulated_ledger(run: RunFigures, standstills: Sequence[Standstill] = (), resource: str = "") -> Ledger:
    """The ledger of a run.

    Args:
        run: its figures.
        standstills: when jobs of it held quota without progress.
        resource: which devices; the run's main resource by default.
    """
    of = resource or run.resource
    changes: dict[int, Counter[Charge]] = {}
    for t, charge, change in _changes(run, standstills, of):
        changes.setdefault(min(t, run.end), Counter())[charge] += change
    levels = {step.t: step.amounts.get(of, 0) for step in run.node_steps or run.capacity_steps}
    most = max(levels.values(), default=0) if run.node_steps else 0
    edges = sorted({0, run.end, *changes, *(t for t in levels if 0 <= t <= run.end)})
    tally = Tally()
    held: Counter[Charge] = Counter()
    offered = 0
    for start, end in pairwise(edges):
        offered = levels.get(start, offered)
        held.update(changes.get(start, {}))
        for charge, amount in _told(held, offered, max(most, offered), of):
            tally.add(charge, amount * PER_DEVICE * (end - start))
    return tally.close(0, run.end)


def _changes(run: RunFigures, standstills: Sequence[Standstill], resource: str) -> Iterator[tuple[int, Charge, int]]:
    """When a job begins and ends to hold devices, and to stand still while it does."""
    still: dict[str, list[tuple[int, int]]] = {}
    for each in standstills:
        still.setdefault(each.workload, []).append((each.start, run.end if each.end is None else each.end))
    for job in run.jobs:
        owner = Belonging(top=f"Workload/{job.name}", queue=job.queue)
        works = _charge(resource, CauseOfTime.PRODUCTIVE, owner)
        stands = works.as_cause(CauseOfTime.UNHEALTHY)
        for span in job.spans:
            amount = dict(span.amounts).get(resource, 0)
            if amount:
                yield span.start, works, amount
                yield span.end, works, -amount
            for start, end in still.get(job.name, ()) if amount else ():
                begin, over = max(start, span.start), min(end, span.end)
                if begin < over:
                    yield from ((begin, works, -amount), (begin, stands, amount))
                    yield from ((over, works, amount), (over, stands, -amount))


def _told(held: Counter[Charge], offered: int, most: int, resource: str) -> Iterator[tuple[Charge, int]]:
    """Who has the devices in a time in which nothing changes."""
    total = sum(held.values())
    standing = sum(amount for charge, amount in held.items() if charge.cause is CauseOfTime.UNHEALTHY)
    yield from ((charge, amount) for charge, amount in held.items() if amount)
    left = max(most, total) - total
    down = min(left, max(0, most - offered - standing))
    yield _charge(resource, CauseOfTime.UNHEALTHY), down
    yield _charge(resource, CauseOfTime.UNALLOCATED), left - down


def _charge(resource: str, cause: CauseOfTime, owner: Belonging = NOBODY) -> Charge:
    return Charge(_SIMULATION, "", resource, "", cause, owner)

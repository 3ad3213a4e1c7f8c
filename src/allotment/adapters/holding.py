"""A server that has much to do computes on one processor: its threads take turns at the interpreter in any case.

Where they are on several, each turn wakes another processor, and whoever waits for his looks each moment whether it has
come: at 140 calls a second on two processors a call takes 80 to 116 switches and 10.2 ms, on one of them 9 and 7.4
(`benchmarks.api`). The system moves away what else would compute there, but for what is held there as well: so it is
looked at again and again. Commands that a server waits for are held with it; jobs that it starts are not: `ALLOWED`.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Thread
from typing import Final

ALLOWED: Final = frozenset(os.sched_getaffinity(0)) if sys.platform == "linux" else frozenset[int]()
"""Processors that this process was started with; none where the system has no such choice."""
_THREADS: Final = Path("/proc/self/task")
_STAT: Final = Path("/proc/stat")
_EACH: Final = 2.0
"""Seconds from one look to the next."""
_MUCH: Final = 0.4
_LITTLE: Final = 0.2
"""Processors that its threads take together, above which they are held to one, and below which they are no more."""
_WORTH: Final = 0.3
"""Of a processor, that another has more room for it: a move costs what its caches hold."""
_IDLE: Final = slice(3, 5)
"""Of the first eight figures of a processor, those in which it did nothing, or waited for a disk."""


@dataclass(frozen=True, slots=True)
class Spent:
    """What processors have spent computing until a moment, each in ticks of any length; and all of them, in any case.

    Attributes:
        busy: by processor.
        whole: what each would have spent, had it never been idle.
        own: seconds of this process's threads.
        at: seconds.
    """

    busy: Mapping[int, int]
    whole: Mapping[int, int]
    own: float
    at: float


def held(now: int | None, before: Spent, after: Spent) -> int | None:
    """The processor that a process is to be held to from now on; None for none.

    Args:
        now: that it is held to.
        before: at the last look.
        after: at this one.
    """
    if not after.busy:
        return None
    own = (after.own - before.own) / max(after.at - before.at, 1e-9)
    if own < (_MUCH if now is None else _LITTLE):
        return None
    others = {each: _share(each, before, after) - (own if each == now else 0) for each in after.busy}
    freest = min(others, key=lambda each: (others[each], each))
    if now in others and others[now] - others[freest] <= _WORTH:
        return now
    return freest


def _share(processor: int, before: Spent, after: Spent) -> float:
    whole = after.whole[processor] - before.whole.get(processor, 0)
    return (after.busy[processor] - before.busy.get(processor, 0)) / max(whole, 1)


def spent_of(stat: str, allowed: frozenset[int], own: float, at: float) -> Spent:
    """What `/proc/stat` tells: of each processor ten figures, of which the last two are part of others."""
    busy, whole = {}, {}
    for line in stat.splitlines():
        name, *figures = line.split()
        number = name.removeprefix("cpu")
        if name.startswith("cpu") and number.isdecimal() and int(number) in allowed:
            ticks = [int(each) for each in figures[:8]]
            whole[int(number)] = sum(ticks)
            busy[int(number)] = sum(ticks) - sum(ticks[_IDLE])
    return Spent(busy, whole, own, at)


@contextmanager
def held_while_busy() -> Iterator[None]:
    """Hold this process to one processor whenever it has much to do, while the block lasts, if it has several."""
    if len(ALLOWED) < 2:
        yield
        return
    ended = Event()
    worker = Thread(target=_look, args=(ended,), name="holds together", daemon=True)
    worker.start()
    try:
        yield
    finally:
        ended.set()
        worker.join()


def _look(ended: Event) -> None:
    now, ever = None, False
    # A system that tells nothing of its processors, or lets nobody choose, is left as it is.
    with suppress(OSError):
        before = _spent()
        while not ended.wait(_EACH):
            after = _spent()
            now = held(now, before, after)
            ever |= now is not None
            if ever:
                hold_to(ALLOWED if now is None else frozenset({now}))
            before = after
        hold_to(ALLOWED)


def hold_to(processors: frozenset[int]) -> None:
    """Have all threads of this process compute on some processors only; those that they start will, too.

    Raises:
        OSError: the system does not let it.
    """
    if sys.platform == "linux":
        for thread in _THREADS.iterdir():
            with suppress(ProcessLookupError):  # it has ended meanwhile
                os.sched_setaffinity(int(thread.name), processors)


def _spent() -> Spent:
    return spent_of(_STAT.read_text(), ALLOWED, time.process_time(), time.monotonic())

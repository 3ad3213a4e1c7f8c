"""What hangs on Kueue's random choice among equals, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from allotment.reports.pages.charts import short_time
from allotment.scheduling.queueing.choices import ChanceKind
from allotment.simulation.outcome import RandomChoice

_SHOWN: Final = 5
"""Choices that are told; JSON has all."""

_NAMED: Final = 3
"""Jobs that are named on one side of a choice."""


def choice_lines(choices: Sequence[RandomChoice], *, of: str = "") -> Iterator[str]:
    """The first of them, a line each; nothing where there are none. `of`: the run, where there are several."""
    if choices:
        times = "once" if len(choices) == 1 else f"{len(choices):,} times"
        head = f"{of}: " if of else ""
        yield f"{head}Kueue chooses at random among equals here, {times}; from there on this is one course of several:"
        yield from (f"  at {short_time(each.t)} {choice_text(each)}" for each in choices[:_SHOWN])
        if len(choices) > _SHOWN:
            yield f"  and {len(choices) - _SHOWN:,} more; -o json has all"


def choice_text(choice: RandomChoice) -> str:
    """``either b or a is preempted for c``: the first is the one that is preempted here."""
    chosen, others = _names(choice.chosen), _names(choice.others)
    if choice.what is ChanceKind.FIRST:
        return f"either {chosen} or {others} comes first, and there is not enough for all"
    return f"either {chosen or 'nobody'} or {others or 'nobody'} is preempted for {choice.preemptor}"


def _names(jobs: Sequence[str]) -> str:
    more = f" and {len(jobs) - _NAMED:,} more" if len(jobs) > _NAMED else ""
    return ", ".join(jobs[:_NAMED]) + more

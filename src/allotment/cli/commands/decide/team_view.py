"""What a request makes of the platform directory and of clusters, and what was done of it, step by step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from allotment.errors import shown
from allotment.model.grammar import count
from allotment.model.moments import written
from allotment.model.requests.timeline import TimelineStep
from allotment.ports.request_service import ForeseenChange


def change_lines(change: ForeseenChange | None) -> Iterator[str]:
    """The diff of the directory, and how many objects are made in each cluster."""
    if change is None:
        return
    yield "  the platform directory becomes:"
    yield from (f"    {shown(line)}" for line in change.diff.splitlines())
    for each in change.made:
        kinds = ", ".join(f"{number} {kind}" for kind, number in each.kinds)
        total = count(sum(number for _, number in each.kinds), "object")
        yield f"  made in {shown(each.cluster)}: {total} ({kinds})"
    if change.isolation:
        yield f"  isolation {shown(change.isolation)}"
    yield from (f"  warning: {shown(each)}" for each in change.warnings)


def timeline_lines(timeline: Sequence[TimelineStep]) -> Iterator[str]:
    """A line a step."""
    if timeline:
        yield "  what was done:"
    for each in timeline:
        said = f": {shown(each.said)}" if each.said else ""
        tries = f" ({each.tries} tries)" if each.tries > 1 else ""
        yield f"    {written(each.at)} {each.name} {each.outcome.value}{tries}{said}"

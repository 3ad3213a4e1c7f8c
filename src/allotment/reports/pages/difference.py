"""Two runs side by side as one HTML page: who waits longer, who less, by how much."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from allotment.reports.pages.charts import COLOURS, Points, Series, bars, scatter, short_time
from allotment.reports.pages.choices import choice_lines
from allotment.reports.pages.simulation import facts, key, notices, page, table
from allotment.simulation.difference import JobChange, QueueChange, RunDifference

_BOUNDS: Final = (60, 600, 3600, 36_000)
"""Seconds at which columns of the distribution begin."""
_NAMES: Final = (
    *(f"< -{short_time(1000 * bound)}" for bound in reversed(_BOUNDS)),
    "less",
    "longer",
    *(f"> +{short_time(1000 * bound)}" for bound in _BOUNDS),
)
_POINTS: Final = 4_000
_JOBS: Final = 40


def difference_page(found: RunDifference) -> str:
    """The report of a comparison."""
    colours = _colours(found)
    changed = [job for job in found.jobs if job.change is not None]
    names = {colour: _label(found, colours, colour) for colour in sorted(set(colours.values()))}
    parts = [
        facts(_headline(found)),
        notices(line for run in (found.before, found.after) for line in choice_lines(run.choices, of=run.name)),
        "<h2>How much longer or less jobs wait</h2>",
        _distribution(changed, colours, names),
        "<h2>Wait before and after</h2>",
        _scatter(changed, colours, names),
        "<h2>Queues</h2>",
        _queues(found.queues),
        _jobs(found.jobs),
    ]
    return page(f"{found.before.name} against {found.after.name}", "Jobs that are in both runs.", "".join(parts))


def _headline(found: RunDifference) -> list[tuple[str, str]]:
    before, after = found.before, found.after
    use = dict(after.utilisation)
    told = [
        *(
            (each.what, f"{each.before} → {each.after}" + (f" ({each.note})" if each.note else ""))
            for each in found.settings
        ),
        ("Waiting longer", f"{sum(row.longer for row in found.queues):,}"),
        ("Waiting less", f"{sum(row.shorter for row in found.queues):,}"),
        ("Newly started", f"{sum(row.newly_started for row in found.queues):,}"),
        ("No longer started", f"{sum(row.no_longer_started for row in found.queues):,}"),
        ("Makespan", f"{_time(before.makespan)} → {_time(after.makespan)}"),
        ("Evictions", f"{before.evictions:,} → {after.evictions:,}"),
    ]
    told += [
        (f"{resource} used", f"{100 * share:.0f} → {100 * use[resource]:.0f} %")
        for resource, share in before.utilisation[:2]
        if resource in use
    ]
    return told


def _time(seconds: float) -> str:
    return short_time(1000 * seconds)


def _signed(seconds: float) -> str:
    sign = "+" if seconds > 0 else "-" if seconds < 0 else ""
    return sign + _time(abs(seconds))


def _colours(found: RunDifference) -> dict[str, int]:
    """A colour for each of the queues with most changed jobs; the rest share the last one."""
    ranked = sorted(found.queues, key=lambda row: (-(row.longer + row.shorter), row.queue))
    own = COLOURS if len(ranked) <= COLOURS else COLOURS - 1
    return {row.queue: min(index, own) for index, row in enumerate(ranked)}


def _label(found: RunDifference, colours: dict[str, int], colour: int) -> str:
    members = [row.queue for row in found.queues if colours[row.queue] == colour]
    return members[0] if len(members) == 1 else f"{len(members)} other queues"


def _distribution(jobs: Sequence[JobChange], colours: dict[str, int], names: dict[int, str]) -> str:
    if not jobs:
        return "<p>No job that starts in both waits longer or less.</p>"
    counts = {colour: [0.0] * len(_NAMES) for colour in names}
    for job in jobs:
        change = job.change or 0.0
        step = sum(abs(change) > bound for bound in _BOUNDS)
        place = len(_BOUNDS) + 1 + step if change > 0 else len(_BOUNDS) - step
        counts[colours[job.queue]][place] += 1
    series = [Series(name, colour, counts[colour]) for colour, name in names.items()]
    return key(series) + bars(series, _NAMES, label="distribution of changes")


def _scatter(jobs: Sequence[JobChange], colours: dict[str, int], names: dict[int, str]) -> str:
    if not jobs:
        return "<p>All wait as long as before.</p>"
    shown = jobs[:_POINTS]
    groups = [
        Points(name, colour, [(job.before.wait, job.after.wait) for job in shown if colours[job.queue] == colour])
        for colour, name in names.items()
    ]
    which = "" if len(shown) == len(jobs) else f" The {len(shown):,} largest changes of {len(jobs):,}."
    drawn = scatter(groups, label="wait after against wait before", across="wait before", up="wait after ↑")
    lead = f"A point a job whose wait is another one; below the line it waits less.{which}"
    return f"<p>{lead}</p>{key([Series(g.label, g.colour, ()) for g in groups])}{drawn}"


def _queues(rows: Sequence[QueueChange]) -> str:
    headers = ("Queue", "Jobs", "Mean wait before", "After", "Change", "Longer", "Less", "Largest", "Evictions")
    return table(
        headers,
        [
            (
                row.queue,
                f"{row.jobs:,}",
                "-" if row.before is None else _time(row.before),
                "-" if row.after is None else _time(row.after),
                "-" if row.change is None else _signed(row.change),
                f"{row.longer:,}",
                f"{row.shorter:,}",
                _signed(row.most),
                f"{row.evictions:+,}" if row.evictions else "0",
            )
            for row in rows
        ],
    )


def _jobs(jobs: Sequence[JobChange]) -> str:
    if not jobs:
        return ""
    rows = [
        (
            job.job,
            job.queue,
            _time(job.before.wait) if job.before.started else "does not start",
            _time(job.after.wait) if job.after.started else "does not start",
            "" if job.change is None else _signed(job.change),
        )
        for job in jobs[:_JOBS]
    ]
    more = f"<p>and {len(jobs) - _JOBS:,} more</p>" if len(jobs) > _JOBS else ""
    return (
        "<h2>Jobs that change most</h2>" + table(("Job", "Queue", "Before", "After", "Change"), rows, text=(1,)) + more
    )

"""A simulation as one HTML page: no script, nothing fetched, every text escaped, readable in light and dark."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

from allotment.model.grammar import count
from allotment.reports.documents.simulation import why_stopped
from allotment.reports.pages.charts import COLOURS, Bar, Limit, Row, Series, bars, short_time, stacked, timeline
from allotment.reports.pages.choices import choice_lines
from allotment.scheduling.placement.gpu.fragmentation import FragmentCause
from allotment.simulation.figures import (
    Course,
    JobFigures,
    RunFigures,
    courses_of_use,
    courses_of_waiting,
)
from allotment.simulation.fragments import FragmentCourse

_STEPS: Final = 240
_ROWS: Final = 60
"""Jobs in the timeline; of more, those that waited longest."""
_REASONS: Final = 50

_BINS: Final = (1_000, 10_000, 60_000, 300_000, 900_000, 3_600_000, 14_400_000, 43_200_000, 86_400_000, 604_800_000)
"""Upper bounds of the columns of the wait distribution, in milliseconds."""

_STYLE: Final = """
:root { color-scheme: light dark; --paper: #ffffff; --ink: #1d2330; --soft: #5b6475; --rule: #e3e6ec; --wait: #9aa3b2;
  --c0: #3566c8; --c1: #dd7a2f; --c2: #2a9470; --c3: #a850a4; --c4: #c39a1c; --c5: #3fa6cc; --c6: #cc4455;
  --c7: #8a90a0 }
@media (prefers-color-scheme: dark) { :root { --paper: #14171e; --ink: #e8ebf1; --soft: #a2abbb; --rule: #2c323e;
  --wait: #6d7686; --c0: #6f9bf0; --c1: #f09a58; --c2: #4fbf97; --c3: #cf7fca; --c4: #e0bd4c; --c5: #6cc6e6;
  --c6: #ec7482; --c7: #9aa1b1 } }
* { box-sizing: border-box }
body { margin: 0 auto; max-width: 1040px; padding: 32px 24px 64px; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif }
h1 { font-size: 24px; margin: 0 0 4px; overflow-wrap: anywhere } h2 { font-size: 17px; margin: 40px 0 4px }
h3 { font-size: 15px; margin: 20px 0 4px }
p { margin: 0 0 12px; color: var(--soft) }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(118px, 1fr)); gap: 16px; margin: 24px 0 0 }
dt { color: var(--soft); font-size: 13px } dd { margin: 0; font-size: 22px; font-variant-numeric: tabular-nums }
.scroll { overflow-x: auto } table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { text-align: right; padding: 6px 12px 6px 0; border-bottom: 1px solid var(--rule); white-space: nowrap }
th { color: var(--soft); font-weight: 500; font-size: 13px; white-space: normal; vertical-align: bottom }
th:first-child, td:first-child, td.text, th.text { text-align: left } td.text { white-space: normal }
ul.key { list-style: none; display: flex; flex-wrap: wrap; gap: 4px 18px; padding: 0; margin: 0 0 8px; font-size: 13px }
ul.key i { display: inline-block; width: 11px; height: 11px; border-radius: 2px; margin-right: 6px }
ul.key i.dash { height: 0; width: 16px; border-top: 2px dashed var(--ink); vertical-align: middle; border-radius: 0 }
ul.key i.dot { border-top-style: dotted }
svg { display: block; width: 100%; min-width: 640px; height: auto }
.tick { fill: var(--soft); font: 12px system-ui, sans-serif }
.grid { stroke: var(--rule) }
.limit { fill: none; stroke: var(--ink); stroke-width: 1.5; stroke-dasharray: 6 5 }
.k1 { stroke-dasharray: 2 3 }
.wait { fill: var(--wait) } .hatch { fill: var(--paper); opacity: 0.6 } .over { pointer-events: none }
.line { fill: none; stroke-width: 2 } .notice { color: var(--c6) }
"""
LEVELS: Final = 5
"""Shades `l0` … `l4` of tiles."""
_SHADES: Final = ".l0 { fill: var(--rule); background: var(--rule) }\n" + "".join(
    f".l{i} {{ fill: var(--c1); background: var(--c1); opacity: {i / (LEVELS - 1):g} }}\n" for i in range(1, LEVELS)
)
_COLOURS: Final = "".join(
    f".c{i} {{ fill: var(--c{i}); background: var(--c{i}) }} .s{i} {{ stroke: var(--c{i}) }}\n" for i in range(COLOURS)
)


def page(title: str, lead: str, body: str) -> str:
    """The frame of a report."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{_STYLE}{_COLOURS}{_SHADES}</style></head><body>"
        f"<h1>{escape(title)}</h1><p>{escape(lead)}</p>{body}</body></html>\n"
    )


def facts(entries: Iterable[tuple[str, str]]) -> str:
    """Large figures in a row."""
    return "<dl>" + "".join(f"<div><dt>{escape(k)}</dt><dd>{escape(v)}</dd></div>" for k, v in entries) + "</dl>"


def table(headers: Sequence[str], rows: Iterable[Sequence[str]], *, text: Sequence[int] = ()) -> str:
    """A table; columns in `text` are prose."""
    kinds = [' class="text"' if i in text else "" for i in range(len(headers))]
    head = "".join(f"<th{kind}>{escape(cell)}</th>" for kind, cell in zip(kinds, headers, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{kind}>{escape(cell)}</td>" for kind, cell in zip(kinds, row, strict=True)) + "</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def key(series: Iterable[Series], limits: Iterable[Limit] = ()) -> str:
    """What the colours and lines mean."""
    items = "".join(f'<li><i class="c{each.colour}"></i>{escape(each.label)}</li>' for each in series)
    lines = "".join(
        f'<li><i class="dash{" dot" if each.kind else ""}"></i>{escape(each.label)}</li>' for each in limits
    )
    return f'<ul class="key">{items}{lines}</ul>'


def notices(lines: Iterable[str]) -> str:
    """Lines that a reader has to know of, one below the other; empty if there are none."""
    told = "<br>".join(escape(line) for line in lines)
    return f'<p class="notice">{told}</p>' if told else ""


def simulation_page(run: RunFigures, settings: str, fragments: FragmentCourse | None = None) -> str:
    """The report of one simulation.

    Args:
        run: the figures.
        settings: policies, seed and the like, in words.
        fragments: how idle GPU was fragmented, if that is known.
    """
    colours = _colours(run)
    use = _folded(courses_of_use(run, _STEPS), colours)
    scale = 1000 if run.resource == "cpu" else 1 << 30 if run.resource == "memory" else 1
    unit = {"cpu": "CPUs", "memory": "GiB of memory"}.get(run.resource, run.resource)
    use = [Series(each.label, each.colour, [value / scale for value in each.values]) for each in use]
    waiting = _folded(courses_of_waiting(run, _STEPS), colours)
    limits = _limits(run, scale)
    parts = [
        facts(_headline(run)),
        notices([f"The simulation was stopped: {why}."] if (why := why_stopped(run)) else []),
        notices((*run.remarks, *choice_lines(run.choices))),
        f"<h2>Use of {escape(unit)} by queue</h2><p>What running jobs hold, mean of each step.</p>",
        key(use, limits),
        stacked(use, run.end, label=f"use of {unit} over time", limits=limits),
        "<h2>Jobs that wait, by queue</h2><p>Evicted jobs that wait again included.</p>",
        key(waiting),
        stacked(waiting, run.end, label="waiting jobs over time"),
        "" if fragments is None else _fragmentation(fragments),
        _distribution(run, colours, [(each.label, each.colour) for each in use]),
        "<h2>Queues</h2>",
        _queue_table(run),
        _timeline(run, colours),
        _reasons(run),
    ]
    return page(f"Simulation of {run.scenario}", settings, "".join(parts))


def _limits(run: RunFigures, scale: int) -> list[Limit]:
    """All quota over time, and what nodes offer if there are any."""
    limits = []
    for kind, (title, steps) in enumerate((("quota", run.capacity_steps), ("nodes in service", run.node_steps))):
        course = [(step.t, step.amounts.get(run.resource, 0) / scale) for step in steps]
        values = [value for t, value in course if t <= run.end]
        if any(values):
            low, high = min(values), max(values)
            told = f"{low:,.0f}" if low == high else f"{low:,.0f} to {high:,.0f}"
            limits.append(Limit(f"{title} {told}", kind, course))
    return limits


def _headline(run: RunFigures) -> list[tuple[str, str]]:
    waits = run.waits
    return [
        ("Jobs", f"{len(run.jobs):,}"),
        ("Mean wait", short_time(waits.mean)),
        ("95 % wait at most", short_time(waits.p95)),
        ("Utilisation", f"{100 * run.utilisation(run.resource):.1f} %"),
        ("Makespan", short_time(run.makespan)),
        ("Evictions", f"{run.evictions:,}"),
        ("Pending at the end", f"{len(run.pending):,}"),
    ]


def _colours(run: RunFigures) -> dict[str, int]:
    """A colour for each of the queues that use most; the rest share the last one, if it is more than one."""
    ranked = sorted(run.queues, key=lambda queue: (-queue.used.get(run.resource, 0), queue.name))
    own = COLOURS if len(ranked) <= COLOURS else COLOURS - 1
    return {queue.name: min(index, own) if index >= own else index for index, queue in enumerate(ranked)}


def _folded(courses: Iterable[Course], colours: dict[str, int]) -> list[Series]:
    """One series for each colour, in the order of colours."""
    groups: dict[int, list[Course]] = {}
    for course in courses:
        groups.setdefault(colours[course.queue], []).append(course)
    result = []
    for colour, members in sorted(groups.items()):
        label = members[0].queue if len(members) == 1 else f"{len(members)} other queues"
        result.append(Series(label, colour, [sum(values) for values in zip(*(m.values for m in members), strict=True)]))
    return result


CAUSE_COLOURS: Final = {
    FragmentCause.LACKS_GPU: 0,
    FragmentCause.LACKS_CPU: 1,
    FragmentCause.LACKS_BOTH: 3,
    FragmentCause.NO_GPU_TASK: 2,
    FragmentCause.NO_GPU_TASK_LACKS_CPU: 4,
    FragmentCause.WRONG_MODEL: 6,
}
"""Colours of the causes of fragmentation, lowest in a pile first."""


def _fragmentation(course: FragmentCourse) -> str:
    shown = [cause for cause in CAUSE_COLOURS if any(course.of(cause))]
    series = [Series(_CAUSE_WORDS.get(cause, cause.title), CAUSE_COLOURS[cause], course.of(cause)) for cause in shown]
    series.append(Series("of use", COLOURS - 1, course.of(FragmentCause.SATISFIED)))
    drawn = stacked(series, course.end, label="idle GPUs by cause over time")
    lead = "Idle GPUs of nodes in service: of use to the typical pod of this scenario, or why not."
    return f"<h2>Fragmentation by cause</h2><p>{lead}</p>{key(series)}{drawn}"


_CAUSE_WORDS: Final = {FragmentCause.WRONG_MODEL: "flavor not open to it"}


def _distribution(run: RunFigures, colours: dict[str, int], keys: Sequence[tuple[str, int]]) -> str:
    started = [job for job in run.jobs if job.started is not None]
    waited = [job for job in started if job.waited > 0]
    counts = {colour: [0.0] * (len(_BINS) + 1) for _, colour in keys}
    for job in waited:
        index = next((i for i, bound in enumerate(_BINS) if job.waited <= bound), len(_BINS))
        counts[colours[job.queue]][index] += 1
    if not waited:
        lead = f"None of {count(len(started), 'job')} that started had to wait."
        return f"<h2>How long jobs waited</h2><p>{lead}</p>"
    names = [*(f"≤ {short_time(bound)}" for bound in _BINS), "longer"]
    series = [Series(label, colour, counts[colour]) for label, colour in keys]
    lead = (
        f"{len(started) - len(waited):,} of {count(len(started), 'job')} that started did not wait at all. "
        "The others, by all time they spent in the queue:"
    )
    drawn = bars(series, names, label="wait distribution")
    return f"<h2>How long jobs waited</h2><p>{lead}</p>{key(series)}{drawn}"


def _queue_table(run: RunFigures) -> str:
    headers = ("Queue", "Jobs", "Mean wait", "Median", "95 %", "Longest", "Evictions", "Pending", "Quota used")
    rows = []
    for queue in run.queues:
        quota = queue.quota.get(run.resource, 0) * run.end
        used = f"{100 * queue.used.get(run.resource, 0) / quota:.0f} %" if quota else "-"
        times = [short_time(t) for t in (queue.waits.mean, queue.waits.p50, queue.waits.p95, queue.waits.longest)]
        rows.append((queue.name, f"{queue.jobs:,}", *times, f"{queue.evictions:,}", f"{queue.pending:,}", used))
    return table(headers, rows)


def _timeline(run: RunFigures, colours: dict[str, int]) -> str:
    jobs = sorted(run.jobs, key=lambda job: (-job.waited, job.submitted, job.name))[:_ROWS]
    jobs.sort(key=lambda job: (job.submitted, job.name))
    which = "All jobs" if len(jobs) == len(run.jobs) else f"The {len(jobs)} jobs that waited longest"
    rows = [Row(job.name, colours[job.queue], _bars_of(job, run.end)) for job in jobs]
    start = min((bar.start for row in rows for bar in row.bars), default=0)
    end = max((bar.end for row in rows for bar in row.bars), default=run.end)
    drawn = timeline(rows, start, end, label="timeline of jobs")
    return f"<h2>Timeline</h2><p>{which}: thin while waiting, hatched where an eviction undid the work.</p>{drawn}"


def _bars_of(job: JobFigures, end: int) -> list[Bar]:
    result = []
    since = job.submitted
    for span in job.spans:
        if span.start > since:
            result.append(Bar(since, span.start, "wait"))
        result.append(Bar(span.start, span.end, "lost" if span.lost else "run"))
        since = span.end
    if job.finished is None and (not job.spans or job.spans[-1].lost):
        result.append(Bar(since, end, "wait"))
    return result


def _reasons(run: RunFigures) -> str:
    if not run.pending:
        return ""
    rows = [(each.workload, each.cluster_queue, each.message or "not yet considered") for each in run.pending]
    more = f"<p>and {len(rows) - _REASONS:,} more</p>" if len(rows) > _REASONS else ""
    return "<h2>Pending at the end</h2>" + table(("Job", "Queue", "Why"), rows[:_REASONS], text=(1, 2)) + more

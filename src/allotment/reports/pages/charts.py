"""Pictures of a simulation as inline SVG. Colours are CSS classes, so that the page decides them for light and dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

WIDTH: Final = 960
_LEFT: Final = 64
_RIGHT: Final = 16
_TOP: Final = 12
_BOTTOM: Final = 28
COLOURS: Final = 8
"""Classes `c0` … `c7` that the page styles; the last one is for everything that is folded together."""

_DAY: Final = 86_400
_SECONDS: Final = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14400, 28800, 43200)
_DAYS: Final = (1, 2, 5, 7, 14, 30, 60, 120, 365)
_STEPS: Final = (*(1000 * each for each in _SECONDS), *(1000 * _DAY * each for each in _DAYS))
"""Distances of time ticks, in milliseconds."""


@dataclass(frozen=True, slots=True)
class Series:
    """One coloured thing: its name, its colour class, its values."""

    label: str
    colour: int
    values: Sequence[float]


def short_time(ms: float) -> str:
    """``0``, ``250 ms``, ``40 s``, ``5 min``, ``2.5 h``, ``3 d``."""
    for size, unit in ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s")):
        if ms >= size:
            return f"{ms / size:.1f}".removesuffix(".0") + f" {unit}"
    return f"{ms:.0f} ms" if ms else "0"


def short_number(value: float) -> str:
    """``0.25``, ``950``, ``12.5k``, ``3M``."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if value >= size:
            return f"{value / (1000 if unit == 'k' else size):.1f}".removesuffix(".0") + unit
    return f"{value:.2f}".rstrip("0").rstrip(".")


def _nice(top: float, ticks: int = 4) -> list[float]:
    """Round ticks from 0 to at least `top`."""
    if top < 1e-6:  # nothing, or what rounding left of it
        return [0.0, 1.0]
    raw = top / ticks
    size = 10.0 ** math.floor(math.log10(raw))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= raw * 0.999)
    return [step * i for i in range(math.ceil(top / step - 1e-9) + 1)]


def _tick_distance(span: int) -> int:
    """A round time that divides a span into at most ten parts."""
    return next((step for step in _STEPS if span / step <= 10), max(1, span // 8))


def _frame(height: int, body: str, label: str) -> str:
    return (
        f'<div class="scroll"><svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(label, quote=True)}" '
        f'preserveAspectRatio="xMidYMid meet">{body}</svg></div>'
    )


def _text(x: float, y: float, text: str, *, anchor: str = "middle", kind: str = "tick") -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> str:
    return f'<line class="{kind}" x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _y_axis(ticks: Sequence[float], height: int, unit: str) -> str:
    bottom = height - _BOTTOM
    parts = []
    for tick in ticks:
        y = bottom - (bottom - _TOP) * tick / ticks[-1]
        parts.append(_line(_LEFT, y, WIDTH - _RIGHT, y, "grid"))
        parts.append(_text(_LEFT - 8, y + 4, short_number(tick) + unit, anchor="end"))
    return "".join(parts)


def _time_axis(end: int, height: int) -> str:
    parts = []
    for tick in range(0, end + 1, _tick_distance(end)):
        x = _LEFT + (WIDTH - _RIGHT - _LEFT) * tick / max(end, 1)
        parts.append(_text(x, height - _BOTTOM + 18, short_time(tick)))
    return "".join(parts)


@dataclass(frozen=True, slots=True)
class Limit:
    """A line that may step: a value from each time on, the first one at 0; `kind` 0 is dashed, 1 dotted."""

    label: str
    kind: int
    steps: Sequence[tuple[int, float]]


def stacked(series: Sequence[Series], end: int, *, label: str, limits: Sequence[Limit] = (), unit: str = "") -> str:
    """Areas on top of each other over time 0..`end`.

    Args:
        series: values in equal steps of time.
        end: in milliseconds.
        label: for those who cannot see it.
        limits: lines such as the capacity.
        unit: of the values.
    """
    height = 260
    levels = [value for limit in limits for t, value in limit.steps if t <= end]
    ticks = _nice(max([*_tops(series), *levels], default=0.0))
    bottom = height - _BOTTOM
    parts = [_y_axis(ticks, height, unit), _time_axis(end, height), *_areas(series, ticks[-1], bottom)]
    parts += [_limit(limit, end, ticks[-1], bottom) for limit in limits]
    return _frame(height, "".join(parts), label)


def _limit(limit: Limit, end: int, top: float, bottom: int) -> str:
    wide, high = WIDTH - _RIGHT - _LEFT, bottom - _TOP
    points: list[tuple[float, float]] = []
    for t, value in limit.steps:
        if t > end:
            break
        x, y = _LEFT + wide * t / max(end, 1), bottom - high * value / top
        points += [(x, points[-1][1]), (x, y)] if points else [(x, y)]
    points.append((float(WIDTH - _RIGHT), points[-1][1]))
    path = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
    return f'<path class="limit k{limit.kind}" d="M{path}"><title>{escape(limit.label)}</title></path>'


def stacked_by_percent(series: Sequence[Series], *, label: str, across: str, top: float) -> str:
    """Areas on top of each other over 0, 1, 2 … percent of something; values in percent, the axis up to `top`."""
    height = 240
    count = max((len(each.values) for each in series), default=0)
    ticks = _nice(top)
    bottom = height - _BOTTOM - 12
    parts = [_y_axis(ticks, height - 12, "%"), *_percent_axis(count, bottom, height, across)]
    parts += _areas(series, ticks[-1], bottom)
    return _frame(height, "".join(parts), label)


def _tops(series: Sequence[Series]) -> list[float]:
    """What all series sum up to at each step."""
    return [sum(values) for values in zip(*(each.values for each in series), strict=True)]


def _areas(series: Sequence[Series], top: float, bottom: int) -> list[str]:
    """The areas, the first one lowest; `top` is the value at the upper edge."""
    wide, high = WIDTH - _RIGHT - _LEFT, bottom - _TOP
    base = [0.0] * max((len(each.values) for each in series), default=0)
    parts = []
    for each in series:
        upper = [low + value for low, value in zip(base, each.values, strict=True)]
        path = _step_path([bottom - high * v / top for v in upper], wide) + _step_path(
            [bottom - high * v / top for v in base], wide, back=True
        )
        parts.append(f'<path class="area c{each.colour}" d="{path}Z"><title>{escape(each.label)}</title></path>')
        base = upper
    return parts


def _percent_axis(count: int, bottom: int, height: int, across: str) -> list[str]:
    wide = WIDTH - _RIGHT - _LEFT
    parts = [_text(_LEFT + wide * t / max(count - 1, 1), bottom + 16, f"{t}%") for t in range(0, count, 10)]
    return [*parts, _text(_LEFT + wide / 2, height - 4, across)]


def _step_path(ys: Sequence[float], wide: float, *, back: bool = False) -> str:
    count = len(ys)
    points = []
    for index, y in enumerate(ys):
        points += [(_LEFT + wide * index / count, y), (_LEFT + wide * (index + 1) / count, y)]
    if back:
        points.reverse()
    start = "L" if back else "M"
    return "".join(f"{start if i == 0 else 'L'}{x:.1f} {y:.1f}" for i, (x, y) in enumerate(points))


def bars(series: Sequence[Series], names: Sequence[str], *, label: str) -> str:
    """Columns, one for each name, the series on top of each other."""
    height = 240
    totals = [sum(each.values[i] for each in series) for i in range(len(names))]
    ticks = _nice(max(totals, default=0.0))
    bottom = height - _BOTTOM
    slot = (WIDTH - _RIGHT - _LEFT) / max(len(names), 1)
    parts = [_y_axis(ticks, height, "")]
    for index, name in enumerate(names):
        x, y = _LEFT + slot * index, float(bottom)
        for each in series:
            size = (bottom - _TOP) * each.values[index] / ticks[-1]
            if size > 0:
                y -= size
                parts.append(
                    f'<rect class="area c{each.colour}" x="{x + slot * 0.12:.1f}" y="{y:.1f}" '
                    f'width="{slot * 0.76:.1f}" height="{size:.1f}">'
                    f"<title>{escape(each.label)}: {each.values[index]:.0f}</title></rect>"
                )
        parts.append(_text(x + slot / 2, bottom + 18, name))
    return _frame(height, "".join(parts), label)


def lines(series: Sequence[Series], *, label: str, across: str, top: float = 100) -> str:
    """Lines over 0, 1, 2 … percent of something; values in percent, the axis up to `top`."""
    height = 300
    count = max((len(each.values) for each in series), default=0)
    ticks = _nice(top)
    bottom = height - _BOTTOM - 12
    wide = WIDTH - _RIGHT - _LEFT
    parts = [_y_axis(ticks, height - 12, "%"), *_percent_axis(count, bottom, height, across)]
    for each in series:
        points = " ".join(
            f"{_LEFT + wide * i / max(count - 1, 1):.1f},{bottom - (bottom - _TOP) * value / ticks[-1]:.1f}"
            for i, value in enumerate(each.values)
        )
        parts.append(
            f'<polyline class="line s{each.colour}" points="{points}"><title>{escape(each.label)}</title></polyline>'
        )
    return _frame(height, "".join(parts), label)


_WAITS: Final = (0, 1, 10, 60, 600, 3600, 36_000, 360_000, 3_600_000)
"""Seconds at the ticks of a logarithmic axis of waits."""


@dataclass(frozen=True, slots=True)
class Points:
    """Coloured points; both values are seconds."""

    label: str
    colour: int
    values: Sequence[tuple[float, float]]


def scatter(groups: Sequence[Points], *, label: str, across: str, up: str) -> str:
    """Waits against waits, both on a logarithmic axis, with the diagonal where nothing changes."""
    size, left, top = 520, 64, 12
    longest = max((value for group in groups for pair in group.values for value in pair), default=1.0)
    ticks = [t for i, t in enumerate(_WAITS) if i == 0 or _WAITS[i - 1] < longest]
    scale = size / math.log1p(ticks[-1] if len(ticks) > 1 else 1)

    def at(seconds: float) -> float:
        return scale * math.log1p(min(max(seconds, 0.0), ticks[-1] if len(ticks) > 1 else 1))

    bottom = top + size
    parts = []
    for tick in ticks:
        x, y = left + at(tick), bottom - at(tick)
        parts += [_line(left, y, left + size, y, "grid"), _line(x, top, x, bottom, "grid")]
        parts += [_text(left - 8, y + 4, short_time(1000 * tick), anchor="end")]
        parts += [_text(x, bottom + 18, short_time(1000 * tick))]
    parts.append(_line(left, bottom, left + size, top, "limit"))
    for group in groups:
        parts += [
            f'<circle class="area c{group.colour}" cx="{left + at(x):.1f}" cy="{bottom - at(y):.1f}" r="3.5"/>'
            for x, y in group.values
        ]
    parts += [_text(left + size / 2, bottom + 38, across), _text(left + size + 16, top + 12, up, anchor="start")]
    return _frame(bottom + 46, "".join(parts), label)


def tiles(levels: Sequence[int], *, label: str) -> str:
    """A square for each thing, row by row; its shade is its level, from 0."""
    pitch, size = 12, 10
    columns = (WIDTH - 2 * _RIGHT) // pitch
    height = 2 * _TOP + pitch * max(1, math.ceil(len(levels) / columns))
    paths: dict[int, list[str]] = {}
    for index, level in enumerate(levels):
        x, y = _RIGHT + pitch * (index % columns), _TOP + pitch * (index // columns)
        paths.setdefault(level, []).append(f"M{x} {y}h{size}v{size}h-{size}z")
    body = "".join(f'<path class="l{level}" d="{"".join(parts)}"/>' for level, parts in sorted(paths.items()))
    return _frame(height, body, label)


@dataclass(frozen=True, slots=True)
class Bar:
    """A stretch of a timeline's row; `kind` is "wait", "run" or "lost"."""

    start: int
    end: int
    kind: str


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a timeline."""

    label: str
    colour: int
    bars: Sequence[Bar]


def timeline(rows: Sequence[Row], start: int, end: int, *, label: str) -> str:
    """A row a job from `start` to `end`: thin where it waits, hatched where an eviction undid the work."""
    left, pitch = 150, 14
    height = _TOP + pitch * len(rows) + _BOTTOM
    scale = (WIDTH - _RIGHT - left) / max(end - start, 1)
    step = _tick_distance(end - start)
    parts = [_HATCH]
    for tick in range(-(-start // step) * step, end + 1, step):
        x = left + scale * (tick - start)
        parts.append(_line(x, _TOP, x, height - _BOTTOM, "grid"))
        parts.append(_text(x, height - 10, short_time(tick)))
    for index, row in enumerate(rows):
        y = _TOP + pitch * index
        parts.append(_text(left - 8, y + 10, _shortened(row.label), anchor="end"))
        for bar in row.bars:
            x, size = left + scale * (bar.start - start), scale * (bar.end - bar.start)
            inset, tall, kind = (5, 3, "wait") if bar.kind == "wait" else (1, 11, f"area c{row.colour}")
            told = f"{row.label}: {_WORDS[bar.kind]} {short_time(bar.start)} to {short_time(bar.end)}"
            box = f'x="{x:.1f}" y="{y + inset}" width="{max(size, 0.8):.1f}" height="{tall}"'
            parts.append(f'<rect class="{kind}" {box}><title>{escape(told)}</title></rect>')
            if bar.kind == "lost":
                parts.append(f'<rect class="over" fill="url(#lost)" {box}/>')
    return _frame(height, "".join(parts), label)


def _shortened(name: str) -> str:
    """Both ends of a long name: the end is what tells generated names apart."""
    return name if len(name) <= 22 else f"{name[:9]}…{name[-12:]}"


_WORDS: Final = {"wait": "waits", "run": "runs", "lost": "runs, then evicted,"}
_HATCH: Final = (
    '<defs><pattern id="lost" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<rect class="hatch" width="3" height="6"/></pattern></defs>'
)

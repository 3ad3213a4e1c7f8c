"""Questions in the language of Prometheus: fixed forms, in which only names of ours and escaped values are set."""

from __future__ import annotations

import re
from typing import Final

from allotment.ports.metrics import Gauge

_NAME: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


def means(gauge: Gauge, seconds: int) -> str:
    """The mean over the stretch that ends at the time of evaluation."""
    return " or ".join(_mean(name, divisor, gauge, seconds) for name, divisor in gauge.names)


def last_at_least(gauge: Gauge, least: float, seconds: int, count: int) -> str:
    """The end of the last such stretch that was as high."""
    asked = f"timestamp(({means(gauge, seconds)}) >= {least!r})"
    return f"max_over_time(({asked})[{_range(seconds, count)}:{seconds}s])"


def first(gauge: Gauge, seconds: int, count: int) -> str:
    """The end of the first stretch that had a sample."""
    return f"min_over_time((timestamp({means(gauge, seconds)}))[{_range(seconds, count)}:{seconds}s])"


def _mean(name: str, divisor: float, gauge: Gauge, seconds: int) -> str:
    # A millisecond less: before version 3 a range had both its ends, and a sample would count in two stretches.
    text = f"avg_over_time({_selected(name, gauge)}[{_range(seconds, 1)}])"
    return text if divisor == 1 else f"{text} / {divisor:g}"


def _range(seconds: int, count: int) -> str:
    return f"{1000 * seconds * count - 1}ms"


def _selected(name: str, gauge: Gauge) -> str:
    terms = [_term(label, values) for label, values in gauge.where]
    return f"{_named(name)}{{{','.join(terms)}}}"


def _term(label: str, values: tuple[str, ...]) -> str:
    if len(values) == 1:
        return f"{_named(label)}={_quoted(values[0])}"
    return f"{_named(label)}=~{_quoted('|'.join(re.escape(value) for value in values))}"


def _named(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a metric or a label")
    return name


def _quoted(value: str) -> str:
    r"""A string as Prometheus reads it: ``\``, ``"`` and line feeds escaped."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'

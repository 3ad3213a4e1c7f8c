"""The trials of a sweep: all combinations of a grid, or so many draws. The same seed draws the same trials."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import islice, product
from random import Random
from typing import Final

from allotment.model.jobs.job import Sweep, SweptParameter

_DIGITS: Final = 6
"""Digits of a drawn number: more would only be noise in names and tables."""
_STEPS: Final = 1 << 53


def trials_of(sweep: Sweep) -> tuple[tuple[str, ...], ...]:
    """The arguments of each trial, ``--NAME=VALUE`` by parameter; of a grid the last parameter changes fastest."""
    if all(each.low is None for each in sweep.parameters):
        combinations = product(*(each.values for each in sweep.parameters))
        return tuple(
            tuple(_argument(each, value) for each, value in zip(sweep.parameters, values, strict=True))
            for values in islice(combinations, sweep.trials)
        )
    chance = Random(sweep.seed)  # noqa: S311 (to repeat it, not to hide anything)
    return tuple(tuple(_argument(each, _drawn(each, chance)) for each in sweep.parameters) for _ in range(sweep.trials))


def _argument(parameter: SweptParameter, value: str) -> str:
    return f"--{parameter.name}={value}"


def _drawn(parameter: SweptParameter, chance: Random) -> str:
    share = Fraction(chance.getrandbits(53), _STEPS)
    if parameter.low is None or parameter.high is None:
        return parameter.values[int(share * len(parameter.values))]
    low, high = parameter.low, parameter.high
    if parameter.whole:
        first, last = math.ceil(low), math.floor(high)
        # Each whole number has as much room as any other, up to the end of the last one.
        value = _between(Fraction(first), Fraction(last + 1), share, logarithmic=parameter.logarithmic)
        return str(min(last, max(first, math.floor(value))))
    return f"{float(_between(low, high, share, logarithmic=parameter.logarithmic)):.{_DIGITS}g}"


def _between(low: Fraction, high: Fraction, share: Fraction, *, logarithmic: bool) -> Fraction | float:
    if not logarithmic:
        return low + (high - low) * share
    start, end = math.log(low), math.log(high)
    return math.exp(start + (end - start) * float(share))

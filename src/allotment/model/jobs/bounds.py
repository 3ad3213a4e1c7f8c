"""What the values of a job may be: the same for a job file, for what comes through the socket, and for the store."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Final

from allotment.errors import InputError, quoted

LONGEST_NAME: Final = 40
"""Of a job: back ends add a number and a rank, and Kubernetes' names end at 63."""
LONGEST_RUN: Final = 90 * 86_400
"""Seconds; what is longer is a slip, or a service."""
MOST_REPLICAS: Final = 1_000
MOST_DEVICES: Final = 10_000
"""Of one replica."""
MOST_TRIALS: Final = 1_000
MOST_RETRIES: Final = 100
MOST_SEED: Final = 999_999_999
MOST_AMOUNT: Final = (1 << 63) - 1
"""Of CPU, memory and storage: what Kubernetes and databases count to."""
MOST_PORT: Final = 65_535
MOST_ARGUMENTS: Final = 2_000
MOST_VOLUMES: Final = 50
MOST_DATA: Final = 200
MOST_AFTER: Final = 200
"""Jobs that one comes after."""
MOST_SWEPT: Final = 50
"""Parameters of a sweep."""
MOST_LABELS: Final = 50
LONGEST_PATH: Final = 4_096
"""Bytes, as kernels have it."""
LONGEST_PART: Final = 255
"""Bytes of one folder's or file's name, as file systems have it."""
_MOST_BITS: Final = 512
"""Of an end of a range, above and below its fraction bar: a float and its logarithm hold it."""


def path_fault(path: str) -> str | None:
    """Why no machine can have a path, as a clause; None where it can.

    Args:
        path: absolute or relative; empty for none.
    """
    if not path.isprintable():
        return "it holds control characters"
    parts = path.split("/")
    if ".." in parts:
        return "it leads out of its folder"
    try:
        size, longest = len(path.encode()), max(len(each.encode()) for each in parts)
    except UnicodeEncodeError:
        return "it is no text"
    if longest > LONGEST_PART:
        return f"one of its names has {longest:,} bytes, and {LONGEST_PART} are the most"
    return f"it has {size:,} bytes, and {LONGEST_PATH:,} are the most" if size > LONGEST_PATH else None


def must_be_drawable(low: Fraction, high: Fraction, *, logarithmic: bool, whole: bool) -> None:
    """Refuse a range that nothing can be drawn from.

    Args:
        low: its least value.
        high: its largest value.
        logarithmic: whether it is drawn by its orders of magnitude.
        whole: whether only whole numbers are drawn.

    Raises:
        InputError: nothing can.
    """
    sizes = (part.bit_length() for end in (low, high) for part in (end.numerator, end.denominator))
    if max(sizes) > _MOST_BITS:
        why, fix = "an end of it is too large, or too close to 0", "write ends that a float holds"
    elif low > high:
        why, fix = "it ends before it begins", "exchange its ends"
    elif logarithmic and low <= 0:
        why, fix = "a logarithmic range begins at 0 or below", "begin above 0"
    elif whole and math.floor(high) < math.ceil(low):
        why, fix = "no whole number lies in it", "write whole ends"
    else:
        return
    raise InputError("nothing can be drawn from a range of the sweep", why=why, fix=fix)


def must_be_within(what: str, number: int | None, least: int, most: int) -> None:
    """Refuse a number that cannot be; None is no number.

    Args:
        what: which value, as a reader of a job file knows it.
        number: that is looked at.
        least: may be.
        most: may be.

    Raises:
        InputError: it is outside.
    """
    if number is not None and not least <= number <= most:
        # A number of thousands of digits cannot even be written out.
        told = f"{number:,}" if abs(number) <= MOST_AMOUNT else "a number of more than 18 digits"
        raise InputError(f"{what} is {told}", why=f"it is between {least:,} and {most:,}", fix=f"change {what}")


def must_be(what: str, value: str, *, fits: bool, rule: str) -> None:
    """Refuse a text that cannot be.

    Args:
        what: which value, as a reader of a job file knows it.
        value: the text.
        fits: whether it may be.
        rule: what it has to be, as a clause.

    Raises:
        InputError: it does not fit.
    """
    if not fits:
        raise InputError(f"{what} is {quoted(value)}", why=rule, fix=f"change {what}")

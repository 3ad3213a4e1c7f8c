"""What the values of a job may be: the same for a job file, for what comes through the socket, and for the store."""

from __future__ import annotations

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

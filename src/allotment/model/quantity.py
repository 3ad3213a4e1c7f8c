"""Amounts of compute, exact.

Inside the model CPU is an integer of milli-CPU and memory an integer of bytes; Kubernetes' quantity notation exists
only at the edges. The grammar is that of ``k8s.io/apimachinery/pkg/api/resource``: a signed decimal number followed
by a binary suffix (Ki … Ei), a decimal suffix (n, u, m, k … E) or an exponent.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction
from typing import Final, NewType

MilliCpu = NewType("MilliCpu", int)
Bytes = NewType("Bytes", int)

MIB: Final = 1 << 20
"""Bytes of a mebibyte, in which files of scenarios and traces count memory."""

_NUMBER: Final = re.compile(
    r"(?P<number>[+-]?(?:\d+(?:\.\d*)?|\.\d+))(?P<suffix>[A-Za-z]{0,2}|[eE][+-]?\d{1,3})", re.ASCII
)

_BINARY: Final = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40, "Pi": 1 << 50, "Ei": 1 << 60}
_DECIMAL: Final = {
    "n": Fraction(1, 10**9),
    "u": Fraction(1, 10**6),
    "m": Fraction(1, 10**3),
    "": Fraction(1),
    "k": Fraction(10**3),
    "M": Fraction(10**6),
    "G": Fraction(10**9),
    "T": Fraction(10**12),
    "P": Fraction(10**15),
    "E": Fraction(10**18),
}
# A quantity is an int64 for the API server; longer digit strings are refused before they cost anything.
_LONGEST_TEXT: Final = 40
_LARGEST: Final = (1 << 63) - 1

SLOTS: Final = "slots"
"""What stands for accelerators of whatever class on a machine that has none."""
_LARGE: Final = (("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20))


def parse_quantity(text: str) -> Fraction:
    """Read a Kubernetes quantity such as ``64``, ``500m``, ``1.5Gi``, ``12e6``.

    Raises:
        ValueError: the text is not a quantity; the message says what would be.
    """
    match = _NUMBER.fullmatch(text) if len(text) <= _LONGEST_TEXT else None
    if match is None:
        raise ValueError(f"{text[:_LONGEST_TEXT]!r} is not a quantity; write for example 64, 500m, 1.5Gi")
    suffix = match["suffix"]
    number = Fraction(match["number"])
    if suffix in _BINARY:
        value = number * _BINARY[suffix]
    elif suffix in _DECIMAL:
        value = number * _DECIMAL[suffix]
    elif suffix[0] in "eE" and len(suffix) > 1:
        value = number * Fraction(10) ** int(suffix[1:])
    else:
        raise ValueError(f"{text!r} has the unknown suffix {suffix!r}; known are m, k, M, G, T, Ki, Mi, Gi, Ti")
    if abs(value) > _LARGEST:
        raise ValueError(f"{text!r} is larger than a Kubernetes quantity can be (2^63 - 1)")
    return value


def format_amount(amount: Fraction) -> str:
    """An amount of any resource in its own unit, for people: ``8``, ``0.5``."""
    return str(amount.numerator) if amount.denominator == 1 else f"{float(amount):g}"


def format_resource(resource: str, amount: Fraction) -> str:
    """An amount of a resource as a declaration writes it: ``64``, ``500m``, ``512Gi``.

    Args:
        resource: as requests or quotas name it, such as ``requests.memory``.
        amount: cores, bytes, or a number of devices or objects.
    """
    name = resource.rpartition("requests.")[2].rpartition("limits.")[2]
    if name == "cpu":
        return format_cpu(MilliCpu(math.ceil(amount * 1000)))
    if name in {"memory", "storage", "ephemeral-storage"} or name.startswith("hugepages-"):
        return format_bytes(Bytes(math.ceil(amount)))
    return format_amount(amount)


def said_amount(resource: str, unit: str, amount: Fraction) -> str:
    """An amount with its unit, for sentences: ``0.25 CPU``, ``2.8 GiB of memory``, ``2 a100``, ``1 slot``.

    Args:
        resource: ``cpu``, ``memory``, or any other, which is counted.
        unit: what is counted: a class of accelerators, or `SLOTS`.
        amount: cores, bytes, or a number.
    """
    if resource == "cpu":
        return f"{float(amount):g} CPU"
    if resource != "memory":
        return f"{format_amount(amount)} {'slot' if amount == 1 and unit == SLOTS else unit}"
    for name, size in _LARGE:
        if amount >= size:
            return f"{float(amount / size):.3g} {name} of memory"
    return f"{format_amount(amount)} bytes of memory"


def parse_cpu(text: str) -> MilliCpu:
    """Read an amount of CPU, rounded up to whole milli-CPU as the API server does.

    Raises:
        ValueError: not a quantity, or negative.
    """
    return MilliCpu(_rounded_up(text, Fraction(1000)))


def parse_bytes(text: str) -> Bytes:
    """Read an amount of memory or storage, rounded up to whole bytes.

    Raises:
        ValueError: not a quantity, or negative.
    """
    return Bytes(_rounded_up(text, Fraction(1)))


def parse_whole(text: str) -> int:
    """Read a number of things that come whole, such as devices or pods: digits only, no suffix.

    The API server takes ``16Gi`` of a device too, as 17 billion; nobody means that.

    Raises:
        ValueError: anything else.
    """
    if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_TEXT and int(text) <= _LARGEST):
        raise ValueError(f"{text[:_LONGEST_TEXT]!r} is no whole number")
    return int(text)


def _rounded_up(text: str, scale: Fraction) -> int:
    value = parse_quantity(text)
    if value < 0:
        raise ValueError(f"{text!r} is negative")
    scaled = value * scale
    return -(-scaled.numerator // scaled.denominator)


def format_cpu(amount: MilliCpu) -> str:
    """For people: ``64`` or ``500m``. The API server's own spelling (``1k``) is `render.amounts`' business."""
    return str(amount // 1000) if amount % 1000 == 0 else f"{amount}m"


def format_bytes(amount: Bytes) -> str:
    """The shortest exact binary form: ``256Gi``, ``1536Mi``, or plain bytes."""
    for suffix, size in reversed(_BINARY.items()):
        if amount >= size and amount % size == 0:
            return f"{amount // size}{suffix}"
    return str(amount)

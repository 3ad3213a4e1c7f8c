"""Names of pod groups: each pod of a group says in it what all of them take, and how many they are."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Final

GIB: Final = 2**30


def group_name(stem: str, *, cpu: Fraction, memory: Fraction, devices: int, size: int) -> str:
    """The name of a group that the policy queue-marks-protected lets through, such as ``train-4c16g-8x2``.

    Args:
        stem: what the group is called.
        cpu: cores that each pod requests, told to a thousandth.
        memory: bytes that each pod requests, told to a MiB.
        devices: accelerators of each pod.
        size: number of pods.
    """
    by_device = f"{devices}x" if devices else ""
    return f"{stem}-{_rounded(cpu, 1000)}c{_rounded(memory / GIB, 1024)}g-{by_device}{size}"


def _rounded(amount: Fraction, steps: int) -> str:
    """To so many steps of one, in the shortest text of a double: as the policy writes it."""
    return repr(math.floor(amount * steps + Fraction(1, 2)) / steps).removesuffix(".0")

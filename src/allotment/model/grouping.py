"""Names of pod groups: each pod of a group says in it what all of them take, and how many they are."""

from __future__ import annotations

from fractions import Fraction

GIB = 2**30


def group_name(stem: str, *, cpu: Fraction, memory: Fraction, devices: int, size: int) -> str:
    """The name of a group that the policy queue-marks-protected lets through, such as ``train-4c16g-8x2``.

    Args:
        stem: what the group is called.
        cpu: cores that each pod requests.
        memory: bytes that each pod requests.
        devices: accelerators of each pod.
        size: number of pods.
    """
    by_device = f"{devices}x" if devices else ""
    return f"{stem}-{_number(cpu)}c{_number(memory / GIB)}g-{by_device}{size}"


def _number(amount: Fraction) -> str:
    # The shortest text of a double, as CEL writes it.
    return repr(float(amount)).removesuffix(".0")

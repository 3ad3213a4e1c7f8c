"""Amounts of a resource as text, exactly as Kubernetes prints a canonical `resource.Quantity`."""

from __future__ import annotations

from typing import Final

_DECIMAL_SUFFIXES: Final = ("", "k", "M", "G", "T", "P", "E")
_BINARY_SUFFIXES: Final = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_BINARY_RESOURCES: Final = ("memory", "ephemeral-storage")


def render_amount(resource: str, amount: int) -> str:
    """`amount` of `resource` in Kueue's internal units (`cpu` in milli) as canonical text."""
    if resource == "cpu":
        return _decimal(amount // 1000) if amount % 1000 == 0 else f"{amount}m"
    if resource in _BINARY_RESOURCES or resource.startswith("hugepages-"):
        return _binary(amount)
    return _decimal(amount)


def _decimal(amount: int) -> str:
    exponent = 0
    while amount and amount % 1000 == 0 and exponent < len(_DECIMAL_SUFFIXES) - 1:
        amount //= 1000
        exponent += 1
    return f"{amount}{_DECIMAL_SUFFIXES[exponent]}"


def _binary(amount: int) -> str:
    if -1024 < amount < 1024:
        return _decimal(amount)
    exponent = 0
    while amount % 1024 == 0 and exponent < len(_BINARY_SUFFIXES) - 1:
        amount //= 1024
        exponent += 1
    return f"{amount}{_BINARY_SUFFIXES[exponent]}"

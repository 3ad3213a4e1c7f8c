"""Amounts in the one spelling the API server stores: an object that is read back looks like the one that was sent.

The canonical form of ``k8s.io/apimachinery/pkg/api/resource`` takes out every whole factor of 1000 (or 1024), so
1,000 CPU are stored as ``1k``. Written any other way, an unchanged quota would look changed in every plan.
"""

from __future__ import annotations

from typing import Final

from allotment.model.quantity import Bytes, MilliCpu, format_bytes

_DECIMAL: Final = (
    (10**18, "E"),
    (10**15, "P"),
    (10**12, "T"),
    (10**9, "G"),
    (10**6, "M"),
    (10**3, "k"),
)


def cpu(amount: MilliCpu) -> str:
    """CPU: ``64``, ``500m``, ``1k``."""
    return count(amount // 1000) if amount % 1000 == 0 else f"{amount}m"


def memory(amount: Bytes) -> str:
    """Memory or storage: ``256Gi``, ``1500M``."""
    return format_bytes(amount) if amount % 1024 == 0 else count(amount)


def count(amount: int) -> str:
    """A plain number: ``8``, ``1500``, ``2k``."""
    if amount:
        for size, suffix in _DECIMAL:
            if amount % size == 0:
                return f"{amount // size}{suffix}"
    return str(amount)


def thousandths(amount: int) -> str:
    """A number given in thousandths, such as a fair-share weight: ``1``, ``1500m``."""
    return count(amount // 1000) if amount % 1000 == 0 else f"{amount}m"

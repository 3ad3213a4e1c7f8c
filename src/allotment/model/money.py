"""Sums of money as people read them."""

from __future__ import annotations

from typing import Final

MICROS: Final = 1_000_000
"""Of one unit of a currency: every price and budget is kept in millionths."""


def money(micros: int, currency: str) -> str:
    """Whole units with thousands, as in ``12,345 USD``; small sums keep two decimals."""
    units = micros / MICROS
    return f"{units:,.0f} {currency}" if abs(units) >= 100 or micros % MICROS == 0 else f"{units:,.2f} {currency}"

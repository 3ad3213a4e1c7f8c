"""Numbers with their noun."""

from __future__ import annotations


def count(number: int, noun: str) -> str:
    """``1 team``, ``4 teams``."""
    if number == 1:
        return f"1 {noun}"
    plural = f"{noun[:-1]}ies" if noun.endswith("y") and noun[-2:-1] not in "aeiou" else f"{noun}s"
    return f"{number:,} {plural}"

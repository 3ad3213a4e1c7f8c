"""Numbers with their noun."""

from __future__ import annotations


def be(amount: object) -> str:
    """``is`` behind an amount of one, with or without its unit; else ``are``."""
    number, _, unit = str(amount).partition(" ")
    return "is" if number == "1" and "," not in unit else "are"


def being(amount: object) -> str:
    """``1 GPU is``, ``4 are``."""
    return f"{amount} {be(amount)}"


def count(number: int, noun: str) -> str:
    """``1 team``, ``4 teams``."""
    if number == 1:
        return f"1 {noun}"
    plural = f"{noun[:-1]}ies" if noun.endswith("y") and noun[-2:-1] not in "aeiou" else f"{noun}s"
    return f"{number:,} {plural}"

"""Did you mean …?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_LONGEST: Final = 100
"""Comparing is quadratic; nobody mistypes a longer word into a short one."""


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that was probably meant, or nothing."""
    # Only mistakes come here, and every start would pay for the module.
    from difflib import get_close_matches  # noqa: PLC0415

    if len(word) > _LONGEST:
        return ""
    candidates = {candidate.lower(): candidate for candidate in known}
    found = get_close_matches(word.lower(), candidates, n=1)
    return candidates[found[0]] if found else ""


def did_you_mean(word: str, known: Iterable[str], otherwise: str) -> str:
    """``did you mean 'x'?`` or, if nothing is near, another next step."""
    found = nearest(word, known)
    return f"did you mean {found!r}?" if found else otherwise

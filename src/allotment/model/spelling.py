"""Did you mean …?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

_LONGEST: Final = 100
"""Comparing is quadratic; nobody mistypes a longer word into a short one."""
_ALIKE: Final = 0.65
"""What people are asked about: of less than that, ``nope`` is taken for ``no-wpc``."""


def nearest(word: str, known: Iterable[str], least: float = 0.6) -> str:
    """The known word that was probably meant, or nothing; `least` says how alike it has to be, of 0 to 1."""
    # Only mistakes come here, and every start would pay for the module.
    from difflib import get_close_matches  # noqa: PLC0415

    if len(word) > _LONGEST:
        return ""
    candidates = {candidate.lower(): candidate for candidate in known}
    found = get_close_matches(word.lower(), candidates, n=1, cutoff=least)
    return candidates[found[0]] if found else ""


def did_you_mean(word: str, known: Iterable[str], otherwise: str) -> str:
    """``did you mean 'x'?`` or, if nothing is near, another next step."""
    found = nearest(word, known, _ALIKE)
    return f"did you mean {found!r}?" if found else otherwise

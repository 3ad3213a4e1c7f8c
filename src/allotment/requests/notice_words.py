"""Words that notices are made of."""

from __future__ import annotations

from typing import Final

from allotment.errors import quoted, spelled
from allotment.model.requests.terms import Terms

_SPANS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))


def share_words(terms: Terms, subject: str = "") -> str:
    """What terms give, else what it is called."""
    given = (
        f"{each.devices or 'CPU and memory of'} {spelled(each.flavor)} in {spelled(each.cluster)}"
        for each in terms.shares
    )
    return ", ".join(given) or (quoted(subject) if subject else "what was granted")


def span_words(ms: int) -> str:
    """``3 d 4 h``, ``12 min``: the two largest units."""
    left, parts = max(0, ms) // 1000, []
    for size, unit in _SPANS:
        if left >= size:
            parts.append(f"{left // size} {unit}")
            left %= size
        elif parts:
            break
    return " ".join(parts[:2]) or "0 s"

"""Names that stand where others' stood: one for each, the same wherever it stood, so that references still match."""

from __future__ import annotations

import re
from typing import Final

_PREFIX: Final = "hidden"
_KEY: Final = re.compile(r"[^/\s]+/[^/\s]+")
"""A key with a domain: of a label, a taint or a resource."""
_FORM: Final = r"hidden-(?:(?:claim|cohort|name|pod|priority|queue|value|volume|workload)-)?\d+(?:\.invalid/name)?"
_OURS: Final = re.compile(_FORM)
_WITHIN: Final = re.compile(rf"(?<![\w.-]){_FORM}(?![\w-])")


class StandIns:
    """Gives a name of ours for each text, in the order in which they come."""

    def __init__(self, kind: str = "") -> None:
        """None yet.

        Args:
            kind: a word in the names, so that those of two of these differ.
        """
        self._kind = f"{kind}-" if kind else ""
        self._given: dict[str, str] = {}

    def of(self, text: str) -> str:
        """The name that stands for a text from now on."""
        if is_stand_in(text):
            return text
        if text not in self._given:
            name = f"{_PREFIX}-{self._kind}{len(self._given) + 1}"
            self._given[text] = f"{name}.invalid/name" if _KEY.fullmatch(text) else name
        return self._given[text]

    def known(self, text: str) -> str | None:
        """The name that stands for a text already."""
        return self._given.get(text)


def is_stand_in(text: str) -> bool:
    """Whether a text has the form of a name of ours."""
    return _OURS.fullmatch(text) is not None


def names_stand_in(text: str) -> bool:
    """Whether a name of ours is a word of a text."""
    return _WITHIN.search(text) is not None

"""The pages of the causes, a file each: what a cause means, how it is seen by hand, its fix, and what it yields to.

They are package data: `handbook` is the repository's folder docs/causes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib import resources
from typing import Final

from allotment.diagnose.causes import BY_CODE, BY_ID
from allotment.diagnose.finding import CauseEntry
from allotment.errors import NotFoundError, shown
from allotment.model.spelling import did_you_mean

SECTIONS: Final = ("Meaning", "By hand", "Fix", "Precedence")
"""What every page has."""
_LAYER: Final = len("ALT-12")
"""Characters of a code that its layer decides."""
_CODE: Final = re.compile(r"ALT-\d+", re.IGNORECASE)


def names_a_cause(word: str) -> bool:
    """Whether a word is a cause's code or id, or was meant to be a code."""
    return _CODE.fullmatch(word) is not None or word in BY_ID


def cause_named(word: str) -> CauseEntry:
    """The cause of a code (in any case) or an id.

    Raises:
        NotFoundError: there is none.
    """
    entry = BY_CODE.get(word.upper()) or BY_ID.get(word)
    if entry is None:
        # A mistyped code means one of its own layer.
        known = [code for code in BY_CODE if code.startswith(word.upper()[:_LAYER])]
        raise NotFoundError(
            f"there is no cause {shown(word)}", fix=did_you_mean(word.upper(), known, "list them with: allot causes")
        )
    return entry


def page_of(entry: CauseEntry) -> str:
    """The cause's page, in Markdown.

    Raises:
        NotFoundError: this installation has none.
    """
    try:
        text = resources.files("allotment.diagnose").joinpath("handbook", f"{entry.code}.md").read_text("utf-8")
    except FileNotFoundError:
        raise NotFoundError(
            f"there is no page of {entry.code} in this installation", fix="install Allotment again, or read docs/causes"
        ) from None
    return text.strip()


def codes_with_pages() -> Iterable[str]:
    """Codes of which there is a page."""
    folder = resources.files("allotment.diagnose").joinpath("handbook")
    return sorted(each.name.removesuffix(".md") for each in folder.iterdir() if _CODE.match(each.name))

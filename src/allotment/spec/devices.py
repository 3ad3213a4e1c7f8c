"""Which device a word that names none may have meant: never another one.

Names of devices differ by a letter (``v100``, ``h100``) or a digit (``a10``, ``a100``), so words that look alike are
mostly other devices. The parts of a name that hold digits therefore have to agree; only the letters before the digits
may be mistyped: a letter behind them is another device (``mi250`` and ``mi250x``).
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Final

from allotment.model.accelerator import Accelerator
from allotment.spec.problems import did_you_mean
from allotment.spec.schema.accelerator import AcceleratorSpec

Device = AcceleratorSpec | Accelerator | None
"""As it is written, or read; None where the name is a flavor's."""

DECLARE: Final = "; another device is declared in a document kind: Accelerator"

_ALIKE: Final = 0.85
"""A long word with a letter wrong, such as ``gaudii2``; of short ones a letter makes another device."""
_LONG: Final = 5
_LONGEST: Final = 63
_MOST_NAMED: Final = 8


def device_meant(word: str, known: Mapping[str, Device]) -> str:
    """The next step for a word that is none of the known ones: ``did you mean "a100"?``, or the choices.

    Args:
        word: what was written.
        known: accelerators by name.
    """
    parts = _parts(word)
    same = [name for name, spec in known.items() if _agree(parts, _parts(name), spec)]
    if not parts:
        same = difflib.get_close_matches(
            word.lower()[:_LONGEST], [name for name in known if not _parts(name)], cutoff=_ALIKE
        )
    if not same:
        return _family(parts, known) or did_you_mean("", known)
    best = max(same, key=lambda name: (len(_parts(name)), _likeness(name, word.lower()), name))
    return f'did you mean "{best}"?'


def _family(parts: list[str], known: Mapping[str, Device]) -> str:
    """The whole devices that share the word's letters, for who looks for the right one; empty where there are none."""
    heads = {head for head, _ in map(_halves, parts) if head}
    whole = (name for name, spec in known.items() if spec is None or spec.partition_of is None)
    alike = sorted(name for name in whole if heads & {head for head, _ in map(_halves, _parts(name))})
    named = ", ".join(alike[:_MOST_NAMED]) + (", …" if len(alike) > _MOST_NAMED else "")
    return f"known devices of a like name: {named}" if named else ""


def _parts(word: str) -> list[str]:
    """The parts with digits in them, without the unit of a size: ``A100-80GB`` is a100 and 80."""
    parts = (part for part in re.split(r"[^a-z0-9]+", word.lower()[:_LONGEST]) if any(map(str.isdigit, part)))
    return [re.sub(r"^(\d+)g[bi]?$", r"\1", part) for part in parts]


def _agree(word: list[str], name: list[str], spec: Device) -> bool:
    """Whether each part of the name is in the word, and what the word has besides is the device's memory."""
    left = list(word)
    for part in name:
        found = next((other for other in left if _one(part, other)), None)
        if found is None:
            return False
        left.remove(found)
    memory = [] if spec is None else [str(spec.memory >> 30)]
    return bool(name) and (not left or left == memory)


def _one(part: str, other: str) -> bool:
    if part == other:
        return True
    (head, tail), (other_head, other_tail) = _halves(part), _halves(other)
    return tail == other_tail and len(head) >= _LONG and _likeness(head, other_head) >= _ALIKE


def _halves(part: str) -> tuple[str, str]:
    """The letters before the first digit, and all from there on."""
    first = next(index for index, character in enumerate(part) if character.isdigit())
    return part[:first], part[first:]


def _likeness(one: str, other: str) -> float:
    return difflib.SequenceMatcher(None, one, other[:_LONGEST]).ratio()

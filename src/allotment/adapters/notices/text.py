"""Text of notices for formats that give some characters a meaning: foreign words in it stay words."""

from __future__ import annotations

import re
from typing import Final

from allotment.errors import shown

_JOINER: Final = "\N{WORD JOINER}"
_BROADCAST: Final = re.compile(r"@(?=channel|here|everyone)", re.IGNORECASE)
_MARKS: Final = re.compile(r"[\\`*_\[\]<>#~|!&{}]")
_LIST: Final = re.compile(r"^([0-9]{0,9})([-+=.)])")


def sound(text: str) -> str:
    """The text with a question mark for each half of a character that UTF-8 cannot write."""
    return text.encode("utf-8", "replace").decode("utf-8")


def one_line(text: str, most: int) -> str:
    """The text on one line, without what is not seen, cut."""
    plain = sound(shown(" ".join(text.split())))
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"


def slack_text(text: str) -> str:
    """The text as Slack's: its three control characters escaped, and nobody called who reads the channel.

    Mentions such as ``<!here>`` need a bracket; the words alone are called where a receiver links names, so that an
    invisible joiner stands in them.
    """
    joined = _BROADCAST.sub(f"@{_JOINER}", text)
    return joined.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def card_text(text: str) -> str:
    """The text as that of an Adaptive Card, whose Markdown shows it as it is."""
    # At the beginning of a line a dash, or a number with a dot, would make a list.
    return _LIST.sub(r"\1\\\2", _MARKS.sub(r"\\\g<0>", text))

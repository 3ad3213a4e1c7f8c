"""Take the names of others out of texts, labels and taints, wherever in an object they stand."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import msgspec

from allotment.model.observed.base import Part

_UID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_WORD: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
REMOVED: Final = "hidden"
"""What stands where a name stood."""
_MESSAGE: Final = "message"
_SHORTEST: Final = 4
"""Characters. A name that is an ordinary word, such as `default` or `gpu`, tells nobody anything, and may mean another
thing where it stands."""

_Part = TypeVar("_Part", bound=Part)


class Unnaming:
    """What is to be taken out, and what is not though it looks alike."""

    def __init__(self, words: Mapping[str, str], own_uids: frozenset[str]) -> None:
        """Of names.

        Args:
            words: names and uids that must not stay, and what stands there instead.
            own_uids: uids that stay; any other looks like one that must not.
        """
        self._words = words
        self._own_uids = own_uids

    def cleaned(self, part: _Part) -> _Part:
        """A struct without them."""
        raw = self._clean(msgspec.to_builtins(part))
        return msgspec.convert(raw, type(part), strict=False)

    def with_messages_cleaned(self, part: _Part) -> _Part:
        """The same of what controllers wrote alone: messages; the rest is left as it is."""
        raw = self._messages(msgspec.to_builtins(part))
        return msgspec.convert(raw, type(part), strict=False)

    def _messages(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {
                key: self._text(each) if key == _MESSAGE and isinstance(each, str) else self._messages(each)
                for key, each in value.items()
            }
        if isinstance(value, list | tuple):
            return [self._messages(each) for each in value]
        return value

    def _clean(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, dict):
            # Keys are resources, labels and fields: nothing that a team calls its own.
            return {key: self._clean(each) for key, each in value.items()}
        if isinstance(value, list | tuple):
            return [self._clean(each) for each in value]
        return value

    def _text(self, text: str) -> str:
        if text in self._words:
            return self._words[text]
        return _WORD.sub(self._word, _UID.sub(self._uid, text))

    def _word(self, found: re.Match[str]) -> str:
        return self._words.get(found[0], found[0])

    def _uid(self, found: re.Match[str]) -> str:
        return found[0] if found[0] in self._own_uids else REMOVED


def is_telling(name: str) -> bool:
    """Whether a name is no ordinary word."""
    return len(name) >= _SHORTEST and not name.isalpha()

"""Take the names of others out of texts, labels and taints, wherever in an object they stand.

What is known to be another's goes from every text, also as a part of a word and in any case. In messages of those that
see everybody's work (the scheduler, Kueue) and on what is everybody's, names may stand of what is gone and of what
nobody told us about: there a word stays only if it is known to name nobody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec

from allotment.model.observed.base import Part
from allotment.observe.vocabulary import is_known

_UID: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_WORD: Final = re.compile(r"\w(?:[\w.-]*\w)?")
_SPLIT: Final = re.compile(r"[._-]+")
_PERSON: Final = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_ACCOUNT: Final = re.compile(r"(system:serviceaccounts?):([\w.-]+)(?::[\w.-]+)?")
_REFERRED: Final = re.compile(
    r"\b(?:image|container|volume|configmap|secret|serviceaccount|persistentvolumeclaim) \"([^\"]+)\""
)
"""What a pod names itself: of its own namespace, whatever others call theirs."""
_TAKEN: Final = re.compile(r"preempt|evict", re.IGNORECASE)
REMOVED: Final = "hidden"
"""What stands where a name stood."""
_AFTER: Final = re.compile(rf"\b{REMOVED}/[\w.-]+")
"""The name behind a namespace that is gone is gone with it."""
_MESSAGE: Final = "message"
_LONGEST: Final = 12
"""Parts of a word that are looked at; more are in no name that people give."""
_SHORTEST: Final = 4
"""Characters of an object's name; a shorter one is looked for as a whole word only where all unknown words go."""
_OF_ALL: Final = frozenset({"workloads", "localQueues", "clusterQueues", "provisioningRequests"})
"""Objects that components report on who see everybody's work."""
_OF_THE_SCHEDULER: Final = frozenset({"PodScheduled", "DisruptionTarget"})
"""Conditions of a pod that others than its kubelet write."""
_OF_ONE: Final = frozenset(
    {
        "kubelet",
        "job-controller",
        "cronjob-controller",
        "replicaset-controller",
        "replication-controller",
        "deployment-controller",
        "statefulset-controller",
        "daemonset-controller",
        "jobset-controller",
        "persistentvolume-controller",
        "attachdetach-controller",
    }
)
"""Components whose events speak of the object itself and of what its owner wrote."""

_Part = TypeVar("_Part", bound=Part)


@dataclass(frozen=True, slots=True)
class Speech:
    """Whose words are whose.

    Attributes:
        kept: names that are everybody's, or that no one but the platform gives: they stay, whatever others call theirs.
        own: names of the team's own objects and submitters; one that is another's too does not stay.
        groups: names of others' namespaces, teams and queues, and what stands there instead: they go also as a part.
        names: names of others' objects, and of persons.
        written: texts in the team's own objects, such as images.
        uids: the team's own.
    """

    kept: frozenset[str]
    own: frozenset[str]
    groups: Mapping[str, str]
    names: frozenset[str]
    written: frozenset[str]
    uids: frozenset[str]


class Unnaming:
    """What is to be taken out, and what is not though it looks alike."""

    def __init__(self, speech: Speech) -> None:
        """Of names."""
        self._speech = speech
        groups = {old: new for old, new in speech.groups.items() if old not in speech.kept and not is_known(old)}
        names = {each for each in speech.names if each not in speech.kept and not is_known(each)}
        whole = {each.lower(): REMOVED for each in names if len(each) >= _SHORTEST}
        self._whole = whole | {old.lower(): new for old, new in groups.items()}
        # Texts repeat: labels of nodes, messages of the scheduler.
        self._done: dict[tuple[str, bool], str] = {}
        telling = {each for each in names if is_telling(each)}
        self._parts = frozenset("-".join(_SPLIT.split(each.lower())) for each in (*telling, *groups))

    def cleaned(self, part: _Part) -> _Part:
        """A struct that is everybody's without them."""
        raw = self._clean(msgspec.to_builtins(part), "")
        return msgspec.convert(raw, type(part), strict=False)

    def with_messages_cleaned(self, part: _Part) -> _Part:
        """The same of what controllers wrote alone: messages; the rest is left as it is."""
        raw = self._messages(msgspec.to_builtins(part), (), strict=False)
        return msgspec.convert(raw, type(part), strict=False)

    def _messages(self, value: Any, path: tuple[str, ...], *, strict: bool) -> Any:
        if isinstance(value, dict):
            strict = strict or _of_all(value, path)
            return {
                key: self._text(each, strict=strict)
                if key == _MESSAGE and isinstance(each, str)
                else self._messages(each, (*path, key), strict=strict)
                for key, each in value.items()
            }
        if isinstance(value, list | tuple):
            return [self._messages(each, path, strict=strict) for each in value]
        return value

    def _clean(self, value: Any, key: str, *, strict: bool = False) -> Any:
        if isinstance(value, str):
            return self._text(value, strict=strict or key in {_MESSAGE, "detail"})
        if isinstance(value, dict):
            # Keys are resources, labels and fields: nothing that a team calls its own.
            strict = strict or key == "annotations"
            return {name: self._clean(each, name, strict=strict) for name, each in value.items()}
        if isinstance(value, list | tuple):
            return [self._clean(each, key, strict=strict) for each in value]
        return value

    def _text(self, text: str, *, strict: bool) -> str:
        found = self._done.get((text, strict))
        if found is None:
            found = self._done[text, strict] = self._read(text, strict=strict)
        return found

    def _read(self, text: str, *, strict: bool) -> str:
        if text in self._speech.kept:
            return text
        if text.lower() in self._whole:
            return self._whole[text.lower()]
        strict = strict or _TAKEN.search(text) is not None
        found, at = [], 0
        for each in () if strict else _REFERRED.finditer(text):
            if each[1] in self._speech.written:
                found += [self._cleared(text[at : each.start(1)], strict=False), each[1]]
                at = each.end(1)
        return "".join((*found, self._cleared(text[at:], strict=strict)))

    def _cleared(self, text: str, *, strict: bool) -> str:
        text = _UID.sub(self._uid, text)
        text = _PERSON.sub(self._person, text)
        text = _ACCOUNT.sub(self._account, text)
        text = _WORD.sub(lambda found: self._word(found[0], strict=strict), text)
        return _AFTER.sub(f"{REMOVED}/{REMOVED}", text) if strict else text

    def _word(self, word: str, *, strict: bool) -> str:
        if word in self._speech.kept or word == REMOVED:
            return word
        new = self._whole.get(word.lower())
        if new is not None:
            return new
        if is_known(word):
            return word
        if self._tells(word.lower()):
            return REMOVED
        return word if not strict or word in self._speech.own or word in self._speech.uids else REMOVED

    def _tells(self, word: str) -> bool:
        """Whether another's name is a part of a word."""
        return any(each in self._parts for each in _runs(_SPLIT.split(word)[:_LONGEST]))

    def _uid(self, found: re.Match[str]) -> str:
        return found[0] if found[0] in self._speech.uids else REMOVED

    def _person(self, found: re.Match[str]) -> str:
        person = found[0]
        return person if person in self._speech.own and person.lower() not in self._whole else REMOVED

    def _account(self, found: re.Match[str]) -> str:
        return found[0] if found[2] in self._speech.kept else f"{found[1]}:{REMOVED}"


def _of_all(value: dict[str, Any], path: tuple[str, ...]) -> bool:
    """Whether the messages in a part of an object are of those that see everybody's work."""
    if "involvedObject" in value:
        source: dict[str, str] = value.get("source", {})
        return (source.get("component") or value.get("reportingComponent", "")) not in _OF_ONE
    return bool(_OF_ALL & set(path[:1])) or (path[:1] == ("pods",) and value.get("type") in _OF_THE_SCHEDULER)


def _runs(parts: list[str]) -> Iterator[str]:
    for start in range(len(parts)):
        for end in range(start + 1, len(parts) + 1):
            yield "-".join(parts[start:end])


def is_telling(name: str) -> bool:
    """Whether a name is no ordinary word, so that a part of another word that is like it may mean it."""
    return len(name) >= _SHORTEST and not name.isalpha()

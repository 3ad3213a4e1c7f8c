"""Take the names of others out of texts, labels and taints, wherever in an object they stand.

What is known to be another's goes from every text, also as a part of a word and in any case, whatever else is called
so. In messages a word stays only if it is known to name nobody: names may stand there of what is gone and of what
nobody told us about. What is everybody's and bears such a name gets a name of ours, the same wherever it stands.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final, TypeVar

import msgspec

from allotment.model.decoding import converted
from allotment.model.observed.base import Part
from allotment.model.observed.snapshot import Submission
from allotment.observe.phrases import spoken
from allotment.observe.standing_in import StandIns, is_stand_in
from allotment.observe.vocabulary import is_amount, is_domain, is_known

_TOKEN: Final = re.compile(
    r"(?P<uid>\b[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})"
    r"|(?P<person>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)"
    r"|(?P<account>(?P<kind>system:serviceaccounts?):(?P<space>[\w.-]+)(?::[\w.-]+)?)"
    r"|[\w.-]*\w/[\w.-]*\w|\w(?:[\w.-]*\w)?"
)
"""A uid, a person, a service account, a pair such as a key with its domain, or a word."""
_PIECE: Final = re.compile(r"\w(?:[\w.-]*\w)?")
_SPLIT: Final = re.compile(r"[._-]+")
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
_REASON: Final = "reason"
_HUMPS: Final = re.compile(r"(?:[A-Z][A-Za-z0-9:_./-]*)?")
_LONGEST: Final = 12
"""Parts of a word that are looked at; a word of more is no name that people give, and goes."""
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
_KEYED: Final = frozenset(
    {
        "labels",
        "annotations",
        "nodeLabels",
        "nodeSelector",
        "matchLabels",
        "capacity",
        "allocatable",
        "requests",
        "limits",
        "overhead",
        "podFixed",
        "flavors",
        "resourceUsage",
        "resources",
        "hard",
        "used",
    }
)
"""Fields whose own keys are written by people; those of all others are the API's."""
_REFERRING: Final = frozenset(
    {
        "nodeName",
        "nominatedNodeName",
        "runtimeClassName",
        "storageClassName",
        "priorityClassName",
        "priorityClassRef",
        "clusterQueue",
        "deviceClassName",
        "provisioningClassName",
        "nodeSelector",
        "nodeAffinity",
        "tolerations",
        "topologyKey",
        "topologyRequest",
        "admission",
        "admissionChecks",
        "allocation",
        "requests",
        "limits",
        "overhead",
        "hard",
        "used",
        "flavorsReservation",
        "flavorsUsage",
    }
)
"""Fields of a team's own objects that name what is everybody's."""
_PUBLIC: Final = frozenset({"", "true", "false", "cpu", "memory", "pods", "storage", "ephemeral-storage"})
"""Values that say nothing, whoever is called so."""

_Part = TypeVar("_Part", bound=Part)


class _Trust(IntEnum):
    """What may stay of a text.

    Attributes:
        ALL: all that is not known to be another's.
        OWN: of unknown words those that the team wrote itself.
        KNOWN: of unknown words the names of the team's objects alone.
    """

    ALL = 0
    OWN = 1
    KNOWN = 2


@dataclass(frozen=True, slots=True)
class Speech:
    """Whose words are whose.

    Attributes:
        kept: names that are everybody's, or that no one but the platform gives: they stay, where no group is called so.
        own: names of the team's own objects and submitters; one that is another's too does not stay.
        theirs: names of the team and its namespaces.
        peoples: names of others' namespaces and teams: they go, whatever else is called so.
        groups: names of others' queues, projects and cohorts, and what stands there instead; they go also as a part.
        names: names of others' objects, and of persons.
        written: texts in the team's own objects, such as images.
        uids: the team's own.
    """

    kept: frozenset[str]
    own: frozenset[str]
    theirs: frozenset[str]
    peoples: frozenset[str]
    groups: Mapping[str, str]
    names: frozenset[str]
    written: frozenset[str]
    uids: frozenset[str]


class Unnaming:
    """What is to be taken out, and what is not though it looks alike."""

    def __init__(self, speech: Speech, stand_ins: StandIns) -> None:
        """Of names.

        Args:
            speech: whose words are whose.
            stand_ins: what stands for what is everybody's and bears a name of others.
        """
        self._speech = speech
        self._stand_ins = stand_ins
        self._peoples = {each.lower() for each in speech.peoples if not is_known(each)}
        self._ambiguous = {each for each in speech.peoples if is_known(each)}
        groups = {old: new for old, new in speech.groups.items() if old not in speech.kept and not is_known(old)}
        names = {each for each in speech.names if each not in speech.kept and not is_known(each)}
        whole = {each.lower(): REMOVED for each in names if len(each) >= _SHORTEST}
        whole |= {old.lower(): new for old, new in groups.items()}
        self._whole = whole | dict.fromkeys(self._peoples, REMOVED)
        # Texts repeat: labels of nodes, messages of the scheduler.
        self._done: dict[tuple[str, _Trust], str] = {}
        telling = {each for each in names if is_telling(each)}
        self._parts = frozenset("-".join(_SPLIT.split(each.lower())) for each in (*telling, *groups, *self._peoples))
        # What the team's own name begins with too, such as the firm's, tells nothing.
        ours = {run for each in speech.theirs for run in _runs(_SPLIT.split(each.lower()))}
        several = {each for each in self._peoples if len(each) >= _SHORTEST}
        self._telling = frozenset("-".join(_SPLIT.split(each)) for each in several) - ours
        self._said = frozenset(word for text in speech.written for word in _PIECE.findall(text))

    def bears(self, name: str) -> bool:
        """Whether an object's name is one of others' namespaces or teams, or has one in it that is no plain word."""
        if name in self._speech.theirs or is_amount(name):
            return False
        pieces = [name, *name.split("/")]
        if any(each.lower() in self._peoples or each in self._ambiguous for each in pieces):
            return name not in _PUBLIC and not _is_of_a_domain(name, self._peoples)
        return any(run in self._telling for run in _runs(_SPLIT.split(name.lower().replace("/", "-"))[:_LONGEST]))

    def cleaned(self, part: _Part) -> _Part:
        """A struct that is everybody's without them."""
        raw = self._clean(msgspec.to_builtins(part), "")
        return converted(raw, type(part), strict=False)

    def with_messages_cleaned(self, part: _Part) -> _Part:
        """The same of what controllers wrote alone: messages, and names of what is everybody's; the rest is left.

        What refused a submission was told to its submitter: only what is known to be another's goes from it.
        """
        trust = _Trust.ALL if isinstance(part, Submission) else _Trust.OWN
        raw = self._messages(msgspec.to_builtins(part), (), trust)
        return converted(raw, type(part), strict=False)

    def _messages(self, value: Any, path: tuple[str, ...], trust: _Trust) -> Any:
        if isinstance(value, dict):
            if _of_all(value, path):
                trust = _Trust.KNOWN
            return {
                key: self._text(each, _Trust.ALL if path[-1:] == ("terminated",) else trust)
                if key == _MESSAGE and isinstance(each, str)
                else self._reason(each)
                if key == _REASON and isinstance(each, str)
                else self._referring(each, key)
                if key in _REFERRING
                else self._messages(each, (*path, key), trust)
                for key, each in value.items()
            }
        if isinstance(value, list | tuple):
            return [self._messages(each, path, trust) for each in value]
        return value

    def _reason(self, reason: str) -> str:
        """A reason is written in humps, and names nobody."""
        plain = reason.replace("-", "").lower()
        named = any(each.replace("-", "") in plain for each in self._peoples if len(each) >= _SHORTEST)
        return reason if _HUMPS.fullmatch(reason) and not named else REMOVED

    def _referring(self, value: Any, key: str) -> Any:
        """With the names of ours that what is everybody's got."""
        if isinstance(value, str):
            return self._text(value, _Trust.KNOWN) if key == _MESSAGE else self._stand_ins.known(value) or value
        if isinstance(value, dict):
            keyed = key in _KEYED
            return {
                (self._stand_ins.known(name) or name) if keyed else name: self._referring(each, name)
                for name, each in value.items()
            }
        if isinstance(value, list | tuple):
            return [self._referring(each, "") for each in value]
        return value

    def _clean(self, value: Any, key: str) -> Any:
        if isinstance(value, str):
            return self._text(value, _Trust.KNOWN) if key in {_MESSAGE, "detail"} else self._value(value)
        if isinstance(value, dict):
            keyed = key in _KEYED
            return {self._value(name) if keyed else name: self._clean(each, name) for name, each in value.items()}
        if isinstance(value, list | tuple):
            return [self._clean(each, "") for each in value]
        return value

    def _value(self, text: str) -> str:
        """A name or a value of what is everybody's."""
        if text in _PUBLIC or text in self._speech.theirs or is_stand_in(text) or is_amount(text):
            return text
        known = self._stand_ins.known(text)
        if known is not None:
            return known
        if self.bears(text):
            return self._stand_ins.of(text)
        if text in self._speech.kept:
            return text
        cleaned = self._text(text, _Trust.ALL)
        return cleaned if cleaned == text or " " in text else self._stand_ins.of(text)

    def _text(self, text: str, trust: _Trust) -> str:
        found = self._done.get((text, trust))
        if found is None:
            found = self._done[text, trust] = self._read(text, trust)
        return found

    def _read(self, text: str, trust: _Trust) -> str:
        if text.lower() in self._whole:
            return self._stand_ins.known(text) or self._whole[text.lower()]
        if text in self._speech.kept and text not in self._ambiguous:
            return self._stand_ins.known(text) or text
        if _TAKEN.search(text) is not None:
            trust = _Trust.KNOWN
        found, at = [], 0
        for each in () if trust is _Trust.KNOWN else _REFERRED.finditer(text):
            if each[1] in self._speech.written:
                found += [self._cleared(text[at : each.start(1)], trust), each[1]]
                at = each.end(1)
        return "".join((*found, self._cleared(text[at:], trust)))

    def _cleared(self, text: str, trust: _Trust) -> str:
        # Only where somebody is called like a word does it matter where a word stands.
        literal = list(spoken(text)) if self._ambiguous else []

        def replaced(found: re.Match[str]) -> str:
            if found.lastgroup is not None:
                return self._who(found)
            own = any(begin <= found.start() and found.end() <= end for begin, end in literal)
            return self._pair(found[0], trust, literal=own)

        text = _TOKEN.sub(replaced, text)
        return text if trust is _Trust.ALL else _AFTER.sub(f"{REMOVED}/{REMOVED}", text)

    def _who(self, found: re.Match[str]) -> str:
        said = found[0]
        if found["uid"]:
            return said if said in self._speech.uids else REMOVED
        if found["person"]:
            return said if said in self._speech.own and said.lower() not in self._whole else REMOVED
        return said if found["space"] in self._speech.theirs else f"{found['kind']}:{REMOVED}"

    def _pair(self, word: str, trust: _Trust, *, literal: bool) -> str:
        first, slash, second = word.partition("/")
        if not slash:
            return self._word(word, trust, literal=literal)
        known = self._stand_ins.known(word)
        if known is not None or is_stand_in(word):
            return known or word
        if word in self._speech.kept or _is_of_a_domain(word, self._peoples):
            return word
        pieces = (self._word(each, trust, literal=literal) if each else "" for each in (first, second))
        return slash.join(pieces)

    def _word(self, word: str, trust: _Trust, *, literal: bool) -> str:
        known = self._stand_ins.known(word)
        if known is not None:
            return known
        if word.lower() in self._peoples or (word in self._ambiguous and not literal):
            return REMOVED
        if word == REMOVED or is_stand_in(word):
            return word
        new = word if word in self._speech.kept else self._whole.get(word.lower())
        if new is not None or is_known(word):
            return new or word
        if self._tells(word.lower()):
            return REMOVED
        if trust is _Trust.ALL or word in self._speech.own or word in self._speech.uids:
            return word
        return word if trust is _Trust.OWN and word in self._said else REMOVED

    def _tells(self, word: str) -> bool:
        """Whether another's name is a part of a word, or might be one."""
        parts = _SPLIT.split(word)
        return len(parts) > _LONGEST or any(each in self._parts for each in _runs(parts))


def _of_all(value: dict[str, Any], path: tuple[str, ...]) -> bool:
    """Whether the messages in a part of an object are of those that see everybody's work."""
    if "involvedObject" in value:
        source: dict[str, str] = value.get("source", {})
        return (source.get("component") or value.get("reportingComponent", "")) not in _OF_ONE
    return bool(_OF_ALL & set(path[:1])) or (path[:1] == ("pods",) and value.get("type") in _OF_THE_SCHEDULER)


def _is_of_a_domain(word: str, peoples: set[str]) -> bool:
    """Whether a key is of a domain that everybody knows, and is no other's name though a word in it is."""
    domain, slash, rest = word.partition("/")
    return bool(slash) and is_domain(domain.removeprefix("requests.")) and rest.lower() not in peoples


def _runs(parts: list[str]) -> Iterator[str]:
    for start in range(len(parts)):
        for end in range(start + 1, len(parts) + 1):
            yield "-".join(parts[start:end])


def is_telling(name: str) -> bool:
    """Whether a name is no ordinary word, so that a part of another word that is like it may mean it."""
    return len(name) >= _SHORTEST and not name.isalpha()

"""The chain: each entry holds the digest of the one before it, so that a change anywhere shows in all that follow.

Who can write the whole store can also make a whole chain anew. That is noticed by heads: the number and digest of an
entry, written down elsewhere at the time. A chain that does not lead through a head that was written down is not the
one that was there.

Digests are SHA-256 over all fields, each with its length before it, so that no text can pass for another division of
the same letters.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from allotment.errors import quoted
from allotment.model.audit.act import AuditedAct

_DOMAIN: Final = b"allotment audit 1"
"""What is digested is nothing else's digest."""
_HEAD: Final = re.compile(r"audit head ([1-9][0-9]{0,17}) sha256:([0-9a-f]{64})(?![0-9a-f])")


@dataclass(frozen=True, slots=True)
class ChainHead:
    """How far a chain goes.

    Attributes:
        number: of the newest entry; 0 where there is none.
        digest: of that entry, 64 hexadecimal digits.
    """

    number: int
    digest: str

    def __str__(self) -> str:
        """The line that is written down; `heads_in` finds it again in any text."""
        return f"audit head {self.number} sha256:{self.digest}"


BEFORE_ALL: Final = ChainHead(0, hashlib.sha256(_DOMAIN).hexdigest())
"""What the first entry follows."""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """An act in its place.

    Attributes:
        number: from 1, without a gap.
        previous: digest of the entry before.
        digest: of this one.
    """

    number: int
    act: AuditedAct
    previous: str
    digest: str

    @property
    def head(self) -> ChainHead:
        """The chain as far as this entry."""
        return ChainHead(self.number, self.digest)


def digest_of(previous: str, number: int, act: AuditedAct) -> str:
    """What stands for an act in its place.

    Args:
        previous: digest of the entry before.
        number: of this one.
        act: what was done.
    """
    found = hashlib.sha256(_DOMAIN)
    pairs = [each for pair in act.details for each in pair]
    fields = (
        previous, str(number), str(act.at), act.who, act.kind, act.whence, act.verb, act.outcome, act.subject, act.name,
        act.team, act.why, *pairs,
    )  # fmt: skip
    for each in fields:
        data = each.encode("utf-8", "surrogatepass")
        found.update(len(data).to_bytes(8, "big") + data)
    return found.hexdigest()


def chained(head: ChainHead, acts: Iterable[AuditedAct]) -> Iterator[AuditEntry]:
    """Acts in their places after a head."""
    for act in acts:
        number = head.number + 1
        entry = AuditEntry(number, act, head.digest, digest_of(head.digest, number, act))
        yield entry
        head = entry.head


@dataclass(frozen=True, slots=True)
class ChainBreak:
    """Something that is not as it was written.

    Attributes:
        number: of the entry at which it shows.
        said: in a sentence.
    """

    number: int
    said: str


@dataclass(frozen=True, slots=True)
class DamagedEntry:
    """An entry that is there and cannot be read.

    Attributes:
        number: as far as it says; 0 where it has none.
        why: in a sentence.
    """

    number: int
    why: str


class ChainCheck:
    """Goes along a chain once, from its beginning, and finds where it is not as it was written."""

    def __init__(self, heads: Iterable[ChainHead] = ()) -> None:
        """At the beginning.

        Args:
            heads: that were written down elsewhere.
        """
        self._head = BEFORE_ALL
        self._wanted: Mapping[int, frozenset[str]] = _by_number(heads)
        self._met: set[int] = set()

    @property
    def head(self) -> ChainHead:
        """As far as it went."""
        return self._head

    @property
    def met(self) -> int:
        """Heads through which the chain leads."""
        return len(self._met)

    def look(self, entry: AuditEntry | DamagedEntry) -> Iterator[ChainBreak]:
        """The next entry, by number; what is wrong at it."""
        if isinstance(entry, DamagedEntry):
            yield ChainBreak(entry.number, f"entry {entry.number} cannot be read: {entry.why}")
            if entry.number:
                self._head = ChainHead(entry.number, "")
            return
        yield from self._in_its_place(entry)
        if digest_of(entry.previous, entry.number, entry.act) != entry.digest:
            yield ChainBreak(entry.number, f"entry {entry.number} was changed: its digest is another one's")
        for digest in self._wanted.get(entry.number, frozenset()):
            if digest == entry.digest:
                self._met.add(entry.number)
            else:
                yield ChainBreak(
                    entry.number,
                    f"entry {entry.number} is not the one that a head was written down of: "
                    f"that was {digest[:12]}…, this is {quoted(entry.digest[:12])}…",
                )
        self._head = entry.head

    def _in_its_place(self, entry: AuditEntry) -> Iterator[ChainBreak]:
        before = self._head
        if entry.number <= before.number:
            yield ChainBreak(entry.number, f"entry {entry.number} comes after entry {before.number}")
        elif entry.number != before.number + 1:
            missing = f"{before.number + 1} to {entry.number - 1}"
            yield ChainBreak(entry.number, f"entries are missing before entry {entry.number}: {missing}")
        elif before.digest and entry.previous != before.digest:
            yield ChainBreak(entry.number, f"entry {entry.number} does not follow the entry before it")

    def end(self) -> Iterator[ChainBreak]:
        """There are no more entries; what is missing at the end."""
        last = max(self._wanted, default=0)
        if last > self._head.number:
            yield ChainBreak(
                last,
                f"the chain ends at entry {self._head.number}, and a head of entry {last} was written down: "
                "the newest entries were cut off",
            )


def heads_in(text: str) -> Iterator[ChainHead]:
    """All heads that were written down in a text, whatever else stands in it."""
    for found in _HEAD.finditer(text):
        yield ChainHead(int(found[1]), found[2])


def _by_number(heads: Iterable[ChainHead]) -> dict[int, frozenset[str]]:
    found: dict[int, set[str]] = {}
    for each in heads:
        if each.number:
            found.setdefault(each.number, set()).add(each.digest)
    return {number: frozenset(digests) for number, digests in found.items()}

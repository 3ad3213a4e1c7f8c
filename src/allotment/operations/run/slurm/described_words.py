"""Whether what the description of a Slurm names is there: partitions, qualities of service, accounts. Pure.

Slurm itself refuses a job for such a word a moment after it was handed in, and knows nothing of the description.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from allotment.errors import quoted
from allotment.jobs.slurm.rendering import SlurmPlace
from allotment.model.slurm.seen import SlurmAssociation, SlurmPartition, SlurmQos

_MOST_NAMED: Final = 8
PARTITION: Final = "partition"
QUALITY: Final = "quality of service"
ACCOUNT: Final = "account"


@dataclass(frozen=True, slots=True)
class WordsThere:
    """What a Slurm has; of a kind that could not be read, or that it does not keep, None.

    Attributes:
        accounts: in small letters, as the accounting keeps them.
    """

    partitions: frozenset[str] | None = None
    qualities: frozenset[str] | None = None
    accounts: frozenset[str] | None = None

    @classmethod
    def of(
        cls,
        partitions: Iterable[SlurmPartition],
        qualities: Iterable[SlurmQos],
        associations: Iterable[SlurmAssociation],
    ) -> WordsThere:
        """Of what was read; where there is nothing of a kind, it is not known."""
        found = (
            frozenset(each.name for each in partitions),
            frozenset(each.name for each in qualities),
            frozenset(each.account.lower() for each in associations),
        )
        return cls(*(each or None for each in found))


@dataclass(frozen=True, slots=True)
class UnknownWord:
    """A word of a description that the Slurm does not have.

    Attributes:
        field: of the description, such as ``partitions.exploratory``.
        kind: what it should be.
        named: whether the description has the field; else the word is what stands for it by default.
        known: what the Slurm has of the kind.
    """

    field: str
    word: str
    kind: str
    named: bool
    known: tuple[str, ...]

    def told(self, name: str) -> str:
        """In a sentence; `name` is the Slurm's."""
        more = f" and {len(self.known) - _MOST_NAMED} more" if len(self.known) > _MOST_NAMED else ""
        there = f"{name} has no such {self.kind}, but {', '.join(map(quoted, self.known[:_MOST_NAMED]))}{more}"
        if self.named:
            return f"{self.field} of the description of {name} is {quoted(self.word)}: {there}"
        return f"the description of {name} names no {self.kind} in {self.field}, so it is {quoted(self.word)}: {there}"


def unknown_words(
    place: SlurmPlace, there: WordsThere, *, rungs: Collection[str] | None = None, teams: Collection[str] | None = None
) -> Iterator[UnknownWord]:
    """Words of a description that the Slurm does not have.

    Args:
        place: what the description says.
        there: what the Slurm has.
        rungs: those that are looked at; None for all that the description names.
        teams: the same of teams.
    """
    for rung, names in place.partitions.items():
        if rungs is None or rung in rungs:
            for word in names:
                yield from _unknown(f"partitions.{rung}", word, PARTITION, there.partitions)
    for rung, word in place.qualities.items():
        if rungs is None or rung in rungs:
            yield from _unknown(f"qualities.{rung}", word, QUALITY, there.qualities)
    for team in place.accounts if teams is None else teams:
        word = place.accounts.get(team, team)
        named = team in place.accounts
        yield from _unknown(f"accounts.{team}", word, ACCOUNT, there.accounts, named=named)


def _unknown(
    field: str, word: str, kind: str, known: frozenset[str] | None, *, named: bool = True
) -> Iterator[UnknownWord]:
    there = word.lower() if kind == ACCOUNT else word
    if known is not None and there not in known:
        yield UnknownWord(field, word, kind, named, tuple(sorted(known)))

"""The nouns: what was read, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from allotment.model.manifest import Body, ObjectKey


@dataclass(frozen=True, slots=True)
class Stranger:
    """An object that is not ours, and matters.

    Attributes:
        team: whose namespace it lies in, or concerns; empty for the platform.
        what: what it is, in words that follow its name.
        why: what it undoes.
        fix: the next step.
        kept: by which adoption it was left to its owner on purpose, in words; empty if by none.
    """

    key: ObjectKey
    team: str
    what: str
    why: str
    fix: str
    kept: str = ""

    def __str__(self) -> str:
        """One line."""
        return f"{self.key} {self.what}: {self.why}"

    @property
    def next_step(self) -> str:
        """What to do, after whose decision it stands there."""
        return f"{self.kept}: {self.fix}" if self.kept else self.fix


@dataclass(frozen=True, slots=True)
class Live:
    """What was read of a cluster.

    Attributes:
        objects: by kind; a kind that the server does not know has none.
    """

    objects: Mapping[str, tuple[Body, ...]]

    def of(self, kind: str) -> tuple[Body, ...]:
        """All objects of a kind."""
        return self.objects.get(kind, ())

    def of_kinds(self, *kinds: str) -> Iterator[Body]:
        """All objects of several kinds."""
        for kind in kinds:
            yield from self.of(kind)


@dataclass(frozen=True, slots=True)
class Unread:
    """A kind that we were not let look at."""

    kind: str
    why: str

    def __str__(self) -> str:
        """As reports show it."""
        return f"not looked at: {self.kind} ({self.why})"


@dataclass(frozen=True, slots=True)
class KeptBinding:
    """A RoleBinding that an adoption left to its owner, whatever it gives: it widens what roles are promised.

    Attributes:
        gives: rules of its role.
        to: names of its subjects.
    """

    key: ObjectKey
    gives: tuple[Body, ...]
    to: frozenset[str]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What one look around a cluster found."""

    strangers: tuple[Stranger, ...]
    unread: tuple[Unread, ...]
    bindings: tuple[KeptBinding, ...] = ()

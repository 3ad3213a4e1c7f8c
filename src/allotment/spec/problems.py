"""What can be wrong with a platform directory, and how it is told.

A problem names file, line, field, what is wrong and what to do. It never holds a stretch of the file itself: people
paste tokens into wrong places, and error output ends up in CI logs.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Final

from allotment.errors import AllotmentError, CapacityError, InputError, NotFoundError, shown

Path = tuple[str | int, ...]
"""Where a value stands inside a document: keys and list positions from its root."""

LONGEST_ECHO: Final = 63
"""Longest value of the user's that a message repeats (a Kubernetes name); anything longer is only counted."""

MOST_TOLD: Final = 1_000
"""So many errors are told at once; who has more mends these first."""

_MANY: Final = 100
"""So many choices are compared with a mistyped word."""


class Severity(StrEnum):
    """An error stops everything; a warning is told beside the result."""

    ERROR = "error"
    WARNING = "warning"


class ProblemKind(StrEnum):
    """What sort of problem it is, for whoever acts on it: where there is no file to correct, exit codes differ."""

    WRONG = "wrong"
    ABSENT = "absent"
    """It names what is not there."""
    TOO_MUCH = "too-much"
    """It asks for more than is allowed."""

    @property
    def error(self) -> type[AllotmentError]:
        """What is raised of it where there is no file to name."""
        return {ProblemKind.ABSENT: NotFoundError, ProblemKind.TOO_MUCH: CapacityError}.get(self, InputError)


@dataclass(frozen=True, slots=True)
class Source:
    """The document a declaration stands in: a file and its position among the file's documents."""

    file: str
    index: int


@dataclass(frozen=True, slots=True)
class Issue:
    """A problem that is not yet located: the line is looked up once, at the end, for those that exist."""

    source: Source
    path: Path
    what: str
    fix: str
    severity: Severity = Severity.ERROR
    kind: ProblemKind = ProblemKind.WRONG


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong.

    Attributes:
        file: path relative to the platform directory.
        line: 1-based; 0 where the whole directory is meant.
        column: 1-based; 0 where no column is known.
        field: dotted path of the field, or empty for the document itself.
    """

    file: str
    line: int
    column: int
    field: str
    what: str
    fix: str
    severity: Severity
    kind: ProblemKind = ProblemKind.WRONG

    def __str__(self) -> str:
        """``file:line:column: field: what (fix: …)``: the form that editors and CI turn into a link."""
        field = f"{self.field}: " if self.field else ""
        return f"{shown(self.file)}:{self.line}:{self.column}: {self.severity}: {field}{self.what}; {self.fix}"


class InvalidPlatformError(InputError):
    """The platform directory has errors.

    Attributes:
        problems: the problems that were found, warnings included, sorted by file and line; of the errors the first
            `MOST_TOLD`.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        errors = [problem for problem in problems if problem.severity is Severity.ERROR]
        told = errors[:MOST_TOLD]
        super().__init__(
            f"the platform directory has {_number_of(errors)}",
            why="\n".join(str(problem) for problem in told),
            fix="correct the named lines and run `allot validate` again",
        )
        left = set(errors[MOST_TOLD:])
        self.problems = tuple(problem for problem in problems if problem not in left)


def _number_of(errors: Sequence[Problem]) -> str:
    if len(errors) > MOST_TOLD:
        return f"more than {MOST_TOLD:,} errors; the first {MOST_TOLD:,} are told"
    return "one error" if len(errors) == 1 else f"{len(errors)} errors"


def sort_problems(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """In reading order, each once."""
    unique = dict.fromkeys(problems)
    return tuple(sorted(unique, key=lambda p: (p.file, p.line, p.column, p.field, p.what)))


def dotted(path: Path) -> str:
    """A path as people write it: ``nodePools[0].labels``; keys with dots in them are quoted."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif not part or any(character in '.[]"' or not character.isprintable() for character in part):
            text += f'["{echo(part, quote=False)}"]'
        else:
            text += f".{echo(part, quote=False)}" if text else echo(part, quote=False)
    return text


def echo(value: object, *, quote: bool = True) -> str:
    """A value of the user's as a message may repeat it: printable, and never longer than `LONGEST_ECHO`."""
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    if value is None:
        return "nothing"
    text = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in str(value)[: LONGEST_ECHO + 1])
    if len(text) > LONGEST_ECHO:
        return f"a text of {len(str(value))} characters"
    return f'"{text}"' if quote else text


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """``did you mean "x"?``, or the choices when they are few."""
    choices = sorted(set(known))
    near = choices
    if len(choices) > _MANY:
        # Comparing with a thousand teams for each of a thousand errors would take minutes.
        alike = (choice for choice in choices if choice[:1] == word[:1] and abs(len(choice) - len(word)) < 3)
        near = list(islice(alike, _MANY))
    spelled = {choice.lower(): choice for choice in near}
    close = difflib.get_close_matches(word[:LONGEST_ECHO].lower(), spelled, n=1, cutoff=0.6)
    if close:
        return f'did you mean "{spelled[close[0]]}"?'
    if not choices:
        return "declare it first, or remove this; there is none yet"
    if len(choices) > 15:
        return f"there are {len(choices)} to choose from, for example " + ", ".join(choices[:5])
    return "choose one of: " + ", ".join(choices)

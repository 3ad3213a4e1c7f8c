"""Commands that are suggested: with the flags that lead to the same cluster again, so that they run as printed."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from allotment.cli.shell.calling import typed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from allotment.cli.shell.session import Session
    from allotment.plan.changes import Change

_COMMAND: Final = re.compile(r"`(allot (?:(?:adopt|apply|plan|preflight)(?: [^`]*)?|nodes label [^`]*))`")
_TOGETHER: Final = 5
"""Objects that one suggested command names at most."""


@dataclass(frozen=True, slots=True)
class Way:
    """How to come to a cluster of a directory again.

    Attributes:
        directory: as it is typed; empty where we stand in it.
        server: ``--kubeconfig`` and ``--context``, as far as they were given as flags.
    """

    directory: str
    cluster: str
    server: str

    def to(self, command: str) -> str:
        """A command that takes the directory as its argument."""
        return f"{command}{f' {self.directory}' if self.directory else ''} --cluster {self.cluster}{self.server}"

    def with_flags(self, command: str) -> str:
        """A command that has other arguments."""
        directory = f" --platform {self.directory}" if self.directory else ""
        return f"{command}{directory} --cluster {self.cluster}{self.server}"

    def told(self, text: str) -> str:
        """A text, with the commands in it made complete; what somebody completed stays."""
        return _COMMAND.sub(self._complete, text)

    def _complete(self, found: re.Match[str]) -> str:
        whole = "--cluster" in found[1] or "--platform" in found[1]
        return found[0] if whole else f"`{self.with_flags(found[1])}`"

    def adoptions(self, changes: Iterable[Change]) -> list[tuple[str, str]]:
        """What takes over, or gives back, what the changes are blocked for; namespaces one at a time, and first."""
        remedies = dict.fromkeys(remedy for change in changes if (remedy := getattr(change, "remedy", "")))
        back = [remedy.removeprefix(_UNDO) for remedy in remedies if remedy.startswith(_UNDO)]
        over = [remedy for remedy in remedies if not remedy.startswith(_UNDO)]
        spaces = [word for word in over if word.startswith("namespace/")]
        rest = [word for word in over if word not in spaces]
        steps = [(self.with_flags(f"allot adopt {word}"), _OVER.format(word)) for word in spaces[:_TOGETHER]]
        if rest:
            steps.append((self.with_flags(f"allot adopt {' '.join(rest[:_TOGETHER])}"), _OVER.format(_listed(rest))))
        if len(rest) > _TOGETHER or len(spaces) > _TOGETHER:
            steps.append((self.with_flags("allot adopt"), "list all that is there already"))
        if back:
            undo = self.with_flags(f"allot adopt {_UNDO}{' '.join(back[:_TOGETHER])}")
            steps.append((undo, "give back what was taken over"))
        return steps


_UNDO: Final = "--undo "
_OVER: Final = "{} was there before: look, then say yes or no to taking it over"


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else "what else"


def way_to(session: Session, directory: Path, cluster: str) -> Way:
    """The way to a cluster of a directory, by the flags of this call."""
    given = ((name, session.flags.get(name)) for name in ("kubeconfig", "context"))
    server = "".join(f" --{name} {typed(value)}" for name, value in given if value)
    return Way("" if directory == Path() else typed(directory), cluster, server)

"""Commands in an answer, directed to the cluster that was asked: kubectl by itself goes to its current context.

Who asks about another cluster than that would otherwise copy a command that changes the wrong one.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from allotment.model.explanation import Explanation, Remedy
from allotment.operations.ask.books import BooksAnswer, MendedFinding
from allotment.operations.ask.explaining import ExplainedWaiting

_KUBECTL: Final = "kubectl "
_ALLOT: Final = "allot "
_STARTS: Final = frozenset(" (\n|;&{")
_RIGHTS: Final = frozenset({"ClusterRoleBinding", "RoleBinding"})
"""Kinds that give somebody rights: which, only the cluster itself is asked."""
_IN_PROSE: Final = re.compile(r"(?<![\w/.'-])(kubectl|allot why) (?=[a-z])")


@dataclass(frozen=True, slots=True)
class WayToCluster:
    """How a cluster is reached where it is not the one that kubectl goes to by itself.

    Attributes:
        kubeconfig: the file; empty = as kubectl finds it.
        context: in it; empty = its current one.
        known: whether there is a way: of several clusters in a file only the file says how they are called.
        seen: whether this cluster was read itself: a file says what its author likes.
        here: it is this machine, which the server of allot itself told of: allot's own commands reach it.
    """

    kubeconfig: str = ""
    context: str = ""
    known: bool = True
    seen: bool = True
    here: bool = False

    @property
    def plain(self) -> bool:
        """Whether commands stay as they are."""
        return self.known and self.seen and not self.flags

    @property
    def flags(self) -> str:
        """For kubectl and for allot, quoted for a shell; each ends with a space."""
        named = (("kubeconfig", self.kubeconfig), ("context", self.context))
        return "".join(f"{shlex.quote(f'--{name}={value}')} " for name, value in named if value)


WayOf = Callable[[str], WayToCluster]
"""Of a cluster, by the name of its source."""


def directed(command: str, direction: WayToCluster) -> str:
    """A command of a shell in which every call of kubectl goes to that cluster; what is quoted stays as it is."""
    return "".join(_directed(command, direction.flags)) if direction.flags else command


def _directed(command: str, flags: str) -> Iterator[str]:
    # What encloses the place: a quote, or "" for commands; $(…) opens commands inside of double quotes, too.
    around = [""]
    before, at = "(", 0
    while at < len(command):
        inside, piece = around[-1], command[at]
        if inside == "" and before in _STARTS and command.startswith(_KUBECTL, at):
            piece = _KUBECTL + flags
            at += len(_KUBECTL) - 1
        elif inside != "'" and command.startswith(("\\", "$("), at):
            if piece == "$":
                around.append("")
            piece = command[at : at + 2]
            at += 1
        elif inside == piece:  # the quote that ends it
            around.pop()
        elif inside == "" and piece in "'\"":
            around.append(piece)
        elif inside == "" and piece == ")" and len(around) > 1:
            around.pop()
        yield piece
        before, at = piece[-1], at + 1


def why_directed(found: ExplainedWaiting, direction_of: WayOf) -> ExplainedWaiting:
    """An answer whose commands go to its cluster."""
    direction = direction_of(found.source)
    return found if direction.plain else replace(found, explanation=_told(found.explanation, direction))


def books_directed(found: BooksAnswer, direction_of: WayOf) -> BooksAnswer:
    """Books whose commands go each to its cluster."""
    return replace(found, findings=tuple(_mended(each, direction_of(each.finding.cluster)) for each in found.findings))


def _mended(mended: MendedFinding, direction: WayToCluster) -> MendedFinding:
    commands = mended.commands if direction.known else ()
    return replace(mended, commands=tuple(directed(each, direction) for each in commands))


def _told(explanation: Explanation, direction: WayToCluster) -> Explanation:
    return replace(explanation, remedies=tuple(_remedy(each, direction) for each in explanation.remedies))


def _remedy(remedy: Remedy, direction: WayToCluster) -> Remedy:
    rights = remedy.target is not None and remedy.target.kind in _RIGHTS
    if not direction.known or (rights and not direction.seen):
        own = direction.here and remedy.command.startswith(_ALLOT)
        return remedy if own else replace(remedy, command="")
    said = _IN_PROSE.sub(lambda match: f"{match[1]} {direction.flags}", remedy.summary)
    return replace(remedy, summary=said, command=directed(remedy.command, direction))
